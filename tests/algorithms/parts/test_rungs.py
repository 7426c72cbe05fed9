import math
import random

import pytest

from algorithms.parts.rungs import (
    Bracket,
    Brackets,
    Halving,
    Ladder,
    Result,
    Rung,
    brackets,
    halving,
    rungs,
)
from nasbench.algorithm import Proposal
from nasbench.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("fidelities", "eta", "expected"),
    [
        ((1, 3, 9, 27), 3, (1, 3, 9, 27)),
        ((4, 12, 36, 108), 3, (4, 12, 36, 108)),
        (range(1, 9), 3, (3, 8)),  # 8/3 = 2.67; 8/9 is below the first fidelity
        (range(1, 9), 2, (1, 2, 4, 8)),
        (range(1, 9), 4, (2, 8)),
        (range(1, 9), 8, (1, 8)),
        (range(1, 9), 9, (8,)),
        (range(3, 101), 3, (4, 11, 33, 100)),
        (range(1, 13), 3, (1, 4, 12)),
        ((12, 200), 3, (12, 200)),  # 22.2 and 66.7 are both nearest to 12
        ((200,), 3, (200,)),
        ((5, 6, 7), 3, (7,)),
        ((2, 4, 6), 2, (2, 6)),  # 3 is as near to 2 as to 4
    ],
)
def test_rungs_are_the_offered_epochs_nearest_to_the_budgets(fidelities, eta, expected):
    assert rungs(tuple(fidelities), eta) == expected


@pytest.mark.parametrize("eta", [2, 3, 4, 5, 7, 10])
def test_the_number_of_rungs_is_exact_where_logarithms_are_not(eta):
    for power in range(1, 16):
        epochs = tuple(eta**i for i in range(power + 1))
        assert rungs(epochs, eta) == epochs
        assert len(rungs((*epochs[:-1], epochs[-1] - 1), eta)) == power
        assert len(rungs((*epochs, epochs[-1] + 1), eta)) == power + 1


def test_one_to_243_has_six_rungs():
    assert int(math.log(243) / math.log(3)) + 1 == 5  # what must not happen
    assert rungs(tuple(range(1, 244)), 3) == (1, 3, 9, 27, 81, 243)


def test_the_brackets_of_hyperband():
    """For 1 to 27 epochs; as rounded by HpBandSter, and by the formula of the paper."""
    assert brackets(4, 3, "hpbandster") == ((27, 9, 3, 1), (9, 3, 1), (6, 2), (4,))
    assert brackets(4, 3, "paper") == ((27, 9, 3, 1), (12, 4, 1), (6, 2), (4,))


def test_the_formula_of_the_paper_for_81_epochs():
    """5 * 3**s / (s + 1) for s = 4, 3, 2, 1, 0 is 81, 33.75, 15, 7.5, 5."""
    assert brackets(5, 3, "paper") == (
        (81, 27, 9, 3, 1),
        (34, 11, 3, 1),
        (15, 5, 1),
        (8, 2),
        (5,),
    )


def test_one_rung_has_one_bracket_of_one():
    assert brackets(1, 3, "hpbandster") == brackets(1, 3, "paper") == ((1,),)


def test_rungs_shrink_to_one():
    assert halving(50, 3, 5) == (50, 16, 5, 1, 1)


def test_unknown_roundings_are_refused():
    with pytest.raises(InvalidArgumentError, match="did you mean 'paper'"):
        brackets(4, 3, "papers")


def test_a_bracket_waits_for_the_rung_and_lets_the_best_climb():
    bracket = Bracket(0, (4, 2, 1), (1, 3, 9))
    for _ in range(4):
        bracket.start()
    assert bracket.left == 0
    for trial, loss in ((3, 5.0), (0, 7.0), (2, 5.0)):
        bracket.record(Result(loss, trial, (trial,)))
        assert (bracket.rung, bracket.left) == (0, 0)
    bracket.record(Result(9.0, 1, (1,)))
    assert (bracket.rung, bracket.left) == (1, 2)
    assert [climber.trial for climber in bracket.climbers] == [3, 2]  # the best last
    for trial in (4, 5):
        bracket.start()
        bracket.record(Result(float(trial), trial, ()))
    assert (bracket.rung, bracket.left) == (2, 1)
    assert bracket.climbers[0].trial == 4
    bracket.start()
    bracket.record(Result(math.inf, 6, ()))
    assert bracket.done


