from itertools import pairwise

import pytest
from toys import Numbers, drive_proposals, mean_best

import nasbench
from algorithms.local.hill_climb import HillClimb
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.runs.budget import Budget
from nasbench.runs.replay import replay
from nasbench.testing import check_algorithm


class Chain(Numbers, options=(10, 10, 10)):
    """Widths of three layers; a morphism never makes one narrower."""

    def edits(self, arch):
        for i, width in enumerate(arch):
            if width < 9:
                yield (*arch[:i], width + 1, *arch[i + 1 :]), "widen"


def climb(start, **settings):
    """A search whose first architecture is ``start``."""
    search = HillClimb(Chain(), seed=0, **settings)
    search._next_generation()
    search._queue = [search._queue[0]._replace(arch=start)]
    return search


def wide(proposal):
    return -float(sum(proposal.arch))


@pytest.mark.parametrize("edits", [1, 2, 5])
def test_children_are_edits_of_the_best(edits):
    search = climb((0, 0, 0), fidelities=(9,), children=3, edits=edits, steps=4)
    archs = [proposal.arch for proposal in drive_proposals(search, wide, 9)]
    generations = [archs[:1], archs[1:3], archs[3:5], archs[5:7], archs[7:9]]
    for parents, children in pairwise(generations):
        parent = max(parents, key=sum)  # children only grow
        assert len(set(children)) == 2
        for child in children:
            assert sum(child) == sum(parent) + edits
            assert all(a <= b for a, b in zip(parent, child, strict=True))


def test_a_parent_that_is_better_than_all_its_children_remains():
    search = climb((4, 4, 4), fidelities=(9,), children=3, steps=3)
    proposals = drive_proposals(search, lambda proposal: -wide(proposal), 7)
    near = {arch for arch, _ in Chain().edits((4, 4, 4))}
    assert all(proposal.arch in near for proposal in proposals[1:])


def test_a_climb_has_as_many_generations_as_asked_for_and_is_followed_by_another():
    search = climb((0, 0, 0), fidelities=(9,), children=4, steps=5)
    archs = [proposal.arch for proposal in drive_proposals(search, wide, 17)]
    assert [sum(arch) for arch in archs[:16]] == [0, *[g for g in range(1, 6) for _ in "123"]]
    assert sum(archs[16]) > 6  # random


def test_child_and_parent_are_compared_after_equal_training():
    settings = {"fidelities": (1, 2, 3, 5, 8, 13), "children": 3, "steps": 3, "epochs": 2}
    search = climb((4, 4, 4), **settings)
    proposals = drive_proposals(search, lambda p: -wide(p) - p.epoch, 12)
    # generations 0, 1, 2, 3 reach epochs 2, 4, 6, 8: the next fidelities are 2, 5, 8, 8
    epochs = [proposal.epoch for proposal in proposals]
    assert epochs == [2, 5, 5, 5, 8, 8, 8, 8, 8, 13, 2, 5]
    unchanged = [i for i, proposal in enumerate(proposals[:10]) if proposal.arch == (4, 4, 4)]
    assert unchanged == [0, 1, 4, 9]  # not again at epoch 8, and in full at the end
    assert all(proposal.resumes is None for proposal in proposals)


def test_a_parent_can_continue_its_own_training():
    settings = {"fidelities": (1, 2, 3, 5, 8, 13), "children": 3, "steps": 3, "epochs": 2}
    search = climb((4, 4, 4), **settings, resume=True)
    proposals = drive_proposals(search, lambda p: -wide(p) - p.epoch, 12)
    resumed = {i: proposal.resumes for i, proposal in enumerate(proposals)}
    assert {i: parent for i, parent in resumed.items() if parent is not None} == {
        1: 0,
        4: 1,
        9: 4,
        11: 10,
    }


def test_continuing_costs_the_added_epochs_only():
    table = nasbench.load("lite201-digits")
    paid = []
    for resume in (False, True):
        search = HillClimb(
            table.space, fidelities=table.fidelities, seed=0, epochs=2, resume=resume
        )
        run = replay(search, table, budget=Budget(trials=9), replicate="mean")
        paid.append([trial.end - trial.start for trial in run.trials])
    first = paid[0][0]  # two epochs and a validation
    assert paid[1][:2] == pytest.approx([first, first])
    assert paid[0][1] > 1.5 * first  # four epochs and a validation
    assert paid[0][2:] == pytest.approx(paid[1][2:])


def test_a_climb_ends_where_there_are_no_edits():
    search = climb((9, 9, 9), fidelities=(1, 9), epochs=1)
    first, last, restart = drive_proposals(search, wide, 3)
    assert first.arch == last.arch == (9, 9, 9)
    assert (first.epoch, last.epoch, restart.epoch) == (1, 9, 1)
    assert restart.arch != (9, 9, 9)


def test_a_generation_waits_for_all_answers():
    search = climb((0, 0, 0), fidelities=(9,), children=4)
    drive_proposals(search, wide, 1)
    running = [search.ask() for _ in range(3)]
    assert search.ask() is None
    for trial in (2, 1, 3):
        assert search.ask() is None
        search.tell(Observation(trial, running[trial - 1], (-float(trial),), 1.0))
    assert {arch for arch, _ in Chain().edits(running[2].arch)} >= {search.ask().arch}


def test_the_preset_changes_the_trace():
    runs = [
        nasbench.search(
            "hill_climb",
            "nb201-cifar10",
            seeds=[0],
            budget=Budget(trials=30),
            preset=preset,
        )[0]
        for preset in (None, "nash")
    ]
    archs = [[trial.proposal.arch for trial in run.trials] for run in runs]
    changes = [
        [sum(a != b for a, b in zip(run[0], arch, strict=True)) for arch in run[1:8]]
        for run in archs
    ]
    assert changes[0] == [1] * 7
    assert max(changes[1]) > 2


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("hill_climb", 40) < mean_best("random_search", 40) - 0.1


def test_it_keeps_the_contract_where_trainings_are_resumed(recorded):
    changes = {"resume": True, "epochs": 1, "steps": 2}
    check_algorithm(HillClimb, recorded("plain"), changes=changes, n=60)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"children": 1}, "children = 1 must be at least 2"),
        ({"edits": 0}, "edits = 0 must be at least 1"),
        ({"steps": 0}, "steps = 0 must be at least 1"),
        ({"epochs": 0}, "epochs = 0 must be at least 1"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(InvalidArgumentError, match=message):
        HillClimb(Chain(), fidelities=(1,), seed=0, **setting)
