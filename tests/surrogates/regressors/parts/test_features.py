import numpy as np
import pytest

import surrogates.regressors.parts.features
from nasbench.encodings import encode
from nasbench.errors import IllegalArchError, InvalidArgumentError, UnknownNameError
from nasbench.space import Decision, SearchSpace
from nasbench.spaces.nb201 import NB201
from surrogates.regressors.parts.features import default_encodings, features, n_columns

SPACE = NB201()
ARCHS = np.random.default_rng(0).integers(5, size=(300, 6))


class Graphless(SearchSpace):
    name = "graphless"
    decisions = (Decision("a", ("x", "y", "z")), Decision("b", ("x", "y")))

    def to_text(self, arch):
        return str(arch)

    def from_text(self, text):
        raise NotImplementedError


@pytest.fixture(autouse=True)
def forgotten():
    surrogates.regressors.parts.features._cache.cache_clear()


def test_default_has_path_statistics_where_there_is_a_graph():
    assert default_encodings(SPACE) == ("one_hot", "path_statistics")
    assert default_encodings(Graphless()) == ("one_hot",)


@pytest.mark.parametrize("encodings", [None, ("one_hot",), ["path_statistics", "unit_cube"]])
def test_equal_to_encode_at_first_and_when_remembered(encodings):
    expected = encode(SPACE, ARCHS, encodings or default_encodings(SPACE))
    for archs, rows in (
        (ARCHS[:100], expected[:100]),
        (ARCHS, expected),
        (ARCHS[7:8], expected[7:8]),
    ):
        found = features(SPACE, archs, encodings)
        np.testing.assert_array_equal(found, rows)
        assert found.dtype == np.float32
    assert n_columns(SPACE, encodings) == expected.shape[1]


def test_known_architectures_are_not_encoded_again(monkeypatch):
    expected = features(SPACE, ARCHS, None)
    monkeypatch.setattr(surrogates.regressors.parts.features, "encode", None)
    np.testing.assert_array_equal(features(SPACE, ARCHS[::-1], None), expected[::-1])


def test_what_is_returned_may_be_changed():
    expected = features(SPACE, ARCHS[:1], None).copy()
    features(SPACE, ARCHS[:1], None)[:] = 7
    np.testing.assert_array_equal(features(SPACE, ARCHS[:1], None), expected)


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(surrogates.regressors.parts.features, "_CACHE_SIZE", 50)
    expected = encode(SPACE, ARCHS, ("one_hot",))
    for size in (30, 40, 300):
        np.testing.assert_array_equal(features(SPACE, ARCHS[:size], ["one_hot"]), expected[:size])
        assert len(surrogates.regressors.parts.features._cache(SPACE, ("one_hot",))) <= 50


def test_no_architectures():
    assert features(SPACE, np.zeros((0, 6), dtype=int), ("one_hot",)).shape == (0, 30)


def test_errors_of_the_encodings():
    features(SPACE, ARCHS, ("one_hot",))
    with pytest.raises(IllegalArchError, match="integers"):
        features(SPACE, ARCHS.astype(float), ("one_hot",))
    with pytest.raises(IllegalArchError):
        features(SPACE, ARCHS + 1, ("one_hot",))
    with pytest.raises(IllegalArchError):
        features(SPACE, ARCHS[0], ("one_hot",))
    with pytest.raises(UnknownNameError, match="one_hot"):
        features(SPACE, ARCHS, ("onehot",))
    with pytest.raises(InvalidArgumentError, match="no encoding"):
        features(SPACE, ARCHS, ())
