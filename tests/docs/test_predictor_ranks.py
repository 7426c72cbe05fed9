"""The ranks on docs/predictors.md are those of the predictors that the searches use."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau
from toys import Tiny

import nasbench
from nasbench.spaces.nb201 import NB201

pytest.importorskip("matplotlib")
pytest.importorskip("torch")
DOCS = Path(__file__).resolve().parents[2] / "docs"
SPACE = NB201()
QUICK = {
    "neural_predictor": {"epochs": 60, "learning_rate": 1e-3},
    "npenas": {"epochs": 60},
    "bonas": {"epochs": 60},
    "brp_nas": {"epochs": 50},
    "bananas": {"epochs": 60},
    "dngo": {"epochs": 60},
    "pnas": {"epochs": 40},
    "nao": {"epochs": 40},
}
"""Less training, enough for a loss that is a sum over edges."""


@pytest.fixture(scope="module")
def script():
    sys.path.insert(0, str(DOCS / "scripts"))
    try:
        import predictor_ranks

        yield predictor_ranks
    finally:
        sys.path.remove(str(DOCS / "scripts"))


def planted(arch) -> float:
    """A loss that each convolution lowers and each absent edge raises."""
    worth = (3.0, 1.0, -1.0, -2.0, 0.5)
    return 10 + sum(worth[option] * (1 + 0.01 * edge) for edge, option in enumerate(arch))


def quick(contender):
    return replace(contender, changes=contender.changes | QUICK.get(contender.algorithm, {}))


@pytest.fixture(scope="module")
def sample(script):
    return script.draw(SPACE, 40, 200, 0, planted)


def test_the_truth_has_tau_one_and_its_opposite_minus_one(script, sample):
    def truth(space, archs, losses, others, seed):
        assert list(losses) == [planted(arch) for arch in archs]
        return np.array([planted(arch) for arch in others])

    assert script.measure(truth, sample, 10, 0)["kendall"] == pytest.approx(1)
    assert script.measure(lambda *given: -truth(*given), sample, 10, 0)["kendall"] == (
        pytest.approx(-1)
    )


def test_what_ranks_nothing_has_tau_zero(script, sample):
    for said in (0.0, np.nan):
        found = script.measure(lambda *given, said=said: np.full(200, said), sample, 10, 0)
        assert found["kendall"] == 0


def test_tau_of_a_random_order_is_zero_on_average(script, sample):
    """Within four standard errors of the mean of 100 independent orders (Kendall, 1938)."""
    rng = np.random.default_rng(0)
    taus = [
        script.measure(lambda *given: rng.random(200), sample, 10, 0)["kendall"] for _ in range(100)
    ]
    deviation = np.sqrt(2 * (2 * 200 + 5) / (9 * 200 * 199))
    assert abs(np.mean(taus)) < 4 * deviation / 10
    assert np.std(taus) == pytest.approx(deviation, rel=0.3)


@pytest.mark.parametrize("label", ["gp_bo (wl)", "predictor_search (random_forest)", "bananas"])
def test_a_predictor_of_noise_has_tau_zero(script, label):
    """Labels without signal: only the noise of the held-out labels is left, seed by seed."""
    pytest.importorskip("sklearn")
    (contender,) = (c for c in script.contenders() if c.label == label)
    taus = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        sample = script.draw(SPACE, 30, 200, seed, lambda arch, rng=rng: float(rng.normal()))
        taus.append(script.measure(quick(contender).predict, sample, 30, seed)["kendall"])
    assert abs(np.mean(taus)) < 4 * np.sqrt(2 * (2 * 200 + 5) / (9 * 200 * 199) / 10)
    assert np.abs(taus).max() > 0


def test_every_predictor_finds_a_planted_order(script, sample):
    """In the right direction, too: low predictions are low losses."""
    pytest.importorskip("xgboost")
    taus = {
        contender.label: script.measure(quick(contender).predict, sample, 40, 0)["kendall"]
        for contender in script.contenders()
    }
    assert len(taus) == len(list(script.contenders())) >= 25
    assert {label for label, tau in taus.items() if tau < 0.25} <= {"tpe"}
    assert taus["tpe"] > 0.1  # good results are four
    assert taus["predictor_search (linear)"] > 0.9


def test_it_ranks_as_the_search_does(script):
    """What weak_nas trains next is among its best predictions, drawn from the same generator."""
    (contender,) = (c for c in script.contenders() if c.label == "weak_nas")
    space = SPACE
    sample = script.draw(space, 40, 10, 3, planted)
    everything = list(space.archs())
    predicted = contender.predict(space, sample.archs, sample.losses, everything, 3)
    best = {everything[i] for i in np.argsort(predicted, kind="stable")[:100]}

    def choose(search, archs):
        search.seen.update(dict.fromkeys(sample.archs))
        chosen.extend(search.choose(10))
        return np.zeros(len(archs))

    chosen = []
    replace(contender, read=choose).predict(space, sample.archs, sample.losses, everything, 3)
    assert len(chosen) == 10
    assert set(chosen) <= best


def test_nothing_that_is_ranked_was_learned(script):
    sample = script.draw(SPACE, 100, 300, 1, planted)
    learned = {SPACE.function(arch) for arch in sample.archs}
    assert len(set(sample.archs)) == 100
    assert len(set(sample.others)) == 300
    assert not learned & {SPACE.function(arch) for arch in sample.others}
    with pytest.raises(ValueError, match=r"fewer than 10 \+ 5 architectures"):
        script.draw(Tiny(), 10, 5, 1, sum)


def test_the_script_writes_the_page(script, tmp_path, monkeypatch):
    chosen = ("gp_bo (wl)", "predictor_search (random_forest)")
    monkeypatch.setattr(script, "SIZES", (10,))
    monkeypatch.setattr(script, "HELD_OUT", 60)
    two = [c for c in script.contenders() if c.label in chosen]
    monkeypatch.setattr(script, "contenders", lambda: iter(two))
    monkeypatch.setattr(script, "variants", lambda: iter(()))
    monkeypatch.setattr(script, "SINGLE", chosen[:1])
    monkeypatch.setattr(script, "PAGE", tmp_path / "page.md")
    saved = []
    monkeypatch.setattr(script, "save", lambda figure, name: saved.append((figure, name)))
    script.PAGE.write_text(
        "a\n<!-- ranks -->\n<!-- end -->\n<!-- rank-variants -->\n<!-- end -->\n"
    )
    script.main(["--seeds", "1", "--work", str(tmp_path / "work")])
    page = script.PAGE.read_text()
    benchmark = nasbench.load("nb201-cifar10")
    sample = script.draw(benchmark.space, 10, 60, 0, script.loss_of(benchmark))
    for contender in two:
        predicted = contender.predict(
            benchmark.space, sample.archs, sample.losses, sample.others, seed=0
        )
        accuracies = benchmark.query_many(np.array(sample.others), "valid_accuracy")
        tau = kendalltau(100 - accuracies, predicted).statistic
        assert f"| `{contender.label}` | {tau:.3f} | 1 |" in page
    assert "| `gp_bo (wl)`, one training |" in page
    ((figure, name),) = saved
    assert name == "predictors-ranks"
    assert len(figure.axes) == 4


# What the page says


def part(name: str) -> str:
    page = (DOCS / "predictors.md").read_text(encoding="utf-8")
    return page.partition(f"<!-- {name} -->")[2].partition("<!-- end -->")[0]


def rows(name: str) -> dict[str, list[float]]:
    """Means by predictor."""
    found = {}
    for line in part(name).splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0].startswith("`"):
            found[cells[0].replace("`", "")] = [float(cell.split()[0]) for cell in cells[1:5]]
    return found


def section() -> str:
    page = (DOCS / "predictors.md").read_text(encoding="utf-8")
    text = re.split(r"^## ", page.partition("## How well they rank")[2], flags=re.M)[0]
    for name in ("ranks", "rank-variants"):
        text = text.replace(part(name), "")
    return text


def test_numbers_in_the_text_stand_in_the_tables():
    known = {
        f"{value:.3f}"
        for name in ("ranks", "rank-variants")
        for row in rows(name).values()
        for value in row
    }
    said = set(re.findall(r"\b0\.\d{3}\b", section()))
    assert len(said) >= 10
    assert said <= known


def test_rows_are_in_the_order_of_the_most_examples():
    last = [row[-1] for row in rows("ranks").values()]
    assert last == sorted(last, reverse=True)


def test_every_predictor_has_a_row(script):
    assert set(rows("ranks")) == {contender.label for contender in script.contenders()}
    assert set(rows("rank-variants")) == {
        *(contender.label for contender in script.variants()),
        *(f"{label}, one training" for label in script.SINGLE),
    }
