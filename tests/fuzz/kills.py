"""Commands that are killed at random moments: nothing is lost, nothing is left.

    python tests/fuzz/kills.py --kills 20 --seed 0 [run|import|merge|fit|build ...]

Each command starts in a folder that holds something already: records of other seeds, an older table
or surrogate, a finished shard. SIGKILL hits it at a moment drawn uniformly from the time that it
needs undisturbed. Then

- what was there before is there, readable, or completely replaced,
- the same command ends well and gives what it gives undisturbed,
- no file is left but those that an undisturbed command leaves.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.commands import COMMANDS, Killed


@dataclass(frozen=True)
class Undisturbed:
    """A folder before a command, and what the command makes of it.

    Attributes:
        before: The folder before.
        seconds: How long the command takes.
        old: What the command would read there before.
        new: What it makes.
        files: All that is in the folder afterwards.
    """

    before: Path
    seconds: float
    old: Any
    new: Any
    files: set[str]


def start(command: Killed, folder: Path) -> subprocess.Popen[bytes]:
    """Start a command in a folder of its own."""
    settings = {"NASBENCH_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "nasbench", *command.words],
        cwd=folder,
        env=os.environ | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(command: Killed, folder: Path) -> str:
    """Run a command to its end; what it says on standard error if that is not a good one."""
    process = start(command, folder)
    _, said = process.communicate()
    return said.decode() if process.returncode else ""


def files(folder: Path) -> dict[str, bytes]:
    """Content of every file below a folder, by its path in it."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def undisturbed(command: Killed, folder: Path) -> Undisturbed:
    """Run a command to its end in a copy of the folder that is prepared for it."""
    before, after = folder / "before", folder / "after"
    before.mkdir(parents=True)
    command.prepare(before)
    shutil.copytree(before, after)
    begun = time.monotonic()
    if said := finish(command, after):
        raise RuntimeError(f"{command.name} fails undisturbed: {said}")
    seconds = time.monotonic() - begun
    old, new = command.read(before), command.read(after)
    return Undisturbed(before, seconds, old, new, set(files(after)))


def faults(command: Killed, known: Undisturbed, folder: Path, moment: float) -> Iterator[str]:
    """Kill a command at a moment between 0 and 1, and yield whatever is wrong then."""
    shutil.copytree(known.before, folder)
    process = start(command, folder)
    try:
        process.communicate(timeout=moment * known.seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    yield from _lost(command, known, folder)
    if said := finish(command, folder):
        yield f"the same command fails: {said}"
        return
    if command.read(folder) != known.new:
        yield "the same command gives something else"
    found = set(files(folder))
    for what, names in (("left", found - known.files), ("missing", known.files - found)):
        if names:
            yield f"{what}: {', '.join(sorted(names))}"


def _lost(command: Killed, known: Undisturbed, folder: Path) -> Iterator[str]:
    now = files(folder)
    for name, content in files(known.before).items():
        if not command.may_replace(name) and now.get(name) != content:
            yield f"{name} is {'changed' if name in now else 'gone'}"
    try:
        if not command.is_between(known.old, command.read(folder), known.new):
            yield "what is there is neither old nor new"
    except Exception as error:
        yield f"what was there cannot be read: {type(error).__name__}: {error}"


def campaign(
    names: list[str], kills: int, seed: int, folder: Path, tell: Callable[[str], object]
) -> list[str]:
    """Kill commands, and return all faults."""
    found = []
    for name in names:
        command, rng = COMMANDS[name](), random.Random(f"{name} {seed}")
        known = undisturbed(command, folder / name)
        mine = []
        for number in range(kills):
            moment, place = rng.random(), folder / name / str(number)
            wrong = list(faults(command, known, place, moment))
            mine += [f"{name}, kill {number} at {moment:.3f}: {fault}" for fault in wrong]
            if not wrong:
                shutil.rmtree(place)
        tell(f"{name}: {kills} kills within {known.seconds:.1f} s, {len(mine)} faults")
        found += mine
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=", ".join(COMMANDS))
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    given = parser.parse_args()
    if unknown := {*given.commands} - {*COMMANDS}:
        parser.error(f"there is no {', '.join(sorted(unknown))}, only {', '.join(COMMANDS)}")
    folder = Path(tempfile.mkdtemp(prefix="nasbench-kills-"))
    found = campaign(given.commands or list(COMMANDS), given.kills, given.seed, folder, print)
    print("\n".join(found) or "nothing is lost, nothing is left")
    if not found:
        shutil.rmtree(folder)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
