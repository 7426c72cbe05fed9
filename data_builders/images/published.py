"""Published image sets: names of their files, and digests that identify their images.

A set is identified by its content, not by its file: the digest of the images does not depend on
their order or file format. This module uses no network; ``data_builders.images.fetch`` does.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

import numpy as np

from data_builders.images.cifar_files import cifar_binary, cifar_python
from data_builders.images.image_files import idx_folder, npz
from data_builders.images.images import Images, box_mean
from nasbench.benchmarks.catalogue import folders
from nasbench.errors import ArchiveError, InvalidArgumentError
from nasbench.storage.files import expanded

Reader: TypeAlias = Callable[[Path], tuple[Images, Images | None]]

_ROUNDING = 1e-8  # of the channel means in PUBLISHED
_ALTERED = "copies that were saved as JPEG, resized or relabelled are refused"


@dataclass(frozen=True, slots=True)
class Part:
    """What identifies the training or the test images of a set.

    Attributes:
        images: Number of images.
        digest: The :meth:`Images.digest` that decides.
        means: Mean of each channel of the 0-255 pixels, to describe how other images differ; empty
            where unknown.
    """

    images: int
    digest: str
    means: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """Downloadable files of a set.

    Attributes:
        url: Prefix of the files' addresses.
        sha256: SHA-256 of each file, by name.
        folder: Their folder within the data folder.
    """

    url: str
    sha256: Mapping[str, str]
    folder: str = ""

    def by_hand(self) -> str:
        """Return instructions for getting the files by hand."""
        return f"put {', '.join(self.sha256)} from {self.url} into {data_folder() / self.folder}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """A published image set.

    Attributes:
        shape: Height, width and channels.
        n_classes: Number of classes.
        train: What identifies the training images.
        test: What identifies the test images.
        sources: Readers, by the path in the data folder that they read; the first path that exists
            is read.
        download: Where to get it.
    """

    shape: tuple[int, int, int]
    n_classes: int
    train: Part
    test: Part
    sources: Mapping[str, Reader]
    download: Download


def data_folder() -> Path:
    """Return the folder of image sets: ``NASBENCH_DATA``, or ``images`` in the tables' folder."""
    named = os.environ.get("NASBENCH_DATA")
    return expanded(named) if named else folders()[0] / "images"


def load(name: str) -> tuple[Images, Images]:
    """Read and verify the training and the test images of a published set.

    Raises:
        InvalidArgumentError: The set is not in the data folder.
        ArchiveError: The set is damaged, or differs from the published one.
    """
    known, folder = PUBLISHED[name], data_folder()
    for source, read in known.sources.items():
        if (path := folder / source).exists():
            train, test = read(path)
            if test is None:
                raise ArchiveError(f"{path} is not {name}: it has no test images")
            _check(train, known.train, known.shape, f"{path} is not {name}: the training images")
            _check(test, known.test, known.shape, f"{path} is not {name}: the test images")
            return train, test
    raise InvalidArgumentError(
        f"{folder} holds no {name} ({', '.join(known.sources)}): run 'nasbench fetch {name}', or "
        f"{known.download.by_hand()}; NASBENCH_DATA names another folder"
    )


def _check(images: Images, known: Part, shape: tuple[int, int, int], which: str) -> None:
    wanted = (known.images, *shape)
    if images.x.shape != wanted:
        raise ArchiveError(f"{which} have shape {images.x.shape}, not {wanted}")
    if (digest := images.digest()) == known.digest:
        return
    means = images.x.reshape(-1, shape[2]).mean(axis=0)
    if known.means and np.abs(means - known.means).max() > _ROUNDING:
        raise ArchiveError(
            f"{which} have the channel means {_format_means(means)}, the published ones have "
            f"{_format_means(known.means)}; {_ALTERED}"
        )
    raise ArchiveError(
        f"{which} or their labels differ: their digest is {digest}, that of the published ones is "
        f"{known.digest}; {_ALTERED}"
    )


def _format_means(means: Iterable[float]) -> str:
    return " / ".join(f"{mean:.9f}" for mean in means)


def _halved(read: Reader) -> Reader:
    """Return a reader of the 2x2 box means."""

    def half(images: Images) -> Images:
        return Images(box_mean(images.x, 2), images.y)

    def halved(path: Path) -> tuple[Images, Images | None]:
        train, test = read(path)
        return half(train), half(test) if test else None

    return halved


