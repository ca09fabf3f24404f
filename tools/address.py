"""Write the course's public address, which stands in `pyproject.toml` only, into README and notebooks.

    python tools/address.py            write launch links and setup cells
    python tools/address.py --check    only say whether they agree (exit status 1 if not)

While the address is not decided (empty), the launch line says how to start on a laptop and nothing else.
"""

import argparse
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAUNCH = re.compile(r"^(# )?\*\*Launch:\*\*.*$", re.MULTILINE)
SETUP = re.compile(r'# %% tags=\["setup"\]\n.*?\n(?=\n# %%)', re.DOTALL)

SETUP_CELL = '''\
# %% tags=["setup"]
# Setup, the same in every notebook: find the course on disk; on Colab, fetch it first.
import pathlib, subprocess, sys

address, branch, folder = "{address}", "{branch}", pathlib.Path("unet-course")
if "google.colab" in sys.modules and not folder.exists():
    subprocess.run(["git", "clone", "-q", "--depth=1", f"--branch={{branch}}", address, folder], check=True)
places = [pathlib.Path.cwd(), pathlib.Path.cwd().parent, folder.resolve()]
sys.path.insert(0, str(next(place for place in places if (place / "helpers").is_dir())))
'''


def settings(root: Path = ROOT) -> tuple[str, str]:
    """Return `(repository, branch)` from `pyproject.toml`; the repository is empty while it is not decided."""
    course = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["course"]
    repository = course["repository"].rstrip("/")
    if repository and not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", repository):
        raise ValueError(f"repository is {repository!r} in pyproject.toml; expected https://github.com/OWNER/NAME, or nothing.")
    return repository, course["branch"]


def launch_line(repository: str, branch: str, notebook: str) -> str:
    """Return the line of launch links for a notebook, such as `01_data_synthesis`."""
    if not repository:
        return "**Launch:** on your own machine with `make lab`, which opens the course in JupyterLab."
    name = repository.removeprefix("https://github.com/")
    path = f"notebooks/{notebook}.ipynb"
    return (
        f"**Launch:** [![Open in Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh/{name}/{branch}?urlpath=lab/tree/{path}) "
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{name}/blob/{branch}/{path}) "
        "or on your own machine with `make lab`."
    )


def rewritten(path: Path, repository: str, branch: str, first: str) -> str:
    """Return the text of a README or a notebook's `.py` with the launch line and setup cell of this address."""
    text = path.read_text(encoding="utf-8")
    line = launch_line(repository, branch, path.stem if path.suffix == ".py" else first)
    text = LAUNCH.sub(lambda match: (match.group(1) or "") + line, text)
    if path.suffix == ".py":
        text = SETUP.sub(lambda _: SETUP_CELL.format(address=repository, branch=branch), text)
    return text


def main(arguments=None, root: Path = ROOT) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 if a file disagrees")
    options = parser.parse_args(arguments)
    repository, branch = settings(root)
    notebooks = sorted((root / "notebooks").glob("[0-9][0-9]_*.py"))
    differ = []
    for path in [root / "README.md", *notebooks]:
        text = rewritten(path, repository, branch, notebooks[0].stem)
        if text != path.read_text(encoding="utf-8"):
            differ.append(path.name)
            if not options.check:
                path.write_text(text, encoding="utf-8")
    if differ:
        print(f"{'differ from' if options.check else 'written from'} the address in pyproject.toml: {', '.join(differ)}")
    return 1 if differ and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
