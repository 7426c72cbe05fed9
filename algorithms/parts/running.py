"""Notes on proposals whose results are still to come."""

from typing import Generic, TypeVar

from nasbench.algorithm import Proposal

Note = TypeVar("Note")


class Running(Generic[Note]):
    """Notes attached to proposals until their results are told.

    Equal proposals ask for the same training, so it does not matter which of them a result belongs
    to; the oldest is told first.
    """

    def __init__(self) -> None:
        self._notes: dict[Proposal, list[Note]] = {}

    def add(self, proposal: Proposal, note: Note) -> None:
        """Keep ``note`` until ``proposal`` is told."""
        self._notes.setdefault(proposal, []).append(note)

    def take(self, proposal: Proposal) -> Note:
        """Remove and return the note of ``proposal``."""
        notes = self._notes[proposal]
        note = notes.pop(0)
        if not notes:
            del self._notes[proposal]
        return note
