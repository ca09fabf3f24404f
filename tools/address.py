"""Write the course's public address and version, which stand in `pyproject.toml` only, into README and notebooks.

    python tools/address.py            write launch links and setup cells
    python tools/address.py --check    only say whether they agree (exit status 1 if not)

While the address is not decided (empty), the launch line says how to start on a laptop and nothing else.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLAYGROUND = re.compile(r"\]\((?:https://[\w-]+\.github\.io/[\w.-]+/|(?:\.\./)?web/)playground\.html(#[^)\s]*)?\)")
LAUNCH = re.compile(r"^(# )?\*\*Launch:\*\*.*$", re.MULTILINE)
SETUP = re.compile(r'# %% tags=\["setup"\]\n.*?\n(?=\n# %%)', re.DOTALL)

SETUP_CELL = '''\
# %% tags=["setup"]
import os, sys  # Setup, the same in every notebook: find the course; on Colab, fetch it first.
course = "unet-course-{version}" if "google.colab" in sys.modules else ".."
if not os.path.exists(course):
    os.system(f"git clone -q --depth=1 -b {version} '{address}' {{course}}")
sys.path.insert(0, os.path.abspath(course))
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.
'''


def settings(root: Path = ROOT) -> tuple[str, str]:
    """Return `(repository, version)` from `pyproject.toml`: an address, empty while it is not decided, and a tag of git.

    The address as `git clone` takes it, ending in `.git`, is good, too: links are written without that ending.
    Whatever is launched elsewhere comes from that tag, so that a notebook and the helpers it fetches always fit.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    repository = project["tool"]["course"]["repository"].rstrip("/").removesuffix(".git")
    if repository and not re.fullmatch(r"https://github\.com/[\w-]+/(?!\.+$)[\w.-]+", repository):
        raise ValueError(f"repository is {repository!r} in pyproject.toml; expected https://github.com/OWNER/NAME, or nothing.")
    return repository, f"v{project['project']['version']}"


def tag_problem(root: Path = ROOT) -> str:
    """Return what is wrong with the tag of the commit that is checked out, in a sentence; nothing if all is well."""
    git = ["git", "-C", str(root), "tag", "--points-at", "HEAD"]
    tags = [tag for tag in subprocess.run(git, capture_output=True, text=True).stdout.split() if re.match(r"v\d", tag)]
    version = settings(root)[1]
    if tags and version not in tags:
        return f"this commit has the tag {tags[0]}, but pyproject.toml says {version}: launch links would lead elsewhere."
    return ""


def launch_line(repository: str, version: str, notebook: str) -> str:
    """Return the line of launch links for a notebook, such as `01_data_synthesis`."""
    if not repository:
        return "**Launch:** on your own machine with `make lab`, which opens the course in JupyterLab."
    name = repository.removeprefix("https://github.com/")
    path = f"notebooks/{notebook}.ipynb"
    return (
        f"**Launch:** [![Open in Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh/{name}/{version}?urlpath=lab/tree/{path}) "
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{name}/blob/{version}/{path}) "
        "or on your own machine with `make lab`."
    )


def playground(repository: str, beside: str) -> str:
    """Return the address of the playground: on the course's site, or the file, seen from the folder `beside`, while there is none.

    beside: "" for the README and "../" for a notebook. The settings follow as `#skips=false&depth=3`, by the names in
    `web/playground.js`.
    """
    if not repository:
        return f"{beside}web/playground.html"
    owner, name = repository.removeprefix("https://github.com/").split("/")
    return f"https://{owner.lower()}.github.io/{name}/playground.html"


def rewritten(path: Path, repository: str, version: str, first: str) -> str:
    """Return the text of a README or a notebook's `.py` with the launch line, setup cell and playground of this address."""
    text = path.read_text(encoding="utf-8")
    line = launch_line(repository, version, path.stem if path.suffix == ".py" else first)
    text = LAUNCH.sub(lambda match: (match.group(1) or "") + line, text)
    page = playground(repository, "../" if path.suffix == ".py" else "")
    text = PLAYGROUND.sub(lambda match: f"]({page}{match.group(1) or ''})", text)
    if path.suffix == ".py":
        text = SETUP.sub(lambda _: SETUP_CELL.format(address=repository, version=version), text)
    return text


def main(arguments=None, root: Path = ROOT) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit status 1 if a file disagrees")
    options = parser.parse_args(arguments)
    repository, version = settings(root)
    notebooks = sorted((root / "notebooks").glob("[0-9][0-9]_*.py"))
    differ = []
    for path in [root / "README.md", *notebooks]:
        text = rewritten(path, repository, version, notebooks[0].stem)
        if text != path.read_text(encoding="utf-8"):
            differ.append(path.name)
            if not options.check:
                path.write_text(text, encoding="utf-8")
    if differ:
        print(f"{'differ from' if options.check else 'written from'} the address in pyproject.toml: {', '.join(differ)}")
    wrong_tag = tag_problem(root)
    if wrong_tag:
        print(wrong_tag)
    return 1 if (differ and options.check) or wrong_tag else 0


if __name__ == "__main__":
    sys.exit(main())
