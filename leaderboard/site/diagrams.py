"""Diagrams that need no script: critical differences, rank profiles, histograms; drawn as SVG.

Colours are variables of the page, so that a diagram follows its dark and light.
"""

import math
from collections.abc import Mapping, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

from leaderboard.site.formatting import number

_AXIS, _LINE = 300, 19
_BESIDE, _LETTER = 62, 6.4
_LONGEST = 38


class Drawing(str):
    """An SVG element, which templates print as it is."""

    __slots__ = ()

    def __html__(self) -> str:
        """The element; texts in it are escaped."""
        return str(self)


def critical_differences(
    labels: Sequence[str],
    ranks: Sequence[float],
    groups: Sequence[Sequence[str]],
    hues: Mapping[str, int],
    title: str,
    marks: Mapping[str, str],
) -> Drawing:
    """Average ranks on an axis, and bars over those that tests do not separate (Demšar, 2006).

    Args:
        labels: Labels of the methods, best first.
        ranks: Their average ranks.
        groups: Stretches that no test separates.
        hues: Number of the colour of each label.
        title: What the diagram says, for those who cannot see it.
        marks: What stands behind each label, such as ``"‡"``.
    """
    names = {label: f"{_short(label)}{marks[label]}" for label in labels}
    low, high = math.floor(min(ranks)), max(math.ceil(max(ranks)), math.floor(min(ranks)) + 1)
    side = _BESIDE + math.ceil(_LETTER * max(map(len, names.values())))
    left, right, axis = side, side + _AXIS, 34

    def place(rank: float) -> float:
        return left + (rank - low) / (high - low) * (right - left)

    drawn = [_line(left, axis, right, axis, "ink", 1.5)]
    step = max(1, math.ceil((high - low) / 12))
    for tick in range(low, high + 1, step):
        drawn += [
            _line(place(tick), axis - 5, place(tick), axis, "ink", 1.2),
            _text(place(tick), axis - 10, str(tick), "middle", "soft"),
        ]
    under = axis + 12
    at = dict(zip(labels, ranks, strict=True))
    for group in groups:
        first, last = place(at[group[0]]) - 4, place(at[group[-1]]) + 4
        drawn.append(_line(first, under, last, under, "ink", 4))
        under += 9
    half = (len(labels) + 1) // 2
    for i, label in enumerate(labels):
        best = i < half
        row = i if best else len(labels) - 1 - i
        y, x = under + 12 + row * _LINE, place(at[label])
        end = left - 8 if best else right + 8
        drawn.append(
            f'<path d="M{x:.1f} {axis}V{y:.1f}H{end:.1f}" style="fill:none;'
            f'stroke:var(--series-{hues[label]});stroke-width:1.6"/>'
        )
        ends = (names[label], f"{at[label]:.2f}")
        text = "  ".join(ends if best else ends[::-1])
        drawn.append(_text(end - 5 if best else end + 5, y + 4, text, "end" if best else "start"))
    return _svg(right + side, under + 16 + half * _LINE, drawn, title)


