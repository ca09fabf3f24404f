"""The house itself: layers, one address, requirements that fit each other, the tools."""

import ast
import re
import shutil
import subprocess
import sys

import address
import nbformat
import notebooks as tool
import pytest
from course import ROOT

LAYERS = {  # what each module may import of the others
    "arrays": set(), "palette": set(), "drawing": {"palette"}, "start": set(), "synthesis": set(), "evaluation": {"arrays", "synthesis"},
    "anatomy": set(), "networks": {"anatomy", "arrays"}, "memory": set(), "run_folder": set(), "datasets": {"arrays"},
    "training": {"arrays", "datasets", "memory", "networks", "run_folder"}, "diagnosis": {"arrays", "evaluation", "training"},
    "ward": {"anatomy", "evaluation", "synthesis", "training"},
    "scaling": {"anatomy", "synthesis", "training"},
    "own_images": {"arrays", "drawing", "palette", "anatomy", "training", "evaluation", "diagnosis"},
}
TOP = {"figures", "panels", "checks"}  # nothing but notebooks, and each other, imports these
FORBIDDEN = {
    module: {"tensorflow", "keras", "IPython", "ipywidgets", "matplotlib"} for module in ("arrays", "palette", "drawing", "synthesis", "evaluation", "workers")
}


def imports(path, everywhere=True):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ([node.module] if node.module != "helpers" else [f"helpers.{alias.name}" for alias in node.names])


def module_of(path):
    """Return the name of a helper: of the file, or of the folder where a module is a package of several."""
    return path.relative_to(ROOT / "helpers").parts[0].removesuffix(".py")


FILES = [path for path in sorted((ROOT / "helpers").rglob("*.py")) if path != ROOT / "helpers" / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT / "helpers").as_posix())
def test_layers_point_down(path):
    module, modules = module_of(path), {module_of(path) for path in FILES}
    used = {name.split(".")[1] for name in imports(path) if name.startswith("helpers.")} & modules - {module}
    assert module in LAYERS or module in TOP, f"say in which layer helpers/{path.name} lives"
    if module in LAYERS:
        assert used <= LAYERS[module]
    assert not {name.split(".")[0] for name in imports(path)} & FORBIDDEN.get(module, set())


def test_importing_helpers_is_light():
    code = "import sys, helpers; print(sorted(m for m in ('tensorflow', 'numpy', 'cv2') if m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout.strip() == "[]"


@pytest.mark.parametrize("code", ["import helpers.anatomy", "import helpers, keras", "from helpers import start; import tensorflow", "from helpers import start; start.prepare(); import keras"])
def test_tensorflow_starts_quietly(code):
    code += "; import sys; assert 'tensorflow' in sys.modules; print('errors are seen', file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and done.stderr == "errors are seen\n"


def test_without_tensorflow_python_says_so():
    code = "import sys; sys.path = [p for p in sys.path if 'site-packages' not in p]; import helpers; import tensorflow"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stderr.rstrip().endswith("ModuleNotFoundError: No module named 'tensorflow'")


def test_the_address_stands_in_one_place():
    assert address.main(["--check"]) == 0


def test_an_address_is_written_everywhere(tmp_path):
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "notebooks").mkdir()
    for path in tool.sources():
        shutil.copy(path, tmp_path / "notebooks")
    settings = (tmp_path / "pyproject.toml").read_text()
    settings = re.sub(r'^repository = ".*"', 'repository = "https://github.com/some-one/some.where"', settings, flags=re.MULTILINE)
    settings = re.sub(r'^version = ".*"', 'version = "4.5.6"', settings, flags=re.MULTILINE)
    (tmp_path / "pyproject.toml").write_text(settings)
    assert address.main(["--check"], root=tmp_path) == 1
    assert address.main([], root=tmp_path) == 0 and address.main(["--check"], root=tmp_path) == 0
    for path in (tmp_path / "notebooks").glob("*.py"):
        text = path.read_text()
        assert "colab.research.google.com/github/some-one/some.where/blob/v4.5.6/notebooks/" + path.stem in text
        assert f"mybinder.org/v2/gh/some-one/some.where/v4.5.6?urlpath=lab/tree/notebooks/{path.stem}.ipynb" in text
        assert "git clone -q --depth=1 -b v4.5.6 'https://github.com/some-one/some.where' {course}" in text
        compile(text, path.name, "exec")
    assert "some-one/some.where" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(("written", "read"), [
    ("https://github.com/some-one/some.where.git", "https://github.com/some-one/some.where"),
    ("https://github.com/some-one/some.where/", "https://github.com/some-one/some.where"),
    ("https://github.com/some-one/some.where.git/", "https://github.com/some-one/some.where"),
    ("", ""),
])
def test_an_address_is_read_without_its_endings(tmp_path, written, read):
    text = f'[project]\nversion = "4.5.6"\n[tool.course]\nrepository = "{written}"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert address.settings(tmp_path) == (read, "v4.5.6")


