import random
from collections import Counter
from itertools import islice, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nasbench.errors import IllegalArchError
from nasbench.space import Decision, SearchSpace
from nasbench.spaces.nb101 import NB101


class Text(SearchSpace):
    def to_text(self, arch):
        return "-".join(map(str, arch))

    def from_text(self, text):
        try:
            return self.check(tuple(int(part) for part in text.split("-")))
        except ValueError as error:
            raise IllegalArchError(f"{text!r} is no text") from error


class Free(Text):
    """2 x 3 x 4 = 24 tuples, all legal."""

    name = "free"
    decisions = (
        Decision("a", ("a0", "a1")),
        Decision("b", ("b0", "b1", "b2")),
        Decision("c", ("c0", "c1", "c2", "c3")),
    )


class Even(Free):
    """The same, only even sums: 12 tuples; every single change of 1 is illegal."""

    name = "even"

    def is_legal(self, arch):
        return sum(arch) % 2 == 0


class Twins(Text):
    """Two legal tuples at distance one among 10,000, a third away from them."""

    name = "twins"
    decisions = tuple(Decision(n, tuple(map(str, range(100)))) for n in "ab")

    def is_legal(self, arch):
        return arch in ((50, 7), (50, 93), (0, 0))


class Fixed(Text):
    name = "fixed"
    decisions = (Decision("a", ("only",)),)


class Huge(Text):
    name = "huge"
    decisions = tuple(Decision(f"d{i}", tuple("0123456789")) for i in range(40))


class HugeWithRule(Huge):
    name = "huge-with-rule"

    def is_legal(self, arch):
        return arch[0] != 3


@pytest.fixture
def rng():
    return random.Random(0)


def test_options_and_size_follow_from_the_decisions():
    assert Free().options == (2, 3, 4)
    assert Free().size == 24
    assert Even().size == 12
    assert Twins().size == 3
    assert Fixed().size == 1
    assert Huge().size == 10**40
    assert HugeWithRule().size is None


def test_archs_are_all_legal_tuples_in_order():
    assert list(Free().archs()) == list(product(range(2), range(3), range(4)))
    assert list(Even().archs()) == [a for a in Free().archs() if sum(a) % 2 == 0]


def test_the_first_decision_is_the_most_significant():
    space = Free()
    assert [space.rank(arch) for arch in space.archs()] == list(range(24))
    assert space.rank((1, 2, 3)) == 1 * 12 + 2 * 4 + 3
    assert space.unrank(23) == (1, 2, 3)


@settings(max_examples=50)
@given(rank=st.integers(0, 10**40 - 1))
def test_rank_is_inverse_of_unrank_beyond_64_bits(rank):
    space = Huge()
    arch = space.unrank(rank)
    assert space.rank(arch) == rank
    assert "".join(map(str, arch)) == f"{rank:040d}"


@pytest.mark.parametrize("rank", [-1, 24, 10**30])
def test_ranks_outside_the_space_are_refused(rank):
    with pytest.raises(IllegalArchError, match=rf"rank {rank} is outside 0\.\.23 of 'free'"):
        Free().unrank(rank)


def test_rank_many_takes_arrays_of_small_integers():
    space = Free()
    archs = np.array(list(space.archs()), dtype=np.uint8)
    ranks = space.rank_many(archs)
    assert ranks.dtype == np.int64
    assert ranks.tolist() == list(range(24))


def test_canonical_many_of_no_architectures_keeps_the_shape():
    assert Free().canonical_many(np.zeros((0, 3), dtype=np.int64)).shape == (0, 3)


@pytest.mark.parametrize(
    "arch", [[1, 2, 3], (1.0, 2, 3), (True, 2, 3), np.array([1, 2, 3], dtype=np.uint8)]
)
def test_check_gives_plain_integers(arch):
    checked = Free().check(arch)
    assert checked == (1, 2, 3)
    assert [type(option) for option in checked] == [int, int, int]


@pytest.mark.parametrize("arch", [(), (0, 0), (0, 0, 0, 0), "abc", None, 5, [(0, 0, 0)]])
def test_check_refuses_what_is_not_three_integers(arch):
    with pytest.raises(IllegalArchError, match="architecture of 'free': 3 integers are needed"):
        Free().check(arch)


@pytest.mark.parametrize("option", [-1, 3, 10**30, 0.5, "1"])
def test_check_names_the_decision_and_what_is_possible(option):
    with pytest.raises(IllegalArchError, match=rf"'b' is {option!r}, possible are 0\.\.2"):
        Free().check((0, option, 0))


@pytest.mark.parametrize("option", [float("nan"), float("inf"), None, "x", 1j, ()])
def test_check_refuses_any_object(option):
    with pytest.raises(IllegalArchError):
        Free().check((0, option, 0))


def test_check_says_that_a_rule_is_broken():
    with pytest.raises(IllegalArchError, match=r"\(0, 1, 0\) breaks a rule of 'even': 0-1-0"):
        Even().check((0, 1, 0))


