"""Guesses and exercises in the site's pages: answered in the notebook's words, by keys and by hand, kept in the browser.

Run by `make test-site`, which builds the site first. Pictures are kept in $UNET_COURSE_SCREENSHOTS, if it is set.
"""

import itertools
import json
import os
import random
import subprocess
from pathlib import Path

import pytest
import web
from jupyter_page import ROOT
from test_site import BUILT, NOTEBOOKS, READERS, address, chromium, page_of, reader, until  # noqa: F401  (fixtures)

from helpers import checks
from helpers.checks import guesses

pytestmark = pytest.mark.skipif(not BUILT, reason="the pages that answer are tested by make test-site, which builds them first")
COUNTS = {"00": (1, 0), "01": (16, 2), "02": (11, 4), "03": (12, 2), "04": (11, 2), "05": (13, 1), "06": (5, 0), "07": (7, 1), "08": (5, 2),
          "09": (7, 0)}


def data_of(name):
    return json.loads((Path(BUILT) / "answers" / f"{name}.json").read_text(encoding="utf-8"))


def in_the_page(tasks):
    """What the pages' scripts say, for each (asked, words, answers)."""
    command = [*web.node("node"), str(ROOT / "tests" / "browser" / "answers.mjs"), str(web.WEB)]
    given = json.dumps([{"asked": asked, "words": words, "answers": answers} for asked, words, answers in tasks])
    done = subprocess.run(command, input=given, capture_output=True, text=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def in_the_notebook(call, *arguments, monkeypatch):
    printed = []
    monkeypatch.setattr("helpers.checks.guesses.say", printed.append)
    monkeypatch.setattr("helpers.checks.exercises.say", printed.append)
    call(*arguments)
    return " ".join(printed)


def test_every_prediction_and_exercise_has_its_place():
    for name in NOTEBOOKS:
        page, data = page_of(name), data_of(name)
        by_hand = [identity for identity, one in data["exercises"].items() if one["answer"]]
        assert (len(data["guesses"]), len(by_hand)) == COUNTS[name[:2]], name
        assert [place["data-guess"] for place in page.select(".unet-guess")] == list(data["guesses"])
        assert [place["data-exercise"] for place in page.select(".unet-exercise")] == list(data["exercises"])
    together = [key for name in NOTEBOOKS for key in data_of(name)["guesses"]]
    assert sorted(together) == sorted(checks.PREDICTIONS)
    assert {key for name in NOTEBOOKS for key in data_of(name)["exercises"]} == set(checks.EXERCISES)


def numbers_to_try(slips, truth):
    near = [truth, truth + 0.001, truth - 0.02, truth * 1.004, truth * 2.25, truth + 0.125, -truth, 100 * truth, truth + 9.96]
    return [*near, *slips, *[slip + 0.003 for slip in slips], 0, 0.5, 1, 1.5, 2.5, 12, 100, 999.5, 1234.5, 1_000_000, -3, 0.00001]


def test_a_guess_is_answered_as_in_the_notebook(monkeypatch):
    tasks, said = [], []
    for name in NOTEBOOKS:
        data = data_of(name)
        for key, asked in data["guesses"].items():
            truth = tuple(asked["truth"]) if asked["kind"] == "shape" else asked["truth"]
            slips = list(checks.PREDICTIONS[key].slips)
            tries = numbers_to_try(slips, truth) if asked["kind"] == "number" else [*slips, truth, "maybe", "it's so"]
            tries += [(1,), (1, 2), (9, 9, 9, 9), (*truth[:-1], 77)] if asked["kind"] == "shape" else ["seven"]
            for guess in tries:
                words = in_the_notebook(guesses.reveal, key, guess, truth, monkeypatch=monkeypatch)
                said.append(words[len(asked["caption"]) :] if asked["kind"] != "number" else words.split(". ", 1)[1])
                tasks.append((asked, data["words"], [guess]))
    shown = in_the_page(tasks)
    for (asked, _, answers), ours, theirs in zip(tasks, shown, said):
        assert ours.startswith(asked["caption"]) and ours.endswith(theirs.strip()), (answers, ours, theirs)
    assert len(tasks) > 1200


def answers_to_try(answer):
    """Answers to an exercise, right and wrong, as lists with one entry a field."""
    if answer["kind"] == "number":
        tries = numbers_to_try([slip for slip, _ in answer["slips"]], answer["truth"])
        return [[one] for one in [*tries, round(answer["truth"], 2), answer["truth"] + 0.004, None, "much"]]
    if answer["kind"] == "shape":
        shapes = [slip for slip, _ in answer["slips"]] + [answer["truth"], [1, 2], [2, 8, 6, 64], [1, 7, 6, 64], [1, 8, 5, 64], [1, 8, 6, 63]]
        shapes += [[1, 16, 12, 32], [1, 2, 1, 512], [1, 4, 6, 64], [1, 64, 48, 8], [1, 0, 6, 64]]
        return [[one] for one in [*shapes, None, "(1, 8"]]
    if answer["kind"] == "choice":
        return [[one] for one in [*answer["choices"], "b", " C ", "AB", "x", "7", "", None]]
    if answer["kind"] == "letters":
        subsets = [c for n in range(6) for c in itertools.combinations(answer["choices"], n)]
        return [[",".join(c)] for c in subsets] + [["a, c"], ["AZ"], ["A-B"], [None]]
    if answer["kind"] == "order":
        letters, chance = "EBHJCDGKIALF", random.Random(3)
        mixed = ["".join(chance.sample(letters, 12)) for _ in range(60)]
        swapped = [letters[:i] + letters[i + 1] + letters[i] + letters[i + 2 :] for i in range(11)]
        return [[one] for one in [letters, "e b-h>j, cdgkialf", "EB", letters[:-1], letters + "E", "EBX", "", *mixed, *swapped]]
    parts = [answers_to_try(part) for _, part in answer["parts"]]
    chance = random.Random(5)
    return [[chance.choice(part)[0] for part in parts] for _ in range(150)] + [[None] * len(parts)]


@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if COUNTS[name[:2]][1]])
def test_an_exercise_is_checked_as_in_the_notebook(name, monkeypatch, tmp_path):
    monkeypatch.setenv("UNET_COURSE_PROGRESS", str(tmp_path))
    data, tasks, said = data_of(name), [], []
    for identity, asked in data["exercises"].items():
        for answers in answers_to_try(asked["answer"]) if asked["answer"] else ():
            call = getattr(checks, f"exercise_{identity.replace('.', '_')}")
            tasks.append((asked, data["words"], answers))
            given = [tuple(one) if isinstance(one, list) else one for one in answers]
            said.append(in_the_notebook(call, *given, monkeypatch=monkeypatch))
    for (_, _, answers), ours, theirs in zip(tasks, in_the_page(tasks), said):
        assert ours == theirs, answers
    kinds = {words.split(" (")[0].split(":")[0] for words in said}
    assert kinds == {"solved", "not yet", "to do"}


