"""The house itself: layers, one address, requirements that fit each other, the tools."""

import ast
import os
import re
import shutil
import subprocess
import sys

import address
import jupytext
import nbformat
import notebooks as tool
import pytest
from course import ROOT

COMMIT = "45" * 20  # some commit's name
LAYERS = {  # what each module may import of the others, from the lowest up
    "plain_arrays": set(), "elastic": set(), "palette": set(), "printing": set(), "start": set(), "dials": set(), "anatomy": set(), "gate": set(),
    "settings": set(), "freed_memory": set(), "fingerprints": set(), "several_devices": set(), "lean_import": set(),
    "class_masks": {"plain_arrays"}, "drawing": {"palette"}, "synthesis": {"dials"}, "score_settings": {"plain_arrays", "settings"},
    "memory": {"freed_memory"}, "plain_networks": {"gate"}, "picture_loss": {"several_devices"},
    "arrays": {"class_masks", "plain_arrays"},
    "evaluation": {"arrays", "plain_arrays", "score_settings", "settings", "synthesis"}, "networks": {"anatomy", "arrays", "gate", "settings"},
    "batch_checks": {"arrays", "class_masks", "fingerprints", "networks", "several_devices"},
    "classes": {"arrays", "class_masks", "evaluation", "picture_loss", "several_devices"}, "instances": {"arrays", "evaluation", "synthesis"},
    "datasets": {"batch_checks", "plain_arrays"},
    "run_state": {"datasets", "fingerprints", "gate"},
    "training": {"arrays", "batch_checks", "classes", "datasets", "memory", "networks", "picture_loss", "plain_networks", "run_state", "settings", "several_devices"},
    "pixel_weights": {"arrays", "memory", "settings", "training"}, "diagnosis": {"arrays", "evaluation", "training"},
    "ward": {"anatomy", "evaluation", "synthesis", "training"},
    "own_images": {"anatomy", "arrays", "class_masks", "diagnosis", "drawing", "evaluation", "fingerprints", "freed_memory", "gate", "instances", "lean_import", "networks", "palette", "plain_arrays", "run_state", "settings", "several_devices", "synthesis", "training"},
    "brain": {"dials", "own_images", "synthesis"},
    "scaling": {"anatomy", "arrays", "batch_checks", "drawing", "evaluation", "fingerprints", "lean_import", "memory", "networks", "own_images", "plain_networks", "run_state", "settings", "several_devices", "synthesis", "training"},
}
TOP = {"figures", "panels", "checks"}  # nothing but notebooks, and each other, imports these
# What draws and shows belongs to the rooms at the top, and sliders to `panels` alone.
SHOWS = {"matplotlib", "matplotlib_inline", "IPython", "ipywidgets", "anywidget", "traitlets"}
MAY_SHOW = {"figures": {"matplotlib", "matplotlib_inline", "IPython"}, "checks": {"IPython"}, "panels": SHOWS}
# Importing these, alone or together, loads neither TensorFlow nor anything that shows.
LIGHT = {"arrays", "class_masks", "dials", "drawing", "elastic", "evaluation", "fingerprints", "freed_memory", "instances", "palette",
         "plain_arrays", "printing", "run_state.folder", "run_state.lock", "score_settings", "settings", "start", "synthesis"}
ASKS_KERAS = {"settings"}  # inside a function, once Keras is there


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


def dotted(path):
    """Return the name under which a helper's file is imported, such as `run_state.lock`."""
    return ".".join(path.relative_to(ROOT / "helpers").with_suffix("").parts)


