"""Lists in terminals of any width."""

import pytest
from rich.console import Console

from nasbench.cli.lists import lay_out, print_list

TITLES = ("name", "family", "trials", "summary")
ROWS = [
    ("random_search", "", "1", "Draws architectures [bold]uniformly[/] from the space."),
    ("evolution", "evolution", "10,000", "Mutates the best of a sample of a population."),
    ("mute", "none", "2", ""),
]
GOLDEN = {
    None: """\
name           family     trials  summary
random_search  -          1       Draws architectures [bold]uniformly[/] from the space.
evolution      evolution  10,000  Mutates the best of a sample of a population.
mute           none       2
""",
    70: """\
name           family     trials  summary
random_search  -          1       Draws architectures
                                  [bold]uniformly[/] from the space.
evolution      evolution  10,000  Mutates the best of a sample of a
                                  population.
mute           none       2
""",
    40: """\
name           family     trials
random_search  -          1
  Draws architectures [bold]uniformly[/]
  from the space.
evolution      evolution  10,000
  Mutates the best of a sample of a
  population.
mute           none       2
""",
    30: """\
random_search
  Draws architectures
  [bold]uniformly[/] from the
  space.
  trials 1
evolution
  Mutates the best of a sample
  of a population.
  family evolution, trials
  10,000
mute
  family none, trials 2
""",
}


@pytest.mark.parametrize("width", GOLDEN)
def test_a_list_fits_the_terminal(width, monkeypatch, capsys):
    if width is None:
        monkeypatch.delenv("COLUMNS", raising=False)
    else:
        monkeypatch.setenv("COLUMNS", str(width))
    print_list(ROWS, TITLES)
    assert capsys.readouterr().out == GOLDEN[width]


@pytest.mark.parametrize("width", [1, 2, 7, 33, 64, 65, 10_000])
def test_no_width_cuts_anything(width):
    rows = [("a" * 9, "fact", "a text with a word that is looooooooooooooooooooooooooooong, ü…")]
    lines = [line.plain for line in lay_out(rows, ("name", "x", "text"), Console(), width)]
    shown = "".join("".join(lines).split())
    for word in " ".join(rows[0]).split():
        assert word in shown
    if width > 15:
        assert max(map(len, lines)) <= width


def test_without_titles_there_is_no_head(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    print_list([("id", "toy@1"), ("licence", "of the numbers " * 4)])
    assert capsys.readouterr().out == (
        "id       toy@1\n"
        "licence  of the numbers of the numbers of the numbers of the\n"
        "         numbers\n"
    )


def test_an_empty_list_is_its_head(capsys):
    print_list([], TITLES)
    print_list([])
    assert capsys.readouterr().out == "name  family  trials  summary\n"
