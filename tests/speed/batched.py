"""Training many cells together beside other ways of training them, in one run.

``python tests/speed/batched.py [--plan lite201-digits] [--device cuda] [--groups 16 32 64 128]``
prints a table of milliseconds a training step and an evaluation of one model take, of seconds a
training takes with all its epochs, and of the ratio to one network after another. On a CPU: one
thread, process time, which other processes disturb less. All ways take turns, and medians are
printed. Compared are

- one network after another (``data_builders.training.reference``); on a GPU also with every step
  replayed as a CUDA graph,
- groups (``data_builders.training.batched.group``) with every convolution,
- ``torch.func.vmap`` over one network that has all operations on all edges, multiplied with masks;
  steps only, and without running statistics.

Bytes a second: the bytes that a step's features move with stock operators, by the number of passes
over them of every operation (``PASSES``), beside those of copying a large tensor.
"""

import argparse
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from data_builders import NETWORKS
from data_builders.builds.shards import sample_classes, trainable_classes
from data_builders.images.datasets import Split, load_split
from data_builders.plan import load_plan
from data_builders.recipe import ImageRecipe
from data_builders.training import reference as training
from data_builders.training.batched.convolutions import CONVOLUTIONS, convolutions_of
from data_builders.training.batched.group import Group
from data_builders.training.cuda_graph import CapturedStep
from data_builders.training.memory import keep_freed_memory
from nasbench.space import Arch
from nasbench.spaces.nb201 import CONV1, CONV3, EDGES, POOL, SKIP, live_edges

PASSES = {CONV1: 25.0, CONV3: 25.0, SKIP: 6.0, POOL: 11.0}
STEM_PASSES, TAIL_PASSES = 12.0, 12.0
REDUCTION_PASSES = (2.5, 13.0)  # over its input, over its output
COPIED_BYTES = 2**28
SEPARATE = "one after another"


@dataclass
class Way:
    """A way of training.

    Attributes:
        step: Does a training step of all architectures.
        evaluate: Evaluates all of them; None if that is not compared.
        archs: The architectures.
    """

    step: Callable[[], object]
    evaluate: Callable[[], object] | None
    archs: Sequence[Arch]


# What is compared


def separate(archs: Sequence[Arch], recipe: ImageRecipe, split: Split, device: str) -> Way:
    data = training.tensors(split, device=device)
    x, y = data["train"].x[: recipe.batch], data["train"].y[: recipe.batch]
    networks = [training.build_network(arch, recipe, split).to(device) for arch in archs]
    optimizers = [training.optimizer(network, recipe) for network in networks]

    def step() -> None:
        for network, sgd in zip(networks, optimizers, strict=True):
            training.step(network, sgd, x, y, 0.0)

    def evaluate() -> None:
        for network in networks:
            for part in ("valid", "test"):
                training.evaluate(network, data[part])

    return Way(step, evaluate, archs)


def graphed(archs: Sequence[Arch], recipe: ImageRecipe, split: Split) -> Way:
    """Separate networks whose steps are CUDA graphs; their evaluation is that of separate ones."""
    data = training.tensors(split, device="cuda")["train"]
    inputs = data.x[: recipe.batch], data.y[: recipe.batch]

    def captured(arch: Arch) -> CapturedStep:
        network = training.build_network(arch, recipe, split).cuda()
        sgd = training.optimizer(network, recipe)
        sgd.param_groups[0]["lr"] = 0.0

        def step(x: Tensor, y: Tensor) -> None:
            sgd.zero_grad(set_to_none=True)
            F.cross_entropy(network(x), y).backward()
            sgd.step()

        return CapturedStep(step, inputs, [], owner=(network, sgd))

    steps = [captured(arch) for arch in archs]
    return Way(lambda: [step(*inputs) for step in steps], None, archs)


def grouped(
    archs: Sequence[Arch], recipe: ImageRecipe, split: Split, device: str, convolution: str
) -> Way:
    group = Group(archs, 0, recipe, split, convolution, device=device)
    data = training.tensors(split, device=device)["train"]
    x, y, rate = data.x[: recipe.batch], data.y[: recipe.batch], data.x.new_zeros(())
    return Way(lambda: group.step(x, y, rate), group.evaluate, archs)


