"""A new source from a sample of its file: it builds and passes without an edit."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestration.settings import PROJECT
from tests.support import rows

MEMBERS = """\
Member ID;Name;E-Mail;Mobile phone;Joined;Points;Balance, руб.;Tier;Active;Last visit;order
0001;Анна Орлова;anna.orlova@mail.ru;8 (916) 123-40-50;14.03.2025;1200;1 234,50;gold;да;31.10.2026 14:05:00;7
0002;Пётр Ким;p.kim@yandex.ru;8 (916) 123-40-51;15.03.2025;0;0,00;base;нет;;8
0003;Jürgen Brandt;;8 (916) 123-40-52;16.04.2025;15;12,00;base;да;01.10.2026 09:00:00;9
0004;"Смит; Джон";smith@mail.ru;8 (916) 123-40-53;17.04.2025;15;12 000,00;base;да;01.10.2026 09:00:00;10
"""  # noqa: E501 - lines as they are delivered

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("landing") / "loyalty" / "members_2026-10-31.csv"
    path.parent.mkdir()
    path.write_text(MEMBERS, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project, which the new source is added to."""
    copy = tmp_path_factory.mktemp("project")
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in files:
        if (PROJECT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_bytes((PROJECT / name).read_bytes())
    return copy


@pytest.fixture(scope="module")
def call(project: Path) -> Call:
    """Python modules of the copy, as a person in its folder would call them."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=project,
            env={
                **os.environ,
                "PYTHONPATH": str(project),
                "CRM360_HOME": str(project / "var"),
            },
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def added(call: Call, sample: Path) -> dict[str, Any]:
    found = call(
        "orchestration.cli", "add-source", "loyalty.members", str(sample),
        "--full", "--json",
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    report: dict[str, Any] = json.loads(found.stdout)
    return report


def test_the_columns_are_told_by_the_project_s_parsers(added: dict[str, Any]) -> None:
    assert added["columns"] == {
        "member_id": "parse_id",
        "name": None,
        "e_mail": "email_address",
        "mobile_phone": "phone_number",
        "joined": "parse_day_first_date",
        "points": "parse_integer",
        "balance_rub": "parse_spaced_amount",
        "tier": None,
        "active": "parse_boolean",
        "last_visit": "parse_day_first_local_timestamp",
        "order": "parse_integer",
    }
    assert added["row_key"] == ["member_id"]


def test_the_fixture_holds_the_shapes_and_none_of_the_people(
    added: dict[str, Any], project: Path
) -> None:
    fixture = (
        project / "tests/fixtures/exports/loyalty/members_sample.csv"
    ).read_text()

    assert fixture.count("\n") == 5
    assert "31.10.2026 14:05:00" in fixture
    for personal in (
        "Орлова", "Ким", "Brandt", "Смит", "orlova", "smith", "123-40", "0001",
    ):  # fmt: skip
        assert personal not in fixture


def test_it_builds_and_flows_without_an_edit(
    added: dict[str, Any], call: Call, project: Path, sample: Path
) -> None:
    run = call(
        "orchestration.cli", "run", "--landing", str(sample.parents[1]),
        "--as-of", "2026-10-31", "--json",
    )  # fmt: skip

    assert run.returncode == 0, run.stderr[-2000:]
    assert rows(
        project / "var/warehouse.duckdb",
        "select member_id, e_mail, mobile_phone, balance_rub, active,"
        " joined::varchar, last_visit::varchar, deleted_at"
        " from staging.stg_loyalty__members order by member_id limit 2",
    ) == [
        ("0001", "anna.orlova@mail.ru", "+79161234050", 1234.5, True,
         "2025-03-14", "2026-10-31 11:05:00", None),
        ("0002", "p.kim@yandex.ru", "+79161234051", 0, False, "2025-03-15", None, None),
    ]  # fmt: skip
    assert rows(
        project / "var/warehouse.duckdb", "select count(*) from quality.quarantine"
    ) == [(0,)]


def test_it_keeps_to_the_rules_that_all_sources_keep_to(
    added: dict[str, Any], call: Call
) -> None:
    tests = call(
        "pytest", "-q", "-p", "no:cacheprovider", "-k", "loyalty",
        "tests/architecture", "tests/unit/test_rules.py",
    )  # fmt: skip
    lint = call("sqlfluff", "lint", "-q", "models/staging/loyalty")

    assert tests.returncode == 0, tests.stdout[-2000:]
    assert lint.returncode == 0, lint.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["loyalty.members"], "loyalty.members exists already"),
        (["Loyalty.Members"], "'Loyalty' is no name: use lower case letters"),
        (["clinic.visits", "--key", "visit"], "the sample has no column visit; it has"),
        (["clinic.visits", "--key", "", "--full"], "--full needs --key"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(
    added: dict[str, Any],
    call: Call,
    project: Path,
    sample: Path,
    arguments: list[str],
    message: str,
) -> None:
    name, *options = arguments

    refused = call("orchestration.cli", "add-source", name, str(sample), *options)

    assert refused.returncode == 2
    assert message in refused.stderr
    assert not (project / "models/staging/clinic").exists()


def test_a_source_that_is_there_gets_one_more_export(
    added: dict[str, Any], call: Call, project: Path, tmp_path: Path
) -> None:
    """Facts without a key, and a name after the file."""
    sample = tmp_path / "visits-2026.csv"
    sample.write_text("when,what,sum\n2026-01-02,a,1.50\n2026-01-02,a,1.50\n")

    done = call("orchestration.cli", "add-source", "loyalty", str(sample))

    assert done.returncode == 0, done.stderr
    assert "every row is a fact" in done.stdout
    folder = project / "models/staging/loyalty"
    assert "accepted_rows" in (folder / "stg_loyalty__visits.sql").read_text()
    sources = (folder / "_loyalty__sources.yml").read_text()
    assert sources.count("- name: loyalty\n") == 1
    assert sources.count("- name: visits\n") == 1
