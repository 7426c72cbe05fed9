"""Results of an architecture as text, in the form that NATS-Bench prints."""

from nasbench.compat.nats_bench.arch_results import ArchResults
from nasbench.compat.nats_bench.trainings import TRAIN


def print_information(
    information: ArchResults, extra_info: str | None = None, show: bool = False
) -> list[str]:
    """Return lines about an architecture: costs and final results on every training set.

    Args:
        information: Its trainings under one recipe.
        extra_info: What to add to the second line.
        show: Whether to print them, too.
    """
    results = information
    lines = [
        results.arch_str,
        f"datasets : {results.get_dataset_names()}, extra-info : {extra_info}",
    ]
    for dataset in results.get_dataset_names():
        costs = results.get_compute_costs(dataset)
        lines.append(
            f"{dataset:14s} FLOP={costs['flops']:6.2f} M, Params={costs['params']:.3f} MB, "
            f"latency={costs['latency'] * 1000:.2f} ms."
        )
        sets = _shown(dataset, results.of_size)
        numbers = ", ".join(_numbers(results, dataset, label, name) for label, name in sets.items())
        lines.append(f"{dataset:14s} {numbers}")
    if show:
        print("\n".join(lines))
    return lines


def _shown(dataset: str, of_size: bool) -> dict[str, str]:
    """Return the evaluation sets shown for a training set, by label."""
    if dataset == "cifar10":
        return {"train": TRAIN, "test ": "ori-test"}
    if dataset == "cifar10-valid":
        tested = {"test": "ori-test"} if of_size else {}
        return {"train": TRAIN, "valid": "x-valid", **tested}
    return {"train": TRAIN, "valid": "x-valid", "test": "x-test"}


def _numbers(results: ArchResults, dataset: str, label: str, name: str) -> str:
    found = results.get_metrics(dataset, name)
    return f"{label} : [loss = {found['loss']:.3f} & top1 = {found['accuracy']:.2f}%]"
