"""How well the predictors of searches rank architectures: tables and a figure of ``predictors.md``.

``python docs/scripts/predictor_ranks.py [--table nb201-cifar10] [--seeds 10]`` fits each of them to
random architectures as its search does, measures Kendall's tau on others, and writes the page. What
the folder of results holds already is not computed again. Needs the extras ``torch`` and
``surrogates``, and matplotlib.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from random import Random
from time import process_time
from typing import Any, TypeAlias

import joblib
import numpy as np
import torch
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from pages import DOCS, fill, markdown_table, save, style

import nasbench
from algorithms import ALGORITHMS
from algorithms.bayesian import smac, tpe
from algorithms.bayesian.bore import best_results, boosted
from algorithms.bayesian.gp_bo import KERNELS
from algorithms.models.candidates import unseen
from algorithms.models.features import mixed
from algorithms.models.processes.process_search import scaled
from algorithms.parts.lstm_policy import one_thread
from nasbench.algorithm import Observation, Proposal, hyperparameters, make
from nasbench.benchmarks.catalogue import open_table
from nasbench.benchmarks.loading import AnyBenchmark
from nasbench.runs.setup import registered_regressor
from nasbench.space import Arch, SearchSpace
from surrogates import judge
from surrogates.examples import Examples

TABLE = "nb201-cifar10"
PAGE = DOCS / "predictors.md"
SIZES = (10, 30, 100, 300)
HELD_OUT = 1000
VARIANT_SEEDS = 5
SEEDS, FEW_SEEDS, FEWEST_SEEDS = 10, 3, 2
"""Repetitions, those of networks that take seconds to fit, and of one that takes a minute."""

Numbers: TypeAlias = NDArray[np.float64]
Read: TypeAlias = Callable[[Any, Sequence[Arch]], Numbers]
Tell: TypeAlias = Callable[[Any, Sequence[Arch], Sequence[float]], None]


# What a search predicts. Each function takes a search that was told of some trainings, and other
# architectures; low is good. Some reach into a search, since no part of it that others may call
# returns the mean of its predictions.


def of_scores(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Predictions of a search that offers them."""
    found: Numbers = search.scores(archs)
    return found


