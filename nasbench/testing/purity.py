"""Check that the answers of a benchmark are a function of the questions."""

import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from nasbench.benchmark import Benchmark
from nasbench.testing.another_process import in_another_process
from nasbench.testing.points import Point, grouped
from nasbench.testing.requirements import require

_THREADS = 4


_Question = tuple[str, tuple[Any, ...], dict[str, Any]]


def check_purity(benchmark: Benchmark, points: Sequence[Point], seed: int) -> None:
    """Equal questions have equal answers: in any order, thread and process."""
    rng = random.Random(seed)
    questions: list[_Question] = []
    for arch, schedule, epoch, training_seed, answer in points:
        asked = {"epoch": epoch, "seed": training_seed}
        questions += [("query", (arch,), asked), ("trainings", (arch, epoch), {})]
        questions += [("evaluate", (arch,), asked), ("query", (arch,), {"epoch": epoch + 1})]
        metric = list(answer)[int(rng.random() * len(answer))]
        questions += [("curve", (arch, metric), {"schedule": schedule, "seed": training_seed})]
    in_many = len(questions)
    for group in grouped(points):
        archs = np.array([point.arch for point in group])
        questions += [("query_many", (archs, next(iter(group[0].answer))), group[0].asked)]
    expected = _answers(benchmark, questions)

    def compare(answers: list[str], where: str) -> None:
        for question, once, again in zip(questions, expected, answers, strict=False):
            require(once == again, f"{question} gives {once}, but {again} {where}")

    order = sorted(range(len(questions)), key=lambda _: rng.random())
    again = dict(zip(order, _answers(benchmark, [questions[i] for i in order]), strict=True))
    compare([again[i] for i in range(len(order))], "in another order")
    with ThreadPoolExecutor(_THREADS) as threads:
        for answers in threads.map(lambda _: _answers(benchmark, questions), range(_THREADS)):
            compare(answers, "when several threads ask")
    kinds = type(benchmark), type(benchmark.space)
    single = questions[:in_many]  # the index of a whole space, made for arrays, may take seconds
    try:
        answers = in_another_process(_answers, benchmark, single, kinds=kinds)
    except Exception as error:
        raise AssertionError(f"{benchmark.name} fails in another process: {error}") from error
    compare(answers, "in another process")


def _answers(benchmark: Benchmark, questions: Sequence[_Question]) -> list[str]:
    return [_answer(benchmark, *question) for question in questions]


def _answer(
    benchmark: Benchmark, method: str, arguments: tuple[Any, ...], asked: dict[str, Any]
) -> str:
    """The answer or the error, exactly; what was handed out is spoilt."""
    try:
        found = getattr(benchmark, method)(*arguments, **asked)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    if isinstance(found, np.ndarray):
        return repr(found.tolist())
    text = repr({**found} if isinstance(found, dict) else found)
    if isinstance(found, dict):
        found.clear()
    return text
