"""Train shards on a Ray cluster, https://docs.ray.io.

One joblib thread waits for each shard that an actor trains. An actor keeps its GPU between shards;
Ray restarts a lost actor, on another machine if necessary. (Ray's own joblib backend aborts all
tasks when it loses one worker, and deals them out in turn: a task may wait for a slow worker while
another worker is idle.)
"""

import signal
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from queue import SimpleQueue
from threading import current_thread, main_thread
from typing import Any

import joblib

from data_builders.builds.shard_files import Shard
from data_builders.builds.workers import (
    LOSSES,
    ONE_BY_ONE,
    Done,
    Order,
    in_a_line,
    lost,
    tasks,
    train_in_time,
)
from nasbench.errors import BuildError
from nasbench.registry import require

ray = require("ray", "--backend ray")


def on_ray(shards: Sequence[Shard], order: Order, processes: int | None) -> Done:
    """Train one shard at a time per GPU of a cluster, or per core if it has no GPU.

    The cluster is the one that RAY_ADDRESS names or that already runs on this machine; otherwise
    this function starts one on this machine and stops it at the end.

    Args:
        shards: What to train.
        order: How to train it.
        processes: Number of GPUs or cores to use; None for all.

    Raises:
        BuildError: No cluster answers, it has neither a GPU nor a core, or a shard kept losing its
            worker.
    """
    started = not ray.is_initialized()
    if started:
        try:
            with _own_handler():
                ray.init(log_to_driver=False)
        except (OSError, ValueError) as error:
            raise BuildError(f"no Ray cluster answers: {in_a_line(error)}") from error
    try:
        resources = ray.cluster_resources()
        unit = "GPU" if resources.get("GPU", 0) >= 1 else "CPU"
        slots = int(resources.get(unit, 0))
        if not slots:
            raise BuildError("the Ray cluster has neither a GPU nor a CPU core")
        actor = ray.remote(_Trainer).options(
            **{f"num_{unit.lower()}s": 1}, max_restarts=-1, max_task_retries=LOSSES
        )
        idle: SimpleQueue[Any] = SimpleQueue()
        for _ in range(slots := min(processes or slots, slots)):
            idle.put(actor.remote())

        def wait(shard: Shard, order: Order) -> tuple[Shard, bool]:
            trainer = idle.get()
            try:
                done: tuple[Shard, bool] = ray.get(trainer.train_in_time.remote(shard, order))
            except ray.exceptions.RayTaskError as error:
                raise error.cause from error
            except ray.exceptions.RayError as error:
                raise lost(order, error) from error
            finally:
                idle.put(trainer)
            return done

        parallel = joblib.Parallel(slots, backend="threading", pre_dispatch="n_jobs", **ONE_BY_ONE)
        with closing(parallel(tasks(wait, shards, order))) as done:
            yield from done
    finally:
        if started:
            ray.shutdown()


@contextmanager
def _own_handler() -> Iterator[None]:
    """Keep the handler of SIGTERM, which ``ray.init`` replaces."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if current_thread() is main_thread():
            signal.signal(signal.SIGTERM, handler)


class _Trainer:
    """The actor: trains shards where Ray places it."""

    def train_in_time(self, shard: Shard, order: Order) -> tuple[Shard, bool]:
        return train_in_time(shard, order)
