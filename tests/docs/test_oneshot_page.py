"""What docs/oneshot.md says of the methods is what they do, and its script counts rightly."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

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
    assert len(rows) == len(METHODS)
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
    found = script.without_weights({"gates": gates.reshape(2, -1)})
    assert found.tolist() == [0, 50]


def test_rankings_end_with_one_training_and_are_those_of_the_code(
    script, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks that were made with other code are not taken."""
    made: list[str] = []

    def look(benchmark, method: str, seeds: list[int], **_: object) -> list:
        made.append(method)
        numbers = dict.fromkeys(("tau", "upper", "spearman", "without_weights", "eigenvalue"), 0.5)
        moment = {"method": method, "seed": seeds[0], "epoch": 1, "seconds": 1.0}
        return [script.Look(**moment, **numbers, chosen={10: 2.0, 100: 1.0})]

    monkeypatch.setattr(script, "looks", look)
    found = script.ranked("lite201-digits", 1, tmp_path)
    assert script.ranked("lite201-digits", 1, tmp_path) == found
    assert made == list(script.RANKED)
    *_, last = script.ranking_table(found, "lite201-digits").splitlines()
    assert last in PAGE
    monkeypatch.setattr(script, "code_fingerprint", lambda *parts: "another")
    script.ranked("lite201-digits", 1, tmp_path)
    assert made == 2 * list(script.RANKED)


def test_presets_that_equal_the_defaults_are_not_run_again(script) -> None:
    found = script.settings(presets=True)
    assert ("data_egs", None) in found
    assert ("data_egs", "data_7") in found
    assert ("data_egs", "data_4") not in found
    assert all(preset is None for _, preset in script.settings(presets=False))
