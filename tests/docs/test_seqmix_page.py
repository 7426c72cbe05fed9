"""What docs/seqmix.md says of its tables follows from them."""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest

pytest.importorskip("matplotlib")
ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/seqmix.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ATTENTION = 1


@pytest.fixture(scope="module")
def script():
    mpl.use("agg")
    sys.path.insert(0, str(ROOT / "docs/scripts"))
    try:
        import seqmix

        yield seqmix
    finally:
        sys.path.remove(str(ROOT / "docs/scripts"))


@pytest.fixture(scope="module")
def results(script):
    return [script.Results(task) for task in script.TASKS]


def rows_of(table):
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


@pytest.mark.parametrize("part", ["noise", "effects", "best", "correlation", "transfer", "scores"])
def test_tables_are_those_that_the_script_makes(script, results, part, monkeypatch):
    monkeypatch.setattr(script, "save", lambda *_: None)
    text = PAGE.partition(f"<!-- {part} -->")[2].partition("<!-- end -->")[0]
    assert text.strip() == getattr(script, part)(results)


def test_the_best_networks_have_attention_last_after_other_mixers(script, results):
    copy = results[0]
    for row in copy.order[:5]:
        layers = [option for option in copy.archs[row] if option != script.IDENTITY]
        assert layers[-1] == ATTENTION
        assert ATTENTION not in layers[:-1]
        assert len(layers) > 1


def test_recall_takes_a_shift_before_attention(script, results):
    recall = results[1]
    shifts = {script.MIXERS.index(name) for name in ("window_attention", "gated_convolution")}
    before = [
        ATTENTION in arch and bool(shifts & {*arch[: arch.index(ATTENTION)]})
        for arch in recall.archs.tolist()
    ]
    solved = recall.test > 99
    assert (solved & ~np.array(before)).sum() == 3
    deep = (recall.archs != script.IDENTITY).all(axis=1)
    first = {o: recall.test[deep & (recall.archs[:, 0] == o)].mean() for o in range(1, 7)}
    assert {*sorted(first, key=first.__getitem__)[-2:]} == shifts
    by_seed = recall.by_seed("test_accuracy") > 95
    assert (by_seed.any(axis=0) & ~by_seed.all(axis=0)).sum() > 100


def test_the_tops_of_two_tasks_are_unlike_and_multiply_adds_beat_scores(script, results):
    copy, recall, state = (row[1:] for row in rows_of(script.correlation(results)))
    for cell in (copy[1], recall[0]):
        _, within, shared = map(float, cell.split(" / "))
        assert abs(within) < 0.1
        assert shared > 60
    for cell in state[:2]:
        over_all, _, shared = map(float, cell.split(" / "))
        assert over_all < 0.2
        assert shared < 25
    for _, *scores, _, macs in rows_of(script.scores(results)):
        both = [float(cell.split(" / ")[0]) for cell in (*scores, macs)]
        assert max(map(abs, both[:-1])) < both[-1]


def test_where_mixers_help_and_how_far_the_best_is_from_the_mean(script, results):
    copy = results[0]
    deep = (copy.archs != script.IDENTITY).all(axis=1)

    def means(option):
        chosen = [deep & (copy.archs[:, layer] == option) for layer in range(script.LAYERS)]
        return np.array([copy.test[rows].mean() for rows in chosen])

    assert means(ATTENTION).argmax() == script.LAYERS - 1
    for mixer in ("window_attention", "gated_recurrence"):
        assert means(script.MIXERS.index(mixer)).argmax() == 0
    others = [means(option) for option in range(1, len(script.MIXERS) - 1)]
    assert (means(script.MIXERS.index("mlp")) < np.min(others, axis=0)).all()
    gaps = [each.test[each.order[0]] - each.test.mean() for each in results]
    said = "{:.0f}, {:.0f} and {:.0f} points above the mean".format(*gaps)
    assert f"where the best is {said}" in README


def test_a_state_is_carried_by_recurrences_and_attention(script, results):
    state = results[2]
    carrying = [
        script.MIXERS.index(n) for n in ("attention", "linear_attention", "gated_recurrence")
    ]
    others = state.test[~np.isin(state.archs, carrying).any(axis=1)]
    assert f"stay at {others.max():.1f} % or below" in PAGE
    recurrence = carrying[-1]
    (pure,) = state.test[(state.archs == recurrence).all(axis=1)]
    assert f"Four recurrences have {pure:.1f} %" in PAGE
    best = state.archs[state.order[:100]]
    assert (~(best == recurrence).any(axis=1)).sum() == 7  # seven have none
    gains = script.inserted(state)
    for mixer in carrying:
        assert (np.diff(gains[mixer - 1]) < 0).all()
    mlp, attention = (gains[script.MIXERS.index(n) - 1, -1] for n in ("mlp", "attention"))
    assert abs(mlp - attention) < 0.5
