"""Figures, tables and the protocol, as typed."""

import pytest


@pytest.fixture
def runs(nasbench):
    for algorithm in ("random_search", "local_search"):
        command = ("run", algorithm, "lite201-digits", "--trials", "12", "--seeds", "0:3")
        assert nasbench(*command, "--processes", "1")[0] == 0
    return "runs"


def test_a_paper_is_made_by_three_commands(nasbench, runs, tmp_path):
    pytest.importorskip("matplotlib")
    code, out, error = nasbench("plot", runs, "--out", "a/regret.svg", "--width", "two")
    assert (code, error) == (0, "")
    assert out.startswith("a/regret.svg: Regret by evaluations, mean over seeds; bands: 95 %")
    assert (tmp_path / "a/regret.svg").read_text().startswith("<?xml")
    code, out, error = nasbench("table", runs, "--latex", "--bib", "papers.bib")
    assert (code, error) == (0, "")
    assert r"\toprule" in out
    assert "@inproceedings{white2021local," in (tmp_path / "papers.bib").read_text()
    code, out, error = nasbench("table", runs, "--out", "table.csv", "--column", "final_value")
    assert (code, out, error) == (0, "table.csv\n", "")
    assert (tmp_path / "table.csv").read_text().count("\n") == 3
    code, out, error = nasbench("table", runs, "--out", "table.tex", "--bib", "papers.bib")
    assert (code, out, error) == (0, "table.tex\npapers.bib\n", "")
    code, out, error = nasbench("protocol", runs, "--method", "local_search")
    assert (code, error) == (0, "")
    assert out.startswith("We compare 1 method: local_search. Each search runs on recorded")
    assert out.count("\n") == 1


def test_a_record_that_cannot_be_shown_is_told(nasbench, runs, tmp_path):
    folder = next((tmp_path / runs / "lite201-digits").glob("local_search-*"))
    (folder / "part-000000.parquet").write_bytes(b"damaged")
    code, out, error = nasbench("table", runs)
    assert code == 0
    assert "Not shown: " in error
    assert error.count("\n") == 1
    assert "local" not in out


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("plot", "nowhere", "--out", "a.pdf"), "there are no run records in nowhere"),
        (("plot", "nowhere", "--out", "a.jpg"), "the ending '.jpg' names no format"),
        (("plot", "nowhere"), "'--out'"),
        (("plot", "nowhere", "--out", "a.pdf", "--kind", "cdd"), "did you mean 'cd'"),
        (("table", "nowhere", "--latex", "--csv"), "--latex and --csv: a table has one form"),
        (("table", "nowhere", "--out", "a.doc"), "the ending '.doc' names no format"),
        (("table", "nowhere", "--latex", "--out", "a.csv"), "Possible: '.tex'"),
        (("protocol", "nowhere", "--latex", "--out", "a.txt"), "Possible: '.tex'"),
    ],
)
def test_wrong_input_is_one_line(refused, arguments, expected):
    assert expected in refused(*arguments)
