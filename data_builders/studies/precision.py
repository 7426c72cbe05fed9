"""Does low precision change what a table says?

``nasbench study precision PLAN`` trains random classes twice with every seed: each network alone in
float32, and in groups whose features are bfloat16, as they are on a GPU. The two differ from the
first steps on, as two seeds do; so the question is whether they differ by more than seeds, or to
one side.
"""

from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import kendalltau, wilcoxon

from data_builders import NETWORKS
from data_builders.builds.claim import REFERENCE
from data_builders.builds.shards import choices, in_a_group, one_by_one, sample_classes
from data_builders.plan import load_plan
from data_builders.recipe import Recipe
from data_builders.studies.noise import sd_between_seeds, tau_between_seeds
from data_builders.studies.pilot import check_sizes, final_figures
from data_builders.training.courses import course_of


def accuracies(
    recipe: Recipe, n_classes: int, n_seeds: int, processes: int, device: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Final validation accuracies in percent, each of shape ``(n_seeds, n_classes)``.

    Args:
        recipe: How to train.
        n_classes: Random classes.
        n_seeds: Training seeds of each, from 0 on.
        processes: Networks, and on a CPU groups, that are trained at a time.
        device: Of the groups, ``"cpu"`` or ``"cuda"``.

    Returns:
        Those of networks alone in float32 on a CPU, and those of groups with bfloat16 features.

    Raises:
        InvalidArgumentError: Too few classes or seeds for a comparison, no process, or no such
            device.
    """
    check_sizes(n_classes, n_seeds, processes)
    archs, course = sample_classes(NETWORKS.load(recipe.network), n_classes), course_of(recipe)
    manifest = choices({"trainer": "batched", "device": device}, archs, course)
    rough = partial(in_a_group, activations=torch.bfloat16)
    together = final_figures(rough, archs, n_seeds, course, manifest, processes)
    alone = final_figures(one_by_one, archs, n_seeds, course, REFERENCE, processes)
    return alone[..., 0], together[..., 0]


def comparison(alone: NDArray[np.float64], together: NDArray[np.float64]) -> dict[str, float]:
    """Figures of the two results of :func:`accuracies`, by their descriptions.

    The differences are those of a class at one seed. Their p-value is that of Wilcoxon's signed
    rank test for a median of 0. Kendall's tau is the mean over seeds, or over pairs of seeds.
    """
    differences = together - alone
    return {
        "mean accuracy alone": alone.mean(),
        "mean difference": differences.mean(),
        "p-value of the differences": float(wilcoxon(differences.ravel()).pvalue),
        "sd of the differences": float(differences.std(ddof=1)),
        "sd of the differences between two seeds alone": 2**0.5 * sd_between_seeds(alone),
        "tau of both": float(
            np.mean([kendalltau(a, b).statistic for a, b in zip(alone, together, strict=True)])
        ),
        "tau between seeds alone": tau_between_seeds(alone),
        "tau between seeds in groups": tau_between_seeds(together),
    }


def precision_table(
    plan: str, *, classes: int, seeds: int, processes: int, device: str | None = None
) -> str:
    """A Markdown table of the figures of :func:`comparison`.

    Args:
        plan: Id of a shipped plan, or path of a TOML file.
        classes: Random classes to train, at least 8.
        seeds: Training seeds of each, at least 2.
        processes: Trainings at a time.
        device: Of the groups, ``"cpu"`` or ``"cuda"``; default: ``"cuda"`` where there is a GPU.

    Raises:
        UnknownNameError: There is no such plan.
        InvalidArgumentError: As :func:`accuracies`.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    recipe = load_plan(plan).recipe
    figures = comparison(*accuracies(recipe, classes, seeds, processes, device))
    rows = [f"| {name} | {value:.2f} |" for name, value in figures.items()]
    return "\n".join(
        [f"| {classes} classes, {seeds} seeds, {device} | value |", "|---|--:|", *rows]
    )
