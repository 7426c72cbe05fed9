import random
from math import inf

import pytest
from toys import Numbers, Ruled, drive, mean_best, rugged

from algorithms.local.fpnas import FPNAS, parts
from nasbench.algorithm import Observation
from nasbench.errors import InvalidArgumentError
from nasbench.spaces.darts import Darts


class Six(Numbers, options=(4, 3, 1, 5, 2, 4)):
    """480 architectures."""


def made(space=None, seed=0, **settings):
    return FPNAS(space or Six(), fidelities=(1,), seed=seed, **settings)


def differing(a, b):
    return {i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y}


def test_blocks_are_consecutive_and_almost_equal():
    assert [list(part) for part in parts(7, 3)] == [[0, 1], [2, 3], [4, 5, 6]]
    assert parts(2, 5) == [range(1), range(1, 2)]


def test_two_blocks_of_darts_are_its_cells():
    names = [decision.name.split()[0] for decision in Darts().decisions]
    assert [{names[i] for i in part} for part in parts(len(names), 2)] == [{"normal"}, {"reduce"}]


class Watched(FPNAS):
    """Notes the centre and the block of every candidate."""

    def _candidate(self, center, part):
        found = super()._candidate(center, part)
        self.notes = [*getattr(self, "notes", ()), (center, part, found)]
        return found


@pytest.mark.parametrize("blocks", [1, 2, 3, 9])
@pytest.mark.parametrize("redraw", [0.0, 1.0])
def test_candidates_change_one_block_of_the_best_so_far(blocks, redraw):
    search = Watched(Six(), fidelities=(1,), seed=0, blocks=blocks, turn=6, redraw=redraw)
    archs = drive(search, rugged, 120)
    notes = {found: (center, part) for center, part, found in search.notes if found}
    sizes, starts, best = set(), 0, None
    for arch in archs:
        if arch not in notes:
            starts, best = starts + 1, arch
            continue
        center, part = notes[arch]
        assert center == best
        assert differing(center, arch) <= set(part)
        sizes.add(len(differing(center, arch)))
        best = min(best, arch, key=rugged)
    assert 1 < starts < 30
    assert sizes == ({1} if redraw == 0.0 or blocks == 9 else sizes | {2})


def test_a_turn_has_so_many_candidates_and_blocks_alternate():
    search = made(Darts(), turn=5)
    archs = drive(search, [1.0] + [2.0] * 9 + [0.5] + [2.0] * 5, 16)
    changed = [{i // 11 for i in differing(archs[0], arch)} for arch in archs[1:11]]
    changed += [{i // 11 for i in differing(archs[10], arch)} for arch in archs[11:]]
    assert changed == [{0}] * 5 + [{1}] * 5 + [{0}] * 5


def test_without_improvement_it_starts_again_after_every_block():
    search = made(Darts(), turn=5)
    archs = drive(search, [1.0] + [2.0] * 40, 41)
    both = [place for place, a in enumerate(archs) if len(differing(archs[0], a)) > 11]
    assert both[0] == 11  # the centre, and a turn of each block
    search = made(Darts(), turn=5)
    archs = drive(search, [1.0, 2.0, 0.5] + [2.0] * 40, 43)
    both = [place for place, a in enumerate(archs) if len(differing(archs[2], a)) > 11]
    assert both[0] == 16  # the rest of a turn, in which the centre improved, is none


@pytest.mark.parametrize("seed", range(5))
def test_a_separable_loss_is_minimised_block_by_block(seed):
    def loss(arch):
        return sum(abs(a - b) for a, b in zip(arch, (3, 1, 0, 2, 1, 0), strict=True))

    archs = drive(made(seed=seed, turn=60), loss, 1 + 3 * 60)
    assert min(map(loss, archs)) == 0


@pytest.mark.parametrize("space", [Six(), Ruled()])
def test_a_small_space_is_searched_whole_and_then_the_search_ends(space):
    archs = drive(made(space), rugged, 1000)
    assert sorted(archs) == list(space.archs())


def test_results_of_an_earlier_descent_do_not_count():
    search = made(turn=1, blocks=1)
    first = search.ask()
    search.tell(Observation(0, first, (1.0,), 1.0))
    late = search.ask()
    search.ask()
    search.ask()
    search.tell(Observation(1, late, (0.0,), 1.0))
    assert search._center is None


def test_diverged_starts_are_left():
    def loss(arch):
        return inf if rugged(arch) < 30 else rugged(arch)

    rng, search, running = random.Random(1), made(), []
    for trial in range(200):
        running += [search.ask() for _ in range(8 - len(running))]
        proposal = running.pop(int(rng.random() * len(running)))
        search.tell(Observation(trial, proposal, (loss(proposal.arch),), 1.0))
    assert loss(search._center) < inf


def test_it_beats_random_search_on_the_published_table():
    assert mean_best("fpnas", 40) < mean_best("random_search", 40)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"blocks": 0}, "blocks = 0"),
        ({"turn": 0}, "turn = 0"),
        ({"redraw": 1.5}, "redraw = 1.5"),
    ],
)
def test_impossible_hyperparameters_are_refused(settings, message):
    with pytest.raises(InvalidArgumentError, match=message):
        made(**settings)
