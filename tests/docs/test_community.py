"""What contributors are told and given is true: paths, versions, templates, hooks."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from nasbench import testing

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TEMPLATES = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
FORMS = [path for path in TEMPLATES if path.stem != "config"]


def read(path: str | Path) -> dict:
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


def test_the_guide_names_what_exists():
    paths = [name for name in re.findall(r"`([^`\s]+)`", GUIDE) if "/" in name]
    fixed = {re.split(r"/?<", name)[0] for name in paths if not name.startswith(("<", "../"))}
    assert [name for name in sorted(fixed) if name != "dist/" and not (ROOT / name).exists()] == []
    assert len(fixed) > 15


def test_the_guide_names_public_checks():
    named = set(re.findall(r"`(?:nasbench\.testing\.)?(check_\w+)`", GUIDE))
    assert named == {name for name in testing.__all__ if name.startswith("check_")}


def test_the_guide_links_to_what_exists():
    targets = [t.partition("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", GUIDE) if "//" not in t]
    assert [name for name in targets if not (ROOT / name).exists()] == []


def test_the_citation_is_of_this_version():
    citation = read("CITATION.cff")
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    assert heads[:2] == ["Unreleased", f"{citation['version']} ({citation['date-released']})"]


def test_issues_of_four_kinds_have_a_form():
    assert {path.stem for path in FORMS} == {
        "bug",
        "wrong_number",
        "new_benchmark",
        "new_algorithm",
    }


@pytest.mark.parametrize("path", FORMS, ids=[path.stem for path in FORMS])
def test_an_issue_form_is_whole(path):
    form = read(path)
    assert form["name"]
    assert form["description"]
    fields = form["body"]
    assert len({field["id"] for field in fields}) == len(fields)
    assert all(field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_families_on_offer_are_folders_of_algorithms():
    (family,) = [
        field
        for field in read(".github/ISSUE_TEMPLATE/new_algorithm.yml")["body"]
        if field["id"] == "family"
    ]
    folders = {path.parent.name for path in (ROOT / "algorithms").glob("*/__init__.py")}
    assert set(family["attributes"]["options"]) == folders - {"parts", "models"} | {"another"}


def test_hooks_are_local():
    repositories = read(".pre-commit-config.yaml")["repos"]
    assert {repository["repo"] for repository in repositories} == {"local"}
    hooks = [hook for repository in repositories for hook in repository["hooks"]]
    assert {hook["language"] for hook in hooks} == {"system"}
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert all(hook["name"].removesuffix(" check") in script for hook in hooks)


def test_the_workflow_calls_the_one_script():
    steps = read(".github/workflows/checks.yml")["jobs"]["checks"]["steps"]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
