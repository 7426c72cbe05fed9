"""What the README shows beside its examples is true: badges, links, headings of its contents."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINKS = [target for target in re.findall(r"\]\(([^)\s]+)\)", README) if "//" not in target]


def badge(name: str) -> str:
    """What a badge says."""
    text = (ROOT / f"docs/_static/badge-{name}.svg").read_text(encoding="utf-8")
    (said,) = re.findall(r"<title>(.+)</title>", text)
    return said


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def test_badges_say_what_the_project_says():
    assert badge("licence") == f"licence: {PROJECT['project']['license']}"
    assert badge("python") == f"python: {PROJECT['project']['requires-python'].replace('>=', '≥ ')}"
    assert badge("types") == "types: mypy --strict"
    assert PROJECT["tool"]["mypy"]["strict"]
    assert badge("checks") == "checks: .ci/run"


def test_links_lead_to_files_that_exist():
    files = {target.partition("#")[0] for target in LINKS} - {""}
    assert [name for name in sorted(files) if not (ROOT / name).exists()] == []


def test_contents_lead_to_headings():
    headings = {slug(heading) for heading in re.findall(r"^#+ (.+)$", README, re.MULTILINE)}
    anchors = {target[1:] for target in LINKS if target.startswith("#")}
    assert anchors <= headings
    assert len(anchors) >= 8


def test_pictures_are_small_enough_for_a_phone():
    pictures = re.findall(r"!\[[^\]]+\]\((docs/[^)]+\.svg)\)", README)
    assert len(pictures) >= 2
    assert all((ROOT / name).stat().st_size < 150_000 for name in pictures)
