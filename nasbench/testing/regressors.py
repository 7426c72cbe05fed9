"""Check that a regressor keeps its contract."""

import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.algorithm import hyperparameters, kept_hyperparameters
from nasbench.errors import InvalidArgumentError, SurrogateError
from nasbench.regressor import Prediction, Regressor
from nasbench.space import SearchSpace
from nasbench.testing.requirements import generators_left_alone, require, require_error

_CLOSE = 1e-6


def check_regressor(
    regressor: type[Regressor],
    space: SearchSpace,
    archs: NDArray[np.integer],
    targets: NDArray[np.floating],
    *,
    changes: Mapping[str, Any] | None = None,
    preset: str | None = None,
    seed: int = 0,
    error: float = 1.0,
) -> None:
    """Check that a regressor keeps its contract.

    It is fitted to the first two thirds of the examples and asked for the others.

    - *Predictions* are finite float64 numbers, uncertainties not negative, and closer to the
      targets than their mean is.
    - *Reproducible*: equal seeds and examples give equal predictions; global generators of
      ``random``, NumPy and PyTorch are left alone.
    - *One by one*: a prediction does not depend on what else is asked, and ``predict_members``
      gives what every member does alone.
    - *Files*: what ``restore`` reads predicts the same bits; files are not pickles; a missing or
      damaged one raises ``SurrogateError`` with its name.
    - *Examples* that teach nothing raise ``InvalidArgumentError``.
    - *Hyperparameters* are kept as attributes and can be written as JSON.

    Args:
        regressor: The class.
        space: The space of the architectures.
        archs: Shape ``(n, d)``; thirty or more.
        targets: One number each, shape ``(n,)``, of which something can be learned.
        changes: Hyperparameters other than the defaults.
        preset: A preset of the regressor.
        seed: Seed of the fits.
        error: Largest mean squared error of the predictions, in variances of the targets.

    Raises:
        AssertionError: The contract is broken; the message says where.
    """
    name = regressor.__name__
    values = hyperparameters(regressor, changes or {}, preset)
    _check_kept(regressor, space, values)
    half = 2 * len(archs) // 3
    known, learned, others = archs[:half], targets[:half], archs[half:]
    _check_examples(regressor(space, seed=seed, **values), known, learned)
    model = regressor(space, seed=seed, **values).fit(known, learned)
    found = model.predict(others)
    _check_form(name, found, targets[half:], error)
    _check_form(name, model.predict(others[:0]), targets[:0])
    _check_alone(model, others, found)
    with generators_left_alone(name):
        again = regressor(space, seed=seed, **values).fit(known, learned)
        repeated = again.predict(others)
    require(_equal(repeated, found), f"{name} gives two predictions for one seed")
    require(_equal(again.predict(others), found), f"{name} predicts otherwise when asked again")
    members = [model, regressor(space, seed=seed + 1, **values).fit(known, learned)]
    together = regressor.predict_members(members, others)
    require(
        len(together) == len(members)
        and all(_equal(t, m.predict(others)) for t, m in zip(together, members, strict=True)),
        f"members of {name} predict otherwise together",
    )
    with TemporaryDirectory() as folder:
        model.save(Path(folder))
        empty = regressor(space, seed=seed, **values)
        restored = empty.restore(Path(folder)).predict(others)
        require(_equal(restored, found), f"{name} predicts otherwise when it is restored")
        _check_files(model, Path(folder), values)


def _check_kept(regressor: type[Regressor], space: SearchSpace, values: Mapping[str, Any]) -> None:
    name = regressor.__name__
    kept = kept_hyperparameters(regressor(space, **values))
    require(
        kept is not None,
        f"{name} does not keep its hyperparameters {values} as attributes of the same names",
    )
    try:
        read = json.loads(json.dumps(kept))
    except TypeError as error:
        raise AssertionError(f"hyperparameters of {name} are not JSON: {error}") from error
    again = kept_hyperparameters(regressor(space, **hyperparameters(regressor, read)))
    require(
        json.loads(json.dumps(again)) == read,
        f"{name} made of the hyperparameters {read} keeps {again}",
    )


