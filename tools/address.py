"""Write the course's public address and released commit, which stand in `pyproject.toml` only, into README and notebooks.

    python tools/address.py              write launch links and setup cells
    python tools/address.py --check      only say whether they agree (exit status 1 if not)
    python tools/address.py --release    release the last commit: write it into pyproject.toml, and from there

Links and setup cells name a commit, because a tag or a branch can be moved to other code later. No commit can hold its own
name, so the notebooks of a released commit fetch an earlier one. Both have to hold the same helpers, which is why a release
takes two rounds of `--release` and a commit: the first writes what was changed into the setup cells, the second those into
the links. While the address is not decided (empty), the launch line says how to start on a laptop and nothing else.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLAYGROUND = re.compile(r"\]\((?:https://[\w-]+\.github\.io/[\w.-]+/|(?:\.\./)?web/)playground\.html(#[^)\s]*)?\)")
LAUNCH = re.compile(r"^(# )?\*\*Launch:\*\*.*$", re.MULTILINE)
SETUP = re.compile(r'# %% tags=\["setup"\]\n.*?\n(?=\n# %%)', re.DOTALL)

RELEASED = re.compile(r'^(released = )".*"$', re.MULTILINE)
FETCHED = ("helpers", "models", "requirements.txt")  # what a notebook uses of the commit that its setup cell fetches

SETUP_CELL = '''\
# %% tags=["setup"]
import os, sys; sha = "{commit}"  # Setup: find the course.
sys.path.insert(0, os.path.abspath("course-" + sha[:9] if "google.colab" in sys.modules else ".."))
if not os.path.exists(sys.path[0]):  # on Colab, fetch the one commit that fits this notebook
    os.system(f"git clone -qn --filter=tree:0 '{address}' {{sha}} && "
              f"git -C {{sha}} checkout -q {{sha}} && mv {{sha}} {{sys.path[0]}} || rm -rf {{sha}}")
from helpers import start; start.prepare()  # Not found? Open the notebook inside the whole course.
'''


def settings(root: Path = ROOT) -> tuple[str, str]:
    """Return `(repository, commit)` from `pyproject.toml`: an address, empty while it is not decided, and 40 digits.

    The address as `git clone` takes it, ending in `.git`, is good, too: links are written without that ending.
    Whatever is launched elsewhere comes from that commit.
    """
    course = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["course"]
    repository, commit = course["repository"].rstrip("/").removesuffix(".git"), course["released"]
    if repository and not re.fullmatch(r"https://github\.com/[\w-]+/(?!\.+$)[\w.-]+", repository):
        raise ValueError(f"repository is {repository!r} in pyproject.toml; expected https://github.com/OWNER/NAME, or nothing.")
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise ValueError(f"released is {commit!r} in pyproject.toml; expected the 40 digits of a commit, as `make release` writes them.")
    return repository, commit


def git(root: Path, *arguments: str) -> str | None:
    """Return what git answers, or None if it fails: no git, no repository of the course's own, an unknown commit."""
    if shutil.which("git") is None or not (root / ".git").exists():  # unpacked from an archive, perhaps into another repository
        return None
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, encoding="utf-8")
    return done.stdout.strip() if done.returncode == 0 else None


def tag_problem(root: Path = ROOT) -> str:
    """Return what is wrong with the tag of the commit that is checked out, in a sentence; nothing if all is well."""
    tags = [tag for tag in (git(root, "tag", "--points-at", "HEAD") or "").split() if re.match(r"v\d", tag)]
    version = "v" + tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    return f"this commit has the tag {tags[0]}, but pyproject.toml says {version}." if tags and version not in tags else ""


def fetched_by(commit: str, root: Path = ROOT) -> set[str]:
    """Return the commits that the setup cells of a commit's notebooks fetch; one, if all is well."""
    names = (git(root, "ls-tree", "--name-only", commit, "notebooks/") or "").split()
    texts = [git(root, "show", f"{commit}:{name}") or "" for name in names if re.search(r"/\d\d_\w+\.py$", name)]
    return {found.group(1) if (found := re.search(r'^import os, sys; sha = "([0-9a-f]{40})"', text, re.MULTILINE)) else "" for text in texts}


def unfit(commit: str, root: Path = ROOT) -> str:
    """Return, in a sentence, why the notebooks of a commit would get other helpers on Colab than on a laptop, or nothing."""
    fetched = fetched_by(commit, root)
    if len(fetched) == 1 and git(root, "diff", "--quiet", *fetched, commit, "--", *FETCHED) is not None:
        return ""
    return (f"the notebooks of commit {commit[:9]} fetch {' and '.join(sorted(one[:9] for one in fetched)) or 'nothing'}, which has other helpers: "
            "commit what was written, and run make release once more.")


