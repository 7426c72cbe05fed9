import random

import numpy as np
import pytest

from algorithms.models.features import Features
from nasbench.encodings import one_hot, path, path_statistics
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.fcnet import FCNet
from nasbench.spaces.nb101 import NB101
from nasbench.spaces.nb201 import NB201
from nasbench.spaces.nbmacro import NBMacro


def archs(space, n=20):
    rng = random.Random(0)
    return [space.sample(rng) for _ in range(n)]


@pytest.mark.parametrize(("space", "columns"), [(NB201(), 20), (NB101(), 40)])
def test_paths_are_cut_at_whole_lengths(space, columns):
    """The published cutoffs: two operations in nb201, three in nb101."""
    chosen = archs(space)
    rows = Features(space, "path", 40)(chosen)
    assert np.array_equal(rows, path(space, chosen, length=columns))
    assert Features(space, "path")(chosen).shape[1] > columns


@pytest.mark.parametrize(("space", "encoding"), [(FCNet(), "path"), (FCNet(), "adjacency")])
def test_spaces_without_graphs_are_encoded_by_one_hot(space, encoding):
    chosen = archs(space)
    features = Features(space, encoding, 40)
    assert features.encoding == "one_hot"
    assert np.array_equal(features(chosen), one_hot(space, chosen))


def test_no_path_within_the_cutoff_means_one_hot():
    space = NBMacro()
    features = Features(space, "path", 40)
    assert (features.encoding, features.columns) == ("one_hot", None)
    assert np.array_equal(features(archs(space)), one_hot(space, archs(space)))


def test_rows_are_in_order_however_often_they_are_asked_for():
    space = NB201()
    features = Features(space, "path_statistics")
    chosen = archs(space)
    features(chosen[5:10])
    repeated = [*chosen[::-1], *chosen]
    assert np.array_equal(features(repeated), path_statistics(space, repeated))


def test_impossible_encodings_are_refused():
    with pytest.raises(InvalidArgumentError, match=r"encoding = 'paths'.*path"):
        Features(NB201(), "paths")
    with pytest.raises(InvalidArgumentError, match="cutoff = -1 must not be negative"):
        Features(NB201(), "path", -1)
