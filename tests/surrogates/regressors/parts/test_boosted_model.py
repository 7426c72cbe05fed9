"""Models of XGBoost with one thing changed: never handed to XGBoost."""

import re
from struct import pack

import numpy as np
import pytest
import xgboost

from nasbench.errors import SurrogateError
from surrogates.regressors.parts.boosted_model import BoostedModel
from surrogates.regressors.parts.ubjson import decode

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3)).astype(np.float32)
BOOSTER = xgboost.train(
    {"max_depth": 2, "nthread": 1, "tree_method": "hist"},
    xgboost.DMatrix(X, X[:, 0] + X[:, 1] ** 2, nthread=1),
    2,
)
MODEL = bytes(BOOSTER.save_raw("ubj"))
SEVEN_NODES = b"num_nodesSL" + pack(">q", 1) + b"7"


def changed(name, place, value, kind=">i"):
    """The model with another number in an array of its first tree."""
    begin = re.search(name.encode() + rb"\[\$.#L.{8}", MODEL, re.DOTALL).end() + 4 * place
    return MODEL[:begin] + pack(kind, value) + MODEL[begin + 4 :]


def test_what_is_read():
    model = BoostedModel.read(MODEL, "here")
    assert (model.rounds, model.n_targets, model.n_features) == (2, 1, 3)
    assert [len(trees) for trees in model.models] == [3]
    assert model.models[0][0].value.tolist() == list(model.starts)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (changed("left_children", 0, 1_000_000), "does not follow it"),
        (changed("left_children", 1, 0), "does not follow it"),
        (changed("right_children", 0, 1), "is a child twice"),
        (changed("right_children", 0, -5), "does not follow it"),
        (changed("parents", 1, 2), "parents and children do not agree"),
        (changed("split_indices", 0, 3), "a feature that is none of 3"),
        (changed("split_indices", 0, -1), "a feature that is none of 3"),
        (changed("split_conditions", 0, float("nan"), ">f"), "not finite, or huge"),
        (changed("split_conditions", 0, 1e30, ">f"), "not finite, or huge"),
        (MODEL.replace(SEVEN_NODES, SEVEN_NODES[:-1] + b"6"), "says that it is"),
        (MODEL.replace(b"reg:squarederror", b"reg:squarederroR"), "on squared errors"),
        (MODEL.replace(b"left_children", b"left_childrem"), "has other entries"),
        (MODEL[:-1], "ends too early"),
        (MODEL + b"}", "1 bytes follow it"),
        (b"", "ends too early"),
        (b"{L" + pack(">q", 2**62) + b"x", "larger than the file"),
    ],
)
def test_what_xgboost_would_believe_is_refused(model, message):
    assert model != MODEL
    with pytest.raises(SurrogateError, match=rf"^here is no model of XGBoost .*{message}"):
        BoostedModel.read(model, "here")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[" * 100_000, "begins no array"),
        (b"[#L" + pack(">q", 1) + b"[#L" * 9, "larger than|begins no|too early"),
        (b"{L" + pack(">q", 1) + b"aZ", "begins no value"),
        ((b"{L" + pack(">q", 1) + b"a") * 50, "nested more than 16 deep"),
        (b"{" + (b"L" + pack(">q", 1) + b"ai\1") * 2 + b"}", "the entry 'a' .* twice"),
        (b"[$d#L" + pack(">q", 2**61), "larger than the file"),
    ],
)
def test_a_document_is_bounded_by_its_file(data, message):
    with pytest.raises(ValueError, match=message):
        decode(data)