def test_diverged_trainings_do_not_climb():
    bracket = Bracket(0, (4, 3, 1), (1, 3, 9))
    for trial in range(4):
        bracket.start()
        bracket.record(Result(math.inf if trial else 1.0, trial, ()))
    assert (bracket.left, bracket.done) == (1, False)
    bracket.start()
    bracket.record(Result(math.inf, 4, ()))
    assert bracket.done


def test_new_architectures_take_the_places_of_diverged_ones_as_in_hpbandster():
    """Three of four diverge; the second rung still trains two, and the third one."""
    names = iter(range(100))
    halving = Halving([(4, 2, 1)], (1, 3, 9), lambda: (next(names),), resume=True, refill=True)
    told = []
    for trial, loss in enumerate([math.inf, 5.0, math.inf, math.inf, math.inf, math.inf, 1.0]):
        proposal = halving.ask()
        told.append((proposal.epoch, proposal.arch[0], proposal.resumes))
        halving.tell(proposal, loss, trial)
    start = [(1, 0, None), (1, 1, None), (1, 2, None), (1, 3, None)]
    assert told == [*start, (3, 1, 1), (3, 4, None), (9, 5, None)]
    assert halving.ask().epoch == 1


def test_the_next_bracket_starts_while_one_waits():
    schedule = Brackets(((2, 1), (1,)), (1, 3))
    first = schedule.next()
    first.start()
    assert schedule.next() is first
    first.start()
    second = schedule.next()
    assert (second.number, second.epochs) == (1, (3,))
    second.start()
    third = schedule.next()
    assert (third.number, third.epochs) == (2, (1, 3))
    for trial in range(2):
        schedule.record(first, Result(1.0, trial, ()))
    assert schedule.next() is first  # the oldest with something to start
    schedule.record(second, Result(1.0, 2, ()))
    first.start()
    schedule.record(first, Result(1.0, 3, ()))
    assert schedule.next() is third


def brute_force(told, climbed, eta):
    """The best that has not climbed among the best ``floor(n / eta)``."""
    best = sorted(told)[: len(told) // eta]
    return next((r for r in best if r.trial not in climbed and r.loss < math.inf), None)


@pytest.mark.parametrize("eta", [2, 3, 4])
@pytest.mark.parametrize("kind", ["distinct", "ties", "some infinite"])
def test_a_rung_agrees_with_brute_force(eta, kind):
    for seed in range(20):
        rng = random.Random(seed)
        rung, told, climbed = Rung(eta), [], set()
        for trial in range(60):
            loss = rng.random() if kind == "distinct" else float(int(5 * rng.random()))
            if kind == "some infinite" and loss > 2:
                loss = math.inf
            result = Result(loss, trial, (trial,))
            rung.record(result)
            told.append(result)
            while rng.random() < 0.6:
                expected = brute_force(told, climbed, eta)
                assert rung.climber() == expected
                if expected is None:
                    break
                climbed.add(expected.trial)


def test_the_highest_rung_that_can_promotes_first():
    ladder = Ladder((1, 3, 9), 2, resume=True)
    for trial, (epoch, loss) in enumerate([(1, 0.0), (1, 1.0), (3, 5.0), (3, 4.0), (9, 1.0)]):
        ladder.tell(Proposal((trial,), epoch), loss, trial)
    assert ladder.climb() == (Proposal((3,), 9, 3), 3)
    assert ladder.climb() == (Proposal((0,), 3, 0), 0)
    assert ladder.climb() is None


def test_nobody_climbs_above_the_top():
    ladder = Ladder((1, 3, 9), 2, resume=False)
    ladder.top = 1
    for trial in range(4):
        ladder.tell(Proposal((trial,), 3), 1.0, trial)
    assert ladder.climb() is None
    ladder.top = 2
    assert ladder.climb() == (Proposal((0,), 9), 0)