def of_mutant_search(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Means of a model of features."""
    features = search._features
    mean: Numbers
    mean, _ = search.fit_and_predict(
        features(search.examples.archs), search._targets(), features(archs)
    )
    return mean


def of_process(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Means of a Gaussian process, which hands itself to the function that makes candidates."""
    found: list[Numbers] = []

    def pool(process: Any) -> list[Arch]:
        found.append(process.predict(archs)[0])
        return []

    search.pool = pool
    search.choose(1)
    return found[0] if found else np.zeros(len(archs))


def of_regressor(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Means of a registered regressor, which is handed to the function that chooses by it."""
    found: list[Numbers] = []

    def choose_by(model: Any, n: int) -> list[Arch]:
        found.append(model.predict(np.array(archs)).mean)
        return []

    search.choose_by = choose_by
    search.choose(1)
    return found[0] if found else np.zeros(len(archs))


def of_regressor_of_ranks(search: Any, archs: Sequence[Arch]) -> Numbers:
    """The same, told normal scores of the ranks instead of losses."""
    search.targets = lambda: scaled(search.examples, "ranks")
    return of_regressor(search, archs)


def of_brp_nas(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Ranks, after as many iterations as the search makes, each with its share of the examples."""
    archs_told, losses = search.examples.archs, search.examples.losses
    search.examples.archs, search.examples.losses = [], []
    search._candidates = list(archs)
    ranks = np.zeros(len(archs))
    for i, rows in enumerate(np.array_split(np.arange(len(losses)), search.iterations), start=1):
        tell(search, [archs_told[k] for k in rows], [losses[k] for k in rows])
        order = search.order(i)
    ranks[order] = np.arange(len(order))
    return ranks


def of_pnas(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Mean predictions of the LSTMs, trained for the first time."""
    found: Numbers = search.predict(archs, [search.examples])[0]
    return found


def of_nao(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Predictions from the vectors of the encoder."""
    with one_thread():
        network = search.trained()
        with torch.no_grad():
            found: Numbers = network.predict(network.encode(network.tokens(archs)), None).numpy()
    return found


def of_weak_nas(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Predictions of the network."""
    features, network = search._features, search._network
    network.fit(features(search.examples.archs), search.examples.targets(), search.array_rng)
    found: Numbers = network.predict(features(archs))[0]
    return found


def of_smac(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Means of the trees of the forest."""
    targets = search.examples.targets()
    if search.log_losses:
        targets = smac._log_scaled(targets)
    forest = search._forest(search._encoded(search.examples.archs), targets)
    found: Numbers = search._predicted(forest, archs)[0]
    return found


def of_bore(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Minus the log-odds that an architecture belongs to the best results."""
    return -boosted(
        mixed(search.space, search.examples.archs),
        best_results(search.examples.targets(), search.gamma),
        mixed(search.space, archs),
        rounds=search.rounds,
        depth=search.depth,
        rate=search.rate,
        seed=int(search.rng.random() * 2**31),
    )


def of_tpe(search: Any, archs: Sequence[Arch]) -> Numbers:
    """Density of bad results over that of good ones."""
    good, bad = (
        tpe._density(
            np.array(archs),
            search._kernels(search._archs.rows[rows]),
            tpe._weights(len(rows), 1.0),
        )
        for rows in search._split()
    )
    return bad / good


def tell(search: Any, archs: Sequence[Arch], losses: Sequence[float]) -> None:
    """Tell a search of trainings that it did not ask for."""
    for arch, loss in zip(archs, losses, strict=True):
        search.examples.add(
            Observation(len(search.examples), Proposal(arch), (float(loss),), seconds=0.0)
        )


def tell_tpe(search: Any, archs: Sequence[Arch], losses: Sequence[float]) -> None:
    """The same for ``tpe``, which keeps no examples but numbers."""
    for arch, loss in zip(archs, losses, strict=True):
        search._archs.append(arch)
        search._losses.append(loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A predictor as one algorithm uses it.

    Attributes:
        panel: Where the figure shows it.
        algorithm: Registered name.
        read: Returns what a search predicts.
        preset: Of the algorithm.
        changes: Hyperparameters that differ from the preset.
        tell: Tells a search of trainings.
        most: Number of seeds at most; None for all.
        note: Says in the label what else differs.
        by_size: Name of the hyperparameter that says how many architectures the predictor learns
            from, if there is one.
    """

    panel: str
    algorithm: str
    read: Read
    preset: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    tell: Tell = tell
    most: int | None = None
    note: str = ""
    by_size: str | None = None

    @property
    def label(self) -> str:
        """How the table calls it."""
        settings = [self.preset] if self.preset else []
        settings += [
            str(value) for value in self.changes.values() if not isinstance(value, Mapping)
        ]
        settings += [self.note] if self.note else []
        return f"{self.algorithm} ({', '.join(settings)})" if settings else self.algorithm

    def predict(
        self,
        space: SearchSpace,
        archs: Sequence[Arch],
        losses: Sequence[float],
        others: Sequence[Arch],
        seed: int,
    ) -> Numbers:
        """Predict architectures after a search was told of some trainings; low is good.

        Args:
            space: The search space.
            archs: Architectures that were trained.
            losses: Their losses.
            others: Architectures to predict.
            seed: Seed of the search.
        """
        kind = ALGORITHMS.load(self.algorithm)
        changes = dict(self.changes)
        if self.by_size:
            changes[self.by_size] = len(archs)
        search = make(
            kind,
            space,
            fidelities=(1,),
            seed=seed,
            hyperparameters=hyperparameters(kind, changes, self.preset),
            regressors=registered_regressor,
        )
        self.tell(search, archs, losses)
        return self.read(search, others)


GRAPHS, NETWORKS = "Graph networks", "Other networks"
PROCESSES, TREES = "Gaussian processes", "Trees, densities, baselines"


def contenders() -> Iterator[Contender]:
    """Every predictor, in the order of the panels."""
    yield Contender(panel=GRAPHS, algorithm="neural_predictor", read=of_scores, most=FEWEST_SEEDS)
    yield Contender(panel=GRAPHS, algorithm="npenas", read=of_scores, most=FEW_SEEDS)
    yield Contender(panel=GRAPHS, algorithm="bonas", read=of_scores, most=FEW_SEEDS)
    yield Contender(
        panel=GRAPHS, algorithm="brp_nas", read=of_brp_nas, by_size="training", most=FEW_SEEDS
    )
    yield Contender(panel=NETWORKS, algorithm="bananas", read=of_mutant_search)
    yield Contender(panel=NETWORKS, algorithm="bananas", read=of_mutant_search, preset="naszilla")
    yield Contender(panel=NETWORKS, algorithm="dngo", read=of_mutant_search)
    yield Contender(panel=NETWORKS, algorithm="weak_nas", read=of_weak_nas)
    yield Contender(panel=NETWORKS, algorithm="pnas", read=of_pnas, most=FEW_SEEDS)
    yield Contender(panel=NETWORKS, algorithm="nao", read=of_nao, most=FEW_SEEDS)
    for kernel in KERNELS:
        changes = {"kernel": kernel}
        yield Contender(panel=PROCESSES, algorithm="gp_bo", read=of_process, changes=changes)
    yield Contender(panel=PROCESSES, algorithm="nas_bowl", read=of_process)
    yield Contender(panel=PROCESSES, algorithm="nasbot", read=of_process)
    yield Contender(panel=TREES, algorithm="smac", read=of_smac)
    yield Contender(panel=TREES, algorithm="bore", read=of_bore)
    yield Contender(panel=TREES, algorithm="tpe", read=of_tpe, tell=tell_tpe)
    panels = {"gaussian_process": PROCESSES, "mlp": NETWORKS, "gin": GRAPHS}
    for regressor in ("random_forest", "xgb", "ngb", *panels, "svr", "linear", "knn"):
        yield Contender(
            panel=panels.get(regressor, TREES),
            algorithm="predictor_search",
            read=of_regressor,
            changes={"regressor": regressor},
            most=FEW_SEEDS if regressor == "gin" else None,
        )


def variants() -> Iterator[Contender]:
    """Single changes of some predictors: of features, of targets, of an assumed noise."""
    for encoding in ("one_hot", "path", "path_through_none"):
        yield Contender(
            panel=NETWORKS,
            algorithm="bananas",
            read=of_mutant_search,
            changes={"encoding": encoding},
        )
    for kernel in ("path", "wl"):
        for targets in ("losses", "logarithms"):
            yield Contender(
                panel=PROCESSES,
                algorithm="gp_bo",
                read=of_process,
                changes={"kernel": kernel, "targets": targets},
            )
    yield Contender(
        panel=PROCESSES, algorithm="nasbot", read=of_process, changes={"targets": "ranks"}
    )
    for regressor in ("xgb", "random_forest", "mlp", "linear"):
        yield Contender(
            panel=TREES,
            algorithm="predictor_search",
            read=of_regressor,
            changes={"regressor": regressor, "regressor_settings": {"encodings": ["one_hot"]}},
            note="one_hot",
        )
        yield Contender(
            panel=TREES,
            algorithm="predictor_search",
            read=of_regressor_of_ranks,
            changes={"regressor": regressor},
            note="ranks",
        )
    yield Contender(panel=NETWORKS, algorithm="dngo", read=of_mutant_search, preset="naszilla")
    for noise in (10.0, 1.0):
        yield Contender(
            panel=NETWORKS, algorithm="dngo", read=of_mutant_search, changes={"noise": noise}
        )


SINGLE = (
    "gp_bo (path)",
    "bananas",
    "predictor_search (random_forest)",
    "predictor_search (xgb)",
    "predictor_search (linear)",
)
"""Predictors that are also shown with losses of one training."""


# Measuring


@dataclass(frozen=True, slots=True)
class Sample:
    """Random architectures and their losses.

    Attributes:
        space: The search space.
        archs: Architectures to learn from; fewer of them are the first ones.
        losses: What a search is told.
        others: Architectures to rank, none of which computes the same as one of the former.
        truth: Their losses, by which ranks are judged.
    """

    space: SearchSpace
    archs: Sequence[Arch]
    losses: Sequence[float]
    others: Sequence[Arch]
    truth: Sequence[float]


Loss: TypeAlias = Callable[[Arch], float]
Predict: TypeAlias = Callable[
    [SearchSpace, Sequence[Arch], Sequence[float], Sequence[Arch], int], Numbers
]


def draw(
    space: SearchSpace, n: int, held_out: int, seed: int, told: Loss, judged: Loss | None = None
) -> Sample:
    """Draw ``n`` random architectures to learn from and ``held_out`` others to rank.

    Args:
        space: The search space.
        n: Number of architectures to learn from.
        held_out: Number of architectures to rank.
        seed: Seed of the draw.
        told: Loss of an architecture that is learned from.
        judged: Loss of one that is ranked; None for the same function.

    Raises:
        ValueError: The space does not have so many.
    """
    rng = Random(seed)
    archs = unseen(space, n, rng, ())
    known = {space.function(arch) for arch in archs}
    rest = unseen(space, 2 * held_out + n, rng, set(archs))
    others = [arch for arch in rest if space.function(arch) not in known][:held_out]
    if len(archs) < n or len(others) < held_out:
        raise ValueError(f"{space.name} has fewer than {n} + {held_out} architectures")
    truth = [(judged or told)(arch) for arch in others]
    return Sample(space, archs, [told(arch) for arch in archs], others, truth)


def loss_of(benchmark: AnyBenchmark, seed: int | None = None) -> Loss:
    """The loss after the last epoch: the mean over all trainings, or that of one seed."""
    return lambda arch: benchmark.evaluate(arch, seed=seed).losses[0]


def measure(predict: Predict, sample: Sample, n: int, seed: int) -> dict[str, float]:
    """Kendall's tau-b of a predictor that learned from the first ``n``, and processor seconds.

    A predictor that says the same of all architectures, or fails, ranks nothing: its tau is 0.
    """
    start = process_time()
    predicted = predict(sample.space, sample.archs[:n], sample.losses[:n], sample.others, seed)
    seconds = process_time() - start
    if not np.isfinite(predicted).all() or np.ptp(predicted) == 0:
        return {"kendall": 0.0, "seconds": seconds}
    return {"kendall": judge.kendall(np.array(sample.truth), predicted), "seconds": seconds}


@cache
def sample_of(table: str, seed: int, single: bool) -> Sample:
    """A sample of a benchmark, with losses of one training, the first, or the mean of all."""
    benchmark = nasbench.load(table)
    loss = loss_of(benchmark, benchmark.complete_seeds[0] if single else None)
    return draw(benchmark.space, SIZES[-1], HELD_OUT, seed, loss)


def measured(
    path: Path, contender: Contender, seed: int, single: bool, table: str
) -> dict[str, dict[str, float]]:
    """What a file holds on one predictor and seed, by number of examples; made if there is none.

    Args:
        path: The file.
        contender: The predictor.
        seed: Seed of the architectures and of the search.
        single: Whether one training gives the losses, told and judged, instead of the mean.
        table: Id of the benchmark.
    """
    if not path.exists():
        sample = sample_of(table, seed, single)
        found = {str(n): measure(contender.predict, sample, n, seed) for n in SIZES}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found), encoding="utf-8")
    known: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return known


def all_measured(
    work: Path,
    table: str,
    found: Sequence[Contender],
    seeds: int,
    processes: int,
    *,
    single: bool = False,
) -> dict[str, tuple[Numbers, float]]:
    """Kendall's tau, shape ``(seeds, sizes)``, and seconds at the largest size, by label."""
    folder = work / table / ("single" if single else "mean")
    jobs = [
        (contender, seed)
        for contender in found
        for seed in range(min(seeds, contender.most or seeds))
    ]
    answers = joblib.Parallel(processes)(
        joblib.delayed(measured)(
            folder / f"{contender.label}-{seed}.json", contender, seed, single, table
        )
        for contender, seed in jobs
    )
    by_label: dict[str, list[dict[str, dict[str, float]]]] = {}
    for (contender, _), answer in zip(jobs, answers, strict=True):
        by_label.setdefault(contender.label, []).append(answer)
    return {
        label: (
            np.array([[each[str(n)]["kendall"] for n in SIZES] for each in given]),
            float(np.median([each[str(SIZES[-1])]["seconds"] for each in given])),
        )
        for label, given in by_label.items()
    }


# The page


def cell(taus: Numbers) -> str:
    """Mean and its standard error over seeds."""
    if len(taus) < 2:
        return f"{taus.mean():.3f}"
    return f"{taus.mean():.3f} ± {taus.std(ddof=1) / np.sqrt(len(taus)):.3f}"


def ranks_table(found: Mapping[str, tuple[Numbers, float]]) -> str:
    """A row a predictor, the best with the most examples first."""
    order = sorted(found, key=lambda label: -found[label][0][:, -1].mean())
    rows = [
        [
            f"`{label}`",
            *(cell(column) for column in found[label][0].T),
            str(len(found[label][0])),
            f"{found[label][1]:.2g}",
        ]
        for label in order
    ]
    return markdown_table(["predictor", *map(str, SIZES), "seeds", "CPU s"], rows)


def variants_table(
    found: Mapping[str, tuple[Numbers, float]], single: Mapping[str, tuple[Numbers, float]]
) -> str:
    """A row for each change of a predictor, and for each that saw one training."""
    rows = [
        [f"`{label}`{said}", *(cell(column) for column in taus.T)]
        for said, group in (("", found), (", one training", single))
        for label, (taus, _) in group.items()
    ]
    return markdown_table(["predictor", *map(str, SIZES)], rows)


def figure(found: Mapping[str, tuple[Numbers, float]], limits: Mapping[str, float]) -> None:
    """A panel a family, the others in grey behind it."""
    of_panel: dict[str, list[str]] = {}
    for contender in contenders():
        if contender.label in found:
            of_panel.setdefault(contender.panel, []).append(contender.label)
    drawn, panels = plt.subplots(
        2, 2, figsize=(10, 7.5), layout="constrained", sharex=True, sharey=True
    )
    for panel, (title, labels) in zip(panels.flat, of_panel.items(), strict=False):
        for label, (taus, _) in found.items():
            if label not in labels:
                panel.plot(SIZES, taus.mean(axis=0), color="0.88", linewidth=0.8, zorder=1)
        for i, label in enumerate(labels):
            taus = found[label][0]
            error = taus.std(axis=0, ddof=1) / np.sqrt(len(taus)) if len(taus) > 1 else None
            panel.errorbar(
                SIZES,
                taus.mean(axis=0),
                error,
                color=f"C{i % 10}",
                marker="o",
                markersize=3,
                linewidth=1.3,
                zorder=3,
                label=label.removeprefix("predictor_search (").rstrip(")")
                if label.startswith("predictor_search")
                else label,
            )
        for (_, value), line in zip(limits.items(), ("-", "--"), strict=False):
            panel.axhline(value, color="black", linewidth=0.8, linestyle=line)
        panel.set(xscale="log", xticks=SIZES, xticklabels=map(str, SIZES), title=title)
        panel.minorticks_off()
        panel.legend(loc="lower right", ncols=2, fontsize=7)
    for panel in panels[-1]:
        panel.set_xlabel("random architectures learned from")
    for panel in panels[:, 0]:
        panel.set_ylabel("Kendall τ on other architectures")
    save(drawn, "predictors-ranks")


def limits(table: str) -> dict[str, float]:
    """Kendall's tau between two trainings, and of a perfect predictor with the means, estimated."""
    opened = open_table(table)
    objective = opened.metadata.default_objective or "valid_accuracy"
    examples = Examples.read(opened, [objective])
    between = judge.tau_between_trainings(examples, examples.place(objective))
    if between is None:
        return {}
    attainable = judge.attainable_tau(between, 1 / (1 / examples.counts).mean())
    return {"perfect": attainable, "two trainings": between}


def limits_said(limits: Mapping[str, float]) -> str:
    """A sentence on the limits of a table."""
    if not limits:
        return "Every architecture was trained once."
    return (
        f"A perfect predictor of the means would reach {limits['perfect']:.3f} (estimated); two "
        f"single trainings agree by {limits['two trainings']:.3f}."
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse the command line, compute, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--table", default=TABLE, help="id of a benchmark")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("runs/predictor-ranks"))
    given = parser.parse_args(arguments)
    style()
    run = partial(
        all_measured, given.work, given.table, seeds=given.seeds, processes=given.processes
    )
    found = run(list(contenders()))
    reachable = limits(given.table)
    fill(PAGE, "ranks", f"{limits_said(reachable)}\n\n{ranks_table(found)}")
    figure(found, reachable)
    few = min(given.seeds, VARIANT_SEEDS)
    single = run([c for c in contenders() if c.label in SINGLE], seeds=few, single=True)
    fill(PAGE, "rank-variants", variants_table(run(list(variants()), seeds=few), single))


if __name__ == "__main__":
    main()
