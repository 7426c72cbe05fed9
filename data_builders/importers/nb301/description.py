"""The columns and the metadata of the table of NAS-Bench-301."""

from dataclasses import dataclass, replace

from data_builders.importers.nb301.result import CONSTANTS, EPOCHS
from data_builders.importers.recipes import with_digest
from nasbench.column import Column
from nasbench.spaces.darts import Darts
from nasbench.tables.schema import Metadata

RESULTS = "https://doi.org/10.6084/m9.figshare.13246952"
LOGS = "https://doi.org/10.6084/m9.figshare.13286105"


@dataclass(frozen=True, slots=True)
class Release:
    """The imported results.

    Attributes:
        files: Number of results.
        curves: Number of results with a learning curve of all epochs.
        optimizers: Number of optimizers.
        digest: SHA-256 of the sorted list of files and their digests.
    """

    files: int
    curves: int
    optimizers: int
    digest: str

    def __str__(self) -> str:
        with_curves = "with" if self.curves else "without"
        return f"{self.files:,} result files of NAS-Bench-301 {with_curves} learning curves"


def columns(release: Release) -> tuple[Column, ...]:
    """Return the meaning of every column."""
    valid = Column.of(
        "valid_accuracy",
        "of 10,000 images held out from the training set of CIFAR-10, as published "
        "(info[0].val_accuracy), the number that the surrogates of NAS-Bench-301 predict; "
        "Auto-PyTorch, which trained the networks, reports the epoch with the highest validation "
        "accuracy, so it may exceed the end of the curve",
    )
    test = Column.of(
        "test_accuracy",
        "of the 10,000 test images of CIFAR-10, measured once, after the training",
    )
    seconds = Column.of(
        "seconds",
        "run time of the training, as published (runtime); whether validation is included, and on "
        "which GPU, is not said",
    )
    of_archs = (
        Column.of("parameters", "trainable parameters, as published (info[0].model_parameters)"),
        Column(
            "optimizer",
            description="optimizers that proposed the architecture, in alphabetical order",
        ),
        Column(
            "files",
            description="result files of the architecture in the archive; the first is seed 0, "
            "the next seed 1, …",
        ),
    )
    if not release.curves:
        return (valid, test, seconds, *of_archs)
    end = {EPOCHS: [EPOCHS]}
    share = (
        f"{seconds.description}; only the total is in the archive: epoch e is charged e / {EPOCHS} "
        "of it, as every epoch sees the same number of images"
    )
    curve = (
        "validation accuracy after every epoch (learning_curves.Train/val_accuracy), in single "
        f"precision; {release.curves:,} of {release.files:,} trainings have one: in the others it "
        "is absent, or has fewer values and does not say of which epochs"
    )
    return (
        replace(valid, epochs=end),
        replace(test, epochs=end),
        replace(seconds, description=share),
        replace(valid, name="valid_accuracy_curve", description=curve),
        *of_archs,
    )


def metadata(release: Release) -> Metadata:
    """Return the metadata of the table."""
    recipe = {
        "network": "DARTS",
        "dataset": "cifar10",
        "train": 40_000,
        "valid": 10_000,
        "test": 10_000,
        "epochs": EPOCHS,
        **CONSTANTS,
    }
    elsewhere = "architectures that were not trained need a surrogate"
    if not release.curves:
        elsewhere += f"; learning curves are in the complete logs, {LOGS}"
    return Metadata(
        id="nb301-cifar10",
        space=Darts.name,
        key="arch",
        dataset="cifar10",
        epochs={EPOCHS: list(range(1, EPOCHS + 1)) if release.curves else [EPOCHS]},
        complete=False,
        default_objective="valid_accuracy",
        title="NAS-Bench-301 on CIFAR-10: the trainings that its surrogates are fitted on",
        description=(
            f"Trainings of DARTS cells from {release.optimizers} optimizers, a tiny part of the "
            "10^18 cells: good for fitting and judging regressors. A search sees the recorded "
            "architectures only, which are no uniform sample of the space: all but those of random "
            "search (rs) were proposed for being good."
        ),
        seeds=(
            "number of the training of this architecture, from 0, in the order of optimizer and "
            "file number (see the column files); random seeds are not in the archive"
        ),
        elsewhere=elsewhere,
        recipe=with_digest(recipe, str(release)),
        source=(
            f"{release} (sha256 of the sorted list of their digests {release.digest}), {RESULTS}, "
            f"{LOGS}"
        ),
        licence="Apache-2.0",
        citation=(
            "Zela, Siems, Zimmer, Lukasik, Keuper and Hutter (2022), Surrogate NAS Benchmarks: "
            "Going Beyond the Limited Search Spaces of Tabular NAS Benchmarks, ICLR, "
            "https://arxiv.org/abs/2008.09777"
        ),
    )