FILES = [path for path in sorted((ROOT / "helpers").rglob("*.py")) if path != ROOT / "helpers" / "__init__.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT / "helpers").as_posix())
def test_layers_point_down(path):
    module, modules = module_of(path), {module_of(path) for path in FILES}
    used = {name.split(".")[1] for name in imports(path) if name.startswith("helpers.")} & modules - {module}
    assert module in LAYERS or module in TOP, f"say in which layer helpers/{path.name} lives"
    if module in LAYERS:
        assert used <= LAYERS[module]
    outside = {name.split(".")[0] for name in imports(path)}
    assert not outside & (SHOWS - MAY_SHOW.get(module, set()))
    if {module, dotted(path)} & LIGHT:
        assert not outside & ({"tensorflow", "keras"} if module not in ASKS_KERAS else {"tensorflow"})


def test_the_rules_of_layers_name_rooms_that_exist():
    modules = {module_of(path) for path in FILES}
    assert LAYERS.keys() | TOP == modules and (LIGHT | MAY_SHOW.keys() | ASKS_KERAS) <= modules | {dotted(path) for path in FILES}
    assert set.union(*LAYERS.values()) <= LAYERS.keys()
    for module in LIGHT & modules:
        assert LAYERS[module] <= LIGHT, f"{module} may import what loads TensorFlow"


def test_what_is_light_loads_no_tensorflow_and_nothing_that_shows():
    code = f"import sys\nfor name in {sorted(LIGHT)}: __import__('helpers.' + name)\n"
    code += f"print(sorted(m for m in {sorted(SHOWS | {'tensorflow', 'keras'})} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.strip() == "[]", done.stderr


def test_importing_helpers_is_light():
    code = "import sys, helpers; print(sorted(m for m in ('tensorflow', 'numpy', 'cv2') if m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout.strip() == "[]"


@pytest.mark.parametrize("code", ["import helpers.anatomy", "from helpers import start; start.prepare(); import keras"])
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
    settings = re.sub(r'^released = ".*"', f'released = "{COMMIT}"', settings, flags=re.MULTILINE)
    (tmp_path / "pyproject.toml").write_text(settings)
    assert address.main(["--check"], root=tmp_path) == 1
    assert address.main([], root=tmp_path) == 0 and address.main(["--check"], root=tmp_path) == 0
    for path in (tmp_path / "notebooks").glob("*.py"):
        text = path.read_text()
        assert f"colab.research.google.com/github/some-one/some.where/blob/{COMMIT}/notebooks/{path.stem}" in text
        assert f"mybinder.org/v2/gh/some-one/some.where/{COMMIT}?urlpath=lab/tree/notebooks/{path.stem}.ipynb" in text
        assert f'sha = "{COMMIT}"' in text and "git clone -qn --filter=tree:0 'https://github.com/some-one/some.where' {sha}" in text
        compile(text, path.name, "exec")
    assert "some-one/some.where" in (tmp_path / "README.md").read_text()


@pytest.mark.parametrize(("written", "read"), [
    ("https://github.com/some-one/some.where.git", "https://github.com/some-one/some.where"),
    ("https://github.com/some-one/some.where/", "https://github.com/some-one/some.where"),
    ("https://github.com/some-one/some.where.git/", "https://github.com/some-one/some.where"),
    ("", ""),
])
def test_an_address_is_read_without_its_endings(tmp_path, written, read):
    text = f'[project]\nversion = "4.5.6"\n[tool.course]\nrepository = "{written}"\nreleased = "{COMMIT}"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    assert address.settings(tmp_path) == (read, COMMIT)


@pytest.mark.parametrize("written", [
    "git@github.com:some-one/some.where.git", "http://github.com/a/b", "https://github.com/a", "https://github.com/a/b/c",
    "https://github.com/a/..", "https://github.com/a/.git", "https://github.com/a/b'; echo", "https://github.com/a/{course}",
])
def test_what_is_no_address_is_refused(tmp_path, written):
    text = f'[project]\nversion = "4.5.6"\n[tool.course]\nrepository = "{written}"\nreleased = "{COMMIT}"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ValueError, match="expected https://github.com/OWNER/NAME, or nothing"):
        address.settings(tmp_path)


@pytest.mark.parametrize("written", ["", "v0.1.0", "main", "45" * 19, "AB" * 20, "45" * 20 + "; echo"])
def test_what_could_be_moved_or_is_no_commit_is_refused(tmp_path, written):
    (tmp_path / "pyproject.toml").write_text(f'[tool.course]\nrepository = ""\nreleased = "{written}"\n')
    with pytest.raises(ValueError, match="expected the 40 digits of a commit, as `make release` writes them"):
        address.settings(tmp_path)


def test_every_link_and_setup_cell_names_the_released_commit(tmp_path):
    """As they stand, and as they would with an address, since there are no links without one."""
    commit = address.settings()[1]
    for path in [ROOT / "README.md", *tool.sources(), *(path.with_suffix(".ipynb") for path in tool.sources())]:
        for repository in ("", "https://github.com/some-one/some.where") if path.suffix != ".ipynb" else (None,):
            text = path.read_text(encoding="utf-8") if repository is None else address.rewritten(path, repository, commit, "01_data_synthesis")
            launched = re.findall(r"(?:/gh/some-one/some\.where/|/some-one/some\.where/blob/|sha = \\?\")([^\"\\?/]+)", text)
            assert set(launched) <= {commit} and len(launched) == 2 * bool(repository) + (path.name != "README.md"), (path.name, launched)


def test_setup_cells_are_the_same_everywhere_and_short():
    cells = [
        [cell.source for cell in nbformat.read(path.with_suffix(".ipynb"), as_version=4).cells if "setup" in cell.metadata.get("tags", [])]
        for path in tool.sources()
    ]
    assert {tuple(setup) for setup in cells} == {tuple(cells[0])} and len(cells[0]) == 1
    lines = address.SETUP_CELL.format(address="https://github.com/some-one/some.where", commit=COMMIT).splitlines()[1:]
    assert len(lines) <= 6 and max(map(len, lines)) <= 100


@pytest.mark.parametrize("where", ["", "notebooks", "notebooks/.."])
def test_the_setup_cell_finds_the_course(where, tmp_path):
    cell = address.SETUP_CELL.format(address="", commit=COMMIT).split("\n", 1)[1]
    done = subprocess.run([sys.executable, "-c", cell + "\nprint(start.ROOT)"], capture_output=True, text=True, cwd=ROOT / where)
    assert done.stdout.strip() == str(ROOT), done.stderr


def ranges(path):
    lines = [line.split("#")[0].split(";")[0].strip() for line in path.read_text().splitlines()]
    return {re.split(r"[<>=!~\[ ]", line)[0].lower(): line for line in lines if line and not line.startswith("-")}


@pytest.mark.parametrize(("wanted", "pinned"), [
    ("requirements.txt", "locked/lab.txt"), ("requirements-dev.txt", "locked/test.txt"), ("requirements-dev.txt", "constraints.txt"),
    ("binder/requirements.in", "binder/requirements.txt"), ("site/requirements.in", "site/requirements.txt"),
])
def test_pins_fit_the_ranges(wanted, pinned):
    from packaging.requirements import Requirement

    text = (ROOT / pinned).read_text().splitlines()
    pins = {}
    for line in text:
        if "==" in line:
            requirement = Requirement(line.rstrip("\\"))
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
    assert after.cells[0].id != before.cells[0].id
    assert len({c.id for c in after.cells}) == 4 and after.cells[3].outputs[0]["data"]["text/plain"] == "4"


def test_no_file_is_larger_than_four_megabytes():
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, cwd=ROOT).stdout.split()
    assert not [name for name in tracked if (ROOT / name).exists() and (ROOT / name).stat().st_size > 4_000_000]


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


