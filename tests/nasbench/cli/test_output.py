"""Results on standard output, the rest on standard error."""

import io
import os
import subprocess
import sys

import pytest

from nasbench.cli.lists import print_list
from nasbench.cli.output import (
    meter,
    note,
    print_rows,
    progress,
    say,
    say_made,
    status,
)
from nasbench.tables.schema import Metadata


def test_tables_of_texts(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    print_rows(["what", "a rather long title"], [["[red]one[/]", "1.5"], ["two", "10"]])
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "                a rather",
        " what         long title",
        " [red]one[/]         1.5",
        " two                  10",
        "",
    ]


def test_narrow_terminals_lose_no_column(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    header = ["#", "algorithm", "test regret (pp)", "95 % interval", "final accuracy"]
    rows = [["1", "regularized_evolution", "0.52", "[0.40, 0.61]", "93.2"]]
    print_rows(header, rows, title="[toy]", notes=["a note"], name=1)
    assert capsys.readouterr().out.splitlines() == [
        "[toy]",
        "1 regularized_evolution",
        "  test regret (pp): 0.52",
        "  95 % interval: [0.40, 0.61]",
        "  final accuracy: 93.2",
        "a note",
        "",
    ]
    monkeypatch.setenv("COLUMNS", "80")
    print_rows(header, rows, title="[toy]", name=1)
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_results_and_the_rest_go_apart(capsys, tmp_path):
    say("a result")
    note("a remark")
    say_made(
        Metadata(id="toy", space="nb201", key="arch", dataset="", epochs={}, version=3),
        tmp_path / "toy.parquet",
    )
    with progress("[one]", 3) as advance:
        advance(1)
        advance(2)
    with meter("two") as tell:
        tell(5, 7)
    with meter("never told"):
        pass
    with status("[three]") as tell:
        tell("[four]")
    captured = capsys.readouterr()
    assert captured.out == f"a result\ntoy@3: {tmp_path}/toy.parquet\n"
    assert captured.err.startswith("a remark\n")
    assert "[one]" in captured.err
    assert "3/3" in captured.err
    assert "5/7" in captured.err
    assert "never told" not in captured.err


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["ascii", "C"],
)
def test_a_page_is_written_where_letters_are_not_utf_8(tmp_path, variables):
    done = subprocess.run(
        [sys.executable, "-m", "nasbench", "quickstart", "--seeds", "1", "--trials", "2"],
        env=os.environ | variables, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    page = tmp_path / "nasbench-quickstart" / "index.html"
    assert not page.read_text(encoding="utf-8").isascii()


def test_letters_that_the_terminal_does_not_know_are_replaced(monkeypatch, nasbench):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert nasbench("list", "importers")[0] == 0
    out.seek(0)
    assert "NATS-?-simple" in out.read()


HOSTILE = "a\x1b[31mred\x07 \u202eback \ud800 \x9b2J\rover ü \u00a0"
SHOWN = "a\\x1b[31mred\\x07 \\u202eback \\ud800 \\x9b2J\\rover ü \\xa0"


def test_no_letter_commands_the_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "200")
    say(HOSTILE)
    note(HOSTILE)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == (f"{SHOWN}\n", f"{SHOWN}\n")
    print_list([(HOSTILE, HOSTILE)])
    print_rows(["x", "y"], [[HOSTILE, HOSTILE]], title=HOSTILE)
    monkeypatch.setenv("COLUMNS", "10")
    print_rows(["x", "y"], [[HOSTILE, HOSTILE]], title=HOSTILE)
    out = capsys.readouterr().out
    assert not {"\x1b", "\x07", "\u202e", "\x9b", "\r"} & {*out}
    assert out.count(SHOWN.split()[0]) >= 4
