"""The examples of the pages in ``docs`` run, each page in an empty folder of its own.

Commands and Python blocks run in processes that have already imported packages of others (the
examples of the README start programs as users do). Python blocks run beside the files that the page
gives before them and the shipped tables that they read by file name, and console lines that take
seconds run too: searches with two seeds, those of the console with few trials and in one process.
Of the others (trainings, fits, downloads, imports of archives, plots) commands, options and files
are checked to exist. An example that imports a package which is not installed is skipped. Where the
front matter of a page says what its examples need and nobody has by default, they must fail with an
error of the suite for want of it.
"""

import ast
import os
import re
import shlex
import subprocess
import sys
from functools import cache
from importlib.util import find_spec
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

import pytest
from forked import Programs

from algorithms import ALGORITHMS

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "nasbench/data"
BIN = Path(sys.executable).parent
PAGES = sorted(  # test_extending.py installs what extending.md is about
    page for page in (ROOT / "docs").glob("*.md") if page.name != "extending.md"
)
NEEDS = re.compile(r"\A---\nneeds: (.+)\n---\n")
QUICK = (
    *("check", "info", "leaderboard", "list", "merge"),
    *("plot", "protocol", "query", "quickstart", "run", "score", "table"),
)
OWN_MODULES = {"mine", "example"}
"""What an example can import from its folder."""

SEEDS, TRIALS, THEIR_TRIALS = 2, 60, 15
"""Of optimisers of other packages, some of which take a second a trial, fewer trials."""


class Block(NamedTuple):
    """A fenced block and the last line of prose before it."""

    lead: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = re.finditer(r"^( *)```(\w+)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [
        Block(
            next((line for line in reversed(text[: m.start()].splitlines()) if line), ""),
            m[2],
            re.sub(rf"^{m[1]}", "", m[3], flags=re.MULTILINE),
        )
        for m in found
    ]


def commands(text: str) -> list[str]:
    """Lines of a console block; a backslash at the end continues a line."""
    joined = re.sub(r"\\\n\s*", " ", text)
    return [part for line in joined.splitlines() for part in line.split(" && ") if part.strip()]


def words(command: str) -> list[str]:
    return shlex.split(command, comments=True)


def is_quick(command: str, later: set[str]) -> bool:
    """Whether a line can run here and now; ``later``: benchmarks that other lines would make."""
    said = words(command)
    if said[:1] != ["nasbench"] or "$(" in command or "…" in command or later & set(said):
        return False
    if said[1:3] == ["leaderboard", "build"] and (len(said) < 4 or said[3][0] == "-"):
        return False  # the whole board that ships
    if "--shipped" in said:
        return False
    return said[1] in QUICK or said[1:3] == ["import", "table"]


def made_later(page: Path) -> set[str]:
    """Ids of the benchmarks that lines of a page make which do not run here."""
    found = set()
    for block in blocks(page):
        for command in commands(block.text) if block.language == "console" else ():
            said = words(command)
            if said[:2] == ["nasbench", "fit"]:
                found |= {f"{said[2]}-surrogate"}
            if said[1:2] in (["fit"], ["import"]) and "--id" in said and "table" not in said:
                found |= {said[said.index("--id") + 1]}
    return found


def shortened(command: str) -> str:
    """The same search with few seeds and trials, in the process that was started for it."""
    few = re.sub(r"--seeds (\d+):\d+", lambda m: f"--seeds {m[1]}:{int(m[1]) + SEEDS}", command)
    few = re.sub(r"--seeds (\d+)(?![\d:])", lambda m: f"--seeds {min(int(m[1]), SEEDS)}", few)
    most = THEIR_TRIALS if re.match(r"nasbench run \w+:", few) else TRIALS
    few = re.sub(r"--trials (\d+)", lambda m: f"--trials {min(int(m[1]), most)}", few)
    run = re.match(r"nasbench run (\w+)", few)
    if run and ".oneshot." in ALGORITHMS.get(run[1], ""):
        few = re.sub(r" --set epochs=\d+", "", few) + " --set epochs=1"
    searches = words(few)[1] in ("quickstart", "run") and "--processes" not in few
    return f"{few.partition('  #')[0]} --processes 1" if searches else few


def with_few_seeds(code: str) -> str:
    """The same searches from Python, with few seeds."""
    return re.sub(
        r"\bseeds=range\((\d+)\)", lambda m: f"seeds=range({min(int(m[1]), SEEDS)})", code
    )


def not_installed(code: str) -> list[str]:
    """Packages that an example imports and nobody has installed; its own modules are beside it."""
    nodes = list(ast.walk(ast.parse(code)))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
    packages = {name.partition(".")[0] for name in names} - OWN_MODULES
    return sorted(package for package in packages if find_spec(package) is None)


