"""The page on quality names tests of every requirement, and they exist."""

import json
import re

import pytest

from orchestration.dbt import prepare_project
from orchestration.settings import PROJECT

PAGE = (PROJECT / "docs" / "quality.md").read_text(encoding="utf-8")
#: What the last but one column of a requirement's row names.
TESTED_BY = {
    row[0].split()[0]: re.findall(r"`(\w+)`", row[-2])
    for line in PAGE.splitlines()
    if line.startswith("| DQ-")
    for row in [[cell.strip() for cell in line.strip("|").split("|")]]
}


def names_of_tests() -> set[str]:
    """Functions of pytest, and tests of data and units of dbt."""
    manifest = json.loads(prepare_project().manifest_path.read_text())
    written = {
        name
        for file in (PROJECT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", file.read_text("utf-8"), re.M)
    }
    tested = {
        node["name"]
        for node in manifest["nodes"].values()
        if node["resource_type"] == "test"
    }
    units = {node["name"] for node in manifest["unit_tests"].values()}
    return written | tested | units


def test_the_page_names_every_requirement_once() -> None:
    assert list(TESTED_BY) == [f"DQ-{number:02}" for number in range(1, 18)]


@pytest.mark.parametrize("requirement", TESTED_BY)
def test_every_requirement_has_tests_that_exist(requirement: str) -> None:
    assert TESTED_BY[requirement]
    assert set(TESTED_BY[requirement]) <= names_of_tests()