_FASHION_MNIST = partial(
    idx_folder,
    md5={
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
)
_CIFAR10_BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
_CIFAR10_BINARY = partial(
    cifar_binary,
    train=tuple(f"{name}.bin" for name in _CIFAR10_BATCHES),
    test=("test_batch.bin",),
    labels=1,
)
_CIFAR10_PYTHON = partial(
    cifar_python, train=_CIFAR10_BATCHES, test=("test_batch",), labels=b"labels"
)
_CIFAR100_BINARY = partial(cifar_binary, train=("train.bin",), test=("test.bin",), labels=2)
_CIFAR100_PYTHON = partial(cifar_python, train=("train",), test=("test",), labels=b"fine_labels")
_CIFAR10: Mapping[str, Reader] = {
    "cifar-10-batches-bin": _CIFAR10_BINARY,
    "cifar-10-batches-py": _CIFAR10_PYTHON,
    "cifar-10-binary.tar.gz": _CIFAR10_BINARY,
    "cifar-10-python.tar.gz": _CIFAR10_PYTHON,
    "cifar10.npz": npz,
}
_CIFAR100: Mapping[str, Reader] = {
    "cifar-100-binary": _CIFAR100_BINARY,
    "cifar-100-python": _CIFAR100_PYTHON,
    "cifar-100-binary.tar.gz": _CIFAR100_BINARY,
    "cifar-100-python.tar.gz": _CIFAR100_PYTHON,
    "cifar100.npz": npz,
}
_CIFAR10_DOWNLOAD = Download(
    "https://www.cs.toronto.edu/~kriz/",
    {
        "cifar-10-binary.tar.gz": (
            "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
        )
    },
)
_CIFAR100_DOWNLOAD = Download(
    "https://www.cs.toronto.edu/~kriz/",
    {
        "cifar-100-binary.tar.gz": (
            "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec"
        )
    },
)

PUBLISHED: Mapping[str, ImageSet] = MappingProxyType(
    {
        "fashion_mnist": ImageSet(
            shape=(28, 28, 1),
            n_classes=10,
            train=Part(
                60_000,
                "0c69d5cdeb902b69084012f812f066de080317bb3c64f43ca87f910d8ec86906",
                (72.940352232,),
            ),
            test=Part(
                10_000,
                "90c92c0507755a7d443edde8297ce4d0f131e42884e2e87e7fc9b81ffe215258",
                (73.146566582,),
            ),
            sources={
                "fashion_mnist": _FASHION_MNIST,
                "FashionMNIST/raw": _FASHION_MNIST,
                "fashion_mnist.npz": npz,
            },
            download=Download(
                "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
                {
                    "train-images-idx3-ubyte.gz": (
                        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
                    ),
                    "train-labels-idx1-ubyte.gz": (
                        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
                    ),
                    "t10k-images-idx3-ubyte.gz": (
                        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
                    ),
                    "t10k-labels-idx1-ubyte.gz": (
                        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
                    ),
                },
                "fashion_mnist",
            ),
        ),
        "cifar10": ImageSet(
            shape=(32, 32, 3),
            n_classes=10,
            train=Part(
                50_000,
                "d59acf989e068e709ce686cda292672c7b212c08d29d3d3e6d8c3aa99eba6a85",
                (125.306918047, 122.950394141, 113.865383184),
            ),
            test=Part(
                10_000,
                "899683d46c3a8c66fd56e1af12202e69fe5a4517be10b0f68e04c78fe585c57c",
                (126.024641406, 123.708504199, 114.854318652),
            ),
            sources=_CIFAR10,
            download=_CIFAR10_DOWNLOAD,
        ),
        "cifar10_16": ImageSet(
            shape=(16, 16, 3),
            n_classes=10,
            train=Part(
                50_000,
                "a026270d74e4c05223585f1a4398261c1518ecbc1611450842dd0ef51d4ca50f",
                (125.432734141, 123.076420938, 113.991239531),
            ),
            test=Part(
                10_000,
                "e289284331b99c407cf8822feddac9f2512e37d5427e70f9c5c25e9cd92f0e29",
                (126.150329297, 123.834765234, 114.980333984),
            ),
            sources={"cifar10_16.npz": npz, **{s: _halved(r) for s, r in _CIFAR10.items()}},
            download=_CIFAR10_DOWNLOAD,
        ),
        "cifar100": ImageSet(
            shape=(32, 32, 3),
            n_classes=100,
            train=Part(
                50_000,
                "36ce7a701fbea47796e570c34382aad50f2539687cfcbc6ae96e2f56530d29b6",
                (129.304165605, 124.069962695, 112.434050059),
            ),
            test=Part(
                10_000,
                "d3cd5d87a1b9317a0982c8ef5535fe3b86da8da90b13ce5e9b23ea06400dd5eb",
                (129.743085254, 124.285218359, 112.695263867),
            ),
            sources=_CIFAR100,
            download=_CIFAR100_DOWNLOAD,
        ),
        "cifar100_16": ImageSet(
            shape=(16, 16, 3),
            n_classes=100,
            train=Part(50_000, "760b85924d63689929fa9874d5dacfebd6faaad559ecb5bb5a13a172344f4018"),
            test=Part(10_000, "85b4862faed468ae39e229e861e81a7e3ba49e3539a7d2ee4175530c1a719377"),
            sources={"cifar100_16.npz": npz, **{s: _halved(r) for s, r in _CIFAR100.items()}},
            download=_CIFAR100_DOWNLOAD,
        ),
    }
)
"""The known sets by name; ``_16`` sets are 2x2 box means of the original, or read from a file."""
