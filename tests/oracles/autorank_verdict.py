"""The ranks of a verdict, and Friedman's test, against autorank.

``python tests/oracles/autorank_verdict.py`` compares them on random regrets, with ties and without.
autorank and the baycomp that it needs install a package called ``tests``, which hides this folder
from the processes that tests start. So neither is in an extra; ``.ci/run`` installs them apart::

    python -m pip install --no-deps --target apart autorank==1.3.0 baycomp==1.0.3
    PYTHONPATH=apart python tests/oracles/autorank_verdict.py
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leaderboard.verdict.field import SHARES, Field, Method
from leaderboard.verdict.judge import judge

try:
    from autorank import autorank
except ImportError as error:
    raise SystemExit(f"{error}; the docstring says how autorank is installed") from error


def check(means: NDArray[np.float64]) -> None:
    """Compare the verdict on mean regrets of shape ``(n_methods, n_tasks)``."""
    names = [f"m{i}" for i in range(len(means))]
    frame = pd.DataFrame(means.T, columns=names)
    expected = autorank(frame, order="ascending", force_mode="nonparametric", verbose=False)
    verdict = judge(
        Field(
            name="300 trials",
            methods=tuple(Method(name) for name in names),
            tasks=tuple(f"task {i}" for i in range(means.shape[1])),
            seeds=(0, 1),
            values=np.repeat(np.stack([means] * len(SHARES))[..., None], 2, axis=-1),
        )
    )
    ranks = {one.label: one.rank.mean for one in verdict.standings}
    theirs = expected.rankdf["meanrank"]
    np.testing.assert_allclose([ranks[name] for name in theirs.index], theirs)
    np.testing.assert_allclose(list(ranks.values()), theirs)
    assert verdict.tests is not None
    np.testing.assert_allclose(verdict.tests.friedman.p, expected.pvalue)


def main() -> None:
    rng = np.random.default_rng(0)
    for n_methods, n_tasks in ((3, 5), (4, 12), (9, 30)):
        strength = 1 + rng.random(n_methods)[:, None]
        apart = strength * rng.gamma(4.0, 0.25, (n_methods, n_tasks))
        check(apart)
        check(apart.round(1))
        print(f"{n_methods} methods on {n_tasks} tasks: ranks and p-value are those of autorank")


if __name__ == "__main__":
    main()
