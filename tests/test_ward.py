"""The blind ward: drawn from a seed, causes hidden, every illness found by the doctor, every answer judged."""

import importlib
import io
from contextlib import redirect_stdout
from functools import cache

import numpy as np
import pytest

from helpers import checks
from helpers.diagnosis import diagnose
from helpers.ward import ILLNESSES, admit, draw_ward, judge
from helpers.ward.judging import copies_left
from helpers.ward.rounds import healthy_twin

IN_THE_DATA = [  # illnesses that show without a network
    "healthy", "images_divided_twice", "gray_scale_changed", "noise_changed", "contrast_inverted", "masks_inverted",
    "labels_incomplete", "masks_not_0_1", "masks_too_wide", "masks_outlines", "mask_not_moved", "pairs_shuffled",
    "copies_between_sets",
]


def causes_of(seed):
    """Return the causes of a ward whose pictures are not drawn, which takes most of its time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(importlib.import_module("helpers.ward.rounds"), "admit", lambda *_: None)
        return draw_ward(seed)._causes


def same(one, other):
    pairs = [(one.train, other.train), (one.val, other.val), (one.spare, other.spare)]
    return all(np.array_equal(a, b) for left, right in pairs for a, b in zip(left, right))


def test_a_seed_gives_a_ward_of_ten_and_another_seed_another():
    ward, again, other = draw_ward(5), draw_ward(5), draw_ward(6)
    assert len(ward) == 10 and [p.number for p in ward] == list(range(1, 11))
    assert ward._causes == again._causes != other._causes and all(map(same, ward, again))
    assert not same(ward[0], other[0])


def test_every_illness_comes_up_and_at_most_two_are_healthy():
    wards = [causes_of(seed) for seed in range(8)]
    assert set().union(*wards) == set(ILLNESSES)
    assert {causes.count("healthy") for causes in wards} == {0, 1, 2}
    assert all(causes.count(cause) <= 1 for causes in wards for cause in causes if cause != "healthy")


def test_no_patient_says_what_it_has():
    for patient in draw_ward(7):
        told = f"{patient!r} {vars(patient).keys()}"
        assert not any(cause in told for cause in ILLNESSES if cause != "healthy")
    complaints = [illness.complaint for illness in ILLNESSES.values()]
    assert all(complaints.count(one) > 1 for one in complaints), "a complaint that only one cause has gives it away"
    for n in (0, 17, -1):
        with pytest.raises(ValueError, match="1 to 16"):
            draw_ward(1, n=n)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cause", IN_THE_DATA)
def test_the_doctor_names_what_shows_in_the_data(cause, seed):
    patient = admit(cause, [seed, 30])
    found = diagnose(*patient.val, training=patient.train)
    assert (not found) if cause == "healthy" else found.causes[0] == cause, found


def test_look_alikes_are_illnesses_themselves():
    assert all(illness.look_alike in ILLNESSES and illness.look_alike != name for name, illness in ILLNESSES.items())


# --- judging ----------------------------------------------------------------------------------------------------------


@cache
def ward_with(cause):
    seed = next(seed for seed in range(40) if cause in causes_of(seed))
    ward = draw_ward(seed)
    return ward, ward._causes.index(cause) + 1


def contrast(patient):
    x, y = patient.val
    return x[y == 1].mean() - x[y == 0].mean()


def test_a_wrong_cause_is_told_what_to_ask_and_nothing_more():
    ward, number = ward_with("contrast_inverted")
    near, far = (judge(ward, number, cause)[0][2] for cause in ("masks_inverted", "copies_between_sets"))
    assert "close" in near and "close" not in far and "contrast_inverted" not in near + far
    assert judge(ward, number, "healthy")[0][1] is False and judge(ward, number)[0][1] is None
    assert "not one of the causes" in judge(ward, number, "flu")[0][2]


def test_a_measurement_has_to_tell_the_cause_from_its_look_alike():
    ward, number = ward_with("contrast_inverted")

    def said(measure):
        return judge(ward, number, "contrast_inverted", measure)[1]

    assert said(contrast)[1] is True
    assert said(lambda patient: patient.val[1].mean())[1] is False
    assert "number" in said(lambda patient: "dark")[2] and "raises" in said(lambda patient: 1 / 0)[2]
    assert said(lambda patient: float("nan"))[1] is False and said(lambda patient: contrast(patient) < 0)[1] is True


def test_a_remedy_for_copies_leaves_none():
    ward, number = ward_with("copies_between_sets")
    patient = ward[number - 1]
    assert copies_left(patient) == 20 and copies_left(healthy_twin(ward._seed, number)) == 0

    def take_out(patient):
        known = {p.tobytes() for image in patient.train[0] for p in (image, image[:, ::-1])}
        keep = np.array([image.tobytes() not in known for image in patient.val[0]])
        return patient.change(val=tuple(part[keep] for part in patient.val))

    assert copies_left(take_out(patient)) == 0
    with pytest.raises(TypeError, match="train, val or settings"):
        patient.change(number=3)


def test_a_remedy_is_judged_by_the_true_masks():
    """One training for the patient, one for its healthy twin."""
    ward, number = ward_with("contrast_inverted")
    good = judge(ward, number, "contrast_inverted", None, lambda p: p.change(val=(1 - p.val[0], p.val[1])))
    assert [answer[1] for answer in good] == [True, None, True]
    bad = judge(ward, number, "contrast_inverted", None, lambda p: p.change(val=(p.val[0], 1 - p.val[1])))
    assert bad[2][1] is False and "less than half" in bad[2][2]
    assert judge(ward, number, "contrast_inverted", None, lambda p: None)[2][1] is False
    turned = lambda p: p.change(val=(1 - p.val[0], p.val[1]), settings=p.settings._replace(epochs=81))  # noqa: E731
    assert judge(ward, number, "contrast_inverted", None, turned)[2][1:] == (False, "it trains for 81 epochs; 80 are allowed.")


def test_a_round_prints_three_answers_and_takes_anything():
    ward, number = ward_with("healthy")
    text = io.StringIO()
    with redirect_stdout(text):
        checks.ward_round(ward, number, "healthy")
        checks.ward_round(ward, 99, "healthy")
        checks.ward_round(ward, number)
    lines = text.getvalue().splitlines()
    assert lines[0] == f"patient {number}, cause: right. Healthy, that is right." and "need none" in lines[2]
    assert lines[3].startswith("There are patients 1 to 10") and lines[4].startswith(f"patient {number}, cause: to do.")