def _check_examples(
    model: Regressor, archs: NDArray[np.integer], targets: NDArray[np.floating]
) -> None:
    bad = np.array(targets, dtype=np.float64)
    bad[len(bad) // 2] = np.nan
    for what, some, wrong in (
        ("a target is NaN", archs, bad),
        ("targets are infinite", archs, np.full(len(bad), np.inf)),
        ("targets are equal", archs, np.full(len(bad), 3.0)),
        ("a target is missing", archs, targets[:-1]),
        ("targets are a column", archs, targets[:, None]),
        ("there is one example", archs[:1], targets[:1]),
    ):
        who = f"fit of {type(model).__name__}, where {what},"
        require_error(who, InvalidArgumentError, model.fit, some, wrong)


def _check_form(
    name: str, found: Prediction, targets: NDArray[np.floating], error: float | None = None
) -> None:
    require(isinstance(found, Prediction), f"{name} predicts {found!r}, not a Prediction")
    for attribute, values in found._asdict().items():
        require(
            values.shape == targets.shape and values.dtype == np.float64,
            f"{attribute} of {name} is {values.dtype} of shape {values.shape}, not float64 of "
            f"{targets.shape}",
        )
        require(bool(np.isfinite(values).all()), f"{attribute} of {name} is not finite")
    require(bool((found.std >= 0).all()), f"{name} predicts a negative uncertainty")
    if error is not None:
        squares, variance = ((found.mean - targets) ** 2).mean(), targets.var()
        require(
            bool(squares < error * variance),
            f"mean squared error of {name} is {squares:.3g}, the targets have variance "
            f"{variance:.3g}",
        )


def _check_alone(model: Regressor, archs: NDArray[np.integer], found: Prediction) -> None:
    order = np.random.default_rng(1).permutation(len(archs))
    shuffled = model.predict(archs[order])
    alone = [model.predict(archs[i : i + 1]) for i in range(len(archs))]
    for attribute, values in found._asdict().items():
        each = np.concatenate([getattr(one, attribute) for one in alone])
        for other, expected in ((getattr(shuffled, attribute), values[order]), (each, values)):
            require(
                bool(np.allclose(other, expected, rtol=_CLOSE, atol=_CLOSE)),
                f"{attribute} of {type(model).__name__} depends on what else is asked",
            )


def _check_files(model: Regressor, folder: Path, values: Mapping[str, Any]) -> None:
    name = type(model).__name__
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    require(bool(files), f"{name} saves nothing")
    for path in files:
        require(not _is_pickle(path), f"{name} writes the pickle {path.name}")
    for path in {files[0], files[-1]}:
        content = path.read_bytes()
        for damaged in (content[: len(content) // 2], b"", b"x" + content[1:], None):
            path.unlink()
            if damaged is not None:
                path.write_bytes(damaged)
            empty = type(model)(model.space, seed=model.seed, **values)
            what = f"restore of {name}, where {path.name} is damaged,"
            raised = require_error(what, SurrogateError, empty.restore, folder)
            require(path.stem in str(raised), f"{what} does not name it: {raised}")
            path.write_bytes(content)


def _is_pickle(path: Path) -> bool:
    """Whether a file, or one inside a zip file such as ``.npz``, is a pickle or holds one."""
    if not zipfile.is_zipfile(path):
        return _unpickles(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        return any(_unpickles(archive.read(name)) for name in archive.namelist())


def _unpickles(content: bytes) -> bool:
    if content.startswith(b"\x93NUMPY"):
        try:
            np.load(io.BytesIO(content), allow_pickle=False)
        except ValueError:
            return True
        return False
    return content.startswith(b"\x80")  # of every protocol since 2


def _equal(a: Prediction, b: Prediction) -> bool:
    return bool((a.mean == b.mean).all() and (a.std == b.std).all())