def release_problem(root: Path = ROOT) -> str:
    """Return what is wrong with the released commit, in a sentence; nothing if all is well, or if the history is not here."""
    commit = settings(root)[1]
    if git(root, "rev-parse", "--is-shallow-repository") != "false":  # "true" where only the last commits were fetched
        return ""
    if git(root, "merge-base", "--is-ancestor", commit, "HEAD") is None:
        return f"the released commit {commit} is not part of this history: links would lead elsewhere. Run make release."
    return unfit(commit, root)


def release(root: Path = ROOT) -> str:
    """Write the last commit into `pyproject.toml` as the released one; returns what to do next, in a sentence."""
    head = git(root, "rev-parse", "HEAD")
    if head is None or git(root, "diff", "--quiet", "HEAD") is None:
        sys.exit("A commit is released, and some changes are not committed here. Commit them first." if head else "A commit is released, and git knows of none here.")
    path = root / "pyproject.toml"
    path.write_text(RELEASED.sub(rf'\1"{head}"', path.read_text(encoding="utf-8")), encoding="utf-8")
    return unfit(head, root) or f"commit {head[:9]} is released: commit the links to it."


def launch_line(repository: str, commit: str, notebook: str) -> str:
    """Return the line of launch links for a notebook, such as `01_data_synthesis`."""
    if not repository:
        return "**Launch:** on your own machine with `make lab`, which opens the course in JupyterLab."
    name = repository.removeprefix("https://github.com/")
    path = f"notebooks/{notebook}.ipynb"
    return (
        f"**Launch:** [![Open in Binder](https://mybinder.org/badge_logo.svg)](https://mybinder.org/v2/gh/{name}/{commit}?urlpath=lab/tree/{path}) "
        f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/{name}/blob/{commit}/{path}) "
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


def rewritten(path: Path, repository: str, commit: str, first: str) -> str:
    """Return the text of a README or a notebook's `.py` with the launch line, setup cell and playground of this address."""
    text = path.read_text(encoding="utf-8")
    line = launch_line(repository, commit, path.stem if path.suffix == ".py" else first)
    text = LAUNCH.sub(lambda match: (match.group(1) or "") + line, text)
    page = playground(repository, "../" if path.suffix == ".py" else "")
    text = PLAYGROUND.sub(lambda match: f"]({page}{match.group(1) or ''})", text)
    if path.suffix == ".py":
        text = SETUP.sub(lambda _: SETUP_CELL.format(address=repository, commit=commit), text)
    return text


def pair(path: Path) -> None:
    """Write the new setup cell into a notebook's `.ipynb`, too, and leave all else there as it is."""
    import jupytext  # here, because the site, which needs links only, has none
    import nbformat
    import notebooks as tool

    if path.with_suffix(".ipynb").exists():
        notebook = nbformat.read(path.with_suffix(".ipynb"), as_version=4)
        (source,) = (cell.source for cell in jupytext.read(path).cells if tool.is_setup(cell))
        for cell in filter(tool.is_setup, notebook.cells):
            cell.source = source
            tool.name_cells([cell])
        tool.write(notebook, path)


def main(arguments=None, root: Path = ROOT) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--check", action="store_true", help="change nothing; exit status 1 if a file disagrees")
    what.add_argument("--release", action="store_true", help="release the last commit")
    options = parser.parse_args(arguments)
    then = release(root) if options.release else ""
    repository, commit = settings(root)
    notebooks = sorted((root / "notebooks").glob("[0-9][0-9]_*.py"))
    differ = []
    for path in [root / "README.md", *notebooks]:
        text = rewritten(path, repository, commit, notebooks[0].stem)
        if text != path.read_text(encoding="utf-8"):
            differ.append(path.name)
            if not options.check:
                path.write_text(text, encoding="utf-8")
                if path.suffix == ".py":
                    pair(path)
    if differ:
        print(f"{'differ from' if options.check else 'written from'} pyproject.toml: {', '.join(differ)}")
    problems = [then] if options.release else list(filter(None, (tag_problem(root), release_problem(root))))
    print(*problems, sep="\n", end="\n" if problems else "")
    return 1 if (differ and options.check) or (problems and not options.release) else 0


if __name__ == "__main__":
    sys.exit(main())
