"""Pictures as SVG: one file without any reference, the same bytes for the same architecture."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from nasbench.drawing.layers import SUM
from nasbench.drawing.pictures import HUES, Picture, hues, pictures
from nasbench.drawing.scene import BOX_HEIGHT, DOT, Box
from nasbench.errors import InvalidArgumentError, printable
from nasbench.space import Arch, SearchSpace
from nasbench.storage.files import atomic

MARK = "<desc>Drawn by nasbench.</desc>"
"""By which our files are known."""

_LIGHT = ("#1f66c1", "#cf5308", "#0a8465", "#b23a88", "#936d00", "#2787b5", "#6a51c4", "#75604f")
_DARK = ("#74a9f7", "#f58c4f", "#3cc49c", "#e67fc0", "#d6ac35", "#79cdee", "#ac9df8", "#c0ab9b")
_GROUNDS = {False: ("#ffffff", "#1b1f24", "#7d858f"), True: ("#181c22", "#e8eaed", "#7e8894")}
_MONO = "ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace"
_GAP, _MARGIN, _TITLE, _LEGEND = 28, 12, 26, 24
_LETTER = 7.3
_FIRST = 20_000


def draw(space: SearchSpace, arch: Arch, *, title: str | None = None) -> str:
    """Draw an architecture as SVG, readable on light and dark ground.

    The picture follows the graph of the space. Boxes are operations; what no signal passes is pale.
    Of a space without graphs it shows the decisions in a row, and says so.

    Args:
        space: The space.
        arch: An architecture, as a tuple.
        title: Line above the picture; default: the architecture in the notation of its space.

    Raises:
        IllegalArchError: The tuple is not in the space.
    """
    arch = space.check(arch)
    shown = pictures(space, arch)
    text = printable(space.to_text(arch) if title is None else title)
    says = "" if space.cells(arch) else f"{space.name} has no graphs: its decisions in a row"
    colours = hues(space)
    known = dict.fromkeys(label for p in shown for label in p.labels if label in colours)
    legend = _legend([label for label in colours if label in known], colours)
    inner = sum(p.scene.width for p in shown) + _GAP * (len(shown) - 1)
    width = max(inner, _legend_width(known), round(len(says) * _LETTER), 240) + 2 * _MARGIN
    top = _MARGIN + (_TITLE if says or any(p.title for p in shown) else 0)
    height = top + max(p.scene.height for p in shown)
    parts, left = [], (width - inner) // 2
    for picture in shown:
        heading = picture.title or says
        x = left + picture.scene.width // 2
        if heading:
            parts.append(f'<text class="soft" x="{x}" y="{_MARGIN + 12}">{escape(heading)}</text>')
        parts.append(f'<g transform="translate({left} {top})">{_picture(picture, colours)}</g>')
        left += picture.scene.width + _GAP
    if legend:
        start = (width - _legend_width(known)) // 2
        parts.append(f'<g transform="translate({start} {height + 6})">{legend}</g>')
        height += _LEGEND + 6
    height += _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img">\n<title>{escape(text)}</title>\n{MARK}\n'
        f'<style>{_style()}</style>\n<rect class="ground" width="{width}" height="{height}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def write(path: Path, svg: str) -> None:
    """Write a picture.

    Args:
        path: A new file, or an earlier picture, which is replaced.
        svg: What :func:`draw` returned.

    Raises:
        InvalidArgumentError: The file cannot be written, or is not one of our pictures.
    """
    try:
        if path.exists():
            with path.open(encoding="utf-8", errors="replace") as file:
                if MARK not in file.read(_FIRST):
                    raise InvalidArgumentError(
                        f"{path} is not a picture of nasbench, and is never replaced: choose "
                        "another file"
                    )
        with atomic(path) as temporary:
            temporary.write_text(svg, encoding="utf-8")
    except OSError as error:
        raise InvalidArgumentError(f"cannot write {path}: {error.strerror or error}") from error


def _picture(picture: Picture, colours: dict[str, int]) -> str:
    looks = [
        _look(label, idle, colours)
        for label, idle in zip(picture.labels, picture.idle, strict=True)
    ]
    lines = [
        f'<path class="line{f" {looks[line.node]}" if line.node >= 0 else ""}" d="{line.path}"/>'
        for line in picture.scene.lines
    ]
    boxes = [_box(box, i, picture.labels, looks) for i, box in enumerate(picture.scene.boxes)]
    return "".join([*lines, *boxes])


def _look(label: str, idle: bool, colours: dict[str, int]) -> str:
    hue = f"h{colours[label]}" if label in colours else "plain"
    return f"{hue} idle" if idle else hue


def _box(box: Box, number: int, labels: Sequence[str], looks: Sequence[str]) -> str:
    text = str(number) if box.node < 0 else labels[box.node]
    if box.node < 0 or text == SUM:
        sign = "+" if text == SUM else text
        return (
            f'<circle class="dot" cx="{box.x}" cy="{box.y}" r="{DOT}"/>'
            f'<text x="{box.x}" y="{box.y + 4}">{sign}</text>'
        )
    x, y = box.x - box.width // 2, box.y - BOX_HEIGHT // 2
    letters = max(int((box.width - 8) / _LETTER), 1)
    shown = text if len(text) <= letters else f"{text[: letters - 1]}…"
    return (
        f'<g class="{looks[box.node]}"><rect x="{x}" y="{y}" width="{box.width}" '
        f'height="{BOX_HEIGHT}" rx="7"/><text x="{box.x}" y="{box.y + 4}">{escape(shown)}</text>'
        "</g>"
    )


def _legend(labels: Sequence[str], colours: dict[str, int]) -> str:
    parts, x = [], 0
    for label in labels:
        parts.append(
            f'<g class="h{colours[label]}"><rect x="{x}" y="4" width="14" height="14" rx="4"/>'
            f'<text class="start" x="{x + 20}" y="15">{escape(label)}</text></g>'
        )
        x += _entry(label)
    return "".join(parts)


def _legend_width(labels: Sequence[str] | dict[str, None]) -> int:
    return sum(map(_entry, labels))


def _entry(label: str) -> int:
    return round(len(label) * _LETTER) + 34


def _style() -> str:
    rules = [
        f"text{{font:12px {_MONO};text-anchor:middle;fill:var(--ink)}}",
        ".start{text-anchor:start}.soft{fill:var(--ink);opacity:.75}",
        ".ground{fill:var(--ground)}",
        "path{fill:none;stroke:var(--line);stroke-width:1.6}",
        "rect,.dot{fill:var(--ground);stroke:var(--line);stroke-width:1.6}.ground{stroke:none}",
        ".plain{--hue:var(--line);--tint:var(--ground)}",
        *(f".h{i}{{--hue:var(--hue{i});--tint:var(--tint{i})}}" for i in range(HUES)),
        "g>rect{fill:var(--tint);stroke:var(--hue)}.line.plain{stroke:var(--line)}",
        *(f".line.h{i}{{stroke:var(--hue{i})}}" for i in range(HUES)),
        ".idle>rect,.line.idle{stroke-dasharray:4 4;stroke-opacity:.6}.idle>text{opacity:.65}",
    ]
    light, dark = _variables(_LIGHT, False), _variables(_DARK, True)
    return f":root{{{light}}}{''.join(rules)}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}"


def _variables(hue: Sequence[str], dark: bool) -> str:
    ground, ink, line = _GROUNDS[dark]
    found = [f"--ground:{ground};--ink:{ink};--line:{line}"]
    found += [
        f"--hue{i}:{c};--tint{i}:{_mixed(c, ground, 0.25 if dark else 0.14)}"
        for i, c in enumerate(hue)
    ]
    return ";".join(found)


def _mixed(colour: str, ground: str, share: float) -> str:
    pairs = [(int(colour[i : i + 2], 16), int(ground[i : i + 2], 16)) for i in (1, 3, 5)]
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)
