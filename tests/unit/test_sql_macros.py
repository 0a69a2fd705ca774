"""The project's macros outside dbt: compiled once, and never stale."""

import shutil
from pathlib import Path

import pytest

from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.settings import MACROS


@pytest.fixture
def macros(tmp_path: Path) -> Path:
    """A copy of the project's macros."""
    return Path(shutil.copytree(MACROS, tmp_path / "macros"))


def test_a_macro_that_changes_between_two_runs_is_read_anew(macros: Path) -> None:
    before = SqlMacros(macros, {}).parse("parse_text", "name")
    cells = macros / "parsers" / "cells.sql"
    cells.write_text(
        cells.read_text(encoding="utf-8")
        + "{% macro parse_text(text) -%} upper({{ text }}) {%- endmacro %}",
        encoding="utf-8",
    )

    after = SqlMacros(macros, {}).parse("parse_text", "name")

    assert (before == after, after) == (False, "upper(name)")


def test_variables_belong_to_one_use_of_the_macros(macros: Path) -> None:
    zones = ("Europe/Moscow", "Asia/Omsk")
    both = [SqlMacros(macros, {"business_timezone": zone}) for zone in zones]

    rendered = [each.parse("parse_local_timestamp", "at") for each in both]

    assert [zone in text for zone, text in zip(zones, rendered, strict=True)] == [
        True,
        True,
    ]
    assert not [text for text in rendered[:1] if zones[1] in text]