@pytest.mark.parametrize("written", [
    "git@github.com:some-one/some.where.git", "http://github.com/a/b", "https://github.com/a", "https://github.com/a/b/c",
    "https://github.com/a/..", "https://github.com/a/.git", "https://github.com/a/b'; echo", "https://github.com/a/{course}",
])
def test_what_is_no_address_is_refused(tmp_path, written):
    text = f'[project]\nversion = "4.5.6"\n[tool.course]\nrepository = "{written}"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ValueError, match="expected https://github.com/OWNER/NAME, or nothing"):
        address.settings(tmp_path)


def test_setup_cells_are_the_same_everywhere_and_short():
    cells = [
        [cell.source for cell in nbformat.read(path.with_suffix(".ipynb"), as_version=4).cells if "setup" in cell.metadata.get("tags", [])]
        for path in tool.sources()
    ]
    assert {tuple(setup) for setup in cells} == {tuple(cells[0])} and len(cells[0]) == 1
    lines = address.SETUP_CELL.format(address="https://github.com/some-one/some.where", version="v0.1.0").splitlines()[1:]
    assert len(lines) <= 6 and max(map(len, lines)) <= 100


@pytest.mark.parametrize("where", ["", "notebooks", "notebooks/.."])
def test_the_setup_cell_finds_the_course(where, tmp_path):
    cell = address.SETUP_CELL.format(address="", version="v1.2.3").split("\n", 1)[1]
    done = subprocess.run([sys.executable, "-c", cell + "\nprint(start.ROOT)"], capture_output=True, text=True, cwd=ROOT / where)
    assert done.stdout.strip() == str(ROOT), done.stderr


def ranges(path):
    lines = [line.split("#")[0].split(";")[0].strip() for line in path.read_text().splitlines()]
    return {re.split(r"[<>=!~\[ ]", line)[0].lower(): line for line in lines if line and not line.startswith("-")}


@pytest.mark.parametrize(("wanted", "pinned"), [
    ("requirements.txt", "constraints.txt"), ("requirements-dev.txt", "constraints.txt"), ("binder/requirements.in", "binder/requirements.txt"),
    ("site/requirements.in", "site/requirements.txt"),
])
def test_pins_fit_the_ranges(wanted, pinned):
    from packaging.requirements import Requirement

    text = (ROOT / pinned).read_text().splitlines()
    pins = {}
    for line in text:
        if "==" in line:
            requirement = Requirement(line)
            pins.setdefault(requirement.name.lower(), []).append(next(iter(requirement.specifier)).version)
    for name, line in ranges(ROOT / wanted).items():
        assert name in pins, f"{name} has no pin in {pinned}"
        for version in pins[name]:
            assert Requirement(line).specifier.contains(version), f"{line} and {name}=={version}"


def test_pairing_keeps_ids_and_a_second_run_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "NOTEBOOKS", tmp_path)
    source = tmp_path / "08_trial.py"
    source.write_text("# %% [markdown]\n# # Try\n\n# %%\nprint(1)\n\n# %%\nprint(1)\n\n# %% tags=[\"a\"]\n2 + 2\n")
    tool.main(["08"])
    first = source.with_suffix(".ipynb").read_bytes()
    tool.main(["08"])
    assert source.with_suffix(".ipynb").read_bytes() == first
    before = nbformat.reads(first.decode(), as_version=4)
    source.write_text(source.read_text().replace("# # Try", "# # Try again"))
    tool.main(["08"])
    after = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    assert [c.id for c in after.cells][1:] == [c.id for c in before.cells][1:]
    assert len({c.id for c in after.cells}) == 4 and after.cells[3].outputs[0]["data"]["text/plain"] == "4"


def test_no_file_is_larger_than_three_megabytes():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT).stdout.split()
    assert not [name for name in tracked if (ROOT / name).exists() and (ROOT / name).stat().st_size > 3_000_000]


def test_the_readmes_picture_shows_what_its_text_says():
    import numpy as np

    from helpers import MODELS
    from helpers.evaluation import dice_per_image
    from helpers.synthesis import CircleScene, make_classes
    from helpers.training import load_network, predict

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "follow the orange ones, and none is drawn around a vessel" in text
    settings = re.search(r"make_dataset\((\d+), CircleScene\(circles=(\(.+?\))\), seed=(\d+)\)", (ROOT / "models" / "overview.py").read_text())
    count, circles, seed = map(ast.literal_eval, settings.groups())
    images, classes = make_classes(count, CircleScene(circles=circles), seed=seed)
    found = (predict(load_network(MODELS / "unet_circles.keras"), images) >= 0.5).astype(np.uint8)
    assert dice_per_image((classes == 1).astype(np.uint8), found).min() > 0.9
    assert found[classes == 2].mean() < 0.03  # a few pixels beside a lesion that touches one
