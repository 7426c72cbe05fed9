"""What docs/choosing.md advises follows from its tables."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).resolve().parents[2] / "docs/choosing.md").read_text(encoding="utf-8")
BUDGETS = {
    int(head): [line.strip("| ").split(" | ") for line in rows.splitlines() if "`" in line]
    for head, rows in re.findall(r"\| after (\d+) trials .*\n\| ---.*\n((?:\|.*\n)+)", PAGE)
}
CROWD = {
    row[0].strip("`"): [float(cell.strip("*").replace(",", "")) for cell in row[1:]]
    for line in PAGE.partition("<!-- choosing-workers -->")[2].splitlines() if "| `" in line
    for row in [line.strip("| ").split(" | ")]
}  # fmt: skip
ADVICE = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", PAGE.partition("\n## ")[0], re.MULTILINE))
PROSE = re.sub(r"^\|.*$", "", PAGE, flags=re.MULTILINE)


def means(trials: int) -> dict[str, float]:
    """Mean of every method, best first."""
    return {row[0].strip("`"): float(row[-1].split(" ")[0]) for row in BUDGETS[trials]}


def named(situation: str) -> set[str]:
    return set(re.findall(r"\[`(\w+)`\]", ADVICE[situation]))


@pytest.mark.parametrize("trials", BUDGETS)
def test_rows_are_in_the_order_of_their_means(trials):
    assert [*means(trials).values()] == sorted(means(trials).values())
    for name, *cells, _ in BUDGETS[trials]:
        for cell in cells:
            value = float(cell.strip("*"))
            assert value < 1 or not cell.startswith("**"), name
            assert value > 1 or cell.startswith("**") or not cell.startswith("*"), name


def test_who_is_advised_is_ahead():
    (few,) = (key for key in ADVICE if "50 trainings" in key)
    assert named(few) == {*list(means(50))[:2]} == {*list(means(20))[:2]}
    assert named("one or two hundred") | named(few) == {*list(means(150))[:4]}


def test_numbers_in_the_text_stand_in_the_tables():
    cells = {
        number for rows in BUDGETS.values() for row in rows for c in row
        for number in re.findall(r"\d\.\d\d", c)
    }  # fmt: skip
    cells |= {f"{share:.2f}" for row in CROWD.values() for share in row[:6:2]}
    said = re.findall(r"\b\d\.\d\d\b", PROSE)
    assert len(said) > 10
    assert {*said} <= cells
    last = list(means(150).values())
    assert f"({last[0]:.2f} to {last[3]:.2f})" in PROSE


def test_what_is_said_of_several_workers():
    advised = re.findall(r"`(\w+)`", ADVICE["many workers"])
    assert {*advised} == {*sorted(CROWD, key=lambda name: CROWD[name][4])[:3]}
    for name in advised:
        one, alone, _, _, many, together, _ = CROWD[name]
        assert f"from {one:.2f} to" in PROSE
        assert many < one + 0.15
        assert alone / together == pytest.approx(30, rel=0.1)
    for name in ("tpe", "regularized_evolution"):
        assert CROWD[name][4] > CROWD[name][0] + 0.2
    others = [row[5] for name, row in CROWD.items() if name != "local_search"]
    assert CROWD["local_search"][5] > 2 * max(others)
