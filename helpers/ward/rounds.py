"""Draw a ward from a seed: ten patients with hidden causes."""

import numpy as np

from helpers.synthesis import CircleScene, make_dataset
from helpers.ward.illnesses import ILLNESSES
from helpers.ward.patients import Patient, Settings

SCENE = CircleScene(size=64, circles=(1, 4), radius=(5, 12), contrast=(0.15, 0.35), noise=0.12)


class _Ward(list):
    """The patients, number 1 first; what they have is known to `judge` alone."""

    def __init__(self, patients, causes, seed):
        super().__init__(patients)
        self._causes, self._seed = causes, seed

    def __repr__(self):
        return "\n".join(map(repr, self))


def admit(cause: str, seed, number: int = 0) -> Patient:
    """Return a patient with a known illness, for practice; seed: as for `numpy.random.default_rng`.

    Raises KeyError for a cause that is not in `ILLNESSES`.
    """
    rng = np.random.default_rng(seed)
    data = [make_dataset(n, SCENE, rng) for n in (160, 40, 160)]
    train, val, settings = ILLNESSES[cause].spoil(data[0], data[1], Settings(), rng)
    return Patient(number, ILLNESSES[cause].complaint, train, val, data[2], settings, int(rng.integers(2**31)))


def draw_ward(seed: int, n: int = 10) -> _Ward:
    """Return a ward of n patients, 1 to 16; the same seed gives the same ward. At most two of them are healthy.

    Raises ValueError for a number of patients outside 1 to 16.
    """
    if not 1 <= n <= len(ILLNESSES):
        raise ValueError(f"n is {n}; a ward has room for 1 to {len(ILLNESSES)} patients.")
    rng = np.random.default_rng([seed, 16])
    ill = [cause for cause in ILLNESSES if cause != "healthy"]
    healthy = min(int(rng.integers(0, 3)), n) if n < len(ILLNESSES) else 1
    causes = ["healthy"] * healthy + list(rng.permutation(ill)[: n - healthy])
    causes = [str(cause) for cause in rng.permutation(causes)]
    patients = [admit(cause, [seed, 17, number], number) for number, cause in enumerate(causes, 1)]
    return _Ward(patients, causes, seed)


def healthy_twin(seed: int, number: int) -> Patient:
    """Return patient `number` of a ward as it was before it fell ill: the same pictures and the true masks."""
    return admit("healthy", [seed, 17, number], number)
