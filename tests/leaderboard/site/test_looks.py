import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from leaderboard import site
from leaderboard.site.about import about
from leaderboard.site.looks import BASELINE, CAPACITY, HUES, OTHER, family, hue, looks

TEMPLATES = Path(site.__file__).parent / "templates"
VIENOT = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
               [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
               [-0.011820, 0.042940, 0.968881]],
}  # fmt: skip
"""Colours as seen without red or green cones (Machado et al., 2009, severity 1), linear RGB."""


def palettes():
    """Colours of the families in light and in dark, as linear RGB."""
    text = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    found = re.findall(r"--series-(\d+): #(\w{6})", text)
    half = len(found) // 2
    for part in (found[:half], found[half:]):
        rgb = np.array([[int(code[i : i + 2], 16) / 255 for i in (0, 2, 4)] for _, code in part])
        assert [int(number) for number, _ in part] == list(range(half))
        yield np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def lab(linear):
    """CIE L*a*b* of linear sRGB."""
    xyz = linear @ np.array(
        [[0.4124, 0.2126, 0.0193], [0.3576, 0.7152, 0.1192], [0.1805, 0.0722, 0.9505]]
    )
    f = np.cbrt(xyz / [0.9505, 1.0, 1.089])
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)


def test_optimisers_of_other_packages_are_a_family():
    assert family("optuna:TPESampler") == "adapters"
    assert family("mine:Search") == OTHER
    assert "Akiba" in " ".join(about("optuna:TPESampler")["paper"])


def test_family_is_the_folder_of_the_registered_class():
    assert family("random_search") == BASELINE
    assert family("regularized_evolution") == "evolution"
    assert family("gdas") == "oneshot.stochastic"
    assert family("my_module:Search") == family("nowhere") == OTHER


def test_every_family_of_the_suite_has_a_colour():
    from algorithms import ALGORITHMS

    assert {family(name) for name in ALGORITHMS} <= HUES.keys()
    assert hue("a family of tomorrow") == HUES[OTHER]


def test_looks_of_one_colour_do_not_repeat():
    rows = [(f"row {i}", "my:Search") for i in range(CAPACITY)]
    found = [tuple(look.values()) for look in looks(rows).values()]
    assert len(set(found)) == CAPACITY
    assert {colour for colour, _, _ in found} == {HUES[OTHER]}


def test_a_label_keeps_its_look():
    assert looks([("a", "tpe"), ("b", "tpe"), ("a", "tpe")]) == looks([("a", "tpe"), ("b", "tpe")])


@pytest.mark.parametrize("sight", [None, *VIENOT])
def test_colours_of_families_differ_for_all_eyes(sight):
    for linear in palettes():
        seen = linear if sight is None else (linear @ np.array(VIENOT[sight]).T).clip(0, 1)
        colours = lab(seen)
        closest = min(
            (float(np.linalg.norm(colours[i] - colours[j])), i, j)
            for i, j in combinations(range(len(colours)), 2)
        )
        assert closest[0] > 10, closest
