"""The project's macros outside dbt: compiled once, and never stale."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.lib.landing.contract import read_contracts
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.lib.quality.suites import CONTACT_PARSERS, read_suite
from orchestration.settings import EXPECTATIONS, MACROS, MODELS, PROJECT


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


def test_no_parser_reads_behind_a_text() -> None:
    parsers = {
        binding.parser
        for contract in read_contracts(MODELS)
        for binding in read_suite(
            EXPECTATIONS, contract.source, contract.export
        ).bindings
        if binding.parser
    } - CONTACT_PARSERS.keys()
    macros = SqlMacros(MACROS, {"business_timezone": "Europe/Moscow"})
    # No date in it ends where a format's does; DuckDB keeps no text so long in place.
    whole = "2026-03-14 09:14:00.000 +03:00"
    texts = [" " * 20, "\t" * 20, *(whole[:end] for end in range(13, len(whole) + 1))]
    task = {
        "texts": texts,
        "expressions": [macros.parse(parser, "cell") for parser in sorted(parsers)],
    }

    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.end_of_memory"],
        input=json.dumps(task),
        text=True,
        check=False,
        stderr=subprocess.PIPE,
        cwd=PROJECT,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert len(parsers) > 30