def test_the_moving_picture_shows_what_its_text_says():
    """Vessels glow at first and are gone at the end; read from the pixels of the file itself."""
    import importlib.util

    import numpy as np
    from PIL import Image

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "after 30 steps lesions and vessels glow alike; after 400 steps only the round lesions are left" in text
    spec = importlib.util.spec_from_file_location("learning", ROOT / "models" / "learning.py")
    learning = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(learning)
    _, kinds, chosen = learning.scans()
    side, times = kinds.shape[1] * learning.ZOOM, [0, *learning.STEPS]
    file = ROOT / "models" / "learning.webp"
    assert file.stat().st_size < 1_000_000
    moving = Image.open(file)
    assert moving.n_frames == len(times)

    def marked(steps):
        """Where the network says more than one half: there the palette is at least as blue as its middle color."""
        moving.seek(times.index(steps))
        low, picture = side + 2 * learning.ROOM, np.array(moving.convert("RGB"))
        lefts = [learning.GAP + i * (side + learning.GAP) for i in range(4)]
        return np.stack([picture[low : low + side : learning.ZOOM, x : x + side : learning.ZOOM, 2] > 178 for x in lefts])

    lesions, vessels, tissue = ((kinds[chosen][..., 0] == kind) for kind in (1, 2, 0))
    assert not marked(0).any()
    assert marked(30)[vessels].mean() > 0.2 and marked(30)[lesions].mean() > 0.2 and marked(30)[tissue].mean() < 0.05
    assert marked(400)[vessels].mean() < 0.1 and marked(400)[lesions].mean() > 0.8 and marked(400)[tissue].mean() < 0.02