def rank_profile(
    shares: Sequence[float],
    ranks: Mapping[str, Sequence[float]],
    hues: Mapping[str, int],
    title: str,
    marks: Mapping[str, str],
) -> Drawing:
    """Average ranks after shares of the budget, one line for each method.

    Args:
        shares: Shares of the budget, ascending.
        ranks: Average rank after each, by label; best at the end first.
        hues: Number of the colour of each label.
        title: What the diagram says, for those who cannot see it.
        marks: What stands behind each label, such as ``"‡"``.
    """
    width, right, left, top = 700, 700 - 310, 46, 30
    every = [rank for of_one in ranks.values() for rank in of_one]
    low, high = min(every), max(max(every), min(every) + 1)
    height = max(180, (_LINE - 3) * len(ranks))
    bottom = top + height

    def down(rank: float) -> float:
        return top + 8 + (rank - low) / (high - low) * (height - 16)

    xs = np.linspace(left + 12, right, len(shares)).tolist()
    drawn = []
    for x, share in zip(xs, shares, strict=True):
        drawn += [
            _line(x, top, x, bottom, "grid", 1),
            _text(x, top - 10, f"{share:.0%}".replace("%", " %"), "middle", "soft"),
        ]
    step = max(1, math.ceil((high - low) / 8))
    for tick in range(math.ceil(low), math.floor(high) + 1, step):
        drawn.append(_text(left - 6, down(tick) + 4, str(tick), "end", "soft"))
    places = _spread([down(of_one[-1]) for of_one in ranks.values()], _LINE - 3, top + 8)
    for (label, of_one), y in zip(ranks.items(), places, strict=True):
        points = " ".join(f"{x:.1f},{down(r):.1f}" for x, r in zip(xs, of_one, strict=True))
        colour = f"stroke:var(--series-{hues[label]})"
        drawn.append(f'<polyline points="{points}" style="fill:none;{colour};stroke-width:1.8"/>')
        for x, rank in zip(xs, of_one, strict=True):
            drawn.append(
                f'<circle cx="{x:.1f}" cy="{down(rank):.1f}" r="3" '
                f'style="fill:var(--series-{hues[label]})"/>'
            )
        drawn.append(
            f'<path d="M{right + 4} {down(of_one[-1]):.1f}L{right + 20} {y:.1f}" '
            f'style="fill:none;{colour};opacity:.5"/>'
        )
        text = f"{_short(label)}{marks[label]}  {of_one[-1]:.2f}"
        drawn.append(_text(right + 25, y + 4, text, "start"))
    return _svg(width, max(bottom, max(places) + 10) + 6, drawn, title)


def histogram(
    values: NDArray[np.float64],
    unit: str,
    title: str,
    marks: Mapping[str, float],
    ends: tuple[float, float],
) -> Drawing:
    """Distribution of some numbers with marked places; 40 bins of equal width.

    Args:
        values: The numbers; those that are not finite are left out.
        unit: Their unit.
        title: What the diagram says, for those who cannot see it.
        marks: Places by name.
        ends: Percentiles at which the axis ends, unless a mark lies beyond.
    """
    width, height, left, right, top = 460, 210, 12, 448, 40
    finite = values[np.isfinite(values)]
    low, high = np.percentile(finite, ends).tolist()
    low = min([low, *marks.values()])
    high = max([high, *marks.values()])
    if high <= low:
        high = low + 1.0
    counts, _ = np.histogram(finite, bins=40, range=(low, high))
    bottom, wide = height - 34, (right - left) / 40
    drawn = []
    for i, count in enumerate(counts.tolist()):
        if count:
            tall = max(1.0, count / counts.max() * (bottom - top))
            drawn.append(
                f'<rect x="{left + i * wide + 0.5:.1f}" y="{bottom - tall:.1f}" '
                f'width="{wide - 1:.1f}" height="{tall:.1f}" style="fill:var(--bar)"/>'
            )
    drawn.append(_line(left, bottom, right, bottom, "soft", 1))
    for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end")):
        value = low + share * (high - low)
        text = f"{number(value, digits=3)} {unit}".strip()
        drawn.append(_text(left + share * (right - left), bottom + 17, text, anchor, "soft"))
    places = {n: left + (m - low) / (high - low) * (right - left) for n, m in marks.items()}
    ordered = sorted(places.items(), key=lambda place: place[1])
    for i, (name, x) in enumerate(ordered if ordered[0][1] < left + 90 else ordered[::-1]):
        y = 12 + 14 * (i % 2)
        anchor = "start" if x < left + 90 else "end" if x > right - 90 else "middle"
        drawn += [_line(x, y + 4, x, bottom, "accent", 1.5), _text(x, y, name, anchor, "accent")]
    return _svg(width, height, drawn, title)


def _spread(places: Sequence[float], gap: float, top: float) -> list[float]:
    """Places moved down as little as keeps them apart by a gap, in their order."""
    found, least = [0.0] * len(places), top - gap
    for i in sorted(range(len(places)), key=lambda i: (places[i], i)):
        least = found[i] = max(places[i], least + gap)
    return found


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float) -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
        f'style="stroke:var(--{colour});stroke-width:{width}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str, colour: str = "ink") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" '
        f'style="fill:var(--{colour});text-anchor:{anchor};white-space:pre">{escape(text)}</text>'
    )


def _svg(width: float, height: float, drawn: Sequence[str], title: str) -> Drawing:
    return Drawing(
        f'<svg viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" height="{height:.0f}" '
        f'role="img" aria-label="{escape(title)}">{"".join(drawn)}</svg>'
    )