def opened(reader, name, width=1280, scheme="light"):  # noqa: F811
    page = reader(name, width, scheme)
    page.evaluate("window.unetAnswers")
    return page


def test_a_guess_by_keyboard(reader):  # noqa: F811
    page = opened(reader, "01_data_synthesis")
    place = page.locator('.unet-guess[data-guess="disc"]')
    field, said = place.get_by_label("Your guess: how many pixels?"), place.get_by_role("status")
    field.focus()
    page.keyboard.press("Enter")
    assert "such as 12" in said.inner_text() and "29" not in said.inner_text()
    page.keyboard.type("28")
    page.keyboard.press("Enter")
    assert said.inner_text() == ("29 pixels are 1. You said 28, which is 1 too low. 28 is the area of the ideal circle, rounded. Pixels are whole, and "
                                 "a mask is a set of pixels.")
    field.fill("2,900")
    page.keyboard.press("Enter")
    assert "a comma could mean either" in said.inner_text()
    field.fill("0,5")  # a comma is a decimal point
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert "You said 0.5" in said.inner_text()
    assert page.complaints == []


def test_a_choice_a_shape_and_letters(reader):  # noqa: F811
    page = opened(reader, "01_data_synthesis")
    place = page.locator('.unet-guess[data-guess="size"]')
    place.get_by_label("more", exact=True).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert "You said 'fewer'. It looks smaller" in place.get_by_role("status").inner_text()
    place = page.locator('.unet-guess[data-guess="scene shape"]')
    place.get_by_role("textbox").fill("96 x 96")
    place.get_by_role("button").click()
    assert "The last axis is missing" in place.get_by_role("status").inner_text()
    place = page.locator('.unet-exercise[data-exercise="1.5"]')
    for letter, words in (("A", "something is missing"), ("C", "something is missing"), ("E", "solved: exercise 1.5")):
        place.get_by_label(letter, exact=True).check()
        place.get_by_role("button", name="Check").click()
        assert words in place.locator(".unet-said").inner_text()
    assert page.complaints == []


