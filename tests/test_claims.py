"""A sentence about a figure is a claim: a title that asserts something stands beside the check that it is so."""

import ast
import re

import cv2
import nbformat
import notebooks as tool
import numpy as np
import pytest
from course import ROOT
from helpers import MODELS
from helpers.anatomy import build_unet
from helpers.evaluation import dice_per_image, hough_baseline, otsu_baseline
from helpers.instances import border_weights, connected_objects, count_objects, cut_gaps
from helpers.synthesis import CircleScene, make_dataset, make_instances
from helpers.scaling import SharedRecipe
from helpers.training import load_network, predict
from keras import ops
from skimage import data, filters, segmentation
from sklearn.model_selection import train_test_split

# Words by which a title asserts something that could be untrue of the picture below it.
CLAIM = re.compile(
    r"\b(is|are|has|have|do|does|can|cannot|hardly|never|always|only|every|all|most|more|less|fewer|better|worse|same|"
    r"alike|beats?|wins?|fails?|falls?|rises?|stays?|gets?|finds?|found|misses|missed|ignores?|answers?|repeats?|needs?|"
    r"helps?|grows?|shrinks?|loses?|keeps?|lines?|touch|forgets?|learns?|overfits?|matters?|costs?)\b"
)
DRAWS = {"figures", "panels", "own"}


