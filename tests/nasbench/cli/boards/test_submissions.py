"""``nasbench leaderboard submit`` and ``verify``, as their users type them."""

import json

import pytest

WHO = ("--name", "Mine", "--authors", "Ann Lee; Bo Li")
RUN = ("run", "random_search", "nb201-cifar10", "--trials", "6", "--processes", "1")


@pytest.fixture
def sent(nasbench, tmp_path):
    """A submission in the folder ``sent``."""
    assert nasbench(*RUN, "--seeds", "0:3")[0] == 0
    code, out, error = nasbench("leaderboard", "submit", "runs", "--out", "sent", *WHO)
    assert (code, out) == (0, "1 record, consistent: sent\n"), error
    return tmp_path / "sent"


def test_what_is_submitted_is_verified(nasbench, sent):
    said = json.loads((sent / "entry.json").read_text())
    assert said["authors"] == ["Ann Lee", "Bo Li"]
    code, out, _ = nasbench("leaderboard", "verify", "sent")
    assert code == 0
    assert "Mine (sent: consistent)" in out
    assert out.count("passed") == 19
    assert "fault" not in out


def test_a_fault_gives_exit_code_1_and_no_mark(nasbench, sent, tmp_path):
    said = json.loads((sent / "entry.json").read_text())
    said["records"][0]["command"] = "make it"
    (sent / "entry.json").write_text(json.dumps(said))
    code, out, _ = nasbench("leaderboard", "verify", "sent", "--out", "mark.json")
    assert code == 1
    assert "Mine (sent: has faults)" in out
    assert "records: nb201-cifar10/random_search-" in out
    assert "the command is 'make it', but" in out
    assert not (tmp_path / "mark.json").exists()
    code, out, _ = nasbench("leaderboard", "verify", "sent", "--json")
    document = json.loads(out)
    assert code == 1
    assert not document["sound"]
    assert [check["name"] for check in document["checks"] if check["faults"]] == ["records"]
    assert [check["name"] for check in document["checks"] if check["passed"] is None] == [
        "rerun",
        "relabelled",
    ]


def test_a_mark_is_written_when_asked_for(nasbench, sent, tmp_path):
    code, out, error = nasbench("leaderboard", "verify", "sent", "--out", "mark.json", "--json")
    assert code == 0
    assert json.loads(out)["level"] == "consistent"
    assert "Mark: mark.json\n" in error
    assert json.loads((tmp_path / "mark.json").read_text())["records"][0]["seeds"] == "0:3"


def test_texts_of_a_submission_do_not_move_the_terminal(nasbench, sent):
    (sent / "entry.json").write_text(json.dumps({"format": "\x1b[2J"}))
    code, out, _ = nasbench("leaderboard", "verify", "sent")
    assert code == 1
    assert "\x1b" not in out
    assert "not reached" in out


def test_code_is_named_before_it_is_run(nasbench, sent):
    code, out, error = nasbench("leaderboard", "verify", "sent", "--rerun", "1", "--choice", "5")
    assert code == 0, out
    assert "Runs code: random_search, as installed" in error
    assert "Mine (sent: recomputed)" in out
    assert "note: seeds were chosen with --choice 5" in out


BAD = {
    "no submission": (("verify", "nowhere"), "there is no submission nowhere"),
    "records instead of a submission": (("verify", "runs"), "there is no entry.json"),
    "too few hidden instances": (("verify", "runs", "--relabelled", "3"), "at least 5 seeds"),
    "fewer than no seeds": (("verify", "runs", "--rerun", "-1"), "--rerun -1"),
    "a module for nothing": (("verify", "runs", "--module", "a.py"), "of use with --rerun"),
    "no module": (("verify", "runs", "--module", "a.py", "--rerun", "1"), "there is no file a.py"),
    "a mark over something": (("verify", "nowhere", "--out", "runs"), "runs is a folder"),
    "a mark inside": (("verify", "runs", "--out", "runs/a.json"), "cannot bring its own mark"),
    "a bad name": (("submit", "runs", "--out", "s", "--name", "<b>", "--authors", "A"), "name is"),
    "no author": (("submit", "runs", "--out", "s", "--name", "b", "--authors", ";"), "an author"),
    "no records": (("submit", "nowhere", "--out", "s", *WHO), "no run records"),
    "a folder that is there": (("submit", "runs", "--out", "runs", *WHO), "is there already"),
    "code without commit": (
        ("submit", "runs", "--out", "s", *WHO, "--code", "https://a.org"),
        "code needs an address and a commit",
    ),
    "an unknown split": (
        ("submit", "runs", "--out", "s", *WHO, "--selected-on", "train"),
        "possible are 'validation', 'test'",
    ),
}


@pytest.mark.parametrize(("arguments", "expected"), BAD.values(), ids=BAD)
def test_what_cannot_be_submitted_or_verified(refused, tmp_path, arguments, expected):
    (tmp_path / "runs").mkdir()
    assert expected in refused("leaderboard", *arguments)
