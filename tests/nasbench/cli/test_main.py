"""The program as a whole: help, version, completion, interruptions."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from nasbench.cli import app
from nasbench.siblings import SIBLINGS

WRONG = {
    "unknown command": (
        ("qery",),
        "'nasbench' has no command 'qery'; did you mean 'query'? Possible: 'quickstart', 'list'",
    ),
    "unknown command of a group": (
        ("study", "nois"),
        "'nasbench study' has no command 'nois'; did you mean 'noise'? Possible: 'noise', ",
    ),
    "unknown option": (
        ("query", "a", "b", "--epok", "3"),
        "no option '--epok'; did you mean '--ep",
    ),
    "missing argument": (("query", "nb201-cifar10"), "'nasbench query --help'"),
    "missing value": (("query", "a", "b", "--epoch"), "'--epoch' requires an argument. See 'nasb"),
    "value of another type": (("query", "a", "b", "--epoch", "last"), "--epoch last: "),
    "too many arguments": (("info", "a", "b"), "'nasbench info --help'"),
}


@pytest.mark.parametrize(("arguments", "expected"), WRONG.values(), ids=WRONG)
def test_wrong_usage_is_one_line(refused, arguments, expected):
    assert expected in refused(*arguments)


@pytest.mark.parametrize("command", [(), ("leaderboard",), ("import",), ("study",)])
def test_no_arguments_give_the_help(nasbench, command):
    code, out, error = nasbench(*command)
    assert (code, error) == (0, "")
    assert out.startswith("Usage: nasbench")
    assert out.rstrip("\n") == nasbench(*command, "--help")[1].rstrip("\n")
    assert out.rstrip("\n") == nasbench(*command, "-h")[1].rstrip("\n")


def commands(typer_app, path=()):
    for info in typer_app.registered_commands:
        yield (*path, info.name or info.callback.__name__)
    for group in typer_app.registered_groups:
        yield from commands(group.typer_instance, (*path, group.name))


EVERY = [*commands(app), *(("import", name) for name in SIBLINGS.load("importers"))]


@pytest.mark.parametrize("command", EVERY, ids=" ".join)
def test_every_command_and_option_says_what_it_does(nasbench, command):
    code, out, error = nasbench(*command, "--help")
    assert (code, error) == (0, "")
    _, options = out.split("Options:\n")
    for line in re.findall(r"^  -.*(?:\n {5,}.*)*", options, re.MULTILINE):
        assert re.search(r"  +\w.*[.)]", line), line
        assert not re.search(r"<(str|list\[|path)|\ba core\b", line), line
    last = command[-1]
    *_, listed = nasbench(*command[:-1], "--help")[1].partition("\n\n")[::2]
    (short,) = re.findall(rf"^  {last}  +(\w.*)$", listed, re.MULTILINE)
    assert not short.endswith("...") or last == "list"


def test_the_version_is_that_of_the_distribution(nasbench):
    assert nasbench("--version") == (0, f"nasbench {version('nasbench')}\n", "")


def test_as_a_module_it_has_the_same_name():
    done = subprocess.run(
        [sys.executable, "-m", "nasbench", "qery"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: 'nasbench' has no command 'qery'")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("nasbench qu", {"query", "quickstart"}),
        ("nasbench query nb201-c", {"nb201-cifar10", "nb201-cifar100"}),
        ("nasbench run regu", {"regularized_evolution"}),
        ("nasbench run random_search lite201-d", {"lite201-digits"}),
        ("nasbench list pl", {"plans"}),
        ("nasbench info nb1", {"nb101"}),
        ("nasbench build lite201-c", {"lite201-cifar10"}),
        ("nasbench fit lite201-digits --regressor li", {"linear"}),
        ("nasbench import nb", {"nb101", "nb201", "nb301", "nbmacro", "nbgraph"}),
        ("nasbench import table --met", {"--metric"}),
        ("nasbench import tabel --met", set()),
        ("nasbench study tu", {"tune"}),
    ],
)
def test_a_shell_completes_names(words, expected, tmp_path):
    environment = os.environ | {
        "_NASBENCH_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split()) - 1),
        "NASBENCH_HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-m", "nasbench"], env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert set(done.stdout.split()) == expected


def test_an_interruption_is_one_line(nasbench, monkeypatch):
    def interrupt(name):
        raise KeyboardInterrupt

    monkeypatch.setattr("nasbench.benchmarks.loading.load", interrupt)
    code, out, error = nasbench("query", "nb201-cifar10", "0,0,0,0,0,0")
    assert (code, out) == (130, "")
    assert error.strip() == "error: interrupted; the same command resumes what can be resumed"


@pytest.mark.skipif(sys.platform == "win32", reason="needs signals")
@pytest.mark.parametrize("module", ["numpy", "typer", "pyarrow"])
def test_an_interruption_of_the_start_is_one_line(tmp_path, module):
    (tmp_path / f"{module}.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise SystemExit('went on')\n"
    )
    paths = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-m", "nasbench", "list"], env=os.environ | {"PYTHONPATH": paths},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == "error: interrupted; the same command resumes what can be resumed\n"
    assert (done.returncode, done.stdout) == (130, "")


def test_a_script_is_interrupted_as_ever(tmp_path):
    code = (
        "import nasbench, os, signal\n"
        "try: os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt: print('raised')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "raised\n"


def test_a_bug_shows_its_traceback(nasbench, monkeypatch):
    def fail(name):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("nasbench.benchmarks.loading.load", fail)
    monkeypatch.setattr(sys, "argv", ["nasbench", "query", "nb201-cifar10", "0,0,0,0,0,0"])
    from nasbench.cli import main

    with pytest.raises(ZeroDivisionError):
        main()


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (PermissionError(13, "Permission denied", "x.csv"), "x.csv: Permission denied"),
        (OSError(28, "No space left on device"), "a stream: No space left on device"),
        (MemoryError("Unable to allocate 1. PiB"), "not enough memory. Unable to allocate 1. PiB"),
    ],
)
def test_what_the_system_refuses_is_one_line(refused, monkeypatch, failure, expected):
    def fail(name):
        raise failure

    monkeypatch.setattr("nasbench.benchmarks.loading.load", fail)
    assert expected in refused("query", "nb201-cifar10", "0,0,0,0,0,0")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("words", ["--help", "list spaces", "query nb201-cifar10 0,0,0,0,0,0"])
@pytest.mark.parametrize(
    ("where", "code", "expected"),
    [
        (">/dev/full", 2, "error: cannot read or write a stream: No space left on device\n"),
        (">/dev/full 2>&1", 2, ""),
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
    ],
)
def test_output_that_cannot_be_written_is_one_line(tmp_path, words, where, code, expected):
    command = f"{sys.executable} -m nasbench {words} {where}"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (code, expected)


@pytest.mark.parametrize("width", [20, 40])
@pytest.mark.parametrize("command", [(), ("study",), ("import",), ("leaderboard",)])
def test_help_cuts_no_summary(nasbench, monkeypatch, width, command):
    wide = nasbench(*command, "--help")[1]
    monkeypatch.setenv("COLUMNS", str(width))
    narrow = nasbench(*command, "--help")[1]
    listed = re.findall(r"(?:Commands|Importers):\n(.*)", wide, re.DOTALL)[0]
    assert "".join(listed.split()) in "".join(narrow.split())


def test_a_width_of_zero_is_no_width(nasbench, monkeypatch):
    expected = nasbench("list", "importers")
    monkeypatch.setenv("COLUMNS", "0")
    assert nasbench("list", "importers") == expected


def test_no_traceback_when_the_reader_goes_away(tmp_path):
    command = ["bash", "-c", f"{sys.executable} -m nasbench list --json | head -c 1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom nasbench.cli import main\n"
        "for words in ([], ['--help'], ['import'], ['import', 'table', '--help'], ['study']):\n"
        "    sys.argv = ['nasbench', *words]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert not end.code\n"
        "heavy = {'torch', 'scipy', 'sklearn', 'xgboost', 'pandas', 'h5py', 'joblib'}\n"
        "print(sorted(heavy & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
