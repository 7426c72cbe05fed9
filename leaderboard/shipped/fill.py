"""Makes the compact records of a plan: what is missing, in its order, and nothing twice."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from leaderboard.admission import Obstacle, auditor, open_benchmark, read
from leaderboard.boards import Question
from leaderboard.compact.record import CompactRecord, compact, file_name
from leaderboard.shipped.plan import Unit
from nasbench.errors import InvalidArgumentError, NasbenchError, RecordError, first_line
from nasbench.runs.audit import Auditor
from nasbench.runs.manifest import Manifest
from nasbench.runs.records import MANIFEST, Records, find_records
from nasbench.runs.search import record_seeds
from nasbench.runs.setup import Prepared
from nasbench.storage.files import atomic, writable_folder
from nasbench.storage.locks import locked_if_free
from nasbench.storage.temporary import lock_beside

LABEL = "board-work.txt"
"""Names a folder for full records that are deleted once they are compact."""

State = Literal["there", "recorded", "missing", "left out", "failed"]
"""Whether the compact record is there, can be made of a full one, must be run, says nothing of its
algorithm, or cannot be made.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a unit.

    Attributes:
        unit: The unit.
        state: See :data:`State`.
        prepared: Its set-up; None if it cannot be made.
        source: The full record of which it can be made, or None.
        why: Why it is left out or cannot be made; empty if neither.
    """

    unit: Unit
    state: State
    prepared: Prepared | None = None
    source: Records | None = None
    why: str = ""


def look(units: Iterable[Unit], out: Path, sources: Sequence[Path] = ()) -> Iterator[Found]:
    """Iterate over units and what is known of each.

    A unit is there if its file holds all its seeds, made by the same code with the same settings
    on the same content of the benchmark. Left out are: presets for losses in another unit, and
    algorithms that are random search in the set-up, except random search.

    Args:
        units: The units.
        out: Folder of compact records.
        sources: Folders of full records.
    """
    full = _full_records(sources)
    for unit in units:
        try:
            prepared = unit.setup.prepare()
            manifest = prepared.manifest
        except NasbenchError as error:
            yield Found(unit, "failed", why=first_line(error))
            continue
        if why := _unsuitable(prepared):
            yield Found(unit, "left out", prepared, why=why)
        elif _holds(out, manifest, unit.seeds):
            yield Found(unit, "there", prepared)
        else:
            source = full.get(f"{manifest.benchmark}/{manifest.folder_name}")
            usable = source is not None and not source.missing(range(unit.seeds))
            state: State = "recorded" if usable else "missing"
            yield Found(unit, state, prepared, source if usable else None)


def fill(
    units: Sequence[Unit],
    out: Path,
    work: Path,
    *,
    sources: Sequence[Path] = (),
    search: bool = True,
    processes: int = 1,
    progress: Callable[[int, int], None] = lambda *_: None,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[State, int]:
    """Make the compact records of units that are not there.

    It can be stopped at any time: the same call goes on, with the seeds that ``work`` holds. Calls
    with the same ``work`` share the units: what another one makes is left to it. A full
    record in ``work`` is deleted when its compact form is written, and so are compact records in
    ``out`` of the same search with other code or content of the benchmark.

    Args:
        units: The units.
        out: Folder of compact records.
        work: Folder for the full records of the units that are run.
        sources: Folders of full records, which are read where they hold all seeds of a unit.
        search: Whether to run what is missing, not only to take what full records hold.
        processes: Number of operating-system processes.
        progress: Called with the numbers of finished and of all units.
        tell: Called with a line for each unit that is made, left out or fails.

    Returns:
        How many units are in which state now.

    Raises:
        InvalidArgumentError: A folder cannot be written, ``work`` holds records of others, or a
            folder of ``sources`` does not exist.
    """
    counts: dict[State, int] = dict.fromkeys(get_args(State), 0)
    for folder in sources:
        if not folder.is_dir():
            raise InvalidArgumentError(f"there is no folder of records {folder}")
    writable_folder(out)
    _claim(work)
    for number, found in enumerate(look(units, out, (*sources, work))):
        progress(number, len(units))
        state, why = found.state, found.why
        if state == "recorded" or (state == "missing" and search):
            state, why = _make_alone(found, out, work, processes, tell)
        if why:
            tell(f"{found.unit.name}: {why if state == 'recorded' else f'{state}: {why}'}")
        counts[state] += 1
    progress(len(units), len(units))
    return counts


def compact_all(
    runs: Path, out: Path, *, tell: Callable[[str], None] = lambda _: None
) -> list[CompactRecord]:
    """Write the compact forms of all full records below a folder.

    Args:
        runs: Folder of full records.
        out: Folder of compact records.
        tell: Called with a line for each record that has none.

    Returns:
        What was written.

    Raises:
        RecordError: There is no record.
        InvalidArgumentError: A file cannot be written.
    """
    made = []
    benchmarks: dict[Question, Auditor | Obstacle] = {}
    for record in find_records(runs):
        question = Question.of(record.manifest)
        if question not in benchmarks:
            opened = open_benchmark(question)
            benchmarks[question] = opened if isinstance(opened, Obstacle) else auditor(opened)
        known = benchmarks[question]
        found = known if isinstance(known, Obstacle) else read(record, known)
        if isinstance(found, Obstacle):
            tell(f"{record.folder}: {found.reason}. {found.remedy}")
            continue
        assert isinstance(known, Auditor)
        try:
            made.append(compact(record, known.benchmark, out))
        except RecordError as error:
            tell(first_line(error))
    return made


def _make_alone(
    found: Found, out: Path, work: Path, processes: int, tell: Callable[[str], None]
) -> tuple[State, str]:
    """Make the compact record of a unit, unless another call does; its state now, and why."""
    assert found.prepared is not None
    manifest = found.prepared.manifest
    place = lock_beside(work / f"{manifest.benchmark}-{manifest.folder_name}")
    with locked_if_free(place) as free:
        if not free:
            return "missing", "another command makes it"
        if _holds(out, manifest, found.unit.seeds):
            return "there", ""
        try:
            size = _make(found, out, work, processes, tell).folder.stat().st_size
        except NasbenchError as error:
            return "failed", first_line(error)
    return "recorded", f"{size:,} bytes"


def _make(
    found: Found, out: Path, work: Path, processes: int, tell: Callable[[str], None]
) -> CompactRecord:
    assert found.prepared is not None
    seeds, record = range(found.unit.seeds), found.source
    if record is None:
        record = record_seeds(found.unit.setup, seeds, work, processes=processes)
    made = compact(record, found.prepared.benchmark, out, seeds)
    _delete_former(made)
    if record.folder.is_relative_to(work):
        try:
            record.delete(work)
        except InvalidArgumentError as error:  # somebody put something there: it is theirs now
            tell(first_line(error))
    return made


def _claim(work: Path) -> None:
    """Label a folder as one in which this command may delete records.

    Raises:
        InvalidArgumentError: It holds records without the label, or cannot be written.
    """
    writable_folder(work)
    label = work / LABEL
    if label.is_file():
        return
    if any(True for _ in work.rglob(MANIFEST)):
        raise InvalidArgumentError(
            f"{work} holds records that this command did not make, and it deletes those that it "
            "has made compact: choose another folder for its work, and give this one as --runs"
        )
    with atomic(label) as temporary:
        temporary.write_text("Records here are deleted when their compact form is written.\n")


def _delete_former(made: CompactRecord) -> None:
    """Delete compact records of the same search, made before its code or table changed."""
    for path in made.folder.parent.glob(f"{made.manifest.algorithm.replace(':', '.')}-*"):
        try:
            other = CompactRecord(path)
        except RecordError:
            continue
        if path != made.folder and _search(other.manifest) == _search(made.manifest):
            path.unlink()


def _search(manifest: Manifest) -> tuple[object, ...]:
    """What stays of a search when code or tables change."""
    return (
        manifest.algorithm,
        manifest.preset,
        dict(manifest.hyperparameters),
        manifest.fidelities,
        manifest.benchmark,
        manifest.objectives,
        manifest.known,
        manifest.constraints,
        manifest.budget,
        manifest.workers,
        manifest.replicate,
    )


def _holds(out: Path, manifest: Manifest, seeds: int) -> bool:
    path = out / manifest.benchmark / file_name(manifest)
    if not path.is_file():
        return False
    try:
        return CompactRecord(path).seeds() == list(range(seeds))
    except RecordError:
        return False


def _unsuitable(prepared: Prepared) -> str:
    """Why a set-up says nothing of its algorithm; empty if it does."""
    expected = prepared.example.loss_unit
    unit = prepared.benchmark.column(prepared.benchmark.objectives[0]).unit
    if expected not in (None, unit):
        return f"it is made for losses in {expected or 'no unit'}"
    if prepared.manifest.random_trials is None and prepared.manifest.algorithm != "random_search":
        return "it is random search here"
    return ""


def _full_records(sources: Sequence[Path]) -> dict[str, Records]:
    """Full records by benchmark and folder name; damaged ones are passed over."""
    found: dict[str, Records] = {}
    for folder in sources:
        for path in sorted(folder.rglob(MANIFEST)):
            try:
                record = Records(path.parent)
            except RecordError:
                continue
            found.setdefault(f"{record.manifest.benchmark}/{record.folder.name}", record)
    return found
