"""What docs/oneshot.md says of the methods is what they do, and its script counts rightly."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import nasbench
from algorithms import ALGORITHMS
from nasbench.algorithm import hyperparameters

pytest.importorskip("matplotlib")
pytest.importorskip("torch")
DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "oneshot.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
METHODS = sorted(name for name, place in ALGORITHMS.items() if ".oneshot." in place)
SETTINGS = PAGE.partition("## Settings of all methods")[2].partition("\n## ")[0]
SAME_AS = {"fairnas": "spos"}


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(DOCS / "scripts"))
    try:
        import oneshot

        yield oneshot
    finally:
        sys.path.remove(str(DOCS / "scripts"))


@pytest.fixture(scope="module")
def drawn_cells(script):
    import oneshot_cells

    return oneshot_cells


@pytest.fixture(scope="module")
def digits():
    return nasbench.load("lite201-digits")


def said(section: str) -> dict[str, str]:
    """Defaults by hyperparameter, of tables in which a row may have several."""
    found = {}
    for names, defaults in re.findall(r"^\| (`[\w`, ]+`) \| ([^|]+) \|", section, re.MULTILINE):
        found_names = re.findall(r"`(\w+)`", names)
        split = defaults.split(",") if len(found_names) > 1 else [defaults]
        found |= dict(zip(found_names, (default.strip(" `") for default in split), strict=False))
    return found


@pytest.mark.parametrize("name", METHODS)
def test_defaults_and_presets_are_those_of_the_code(name: str) -> None:
    kind = ALGORITHMS.load(name)
    section = SECTIONS[name] + SECTIONS.get(SAME_AS.get(name, ""), "")
    values = hyperparameters(kind, {}, None)
    own = {n: d for n, d in said(section).items() if n in values}
    general = said(SETTINGS)
    assert set(values) <= set(own) | set(general), set(values) - set(own) - set(general)
    for hyperparameter, value in values.items():
        default = own.get(hyperparameter, general.get(hyperparameter, ""))
        written = default.strip('"')
        if isinstance(value, float | int) and not isinstance(value, bool):
            assert float(written) == value, hyperparameter
        else:
            assert written == str(value), hyperparameter
    assert [preset for preset in kind.presets if f"`{preset}`" not in section] == []


def test_every_method_has_a_line_and_a_section(script) -> None:
    links = re.findall(r"^\| \[`(\w+)`\]\(#\1\) \|", PAGE, re.MULTILINE)
    assert sorted(links) == METHODS
    assert set(METHODS) <= set(script.methods())


def test_regrets_are_marked_by_random_search_at_the_same_time() -> None:
    table = PAGE.partition("<!-- results-digits -->")[2].partition("<!-- end -->")[0]
    head, _, *rows = [line.strip("| ").split(" | ") for line in table.splitlines() if "|" in line]
    assert head[-1] == "`random_search`"
    assert {re.match(r"`(\w+)", name)[1] for name, *_ in rows} == set(METHODS)
    for name, _, regret, *_, chance in rows:
        low, high = map(float, re.findall(r"[\d.]+", regret)[1:])
        expected = "**" if high < float(chance) else "*" if low > float(chance) else ""
        near = min(abs(low - float(chance)), abs(high - float(chance))) < 0.01
        assert near or len(regret) - len(regret.lstrip("*")) == len(expected), name


def test_options_without_weights_are_counted_where_their_gate_is_largest(script) -> None:
    gates = np.zeros((2, 6, 5))
    gates[0, :, 2] = 1  # a convolution on every edge
    gates[1, :3, 1] = 1  # copies on three edges
    gates[1, 3:, 3] = 1
    found = script.favoured({"gates": gates.reshape(2, -1)})
    assert found.tolist() == [0, 50]


@pytest.mark.parametrize(
    ("cell", "depth", "width"),
    [
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|", 0, 0),
        ("|none~0|+|none~0|none~1|+|avg_pool_3x3~0|none~1|none~2|", 1, 1),
        # a chain; and one with an edge to a node that leads nowhere
        ("|nor_conv_3x3~0|+|none~0|avg_pool_3x3~1|+|none~0|none~1|nor_conv_1x1~2|", 3, 1),
        ("|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_3x3~1|none~2|", 2, 1),
        # two branches that meet in the output, then the input as a third
        ("|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|+|none~0|nor_conv_3x3~1|nor_conv_3x3~2|", 2, 2),
        (
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|none~1|"
            "+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
            2,
            2 + 1 / 3,
        ),
        # all edges: 1, a half and a third
        (
            "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|"
            "+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|",
            3,
            1 + 1 / 2 + 1 / 3,
        ),
    ],
)
def test_depth_and_width_are_those_of_cells_made_by_hand(
    drawn_cells, digits, cell: str, depth: int, width: float
) -> None:
    arch = digits.space.from_text(cell)
    assert drawn_cells.depth(arch) == depth
    assert drawn_cells.width(arch) == pytest.approx(width)


def test_cells_stand_beside_the_best_and_chance_with_the_shape_of_their_class(
    drawn_cells, digits
) -> None:
    """A chain of a skip connection and a convolution is the convolution."""
    chain = digits.space.from_text(
        "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|"
    )
    manifest = SimpleNamespace(
        algorithm="darts", preset=None, hyperparameters={}, fidelities=(9,), known=()
    )
    runs = [SimpleNamespace(archs=[chain])]
    record = SimpleNamespace(manifest=manifest, runs=lambda: iter(runs))
    *_, own, best, classes, chance = drawn_cells.cells([record], digits).splitlines()
    assert own == "| `darts` | 67 | 17 | 0 | 17 | 0 | 83 | 1.00 | 1.00 |"
    assert chance.startswith("| all cells | 20 | 20 | 20 | 20 | 20 | 60 |")
    assert {best, classes, chance} <= set(PAGE.splitlines())


def test_rankings_end_with_one_training_and_are_those_of_the_code(
    script, digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks that were made with other code are not taken."""
    made: list[tuple[str, dict[str, object]]] = []

    def look(benchmark, method: str, seeds: list[int], *, changes, classes, at_end, **_) -> list:
        made.append((method, dict(changes)))
        numbers = dict.fromkeys(("tau", "upper", "spearman", "without_weights", "eigenvalue"), 0.5)
        moment = {"method": method, "seed": seeds[0], "seconds": 1.0, **numbers}
        at = [(1, classes), (2, classes), (2, at_end)]
        return [
            script.Look(**moment, epoch=epoch, classes=n, chosen={10: 2.0, 100: 1.0})
            for epoch, n in at
        ]

    monkeypatch.setattr(script, "looks", look)
    found = script.ranked(digits, 1, tmp_path)
    assert script.ranked(digits, 1, tmp_path) == found
    assert made == [(search.name, dict(search.changes)) for search in script.RANKED]
    *rows, last = script.ranking_table(found, digits).splitlines()
    assert last in PAGE
    longer = [row for row in rows if row.startswith("| `random_nas epochs=250` |")]
    assert [row.split(" | ")[1:3] for row in longer] == [["1", "300"], ["2", "5,260"]]
    monkeypatch.setattr(script, "code_fingerprint", lambda *parts: "another")
    script.ranked(digits, 1, tmp_path)
    assert len(made) == 2 * len(script.RANKED)


def test_presets_that_equal_the_defaults_are_not_run_again(script) -> None:
    found = script.settings(presets=True)
    presets = {(search.name, search.preset) for search in found}
    assert ("data_egs", None) in presets
    assert ("data_egs", "data_7") in presets
    assert ("data_egs", "data_4") not in presets
    assert all(search.preset is None for search in script.settings(presets=False))


def test_defaults_of_a_method_are_run_before_its_variants(script) -> None:
    """So the first record of a method is that of its defaults."""
    found = script.settings(presets=False)
    assert [search.name for search in found if not search.changes] == METHODS
    assert all(variant in found for variant in script.VARIANTS)
    seen = {search.name: search for search in reversed(found)}
    assert not any(search.changes for search in seen.values())
