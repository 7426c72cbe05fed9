"""What docs/seqmix.md says of its table follows from the table."""

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


@pytest.mark.parametrize("part", ["noise", "effects", "best", "correlation", "transfer", "scores"])
def test_tables_are_those_that_the_script_makes(script, results, part, monkeypatch):
    monkeypatch.setattr(script, "save", lambda *_: None)
    text = PAGE.partition(f"<!-- {part} -->")[2].partition("<!-- end -->")[0]
    assert text.strip() == getattr(script, part)(results)


def test_the_best_networks_have_attention_last_after_other_mixers(script, results):
    (copy,) = results
    for row in copy.order[:5]:
        layers = [option for option in copy.archs[row] if option != script.IDENTITY]
        assert layers[-1] == ATTENTION
        assert ATTENTION not in layers[:-1]
        assert len(layers) > 1


def test_where_mixers_help_and_how_far_the_best_is_from_the_mean(script, results):
    (copy,) = results
    deep = (copy.archs != script.IDENTITY).all(axis=1)

    def means(option):
        chosen = [deep & (copy.archs[:, layer] == option) for layer in range(script.LAYERS)]
        return np.array([copy.test[rows].mean() for rows in chosen])

    assert means(ATTENTION).argmax() == script.LAYERS - 1
    for mixer in ("window_attention", "gated_recurrence"):
        assert means(script.MIXERS.index(mixer)).argmax() == 0
    others = [means(option) for option in range(1, len(script.MIXERS) - 1)]
    assert (means(script.MIXERS.index("mlp")) < np.min(others, axis=0)).all()
    gap = copy.test[copy.order[0]] - copy.test.mean()
    assert f"the best is {gap:.0f} points above the mean" in README