def test_a_new_setup_cell_keeps_the_outputs(tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "NOTEBOOKS", tmp_path)
    source = tmp_path / "08_trial.py"
    source.write_text("# %% [markdown]\n# # Try\n\n" + address.SETUP_CELL.format(address="", commit=COMMIT).replace("from helpers", "# from") + "\n# %%\n2 + 2\n")
    tool.main(["08"])
    before = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    changed = source.read_text().replace(COMMIT, "67" * 20)
    for text in (changed, changed.replace("2 + 2", "2 + 3")):  # and where other cells wait to be run
        source.write_text(text)
        address.pair(source)
        after = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
        assert "67" * 20 in after.cells[1].source and after.cells[1].id != before.cells[1].id
        assert after.cells[2] == before.cells[2] and after.cells[2].outputs[0]["data"]["text/plain"] == "4"
        assert not tool.only_in_the_notebook(source) or "2 + 3" in text
    source.write_text(changed)
    written = source.with_suffix(".ipynb").read_bytes()
    tool.main(["08", "--pair-only"])
    assert source.with_suffix(".ipynb").read_bytes() == written
    source.write_text(changed.replace("2 + 2", "2 + 3"))
    tool.main(["08", "--pair-only", "--overwrite"])
    assert not nbformat.read(source.with_suffix(".ipynb"), as_version=4).cells[2].outputs


def paired_by_hand(folder, monkeypatch, change):
    """Make a pair, let `change` work on the cells of its .ipynb, and return both paths."""
    monkeypatch.setattr(tool, "NOTEBOOKS", folder)
    source = folder / "08_trial.py"
    source.write_text("# %% [markdown]\n# # Try\n\n# %%\nprint(1)\n\n# %%\nprint(1)\n\n# %%\n2 + 2\n")
    tool.main(["08", "--pair-only"])
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    change(notebook.cells)
    nbformat.write(notebook, source.with_suffix(".ipynb"))
    return source, source.with_suffix(".ipynb")


def edit(number, text):
    return lambda cells: cells[number].__setitem__("source", text)


@pytest.mark.parametrize("arguments", [["08"], ["08", "--pair-only"], []])
@pytest.mark.parametrize(("change", "named"), [
    (edit(0, "# Try\n\nA note of mine."), "markdown cell: # Try"),
    (edit(3, "2 + 3"), "code cell: 2 + 3"),
    (lambda cells: cells.insert(1, nbformat.v4.new_markdown_cell("My own cell")), "markdown cell: My own cell"),
    (lambda cells: cells.append(nbformat.v4.new_code_cell("my_own = 1")), "code cell: my_own = 1"),
], ids=["a note", "edited code", "an extra cell", "code at the end"])
def test_what_stands_in_an_ipynb_alone_is_not_lost(tmp_path, monkeypatch, capsys, change, named, arguments):
    source, derived = paired_by_hand(tmp_path, monkeypatch, change)
    source.write_text(source.read_text().replace("# # Try", "# # Try again"))
    before = derived.read_bytes()
    assert tool.main(arguments) == 1 and derived.read_bytes() == before
    said = capsys.readouterr().out
    assert named in said and "python tools/notebooks.py 08 --overwrite" in said
    assert tool.main(["08", "--pair-only", "--overwrite"]) == 0
    assert [tool.key(c) for c in nbformat.read(derived, as_version=4).cells] == [tool.key(c) for c in jupytext.read(source).cells]
    assert tool.main(["08", "--pair-only"]) == 0