def titles(cell):
    """Return the constant titles of the figures that a code cell draws: the first long text among a call's arguments."""
    for node in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", cell.source, flags=re.MULTILINE))):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name) and node.func.value.id in DRAWS):
            continue
        if not re.match(r"(show|plot|draw)_", node.func.attr):
            continue
        named = [k.value for k in node.keywords if k.arg == "title"]
        texts = [a.value for a in [*named, *node.args] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        yield from texts[:1]


def checks_something(cell):
    """Return whether a cell asserts something, or prints a truth value that nbval compares."""
    for node in ast.walk(ast.parse(re.sub(r"^[%!].*$", "", cell.source, flags=re.MULTILINE))):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "checks.reveal":
            return True
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
            truths = (ast.Compare, ast.BoolOp)
            calls = ("np.allclose", "np.isclose", "np.array_equal", "all", "any")
            for argument in node.args:
                if isinstance(argument, truths) or isinstance(argument, ast.Call) and ast.unparse(argument.func) in calls:
                    return "nbval-ignore-output" not in cell.metadata.get("tags", [])
    return False


def unchecked(notebook):
    """Return the titles that claim something without a check in their own cell or within three code cells of it."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for i, cell in enumerate(cells):
        near = cells[max(0, i - 3) : i + 4]
        if not any(checks_something(one) for one in near):
            yield from (title for title in titles(cell) if CLAIM.search(title) and not title.endswith("?"))


@pytest.mark.parametrize("path", tool.sources(), ids=lambda path: path.stem)
def test_a_title_that_claims_something_has_its_check_beside_it(path):
    assert not list(unchecked(nbformat.read(path.with_suffix(".ipynb"), as_version=4)))


def test_the_rule_notices():
    def notebook(*sources):
        return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])

    figure = 'figures.show_images(a, ["x"], "The vessels are gone", "words")'
    assert list(unchecked(notebook("a = 1", figure))) == ["The vessels are gone"]
    assert not list(unchecked(notebook(figure, "assert a == 1")))
    assert not list(unchecked(notebook(figure, 'print("gone:", a < 1)')))
    assert list(unchecked(notebook(figure, 'print("gone:", a)')))
    assert not list(unchecked(notebook('figures.show_images(a, title="Six scans")')))


@pytest.mark.parametrize("number", ["03", "08", "09"])
def test_ranges_of_an_ablation_stand_in_its_table(number):
    """A range with three decimals is quoted from a table in `benchmarks/` that the notebook names."""
    text = next(path for path in tool.sources() if path.stem.startswith(number)).read_text(encoding="utf-8")
    tables = "".join((tool.ROOT / "benchmarks" / f"{name}.md").read_text(encoding="utf-8")
                     for name in set(re.findall(r"benchmarks/(\w+)\.(?:py|md)", text)))
    quoted = re.findall(r"(?<!from )[+-]?\b\d\.\d{3} to [+-]?\d\.\d{3}\b", text)
    assert quoted and tables
    assert not [one for one in quoted if one not in tables]


def test_what_hough_misses_most_touches_another_lesion_or_the_border():
    """Notebook 01 says so of the three pictures that it shows."""
    images, masks = make_dataset(1200, CircleScene(), seed=2026)
    labels = make_instances(1200, CircleScene(), seed=2026)[1]
    rest, _ = train_test_split(np.arange(1200), test_size=200, random_state=0)
    held_back = train_test_split(rest, test_size=200, random_state=0)[1]
    missed = (masks[held_back] == 1) & (hough_baseline(images[held_back], strictness=14) == 0)
    crowded = total = 0
    for i in np.argsort(-missed.sum(axis=(1, 2, 3)))[:3]:
        pieces = connected_objects(masks[held_back[[i]]])[0]
        for piece in range(1, pieces.max() + 1):
            here = pieces == piece
            several = len(np.unique(labels[held_back[i]][here])) > 1
            cut = here[0].any() or here[-1].any() or here[:, 0].any() or here[:, -1].any()
            total += (missed[i] & here).sum()
            crowded += (missed[i] & here).sum() * (several or cut)
    assert crowded > 0.9 * total > 0


def test_the_weights_that_travel_are_those_of_the_network_that_is_trained():
    """Notebook 07 says how many they are, in the network of its section 4 and in the course's own."""
    text = next(path for path in tool.sources() if path.stem.startswith("07")).read_text(encoding="utf-8")
    plain = SharedRecipe()
    small = build_unet(depth=plain.depth, filters=plain.filters).count_params()
    assert f"{small:,} weights of 4 bytes" in text and f"has {build_unet().count_params():,}, half a" in text


def test_masks_of_0_and_255_reward_a_network_that_calls_all_foreground():
    """Notebook 05 says so of its first patient: thousands for a lesion pixel, about 16 for one of background."""
    pixel = [ops.convert_to_numpy(ops.binary_crossentropy([[target]], [[1.0]])).item() for target in (255.0, 0.0)]
    assert pixel[0] < -4000 and 15.9 < pixel[1] < 16.2


def test_a_large_sigma_weighs_half_of_the_background():
    """Notebook 08 says so of the picture that it shows, in a folded answer."""
    _, labels = make_instances(200, CircleScene(circles=(5, 9), radius=(5, 10)), seed=83)
    lost = count_objects(labels) - count_objects(connected_objects((labels > 0).astype(np.uint8)))
    case = int(np.argmax(lost))
    parted = labels[case] * cut_gaps(labels[case])[0]
    background = parted[..., 0] == 0
    assert abs((border_weights(parted, sigma=15.0)[0, ..., 0][background] > 1).mean() - 0.5) < 0.03
    assert 6 < border_weights(parted, sigma=2.0).max() < 6.2


def test_the_coins_of_04_score_better_when_they_are_shrunk_with_their_reference():
    """What its last *Change* says: all three networks above 0.97, Otsu where it was; with a nearest-neighbor reference all lower."""
    coins = data.coins()[:296, :376]
    markers = np.select([coins < 30, coins > 150], [1, 2], 0)
    reference = (segmentation.watershed(filters.sobel(coins), markers) == 2).astype(np.uint8)
    reference = cv2.morphologyEx(reference, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    small = cv2.resize(coins, (184, 144), interpolation=cv2.INTER_AREA)
    by_area = cv2.resize(reference.astype(np.float32), (184, 144), interpolation=cv2.INTER_AREA) >= 0.5
    nearest = cv2.resize(reference, (184, 144), interpolation=cv2.INTER_NEAREST)
    networks = [(load_network(MODELS / f"unet_circles{end}.keras"), limit) for end, limit in (("", 0.45), ("_2", 0.55), ("_3", 0.5))]

    def scores(picture, truth):
        picture, truth = picture[None, ..., None].astype(np.float32) / 255, truth[None, ..., None].astype(np.uint8)
        ours = [dice_per_image(truth, (predict(network, picture) >= limit).astype(np.uint8))[0] for network, limit in networks]
        return np.array(ours), dice_per_image(truth, otsu_baseline(picture))[0]

    (full, otsu), (shrunk, otsu_shrunk), (shifted, _) = scores(coins, reference), scores(small, by_area), scores(small, nearest)
    assert (shrunk > full).all() and shrunk.min() > 0.97 and abs(otsu - otsu_shrunk) < 0.01 and (shifted < full).all()
    assert set(np.argsort(shrunk - full)[1:]) == set(np.argsort(full)[:2]), "those gain most that scored less"


def test_the_rate_that_is_too_high_stands_in_its_table():
    text = (ROOT / "notebooks" / "05_failure_clinic.py").read_text(encoding="utf-8")
    table = (ROOT / "benchmarks" / "learning_rates.md").read_text(encoding="utf-8")
    rows = {row[0]: row for row in (line.strip("| ").split(" | ") for line in table.splitlines() if re.match(r"\| 0\.", line))}
    constant = float(re.search(r"loss of (\d+\.\d+)", table)[1])
    sound, ill = rows["0.03"], [rows[rate] for rate in ("0.1", "0.3")]
    assert f"at 0.03 brought the loss to between {sound[2]} and {sound[3]}" in " ".join(text.replace("\n# ", " ").split())
    assert float(sound[3]) < constant and min(float(row[2]) for row in ill) > 4 and "stayed above 4" in text


def seven():
    """Return the text of notebook 07, each paragraph in one line."""
    return " ".join((ROOT / "notebooks" / "07_scaling_up.py").read_text(encoding="utf-8").replace("\n# ", " ").split())


def test_a_step_has_as_many_operations_as_07_says():
    """In the table that its profiler printed; the question before it names the sum, and the text the small ones."""
    notebook = nbformat.read(ROOT / "notebooks" / "07_scaling_up.ipynb", as_version=4)
    printed = "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))
    counts = {kind: int(count) for count, kind in re.findall(r"^ *\d+% +(\d+) operations +(.+)$", printed, re.MULTILINE)}
    assert len(counts) > 5 and "There are about 1,300 operations in a step" in seven()
    assert abs(sum(counts.values()) - 1300) < 50
    assert counts["everything else"] > 1000 and "the thousand small operations of \"everything else\"" in seven()


def test_the_memory_of_pictures_that_07_names():
    pair = sum(array.nbytes for array in make_dataset(1, CircleScene(), seed=0))
    assert f"800 of them take {800 * pair / 1e6:.0f} MB, and a million would take {1e6 * pair / 1e9:.0f} GB" in seven()


def test_the_largest_bfloat16_below_1():
    """0.996 as 07 says, and a surer prediction becomes exactly 1, where the loss has no slope."""
    kept = ops.convert_to_numpy(ops.cast(ops.cast(np.float32([0.99609375, 0.9979, 0.9985]), "bfloat16"), "float32"))
    assert kept[0] == np.float32(0.99609375) and "With `bfloat16` the largest number below 1 is 0.996" in seven()
    assert kept[2] == 1.0, "no number lies between"
    assert set(kept) <= {np.float32(0.99609375), np.float32(1)}


def test_what_the_folded_answers_of_07_say():
    from helpers.scaling import file_batches

    assert "18.75 scans a second, and 2 million to go" in seven() and 300 / (384 / 96) ** 2 == 18.75 and 10 * 200_000 == 2_000_000
    assert "A batch of 8 cannot be shared equally by three, and a ValueError says so" in seven()
    with pytest.raises(ValueError, match="multiple of 3"):
        file_batches("nowhere.csv", 1, 64, batch_size=8, shard=(0, 3))
