import numpy as np
import pytest
from sklearn.decomposition import PCA

from surrogates.compression import Compression


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    return rng.normal(size=(60, 3)) @ rng.normal(size=(3, 12)) + rng.normal(size=(60, 12)) * 0.1


@pytest.mark.parametrize("k", [1, 3, 12])
def test_as_principal_components(vectors, k):
    ours, theirs = Compression.fit(vectors, k), PCA(k).fit(vectors)
    expected = theirs.inverse_transform(theirs.transform(vectors))
    np.testing.assert_allclose(ours.decode(ours.encode(vectors)), expected, atol=1e-10)


def test_all_components_lose_nothing(vectors):
    whole = Compression.fit(vectors, 100)
    assert len(whole.components) == 12
    np.testing.assert_allclose(whole.decode(whole.encode(vectors)), vectors, atol=1e-10)


def test_directions_in_which_nothing_varies_are_left_out():
    line = np.arange(5.0)[:, None] * np.array([1.0, 2.0, 0.0])
    assert len(Compression.fit(line, 3).components) == 1


def test_spread_is_that_of_independent_coefficients(vectors):
    compression = Compression.fit(vectors, 2)
    std = np.array([[0.5, 2.0]])
    drawn = np.random.default_rng(1).normal(size=(200_000, 2)) * std
    np.testing.assert_allclose(
        compression.decode(drawn).std(axis=0), compression.spread(std)[0], rtol=0.01
    )
