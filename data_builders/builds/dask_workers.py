"""Train shards on a Dask cluster, https://distributed.dask.org, through joblib's backend."""

from collections.abc import Sequence
from contextlib import closing

import joblib

from data_builders.builds.shard_files import Shard
from data_builders.builds.workers import (
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

dask, distributed = (require(module, "--backend dask") for module in ("dask", "distributed"))


def on_dask(shards: Sequence[Shard], order: Order, processes: int | None) -> Done:
    """Train one shard at a time per worker of a cluster.

    The cluster is the one that DASK_SCHEDULER_ADDRESS names; if it names none, this function starts
    worker processes on this machine and stops them at the end.

    Args:
        shards: What to train.
        order: How to train it.
        processes: Number of workers to use; None for all, or on this machine for one per core.

    Raises:
        BuildError: No scheduler answers, a worker has several threads (which would slow each other
            down), or a shard kept losing its worker.
    """
    if address := dask.config.get("scheduler-address", None):
        try:
            client = distributed.Client(address)
        except (OSError, ValueError) as error:
            raise BuildError(
                f"no Dask scheduler answers at {address!r}: {in_a_line(error)}"
            ) from error
    else:
        n_workers = processes or joblib.cpu_count()
        client = distributed.Client(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=None
        )
    with client:
        client.wait_for_workers(1)
        threads = client.nthreads()
        if several := [worker for worker, n in threads.items() if n > 1]:
            raise BuildError(
                f"the Dask worker {several[0]} has {threads[several[0]]} threads: start the "
                "workers with --nthreads 1"
            )
        slots = min(processes or len(threads), len(threads))
        with joblib.parallel_config(backend="dask", client=client):
            parallel = joblib.Parallel(pre_dispatch=slots, **ONE_BY_ONE)
        try:
            with closing(parallel(tasks(train_in_time, shards, order))) as done:
                yield from done
        except distributed.KilledWorker as error:
            raise lost(order, error) from error
