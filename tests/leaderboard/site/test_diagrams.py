import re
from xml.etree import ElementTree as ET

import numpy as np

from leaderboard.site.diagrams import critical_differences, histogram, rank_profile
from leaderboard.site.places import slugs

EVIL = '<script>alert("1")</script>'


def places(svg, pattern):
    return [float(found) for found in re.findall(pattern, svg)]


def test_ranks_lie_on_the_axis_and_bars_join_groups():
    labels, ranks = ["a", "b", "c", EVIL], [1.0, 2.0, 3.0, 4.0]
    hues = dict.fromkeys(labels, 1)
    groups, marks = [["a", "b"], ["b", "c", EVIL]], {"a": "\N{DOUBLE DAGGER}", "b": "", "c": ""}
    svg = critical_differences(labels, ranks, groups, hues, EVIL, marks | {EVIL: ""})
    assert "a\N{DOUBLE DAGGER}  1.00" in svg
    ET.fromstring(svg)
    assert "<script" not in svg
    at = places(svg, r'<path d="M([\d.]+) ')
    assert np.allclose(np.diff(at), np.diff(at)[0])
    bars = re.findall(r'x1="([\d.]+)" y1="([\d.]+)" x2="([\d.]+)"[^>]*stroke-width:4', svg)
    (a, upper, b), (c, lower, d) = [map(float, bar) for bar in bars]
    assert a < at[0] < c < at[1] < b < at[2]
    assert d > at[3]
    assert upper < lower


def test_profiles_keep_their_labels_apart():
    ranks = {f"m{i}": [3.0, 2.0, 2.0] for i in range(5)} | {"worst": [9.0, 9.0, 9.0]}
    marks = dict.fromkeys(ranks, "") | {"worst": "\N{DOUBLE DAGGER}"}
    svg = rank_profile((0.1, 0.3, 1.0), ranks, dict.fromkeys(ranks, 0), "profile", marks)
    assert "worst\N{DOUBLE DAGGER}  9.00" in svg
    ET.fromstring(svg)
    ys = sorted(places(svg, r'<text x="[\d.]+" y="([\d.]+)" [^>]*start'))
    assert len(ys) == 6
    assert min(np.diff(ys)) >= 12
    assert all(share in svg for share in ("10 %", "30 %", "100 %"))


def test_bars_of_a_histogram_are_its_counts():
    values = np.array([0.0] * 30 + [1.0] * 10 + [np.nan])
    svg = histogram(values, "%", "values", {"best": 1.0}, (0, 100))
    ET.fromstring(svg)
    heights = places(svg, r'<rect [^>]*height="([\d.]+)"')
    assert len(heights) == 2
    assert round(heights[0] / heights[1], 1) == 3.0
    ET.fromstring(histogram(np.ones(3), "", "the same", {"median": 1.0}, (0, 100)))


def test_names_of_files_are_harmless_and_differ():
    names = ["../../etc/passwd", "a b", "A-b", "", "<x>", ".hidden", "é" * 300, "a b"]
    found = slugs(names)
    assert list(found) == list(dict.fromkeys(names))
    assert all(re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,95}", slug) for slug in found.values())
    assert len({slug.casefold() for slug in found.values()}) == len(found)
    assert slugs(names) == found
