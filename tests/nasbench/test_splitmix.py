import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.splitmix import GAMMA, key, mix, permutation, stream, uniform

# The first outputs of the reference C code started at 1234567.
PUBLISHED = [
    6457827717110365317,
    3203168211198807973,
    9817491932198370423,
    4593380528125082431,
    16408922859458223821,
]
seeds = st.integers(-(2**70), 2**70)


def test_mix_gives_the_published_outputs():
    assert [mix(1234567 + k * GAMMA) for k in range(5)] == PUBLISHED


def test_stream_gives_the_published_outputs():
    assert stream(1234567, 5).tolist() == PUBLISHED


def test_the_first_output_for_seed_zero():
    assert mix(0) == 0xE220A8397B1DCDAF


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(0, 20))
def test_stream_equals_scalar_mix(seed, n):
    numbers = stream(seed, n)
    assert numbers.dtype == np.uint64
    assert numbers.tolist() == [mix(seed + k * GAMMA) for k in range(n)]


@settings(max_examples=30)
@given(seed=seeds)
def test_a_longer_stream_continues_a_shorter_one(seed):
    assert stream(seed, 9)[:4].tolist() == stream(seed, 4).tolist()


@pytest.mark.parametrize("state", [2**64 - 1, 2**64, 2**64 + 1, -1])
def test_states_wrap_at_64_bits(state):
    assert mix(state) == mix(state % 2**64)
    assert 0 <= mix(state) < 2**64


def test_mix_does_not_collide_on_neighbouring_states():
    assert len({mix(state) for state in range(10_000)}) == 10_000


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(0, 50))
def test_uniform_is_the_upper_53_bits(seed, n):
    numbers = uniform(seed, n)
    assert numbers.dtype == np.float64
    assert ((numbers >= 0) & (numbers < 1)).all()
    assert (numbers * 2**53).tolist() == [x >> 11 for x in stream(seed, n).tolist()]


def test_uniform_has_the_moments_of_the_uniform_distribution():
    numbers = uniform(0, 100_000)
    assert abs(numbers.mean() - 1 / 2) < 0.005
    assert abs(numbers.var() - 1 / 12) < 0.005


@settings(max_examples=30)
@given(seed=seeds, n=st.integers(0, 50))
def test_permutation_holds_every_number_once(seed, n):
    assert sorted(permutation(seed, n).tolist()) == list(range(n))


def test_permutation_is_the_order_of_the_outputs():
    assert permutation(1234567, 5).tolist() == sorted(range(5), key=PUBLISHED.__getitem__)


def test_every_permutation_of_three_is_about_as_frequent():
    counts = Counter(tuple(permutation(mix(seed), 3).tolist()) for seed in range(3_000))
    assert len(counts) == 6
    assert all(abs(count - 500) < 100 for count in counts.values())


def test_key_is_the_start_of_a_sha256_read_from_its_little_end():
    # printf 'init/777/1-2-3' | sha256sum begins b8b253419af9a0b3; of nothing e3b0c44298fc1c14
    assert key("init", 777, "1-2-3") == 0xB3A0F99A4153B2B8
    assert key() == 0x141CFC9842C4B0E3


def test_keys_tell_parts_and_orders_apart():
    keys = [key("a", 1), key("a", 2), key(1, "a"), key("a1"), key("a", 1, "")]
    assert len(set(keys)) == len(keys)


def test_keys_are_the_same_in_another_process():
    code = "from nasbench.splitmix import key; print(key('order', 3, (1, 2)))"
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert int(output.stdout) == key("order", 3, (1, 2))


def test_a_permutation_is_the_order_of_the_outputs_however_short():
    for seed in (0, 7, 2**63 + 5, 2**64 - 1):
        for n in range(40):
            order = np.argsort(stream(seed, n), kind="stable")
            found = permutation(seed, n)
            assert found.tolist() == order.tolist()
            assert found.dtype == np.int64
