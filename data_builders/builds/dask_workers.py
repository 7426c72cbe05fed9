"""Shards on a Dask cluster, https://distributed.dask.org, through joblib's backend."""

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
    """Train one shard at a time on every worker of a cluster.

    The cluster is the one that DASK_SCHEDULER_ADDRESS names; if it names none, processes of this
    machine are one for as long as it takes.

    Args:
        shards: What to train.
        order: How.
        processes: Workers to use; None for all, or on this machine one a core.

    Raises:
        BuildError: There is no such cluster, a worker has several threads, which would disturb
            each other, or a shard lost its worker again and again.
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
