"""Training many sequence models together beside one after another, in one run.

``python tests/speed/sequences.py [PLAN ...] [--device cuda] [--groups 8 16 32]``
prints, for each plan (default: those of the tables that ship), milliseconds a training step of one
model takes, the sequences' making included, those of answering all held-out sequences once, and the
seconds of a whole training, with the ratios to one network after another; then the minutes that
these make for all classes and one seed. Models are classes in a row, as in the shards of a build.
On a CPU: one thread and its processor time, which other processes disturb less. All ways take
turns, and medians are printed.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from data_builders.builds.shards import all_classes
from data_builders.networks.seqmix import SeqMixNetwork
from data_builders.plan import load_plan
from data_builders.task_recipe import TaskRecipe
from data_builders.training import task_reference as reference
from data_builders.training.batched.token_group import TokenGroup, rates
from data_builders.training.initial_values import initialise
from data_builders.training.memory import keep_freed_memory
from nasbench.space import Arch

PLANS = ("seqmix-recall", "seqmix-copy", "seqmix-state")
SEPARATE = "one after another"
HEAD = (
    "task", "way", "step, ms", "ratio", "evaluation, ms", "ratio", "training, s", "ratio",
    "all classes, min",
)  # fmt: skip


@dataclass
class Way:
    """A way of training ``n`` models: a step of all, and an evaluation of all."""

    n: int
    step: Callable[[int], object]
    evaluate: Callable[[], object]


def separate(archs: list[Arch], recipe: TaskRecipe, device: str) -> Way:
    networks = [reference.build_network(arch, recipe).to(device) for arch in archs]
    for network, arch in zip(networks, archs, strict=True):
        initialise(network, arch, 0)
    optimizers = [reference.optimizer(network, recipe) for network in networks]
    parts = recipe.task.held_out(recipe.valid, recipe.test)
    held_out = [reference.tensors(part, device) for part in parts]

    def step(number: int) -> None:
        for network, adamw in zip(networks, optimizers, strict=True):
            batch = reference.tensors(recipe.task.batch(0, number, recipe.batch), device)
            adamw.param_groups[0]["lr"] = reference.learning_rate(recipe, number)
            loss, right = reference.update(network, adamw, *batch, recipe)
            loss.item(), int(right)

    def evaluate() -> None:
        for network in networks:
            for part in held_out:
                reference.evaluate(network, *part)

    return Way(len(archs), step, evaluate)


def grouped(archs: list[Arch], recipe: TaskRecipe, device: str) -> Way:
    parts = recipe.task.held_out(recipe.valid, recipe.test)
    group = TokenGroup(archs, 0, recipe, *parts, device=device)

    def step(number: int) -> None:
        group.step(*group.batch(number), rates(recipe, number).to(device, torch.float32))

    return Way(len(archs), step, group.evaluate)


def seconds_of(call: Callable[[], object], device: str) -> float:
    """Processor time of the thread on a CPU, wall time on a GPU."""
    clock = time.perf_counter if device == "cuda" else time.thread_time
    if device == "cuda":
        torch.cuda.synchronize()
    start = clock()
    call()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - start


def measured(ways: dict[str, Way], device: str, rounds: int) -> dict[str, tuple[float, float]]:
    """Median seconds a model of a step and of an evaluation."""
    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ways}
    for number in range(rounds + 1):
        for name, way in ways.items():
            step = seconds_of(lambda way=way, number=number: way.step(number), device)  # type: ignore[misc]
            evaluation = seconds_of(way.evaluate, device)
            if number:  # the first round warms up
                seconds[name][0].append(step / way.n)
                seconds[name][1].append(evaluation / way.n)
    return {
        name: (statistics.median(steps), statistics.median(evaluations))
        for name, (steps, evaluations) in seconds.items()
    }


def rows(recipe: TaskRecipe, options: argparse.Namespace) -> list[str]:
    """A row of the table for every way."""
    most = max(options.groups)
    everything = all_classes(SeqMixNetwork)
    classes = everything[options.first : options.first + most]
    alone = classes[:: max(1, most // options.separate)]
    ways = {SEPARATE: separate(alone, recipe, options.device)}
    for size in options.groups:
        ways[f"groups of {size}"] = grouped(classes[:size], recipe, options.device)
    seconds = measured(ways, options.device, options.rounds)
    found = []
    for name, (step, evaluation) in seconds.items():
        alone_step, alone_evaluation = seconds[SEPARATE]
        whole = recipe.epochs * (recipe.steps * step + evaluation)
        alone_whole = recipe.epochs * (recipe.steps * alone_step + alone_evaluation)
        found.append(
            f"| {recipe.data} | {name} | {1e3 * step:.2f} | {alone_step / step:.2f} "
            f"| {1e3 * evaluation:.1f} | {alone_evaluation / evaluation:.2f} "
            f"| {whole:.2f} | {alone_whole / whole:.2f} | {len(everything) * whole / 60:.1f} |"
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plans", nargs="*", default=PLANS, metavar="PLAN", help="of tasks")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--groups", type=int, nargs="+", default=[32])
    parser.add_argument("--first", type=int, default=960, help="number of the first class")
    parser.add_argument("--separate", type=int, default=16, help="how many one after another")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if options.device == "cpu":
        torch.set_num_threads(1)
        keep_freed_memory()
    name = torch.cuda.get_device_name() if options.device == "cuda" else platform.machine()
    print(f"{name}, torch {torch.__version__}\n")
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    for plan in options.plans:
        recipe = load_plan(plan).recipe
        assert isinstance(recipe, TaskRecipe)
        print("\n".join(rows(recipe, options)), flush=True)


if __name__ == "__main__":
    main()