def test_parts_an_order_and_hints(reader):  # noqa: F811
    page = opened(reader, "04_evaluation_and_visualization")
    place = page.locator('.unet-exercise[data-exercise="4.1"]')
    place.get_by_label("Precision").fill("0.8")
    place.get_by_label("Precision").press("Enter")
    assert "right so far; recall and Dice is still missing" in place.locator(".unet-said").inner_text()
    hint = place.get_by_role("button", name="Hint")
    for number in (1, 2, 3):
        hint.click()
        assert place.locator(".unet-hints p").nth(number - 1).inner_text().startswith(f"Hint {number} of 3: ")
    assert hint.is_disabled()
    code = page.locator('.unet-exercise[data-exercise="4.2"]')
    assert "solved in code" in code.inner_text() and code.get_by_role("textbox").count() == 0
    page = opened(reader, "02_unet_anatomy")
    place = page.locator('.unet-exercise[data-exercise="2.4"]')
    place.get_by_role("textbox").fill("ebhjcdgkialf")
    place.get_by_role("textbox").press("Enter")
    assert "solved: exercise 2.4" in place.locator(".unet-said").inner_text()


def test_progress_is_kept_shown_and_forgotten(reader):  # noqa: F811
    page = opened(reader, "01_data_synthesis")
    place = page.locator('.unet-guess[data-guess="disc"]')
    place.get_by_role("textbox").fill("36")
    place.get_by_role("textbox").press("Enter")
    one = page.locator('.unet-exercise[data-exercise="1.2"]')
    one.get_by_role("textbox").fill("0,78")
    one.get_by_role("textbox").press("Enter")
    here = page.locator(".unet-progress")
    assert "1 of 16 guesses and 1 of 2 exercises that need no code" in here.inner_text()
    page.reload()
    page.evaluate("window.unetAnswers")
    assert place.get_by_role("textbox").input_value() == "36" and "the square around a disc" in place.inner_text()
    assert "solved" in one.inner_text()
    one.get_by_role("textbox").fill("0.5")
    one.get_by_role("textbox").press("Enter")
    assert "1 of 2 exercises" in here.inner_text(), "what was solved stays solved"
    page.goto(page.url.replace("01_data_synthesis", "contents"))
    page.evaluate("window.unetAnswers")
    row = page.locator("[data-map] li", has_text="Draw scans")
    assert "2/18" in row.inner_text() and "2/18" in page.locator(".bd-sidebar-primary").inner_text()
    assert f"1 of {len(checks.PREDICTIONS)} guesses" in page.locator(".unet-progress").inner_text()
    page.goto(page.url.replace("contents", "index"))
    page.evaluate("window.unetAnswers")
    assert "2/18" in page.locator("#map").inner_text()
    page.goto(page.url.replace("index", "contents"))
    page.evaluate("window.unetAnswers")
    page.on("dialog", lambda dialog: dialog.accept())
    with page.expect_navigation():
        page.get_by_role("button", name="Forget all my answers").click()
    page.evaluate("window.unetAnswers")
    assert page.locator(".unet-count").count() == 0 and page.evaluate("localStorage.getItem('unet-course-answers')") == "{}"
    assert page.complaints == []


