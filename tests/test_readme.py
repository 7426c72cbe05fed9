"""Every example of the README runs, in its order, in one empty folder."""

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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "NASBENCH_HOME": str(folder / "home")}


def test_the_readme_opens_with_exactly_two_commands():
    commands = [line for kind, text in BLOCKS if "pip install" in text for line in lines(text)]
    assert commands == [
        'python -m pip install -e ".[leaderboard]" && nasbench quickstart',
        'python -m pip install -e ".[dev]" && pytest',
    ]


@pytest.mark.parametrize(
    "number", range(len(EXAMPLES)), ids=[f"{i}-{k}" for i, (k, _) in enumerate(EXAMPLES)]
)
def test_example(number: int, folder: Path, environment: dict[str, str]):
    kind, text = EXAMPLES[number]
    if kind == "toml":
        (folder / "mini.toml").write_text(text)
        return
    if kind == "python":
        (folder / "mine.py").write_text(text)
        commands = [f"{sys.executable} mine.py"]
    else:
        commands = lines(text)
    for command in commands:
        done = subprocess.run(
            command,
            shell=True,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_own_algorithm_is_under_fifteen_lines():
    (text,) = [text for kind, text in EXAMPLES if kind == "python" and "Algorithm)" in text]
    assert len(lines(text)) < 15