@cache
def help_of(programs: Programs, *command: str) -> str:
    done = programs.run([*command, "--help"], ROOT)
    return done.stdout if done.returncode == 0 else ""


def check_exists(command: str, programs: Programs) -> None:
    """Check the command, its options and files of this repository, without running it."""
    said = [word for word in words(command) if not re.fullmatch(r"[A-Z_]+=\S+", word)]
    program = list(takewhile(lambda word: not word.startswith("-") and "." not in word, said))
    if said[:2] == ["python", "-m"] and said[2] not in ("pip", "venv"):
        assert find_spec(said[2]), command
        program, text = said[:3], help_of(programs, *said[1:3])
    elif said[0] == "python" and said[1].endswith(".py"):
        assert (ROOT / said[1]).is_file(), command
        program, text = said[:2], help_of(programs, str(ROOT / said[1]))
    elif said[0] == "nasbench":
        program = said[:3] if said[1] in ("import", "leaderboard", "study") else said[:2]
        text = help_of(programs, str(BIN / "nasbench"), *program[1:])
    else:
        assert Path(said[0]).name in ("python", "pip", "source", "tar"), command
        return
    assert text, f"{shlex.join(program)} has no help: {command}"
    options = {word.partition("=")[0] for word in said if re.match(r"--[a-z]", word)}
    assert {option for option in options if option not in text} == set(), command


def run(command: str, folder: Path, programs: Programs) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
        "NASBENCH_HOME": str(folder / "home"),
        "NASBENCH_DATA": str(folder / "images"),
        "SYNETUNE_FOLDER": str(folder / "syne-tune"),
        "HF_HOME": str(folder / "hugging-face"),
    }
    program, *said = words(command)
    if ">" not in said:
        path = BIN / program if program == "nasbench" else folder / program
        return programs.run([str(path), *said], folder, environment)
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])
def test_examples_of_a_page(
    page: Path, tmp_path: Path, programs: Programs, subtests: pytest.Subtests
):
    needs = NEEDS.match(page.read_text(encoding="utf-8"))
    later = made_later(page)
    for block in blocks(page):
        if block.language in ("csv", "toml"):
            for name in re.findall(r"`([\w-]+\.(?:csv|toml))`", block.lead)[-1:]:
                (tmp_path / name).write_text(block.text, encoding="utf-8")
        lines = []
        if block.language == "python" and (missing := not_installed(block.text)):
            with subtests.test(block.lead):
                pytest.skip(f"an example of {page.name} needs {', '.join(missing)}")
        elif block.language == "python":
            name = "mine.py" if "(Algorithm):" in block.text else "example.py"
            (tmp_path / name).write_text(with_few_seeds(block.text), encoding="utf-8")
            for table in re.findall(r"[\"']([\w.-]+\.parquet)[\"']", block.text):
                if (SHIPPED / table).exists() and not (tmp_path / table).exists():
                    (tmp_path / table).symlink_to(SHIPPED / table)
            lines = [name]
        elif block.language == "console":
            for command in commands(block.text):
                if is_quick(command, later):
                    lines.append(shortened(command))
                else:
                    check_exists(command, programs)
        for line in lines:
            done = run(line, tmp_path, programs)
            told = f"{line}\n{block.text}\n{done.stdout}{done.stderr}"
            if needs is None:
                assert done.returncode == 0, told
            else:
                last = done.stderr.strip().splitlines()[-1:]
                assert done.returncode, f"nothing was missing, though {page.name} says so: {told}"
                assert last, told
                assert last[0].startswith(("error: ", "nasbench.errors.")), told


def test_commands_of_a_block_are_found():
    text = "nasbench run a b \\\n    --trials 3  # why\npip download x && nasbench import fcnet y\n"
    assert [words(line) for line in commands(text)] == [
        ["nasbench", "run", "a", "b", "--trials", "3"],
        ["pip", "download", "x"],
        ["nasbench", "import", "fcnet", "y"],
    ]


def test_searches_are_shortened():
    assert shortened("nasbench run a b --trials 300 --seeds 5:100  # why") == (
        "nasbench run a b --trials 60 --seeds 5:7 --processes 1"
    )
    assert shortened("nasbench quickstart --seeds 20") == (
        "nasbench quickstart --seeds 2 --processes 1"
    )
    assert shortened("nasbench run a:B c --trials 300").endswith("--trials 15 --processes 1")
    assert shortened("nasbench info b") == "nasbench info b"
    assert with_few_seeds("f(seeds=range(300), n=range(9))") == "f(seeds=range(2), n=range(9))"


def test_an_option_that_does_not_exist_is_found(programs: Programs):
    check_exists("nasbench build PLAN --deadline 9m", programs)
    with pytest.raises(AssertionError):
        check_exists("nasbench build PLAN --dead-line 9m", programs)
    with pytest.raises(AssertionError):
        check_exists("python docs/scripts/no_such.py", programs)