@pytest.mark.parametrize(
    "thing", [(0, 0), (0, 0, 0, 0), (0, 3, 0), (0, -1, 0), (0, 0.5, 0), [0, 0, 0], "000", None, 7,
              (0, "x", 0), (0, None, 0), (0, float("nan"), 0), (0, float("inf"), 0), (0, 1j, 0),
              (0, np.zeros(2), 0)],
)  # fmt: skip
def test_other_things_are_not_in_the_space(thing):
    assert thing not in Free()


def test_membership_asks_the_rule():
    assert (0, 1, 1) in Even()
    assert (0, 1, 0) not in Even()
    assert (0, 1, 0) in Free()


def test_sample_is_uniform_over_legal_tuples(rng):
    space = Even()
    counts = Counter(space.sample(rng) for _ in range(6_000))
    assert sorted(counts) == list(space.archs())
    assert all(abs(count - 500) < 100 for count in counts.values())


def test_sample_takes_one_number_a_decision(rng):
    same = random.Random(0)
    assert Free().sample(rng) == tuple([int(same.random() * n) for n in (2, 3, 4)])


@pytest.mark.parametrize("space", [Free(), Even(), NB101()], ids=lambda s: type(s).__name__)
def test_samples_are_calls_of_sample(space):
    one, same = random.Random(1), random.Random(1)
    many = list(islice(space.samples(one), 50))
    assert many == [space.sample(same) for _ in many]
    assert one.random() == same.random()


def test_mutate_changes_each_decision_and_picks_each_other_option_equally_often(rng):
    space = Free()
    counts = Counter(space.mutate((0, 1, 2), rng) for _ in range(6_000))
    assert sorted(counts) == sorted(space.neighbors((0, 1, 2)))
    expected = {(1, 1, 2): 2000} | {(0, b, 2): 1000 for b in (0, 2)}
    expected |= {(0, 1, c): 667 for c in (0, 1, 3)}
    assert all(abs(counts[arch] - count) < 150 for arch, count in expected.items())


def test_mutate_finds_the_only_neighbour_among_many_illegal_ones(rng):
    space = Twins()
    assert all(space.mutate((50, 7), rng) == (50, 93) for _ in range(20))


def test_mutate_returns_an_architecture_without_neighbours(rng):
    assert Twins().mutate((0, 0), rng) == (0, 0)
    assert Fixed().mutate((0,), rng) == (0,)


def test_neighbors_are_in_order_of_position_and_option():
    assert list(Free().neighbors((0, 1, 2))) == [
        (1, 1, 2), (0, 0, 2), (0, 2, 2), (0, 1, 0), (0, 1, 1), (0, 1, 3)
    ]  # fmt: skip
    assert list(Even().neighbors((0, 1, 1))) == [(0, 1, 3)]
    assert list(Fixed().neighbors((0,))) == []


def test_crossover_takes_both_parents_equally_often(rng):
    counts = Counter(Free().crossover((0, 0, 0), (1, 2, 3), rng) for _ in range(4_000))
    assert len(counts) == 8
    assert all(abs(count - 500) < 100 for count in counts.values())


def test_crossover_is_legal_or_the_first_parent(rng):
    children = {Even().crossover((0, 0, 0), (1, 1, 2), rng) for _ in range(200)}
    assert children == {(0, 0, 0), (1, 1, 0), (0, 0, 2), (1, 1, 2)}
    # Of the parents' mixtures only themselves are legal.
    children = {Twins().crossover((0, 0), (50, 7), rng) for _ in range(100)}
    assert children == {(0, 0), (50, 7)}


def test_crossover_gives_up_after_64_draws():
    class Never(Free):
        def is_legal(self, arch):
            return False

    assert Never().crossover((0, 0, 0), (1, 2, 3), random.Random(0)) == (0, 0, 0)


def test_legal_options_look_ahead():
    space = Twins()
    assert space.legal_options(()) == (0, 50)
    assert space.legal_options((50,)) == (7, 93)
    assert space.legal_options((1,)) == ()
    assert Free().legal_options((1, 2)) == (0, 1, 2, 3)
    assert Even().legal_options((1, 2)) == (1, 3)


def test_edits_are_replacements_by_default():
    assert list(Even().edits((0, 1, 1))) == [((0, 1, 3), "replace")]


def test_spaces_without_arguments_are_equal_if_their_class_is():
    assert Free() == Free()
    assert Free() != Even()
    assert Free() != "free"
    assert len({Free(), Free(), Even()}) == 2
    assert repr(Free()) == "Free()"


def test_a_space_has_no_graph_and_no_equal_networks_by_default():
    assert Free().graph((0, 0, 0)) is None
    assert Free().canonical((1, 2, 3)) == (1, 2, 3)
    assert Free().function((1, 2, 3)) == (1, 2, 3)
    assert Free().function_many(np.array([[1, 2, 3]])).tolist() == [[1, 2, 3]]
