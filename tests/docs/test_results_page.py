"""What docs/results.md says follows from its tables, and its script marks them rightly."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")
DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = (DOCS / "results.md").read_text(encoding="utf-8")
MODELS = ("models-nb201-imagenet16", "models-lite201-fashion", "models-fcnet-protein")
PARTS = ("single", "multi-fidelity", "multi-objective", *MODELS)


@pytest.fixture(scope="module")
def results():
    sys.path.insert(0, str(DOCS / "scripts"))
    try:
        import results

        yield results
    finally:
        sys.path.remove(str(DOCS / "scripts"))


def generated(part: str) -> str:
    return PAGE.partition(f"<!-- {part} -->")[2].partition("<!-- end -->")[0]


def table(part: str) -> tuple[list[str], dict[str, list[str]]]:
    """Head of a table, and cells of every method; rows of several methods count for each."""
    lines = [line.strip("| ").split(" | ") for line in generated(part).splitlines() if "|" in line]
    head, _, *rows = lines
    return head, {name.strip("`"): row[1:] for row in rows for name in row[0].split(" = ")}


def number(cell: str) -> float:
    return float(cell.strip("*").split(" ")[0])


def test_means_are_marked_where_they_differ_from_random_search(results):
    rng = np.random.default_rng(0)
    random = rng.normal(1, 0.1, (200, 2))
    values = {
        "random_search": random,
        "better": random - np.array([0.5, 0.0]) + rng.normal(0, 0.01, (200, 2)),
        "worse": random + np.array([0.0, 0.02]),
        "same": random,
    }
    cells, sentence = results.compared(values, ["1 s", "2 s"])
    assert sentence.endswith("`random_search`: 1 / 2 / 0 after 1 s, 0 / 2 / 1 after 2 s.")
    assert sentence.startswith("Of 3 other methods")
    assert cells["better"][0].startswith("**0.4") or cells["better"][0].startswith("**0.5")
    assert cells["worse"][1].startswith("*1.0")
    assert not any("*" in cell for cell in cells["same"] + cells["random_search"])
    assert "1 / 2 / 0 after 2 s" in results.compared(values, ["1 s", "2 s"], sign=-1)[1]


@pytest.mark.parametrize("part", PARTS)
def test_the_sentence_counts_the_marks_of_its_table(part):
    head, cells = table(part)
    cells = {name: row for name, row in cells.items() if name != "random search, exact"}
    said = re.search(r"Of (\d+) other methods and presets, .*?: (.*)\.", generated(part))
    assert int(said[1]) == len(cells) - 1
    for place, counts in enumerate(said[2].split(", ")):
        ahead, level, behind, after = re.fullmatch(
            r"(\d+) / (\d+) / (\d+) after (.*)", counts
        ).groups()
        assert after == head[1 + place]
        column = [row[place] for name, row in cells.items() if name != "random_search"]
        bold = sum(cell.startswith("**") for cell in column)
        italic = sum(cell.startswith("*") for cell in column) - bold
        assert [bold, len(column) - bold - italic, italic] == [int(ahead), int(level), int(behind)]
    assert not any("*" in cell for cell in cells["random_search"])


@pytest.mark.parametrize("part", PARTS)
def test_rows_are_in_the_order_of_the_last_place(part):
    _, cells = table(part)
    last = [number(row[2]) for row in cells.values()]
    assert last == sorted(last, reverse=part == "multi-objective")


def section(part: str) -> str:
    """Prose of the section of a table, without tables and code."""
    (found,) = [text for text in re.split(r"^## ", PAGE, flags=re.M) if f"<!-- {part} -->" in text]
    text = found.replace(generated(part), "")
    return " ".join(re.sub(r"```.*?```", "", text, flags=re.DOTALL).split())


@pytest.mark.parametrize("part", PARTS)
def test_numbers_in_the_text_stand_in_the_table(part):
    _, cells = table(part)
    known = {cell.strip("*").split(" ")[0] for row in cells.values() for cell in row}
    said = set(re.findall(r"\b\d\.\d{3,5}\b", section(part)))
    assert said <= known
    assert len(said) >= 3


def marked(part: str, place: int, mark: str) -> set[str]:
    """Methods whose mean at a place has exactly this mark: ``"**"`` ahead, ``"*"`` behind."""
    found = {name: re.match(r"\**", row[place])[0] for name, row in table(part)[1].items()}
    return {name for name, given in found.items() if given == mark}


def test_the_text_says_who_is_ahead_with_one_fidelity():
    _, cells = table("single")
    ends = {name: number(row[2]) for name, row in cells.items()}
    families = ("regularized_evolution", "local_search", "reinforce")
    assert set(families) <= marked("single", 2, "**")
    for place in (0, 1):
        best = min(number(row[place]) for row in cells.values())
        assert number(cells["local_search"][place]) == best
    for method in ("cross_entropy", "reinforce", "tournament_evolution"):
        own = [end for name, end in ends.items() if name.split(" (")[0] == method]
        assert f"from {min(own):.3f} to {max(own):.3f} for `{method}`" in section("single")
    evolution = {n: c for n, c in cells.items() if n.startswith("regularized_evolution")}
    for place, leads in ((0, "naszilla"), (1, "naslib")):
        first = min(evolution, key=lambda name: number(evolution[name][place]))
        assert first == f"regularized_evolution ({leads})"
    last = sorted(ends[name] for name in evolution)
    said = f"all are between {last[0]:.3f} and {last[-2]:.3f} but `nats` ({last[-1]:.3f})"
    assert said in section("single")
    assert last[-1] == ends["regularized_evolution (nats)"]
    level = {
        "metaqnn (baker)",
        "reinforce_lstm (nas_rl)",
        "reinforce_lstm (enas)",
        "mcts_uct (alphax)",
        "tournament_evolution (large_scale)",
    }
    assert level <= marked("single", 2, "")
    assert "genet" in marked("single", 0, "*") & marked("single", 1, "*")
    assert "mcts_uct (deep_architect)" in marked("single", 2, "**")


def test_the_text_says_who_is_ahead_with_several_fidelities():
    part, whole = "multi-fidelity", ("random_search", "regularized_evolution")
    _, cells = table(part)
    seen = {name: int(row[5]) for name, row in cells.items() if not name.startswith(whole)}
    assert marked(part, 0, "**") == set()
    assert {name.split(" (h")[0] for name in marked(part, 0, "*")} == {
        "successive_halving",
        "dehb (configspace)",
    }
    assert marked(part, 2, "*") == set()
    ahead = seen.keys() & marked(part, 2, "**")
    assert {name.split(" (h")[0] for name in ahead} == {
        "successive_halving",
        "asha",
        "asha (liamcli)",
        "pasha",
    }
    counts = sorted(seen[name] for name in ahead), sorted(seen[n] for n in seen.keys() - ahead)
    said = f"saw {counts[0][0]} to {counts[0][-1]} networks, random search {cells[whole[0]][5]}; "
    assert said in section(part)
    assert f"saw {counts[1][0]} to {counts[1][-1]}, and are level with it" in section(part)
    assert cells["asha"] == cells["pasha"]
    assert cells[whole[0]] == cells[whole[1]]
    evolution = sorted(number(cells[name][2]) for name in marked(part, 2, "**") - ahead)
    said = f"its presets end at {evolution[0]:.3f} to {evolution[-1]:.3f}."
    assert said in section(part)


def test_the_text_says_who_is_ahead_with_a_model():
    part = MODELS[0]
    ends = {name: number(row[2]) for name, row in table(part)[1].items()}
    early = {name: number(row[0]) for name, row in table(part)[1].items()}
    assert min(ends, key=ends.__getitem__) == "gp_bo"
    assert min(early, key=early.__getitem__) == "mcts_surrogate (deep_architect)"
    evolution = ends["regularized_evolution (naszilla)"]
    assert evolution < ends["regularized_evolution"] < ends["random_search"]
    for name in ("bananas", "bananas (naszilla)", "bonas", "npenas", "brp_nas", "predictor_ea"):
        assert ends[name] < evolution
    for name in ("tpe (optuna4)", "tpe (hyperopt)", "smac (nb101)"):
        assert ends[name] > evolution
    for other in MODELS[1:]:
        assert "bananas" in marked(other, 2, "**")
    fashion, layers = (list(table(other)[1]) for other in MODELS[1:])
    assert fashion[0] == "bananas"
    assert layers[:3] == ["smac", "bananas", "local_search (naszilla)"]


def test_the_text_says_who_is_ahead_with_several_objectives():
    part = "multi-objective"
    assert marked(part, 0, "**") == {"lemonade (community)"}
    assert "lemonade" in marked(part, 1, "**")
    assert marked(part, 2, "*") == {"mo_reward", "mo_reward (proxylessnas)"}
    assert marked(part, 2, "") == {"random_search"}