@pytest.mark.parametrize("kept", ["[1, 2]", "{broken", '{"guess disc": 7, "1.2": {"answers": "no"}, "1.5": {"answers": ["<b>A</b>"], "state": "solved"}}'])
def test_damaged_progress_is_begun_anew(kept, chromium, address):  # noqa: F811
    context = chromium.new_context()
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.add_init_script(f"localStorage.setItem('unet-course-answers', {json.dumps(kept)})")
    page.goto(f"{address}/01_data_synthesis.html")
    page.evaluate("window.unetAnswers")
    assert page.locator(".unet-ask").count() == 18 and complaints == []
    context.close()


def test_without_storage_it_answers_all_the_same(chromium, address):  # noqa: F811
    context = chromium.new_context()
    page = context.new_page()
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } })")
    page.goto(f"{address}/04_evaluation_and_visualization.html")
    page.evaluate("window.unetAnswers")
    place = page.locator('.unet-guess[data-guess="pooled"]')
    place.get_by_role("textbox").fill("0.5")
    place.get_by_role("textbox").press("Enter")
    assert "That is the mean per image" in place.inner_text()
    assert "lasts until you close the page" in page.locator(".unet-progress").inner_text()
    context.close()


def test_without_scripts_nothing_is_missing_and_nothing_given_away(chromium, address):  # noqa: F811
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/01_data_synthesis.html")
    assert not page.locator(".unet-guess").first.is_visible() and not page.locator(".unet-exercise").first.is_visible()
    folded = page.locator("details", has_text="29 pixels are 1.")
    assert folded.locator("summary").is_visible() and not folded.get_by_text("29 pixels are 1.").is_visible()
    assert page.get_by_text("to do: exercise 1.2").is_visible()
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [*READERS, (360, "dark")])
def test_axe_finds_nothing_and_nothing_sticks_out(width, scheme, reader):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = opened(reader, "01_data_synthesis", width, scheme)
    for key, text in (("disc", "28"), ("scene shape", "(96, 96)")):
        page.locator(f'.unet-guess[data-guess="{key}"]').get_by_role("textbox").fill(text)
        page.locator(f'.unet-guess[data-guess="{key}"]').get_by_role("textbox").press("Enter")
    one = page.locator('.unet-exercise[data-exercise="1.2"]')
    one.get_by_role("textbox").fill("0.78")
    one.get_by_role("textbox").press("Enter")
    one.get_by_role("button", name="Hint").click()
    until(page, "document.getAnimations().length === 0")
    found = Axe().run(page).response["violations"]
    assert not [(v["id"], [n["html"][:200] for n in v["nodes"][:5]]) for v in found]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    folder = os.environ.get("UNET_COURSE_SCREENSHOTS")
    if folder:
        for name, place in (("guess", page.locator('.unet-guess[data-guess="disc"]')), ("choice", page.locator('.unet-guess[data-guess="size"]')),
                            ("exercise", one), ("letters", page.locator('.unet-exercise[data-exercise="1.5"]')),
                            ("code", page.locator('.unet-exercise[data-exercise="1.1"]')), ("progress", page.locator(".unet-progress"))):
            place.screenshot(path=str(Path(folder) / f"answers_{name}_{width}_{scheme}.png"))


def test_the_answers_lie_in_a_file_beside_the_page():
    """No truth stands in the page itself, except in the fold and in what the cells below it show."""
    for name in NOTEBOOKS:
        for place in page_of(name).select(".unet-guess, .unet-exercise"):
            assert place.get_text() == "" and set(place.attrs) == {"class", f"data-{place['class'][0].removeprefix('unet-')}"}


@pytest.mark.parametrize("name", ["03_training_with_callbacks"])
def test_white_is_white_in_the_dark(name, reader):  # noqa: F811
    page = opened(reader, name, 1280, "dark")
    looks = page.locator(".cell_output img").evaluate_all("pictures => pictures.map(p => [getComputedStyle(p).filter, getComputedStyle(p).backgroundColor])")
    assert len(looks) > 5 and {tuple(look) for look in looks} == {("none", "rgb(255, 255, 255)")}
    form = page.locator(".unet-guess").first
    assert form.evaluate("place => getComputedStyle(place.parentElement).backgroundColor") == "rgba(0, 0, 0, 0)"
