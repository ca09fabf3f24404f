"""Printed lines fit a notebook, and break between words."""

import pytest
from helpers import printing

LONG = "the mean Dice of the first picture is 0.12345, and that of the second is 0.54321; " * 4


@pytest.fixture(autouse=True)
def real_width(unbroken_lines, monkeypatch):
    monkeypatch.setattr(printing, "WIDTH", 88)


def test_a_long_line_breaks_between_words(capsys):
    printing.say("ValueError:", LONG)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 3 and all(len(line) <= 88 for line in lines)
    assert " ".join(lines).split() == f"ValueError: {LONG}".split()


def test_short_lines_stay_as_they_are(capsys):
    printing.say("a  b\n\n  c  d")
    assert capsys.readouterr().out == "a  b\n\n  c  d\n"


def test_what_is_indented_stays_indented(capsys):
    printing.say("- " + LONG)
    first, *rest = capsys.readouterr().out.splitlines()
    assert first.startswith("- the") and rest and all(line.startswith("  ") and line[2] != " " for line in rest)


def test_a_path_stays_whole(capsys):
    path = "runs/" + "x-" * 60
    printing.say("The network is in", path)
    assert path in capsys.readouterr().out.splitlines()
