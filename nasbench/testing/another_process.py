"""A process with other hashes of strings, to see whether it gives the same."""

import atexit
import os
import sys
from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from typing import Any

from nasbench.parallel import end_with

_KNOWN = {"nasbench", "data_builders", "surrogates", "algorithms", "leaderboard", "__main__"}


def in_another_process(function: Callable[..., Any], *arguments: Any, kinds: Iterable[type]) -> Any:
    """What ``function(*arguments)`` gives in another process.

    Args:
        function: What to call.
        arguments: What to call it with.
        kinds: Classes among the arguments. Those that the other process may be unable to import,
            such as those of a test, are sent with their source.

    Raises:
        Exception: What the function raises there, or what keeps it from being sent.
    """
    names = {base.__module__ for kind in kinds for base in kind.__mro__}
    importable = sys.stdlib_module_names | _KNOWN
    strange = [sys.modules[name] for name in names if name.partition(".")[0] not in importable]
    pickle = _pickle()
    for module in strange:
        pickle.register_pickle_by_value(module)
    try:
        task = pickle.dumps((function, arguments))
    finally:
        for module in strange:
            pickle.unregister_pickle_by_value(module)
    try:
        return _process().submit(_call, task).result()
    except Exception:
        _process.cache_clear()  # it may be broken
        raise


@cache
def _process() -> Any:
    """The process, for all checks to come."""
    hashes = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    loky = import_module("joblib.externals.loky")
    executor = loky.ProcessPoolExecutor(
        1, env={"PYTHONHASHSEED": hashes}, initializer=end_with, initargs=(os.getpid(),)
    )
    atexit.register(executor.shutdown)
    return executor


def _call(task: bytes) -> Any:
    function, arguments = _pickle().loads(task)
    return function(*arguments)


def _pickle() -> Any:
    """What joblib sends classes with: a package of its own, in old versions a part of joblib."""
    try:
        return import_module("cloudpickle")
    except ModuleNotFoundError:
        return import_module("joblib.externals.cloudpickle")