def masked(archs: Sequence[Arch], recipe: ImageRecipe, split: Split, device: str) -> Way:
    """One network with every operation on every edge, for all models at once."""
    options = (SKIP, CONV1, CONV3, POOL)
    data = training.tensors(split, device=device)["train"]
    x, y = data.x[: recipe.batch], data.y[: recipe.batch]
    masks = torch.tensor(
        [
            [[float(live and o == option) for option in options] for o, live in cell]
            for cell in (zip(arch, live_edges(arch), strict=True) for arch in archs)
        ],
        device=device,
    )
    n, inputs = len(archs), split.train.x.shape[3]
    shapes = {"stem": (recipe.channels, inputs, 3, 3)}
    widths = [recipe.channels << stage for stage in range(3)]
    for stage, width in enumerate(widths):
        for cell in range(recipe.cells):
            for edge in range(len(EDGES)):
                shapes[f"{stage} {cell} {edge} 1"] = (width, width, 1, 1)
                shapes[f"{stage} {cell} {edge} 3"] = (width, width, 3, 3)
        if stage < 2:
            shapes[f"reduction {stage}"] = (2 * width, width, 1, 1)
    weights = {name: 0.1 * torch.randn(n, *shape, device=device) for name, shape in shapes.items()}
    for name, (width, *_) in shapes.items():
        weights[f"{name} scale"] = torch.ones(n, width, device=device)
        weights[f"{name} shift"] = torch.zeros(n, width, device=device)
    weights["tail scale"] = torch.ones(n, widths[-1], device=device)
    weights["tail shift"] = torch.zeros(n, widths[-1], device=device)
    weights["head"] = 0.1 * torch.randn(n, split.n_classes, widths[-1], device=device)
    weights["bias"] = torch.zeros(n, split.n_classes, device=device)

    def norm(p: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
        return F.batch_norm(x, None, None, p[f"{name} scale"], p[f"{name} shift"], training=True)

    def convolved(p: dict[str, Tensor], name: str, x: Tensor) -> Tensor:
        return norm(p, name, F.conv2d(x, p[name], padding=p[name].shape[-1] // 2))

    def loss(p: dict[str, Tensor], mask: Tensor) -> Tensor:
        rows = convolved(p, "stem", x)
        for stage in range(3):
            for cell in range(recipe.cells):
                nodes = [rows, *(torch.zeros_like(rows) for _ in range(3))]
                for edge, (source, target) in enumerate(EDGES):
                    at, name = nodes[source], f"{stage} {cell} {edge}"
                    outcomes = (
                        at,
                        convolved(p, f"{name} 1", F.relu(at)),
                        convolved(p, f"{name} 3", F.relu(at)),
                        F.avg_pool2d(at, 3, 1, 1, count_include_pad=False),
                    )
                    for i, outcome in enumerate(outcomes):
                        nodes[target] = nodes[target] + mask[edge, i] * outcome
                rows = nodes[3]
            if stage < 2:
                rows = convolved(p, f"reduction {stage}", F.avg_pool2d(rows, 2))
        features = F.relu(norm(p, "tail", rows)).mean(dim=(2, 3))
        return F.cross_entropy(F.linear(features, p["head"], p["bias"]), y)

    gradients = torch.func.vmap(torch.func.grad(loss))
    sgd = torch.optim.SGD(
        weights.values(), lr=0.0, momentum=0.9, weight_decay=5e-4, nesterov=True, foreach=True
    )

    def step() -> None:
        for name, gradient in gradients(weights, masks).items():
            weights[name].grad = gradient
        sgd.step()

    return Way(step, None, archs)


# Measuring


def bytes_of_a_step(archs: Sequence[Arch], recipe: ImageRecipe, size: int, item: int) -> float:
    """Bytes that the features of one step of all models move."""
    total = 0.0
    for arch in archs:
        live = [o for o, is_live in zip(arch, live_edges(arch), strict=True) if is_live]
        of_cells = recipe.cells * sum(PASSES[option] for option in live)
        features = [(recipe.channels << s) * (size >> s) ** 2 for s in range(3)]
        total += STEM_PASSES * features[0] + TAIL_PASSES * features[2]
        total += of_cells * sum(features)
        total += REDUCTION_PASSES[0] * sum(features[:2]) + REDUCTION_PASSES[1] * sum(features[1:])
    return total * recipe.batch * item


def seconds_of(call: Callable[[], object], device: str) -> float:
    """Process time on a CPU, wall time on a GPU."""
    clock = time.perf_counter if device == "cuda" else time.process_time

    def now() -> float:
        if device == "cuda":
            torch.cuda.synchronize()
        return clock()

    start = now()
    call()
    return now() - start


def copied_bytes_a_second(device: str, rounds: int) -> float:
    """Bytes read and written by copying one large tensor to another."""
    source = torch.zeros(COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    seconds = [seconds_of(lambda: target.copy_(source), device) for _ in range(rounds)]
    return 2 * COPIED_BYTES / statistics.median(seconds)


def measured(
    ways: dict[str, Way], device: str, rounds: int, steps: int
) -> dict[str, tuple[float, float | None]]:
    """Median seconds of a step and of an evaluation of all architectures of every way."""

    def some_steps(way: Way) -> None:
        for _ in range(steps):
            way.step()

    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ways}
    for way in ways.values():
        way.step()
        if way.evaluate:
            way.evaluate()
    for _ in range(rounds):
        for name, way in ways.items():
            seconds[name][0].append(seconds_of(lambda way=way: some_steps(way), device) / steps)
            if way.evaluate:
                seconds[name][1].append(seconds_of(way.evaluate, device))
    return {
        name: (statistics.median(of_steps), statistics.median(rest) if rest else None)
        for name, (of_steps, rest) in seconds.items()
    }


def table(
    ways: dict[str, Way],
    seconds: dict[str, tuple[float, float | None]],
    recipe: ImageRecipe,
    split: Split,
    device: str,
    copied: float,
) -> str:
    """One row a way; all times are those of one architecture."""

    def of_one(name: str) -> tuple[float, float | None, float | None]:
        n, (step, evaluation) = len(ways[name].archs), seconds[name]
        if evaluation is None:
            return step / n, None, None
        epoch = recipe.steps * step + evaluation
        return step / n, evaluation / n, recipe.epochs * epoch / n

    lines = [
        "| way | models | step, ms | evaluation, ms | training, s | trainings/s | steps, ratio "
        "| training, ratio | GB/s | of copying |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    separate_step, _, separate_run = of_one(SEPARATE)
    for name, way in ways.items():
        step, evaluation, run = of_one(name)
        item = 2 if device == "cuda" and name.startswith("group") else 4
        moved = bytes_of_a_step(way.archs, recipe, split.train.x.shape[1], item)
        speed = moved / seconds[name][0]
        whole = ["-"] * 2 if run is None else [f"{run:.3f}", f"{1 / run:.2f}"]
        cells = [
            name,
            str(len(way.archs)),
            f"{1e3 * step:.3f}",
            "-" if evaluation is None else f"{1e3 * evaluation:.2f}",
            *whole,
            f"{separate_step / step:.2f}",
            "-" if run is None or separate_run is None else f"{separate_run / run:.2f}",
            f"{speed / 1e9:.2f}",
            f"{100 * speed / copied:.0f} %",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--plan", default="lite201-digits")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--groups", type=int, nargs="+", default=[16, 32, 64, 128])
    parser.add_argument("--convolutions", nargs="+", choices=list(CONVOLUTIONS))
    parser.add_argument("--first", type=int, default=2000, help="rank of the first class")
    parser.add_argument("--random", action="store_true", help="classes at random, not in a row")
    parser.add_argument("--separate", type=int, default=16, help="how many one after another")
    parser.add_argument("--masked", type=int, default=16, help="how many with masks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="a round")
    options = parser.parse_args()
    device = options.device
    if device == "cpu":
        torch.set_num_threads(1)
        keep_freed_memory()
    recipe = load_plan(options.plan).recipe
    split, network = load_split(recipe), NETWORKS.load(recipe.network)
    most = max(*options.groups, options.separate, options.masked)
    if options.random:
        classes = sample_classes(network, most)
    else:
        classes = trainable_classes(network)[options.first : options.first + most]
    alone = classes[:: max(1, max(options.groups) // options.separate)][: options.separate]
    ways = {SEPARATE: separate(alone, recipe, split, device)}
    if device == "cuda":
        ways["one after another, CUDA graphs"] = graphed(alone, recipe, split)
    ways["vmap, masks"] = masked(classes[: options.masked], recipe, split, device)
    for size in options.groups:
        for name in options.convolutions or convolutions_of(device):
            group = grouped(classes[:size], recipe, split, device, name)
            ways[f"group of {size}, {name}"] = group
    copied = copied_bytes_a_second(device, options.rounds)
    seconds = measured(ways, device, options.rounds, options.steps)
    name = torch.cuda.get_device_name() if device == "cuda" else platform.machine()
    print(f"{options.plan} on {name}, torch {torch.__version__}, copying {copied / 1e9:.1f} GB/s\n")
    print(table(ways, seconds, recipe, split, device, copied))


if __name__ == "__main__":
    main()
