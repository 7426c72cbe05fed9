"""Every example of the README runs, in its order, in one empty folder.

Searches run with a tenth of the seeds, and a fit with a fifth of its searches.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCKS = re.findall(
    r"```(console|python|toml)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL
)
EXAMPLES = [(kind, text) for kind, text in BLOCKS if "pip install" not in text]


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def test_the_readme_opens_with_exactly_two_commands():
    commands = [line for kind, text in BLOCKS if "pip install" in text for line in lines(text)]
    assert commands == [
        'python -m pip install -e ".[leaderboard]" && nasbench quickstart',
        'python -m pip install -e ".[dev]" && pytest',
    ]


@pytest.mark.parametrize(
    ("command", "extra"),
    [("quickstart", "leaderboard"), ("build", "torch"), ("fit", "surrogates")],
)
def test_an_extra_is_named_before_it_is_used(command, extra):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    first = re.search(rf"^(?:python .*&& )?nasbench {command}\b", text, re.MULTILINE)
    assert first is not None
    assert f'python -m pip install -e ".[{extra}]"' in text[: first.end()]


@pytest.mark.parametrize("pattern", ["docs/*.md", "*.md", "*/**/*.py"])
def test_nothing_installs_the_package_from_an_index(pattern):
    for path in ROOT.glob(pattern):
        if path.relative_to(ROOT).parts[0] != "tests":
            text = path.read_text(encoding="utf-8")
            assert not re.search(r"pip install ['\"]?nasbench", text), path


def shortened(command: str) -> str:
    """The same command with fewer seeds."""
    few = re.sub(r"--seeds 0:(\d+)0\b", r"--seeds 0:\1", command)
    return re.sub(r"^nasbench fit .*", r"\g<0> --searches 4", few)


def run(command: str, folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command,
        shell=True,
        cwd=folder,
        env=os.environ | {"PATH": path, "NASBENCH_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


@pytest.mark.slow
def test_examples_run_one_after_the_other(tmp_path: Path, subtests: pytest.Subtests) -> None:
    for number, (kind, text) in enumerate(EXAMPLES):
        with subtests.test(number=number, kind=kind):
            if kind == "toml":
                (tmp_path / "mini.toml").write_text(text)
            elif kind == "python":
                (tmp_path / "mine.py").write_text(text)
                run(f"{sys.executable} mine.py", tmp_path)
            else:
                for command in lines(text):
                    run(shortened(command), tmp_path)


def test_searches_are_shortened():
    shorter = {command: shortened(command) for kind, text in EXAMPLES for command in lines(text)}
    assert "--seeds 0:10 " in shorter[next(line for line in shorter if "--seeds 0:100" in line)]
    assert [line for line in shorter.values() if line.endswith("--searches 4")]


def test_own_algorithm_is_under_fifteen_lines():
    (text,) = [text for kind, text in EXAMPLES if kind == "python" and "Algorithm)" in text]
    assert len(lines(text)) < 15
