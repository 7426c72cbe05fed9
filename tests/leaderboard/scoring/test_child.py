import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from scored_programs import CACHE, FAULTY, FINE, UNREPEATABLE, WRITER

HERE = Path(__file__).parent
QUICK = {"preset": None, "hyperparameters": {}, "seeds": 2, "seconds": 30, "memory": 1024}
SLOW = ("hang", "deaf")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("programs")
    library = folder / "site-packages"
    library.mkdir()
    (library / "scored_writer.py").write_text(WRITER)
    sources = {name: source for name, (source, *_) in FAULTY.items()} | FINE
    sources["unrepeatable"] = UNREPEATABLE
    tasks = []
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
        limits = {"seconds": 0.2} if name in SLOW else {}
        target = str(folder / f"{name}.py")
        tasks += [{**QUICK, **limits, "target": target, "hidden": name == "prints"}]
    done = subprocess.run(
        [sys.executable, str(HERE / "many.py"), json.dumps(tasks)],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(library)])},
    )
    assert not (folder / CACHE).exists()
    return dict(zip(sources, json.loads(done.stdout), strict=True))


@pytest.mark.parametrize("name", FAULTY)
def test_what_is_wrong_is_said_with_its_line(results, name):
    _, kind, line = FAULTY[name]
    if "status" in results[name]:
        assert name in ("silent_death", "killed")
        return
    error = results[name]["error"]
    lines = {6, 7, 8} if name == "deaf" else {line}
    assert error["kind"] == kind, error
    assert error["line"] in lines, error
    assert error["message"]


@pytest.mark.parametrize("name", FINE)
def test_an_honest_program_has_scores(results, name):
    assert "scores" in results[name], results[name]
    (scores,) = results[name]["scores"].values()
    assert len(scores) == 2
    assert results[name]["repeatable"]


def test_a_search_that_differs_from_its_first_time_is_not_repeatable(results):
    assert results["unrepeatable"]["repeatable"] is False


def test_what_does_not_end_a_process_gives_the_same_scores(results):
    assert results["standard_library"]["scores"] == results["plain"]["scores"]
    assert results["main_block"]["scores"] == results["plain"]["scores"]
    assert results["floats"]["scores"] == results["plain"]["scores"]
    assert results["prints"]["scores"] != results["plain"]["scores"]
