import pytest

from algorithms.parts.running import Running
from nasbench.algorithm import Proposal


def test_equal_proposals_are_told_in_order():
    running = Running()
    a, b = Proposal((0,), 1), Proposal((0,), 3)
    for note, proposal in enumerate((a, b, a, a)):
        running.add(proposal, note)
    assert [running.take(p) for p in (a, a, b, a)] == [0, 2, 1, 3]
    with pytest.raises(KeyError):
        running.take(a)
