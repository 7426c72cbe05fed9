import numpy as np
import pytest

from leaderboard.courses import BITS, Course, Paid, rounded
from nasbench.runs.run import NONE, Run


def random_run(rng, n_objectives, n_trials=40):
    """Trials of two epochs, some resumed, that end in another order than they start."""
    rows = []
    for i in range(n_trials):
        earlier = [j for j, row in enumerate(rows) if row[1] == 1]
        resumes = int(rng.choice(earlier)) if earlier and rng.random() < 0.3 else NONE
        epoch = 2 if resumes != NONE else int(rng.integers(1, 3))
        losses = tuple(float(x) for x in rng.integers(0, 30, n_objectives))
        if rng.random() < 0.1:
            losses = (np.inf,) * n_objectives
        arch = tuple(int(x) for x in rng.integers(0, 5, 6))
        end = i + float(rng.integers(1, 9))
        rows.append((arch, epoch, resumes, 0, losses, float(i), end, 0.0))
    return Run.from_rows(rows, [0.0] * n_trials, seed=3, n_decisions=6, n_objectives=n_objectives)


def by_hand(run):
    """Places, evaluations and epochs of the incumbents, and what was paid, by a plain loop."""
    order = sorted(range(len(run)), key=lambda i: (run.ends[i], i))
    seen, found, spent = [], [], 0
    for n, i in enumerate(order, 1):
        before = run.epochs[run.resumes[i]] if run.resumes[i] != NONE else 0
        spent += int(run.epochs[i] - before)
        losses = tuple(run.losses[i])
        if len(losses) == 1:
            beaten = any(other[0] <= losses[0] for other in seen)
        else:
            beaten = any(
                all(a <= b for a, b in zip(other, losses, strict=True)) and other != losses
                for other in seen
            )
        if not beaten and np.isfinite(losses).all():
            found.append((i, n, spent))
        seen.append(losses)
    return found, Paid(len(run), spent, float(run.ends.max()))


@pytest.mark.parametrize("n_objectives", [1, 2])
def test_a_course_is_what_a_plain_loop_finds(n_objectives):
    rng = np.random.default_rng(0)
    for _ in range(30):
        run = random_run(rng, n_objectives)
        course = Course.of(run)
        found, paid = by_hand(run)
        trials, evaluations, spent = zip(*found, strict=True)
        assert course.trials.tolist() == list(trials)
        assert course.evaluations.tolist() == list(evaluations)
        assert course.spent.tolist() == list(spent)
        assert course.times.tolist() == run.ends[list(trials)].tolist()
        assert course.archs.tolist() == run.archs[list(trials)].tolist()
        assert course.paid == paid


def test_what_a_run_chooses_is_what_nothing_dominates():
    rng = np.random.default_rng(1)
    for _ in range(30):
        run = random_run(rng, 2)
        course = Course.of(run)
        losses = run.losses[np.isfinite(run.losses).all(axis=1)]
        front = {
            tuple(one)
            for one in losses.tolist()
            if not any((other <= one).all() and (other < one).any() for other in losses)
        }
        assert {tuple(one) for one in course.losses[course.chosen()].tolist()} == front


def test_a_run_without_trials_has_an_empty_course():
    course = Course.of(Run.from_rows([], [], seed=0, n_decisions=6, n_objectives=1))
    assert course.paid == (0, 0, 0.0)
    assert len(course.archs) == 0


def test_seconds_keep_twelve_significant_bits():
    seconds = np.random.default_rng(2).lognormal(5, 4, 10_000)
    near = rounded(seconds)
    assert (abs(near / seconds - 1) <= 2.0 ** -(BITS + 1) * 2).all()
    assert np.array_equal(near.astype(np.float32), near)
    assert np.array_equal(rounded(near), near)
    whole = np.arange(2**BITS + 1.0)
    assert np.array_equal(rounded(whole), whole)
