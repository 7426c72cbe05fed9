"""The package of ``docs/extending.md`` is installed, used as the page says, and uninstalled again.

Installed means: its modules and the entry points of its ``pyproject.toml`` lie in a folder on the
Python path, as an installer leaves them.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import nasbench
from nasbench.benchmarks.recorded_space import RecordedSpace
from nasbench.errors import IllegalArchError, InvalidArgumentError, NotRecordedError, SchemaError
from nasbench.runs.budget import Budget
from nasbench.tables.described_space import is_described
from nasbench.tables.merge import merge
from nasbench.tables.table import Table
from nasbench.testing import check_benchmark

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "docs/extending"
PAGE = ROOT / "docs/extending.md"


def install(site: Path) -> None:
    shutil.copytree(PACKAGE / "src", site)
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    about = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"].items()
    lines = [[f"[{group}]", *(f"{n} = {v}" for n, v in points.items())] for group, points in groups]
    (about / "entry_points.txt").write_text("\n".join(line for group in lines for line in group))


class User:
    """Somebody in an empty folder who has the package installed, or has not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        install(folder / "site")

    def run(self, *command: str, installed: bool = True) -> subprocess.CompletedProcess[str]:
        path = [str(self.folder / "site")] * installed + [str(ROOT)]
        environment = {"PYTHONPATH": os.pathsep.join(path), "NASBENCH_HOME": str(self.home)}
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def nasbench(self, line: str, *, installed: bool = True) -> str:
        done = self.run("-m", "nasbench", *shlex.split(line), installed=installed)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    user = User(tmp_path_factory.mktemp("user"))
    done = user.run(str(PACKAGE / "example.py"))
    assert done.returncode == 0, done.stderr
    user.nasbench("import ladder results.csv")
    return user


@pytest.fixture(scope="module")
def published(user):
    """The file, in this process, where the package is not installed."""
    return nasbench.load(user.home / "ladder-toy.parquet")


def test_the_page_shows_the_whole_package():
    shown = set(re.findall(r"\{literalinclude\} extending/(\S+)", PAGE.read_text()))
    files = {
        str(p.relative_to(PACKAGE)) for p in PACKAGE.rglob("*") if p.suffix in (".py", ".toml")
    }
    assert files - shown == {"example.py", "src/nas_ladder/__init__.py"}
    assert shown <= files


@pytest.mark.slow
def test_every_line_of_the_page_runs(user):
    console = "\n".join(re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL))
    told = {}
    for line in console.splitlines():
        command = line.removeprefix("nasbench ")
        processes = " --processes 1" if command.startswith("run") else ""
        told[command.split()[0], command.split()[1]] = user.nasbench(command + processes)
    assert "From nas-ladder 1.0." in " ".join(told["list", "spaces"].split())
    assert "from           nas-ladder 1.0" in told["info", "ladder"]
    assert "chosen by restarting_climber" in told["run", "restarting_climber"]
    assert "ladder-toy-surrogate@1" in told["fit", "ladder-toy"]


def test_all_its_things_keep_their_contracts(user):
    code = """
import numpy as np, nasbench, nasbench.testing as t
from pathlib import Path
from nas_ladder.algorithm import RestartingClimber
from nas_ladder.importer import LadderImporter
from nas_ladder.regressor import Additive
from nas_ladder.space import Ladder
benchmark = nasbench.load("ladder-toy")
t.check_space(Ladder())
t.check_benchmark(benchmark)
t.check_algorithm(RestartingClimber, benchmark)
archs = np.unique(Ladder().canonical_many(np.array([*benchmark.space.archs()])), axis=0)
targets = benchmark.query_many(archs, "valid_accuracy")
t.check_regressor(Additive, benchmark.space, archs, targets)
t.check_importer(LadderImporter(), [Path("results.csv")], work=Path("work"))
"""
    done = user.run("-c", code)
    assert done.returncode == 0, done.stderr


def test_the_file_opens_and_answers_without_the_package(published, user):
    assert is_described(published.space)
    assert isinstance(published.space, RecordedSpace)
    assert published.space.size == len(published.table.ranks) // 2 == 171
    arch = (1, 2, 1, 0, 0, 1)
    text = "rung 1=conv; rung 2=pool; rung 3=conv; rung 4=skip; rung 5=skip; width=32"
    assert published.space.to_text(arch) == text
    options = published.space.to_configuration(arch)
    assert options["width"] == 32
    with_it = user.nasbench("query ladder-toy conv-pool-conv-skip-skip@32 --json")
    for thing in (arch, [*arch], np.array(arch), text, options):
        assert dict(published.query(thing)) == json.loads(with_it)
    check_benchmark(published)
    published.table.check()


def test_what_only_the_package_knows_is_said(published, user):
    equal = (0, 1, 2, 1, 0, 1)
    with pytest.raises(NotRecordedError, match=r"one of every class .* 'ladder' knows the others"):
        published.query(equal)
    with pytest.raises(IllegalArchError, match=r"at 'rung 1'\. Without .* 'rung 1=skip"):
        published.query("conv-pool-conv-skip-skip@32")
    path = user.home / "ladder-toy.parquet"
    with pytest.raises(InvalidArgumentError, match="knows which networks are equal"):
        merge([Table(path), renamed(path)], "joined")
    told = user.nasbench("info ladder-toy", installed=False)
    assert "not installed  the package that defines 'ladder'" in told
    assert re.search(r"width +numeric +3 +16, 32, 64", told)
    done = user.run("-m", "nasbench", "check", "ladder-toy", installed=False)
    assert (done.returncode, "were not checked" in done.stderr) == (0, True)


def renamed(path: Path) -> Table:
    table = Table(path)
    table.metadata = table.metadata.__class__.decode(table.metadata.encode() | {"id": "x"}, "x")
    return table


def test_a_search_of_the_description_is_a_record_of_its_own(user):
    path, budget = user.home / "ladder-toy.parquet", Budget(trials=30)
    runs = nasbench.search("regularized_evolution", path, seeds=range(2), budget=budget)
    assert [run.manifest.encode()["benchmark"]["described"] for run in runs] == [True, True]
    user.nasbench("run random_search ladder-toy --trials 5 --seeds 0:2 --processes 1 --out a")
    line = "run random_search ladder-toy --trials 5 --seeds 0:2 --processes 1 --out a"
    user.nasbench(line, installed=False)
    assert len(list((user.folder / "a/ladder-toy").iterdir())) == 2


def test_another_space_of_that_name_is_refused(user, monkeypatch):
    monkeypatch.syspath_prepend(user.folder / "site")
    from nas_ladder.space import Ladder

    from nasbench.space import Decision

    changed = (Decision("rung 1", ("skip", "conv", "other")), *Ladder.decisions[1:])
    monkeypatch.setattr(Ladder, "decisions", changed)
    with pytest.raises(SchemaError, match=r"another version of it .* the labels of 'rung 1'"):
        Table(user.home / "ladder-toy.parquet")
    monkeypatch.delitem(sys.modules, "nas_ladder.space")
    monkeypatch.delitem(sys.modules, "nas_ladder")