@pytest.mark.parametrize("change", [
    lambda cells: cells.pop(3), lambda cells: cells.reverse(), lambda cells: cells.append(nbformat.v4.new_code_cell("")),
    lambda cells: cells[3].__setitem__("execution_count", 9),
], ids=["a cell less", "another order", "an empty cell", "run by hand"])
def test_nothing_is_asked_where_nothing_would_be_lost(tmp_path, monkeypatch, change):
    source, _ = paired_by_hand(tmp_path, monkeypatch, change)
    source.write_text(source.read_text().replace("2 + 2", "2 + 5"))
    assert tool.main(["08", "--pair-only"]) == 0


def test_a_student_who_saves_changes_the_notebook_and_nothing_else(tmp_path):
    """As JupyterLab does it: its own contents manager, with jupytext's, opens the notebook and saves it."""
    for name in ("pyproject.toml", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "notebooks").mkdir()
    for half in ("01_data_synthesis.py", "01_data_synthesis.ipynb"):
        shutil.copy(ROOT / "notebooks" / half, tmp_path / "notebooks")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "as fetched"]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    save = (
        "import sys\n"
        "from jupytext import TextFileContentsManager\n"
        "manager = TextFileContentsManager(root_dir=sys.argv[1])\n"
        "model = manager.get('notebooks/01_data_synthesis.ipynb')\n"
        "model['content']['cells'][2]['source'] += '  # a change'\n"
        "manager.save(model, 'notebooks/01_data_synthesis.ipynb')\n"
        "manager.create_checkpoint('notebooks/01_data_synthesis.ipynb')\n"
    )
    subprocess.run([sys.executable, "-c", save, str(tmp_path)], check=True, capture_output=True, cwd=tmp_path)
    changed = subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True, text=True).stdout
    assert changed.split() == ["M", "notebooks/01_data_synthesis.ipynb"]


def test_what_was_skipped_is_the_last_line(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)  # of whoever runs the tests
    for name in ("conftest.py", "course.py", "skipped.py"):
        shutil.copy(ROOT / "tests" / name, tmp_path)
    (tmp_path / "test_trial.py").write_text(
        "import pytest\n\n@pytest.mark.parametrize('n', range(3))\ndef test_a(n):\n    pytest.skip('there is no Chromium (apt install chromium)')\n\n"
        "@pytest.mark.skip(reason='this is run by make test-site')\ndef test_b(): pass\n\n"
        "@pytest.mark.skip(reason='make test-bioimage runs this')\ndef test_d(): pass\n\ndef test_c(): pass\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", str(tmp_path)], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout.rstrip().splitlines()[-1] == (
        "5 tests were skipped: 3 because there is no Chromium (apt install chromium) (to run: sudo apt install chromium && make test); "
        "1 because this is run by make test-site (to run: make test-site); 1 because make test-bioimage runs this (to run: make test-bioimage).")
    (tmp_path / "test_trial.py").write_text("def test_c(): pass\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", str(tmp_path)], capture_output=True, text=True, cwd=tmp_path)
    assert "skipped" not in done.stdout
    late = {**os.environ, "UNET_COURSE_TESTS_UNTIL": "1"}
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", str(tmp_path)], capture_output=True, text=True, cwd=tmp_path, env=late)
    assert done.stdout.rstrip().splitlines()[-1] == "1 tests were skipped: 1 because the time for all tests was over (to run: make test)."


def skip_reasons():
    """Yield the reason of every skip that is written in the tests, as far as it is a constant."""
    for path in (ROOT / "tests").rglob("*.py"):
        if path.name == "test_project.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not re.search(r"pytest\.(mark\.)?(skip|skipif|importorskip)$", ast.unparse(node.func)):
                continue
            texts = [keyword.value for keyword in node.keywords if keyword.arg == "reason"] or node.args[:1]
            words = " ".join(str(part.value) for text in texts for part in ast.walk(text) if isinstance(part, ast.Constant))
            if words:
                yield f"could not import {words!r}" if "importorskip" in ast.unparse(node.func) else words


def test_every_reason_to_skip_has_a_command_that_runs_the_tests():
    from skipped import command_for

    reasons = set(skip_reasons())
    assert len(reasons) > 12
    assert not {reason for reason in reasons if not command_for(reason) and reason != "browser tests skipped: "}
    targets = set(re.findall(r"^(test[\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {command.split()[1] for reason in reasons if (command := command_for(reason)).startswith("make ")} <= {
        *targets, *(name + "," for name in targets)}
