"""Tabs of a spreadsheet, by the rules of Google's API."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from orchestration.lib.activation.destinations.sheets import (
    SheetsDestination,
    SheetsOptions,
)
from orchestration.lib.activation.mapping import read_field
from orchestration.lib.sandbox.faults import Fault, Faults
from orchestration.lib.sandbox.server import application, running
from orchestration.lib.sandbox.sheets import Sheets, Tab
from tests.destinations.conftest import World
from tests.destinations.snapshot_conformance import (
    SnapshotConformance,
    SnapshotSubject,
    put,
)


class Google:
    """The sandbox, what it holds, and the way to it."""

    def __init__(self, sheets: Sheets, faults: Faults, url: str, home: Path) -> None:
        self.sheets, self.faults, self.url = sheets, faults, url
        self.key_file = home / "key.json"
        self.key_file.write_text(json.dumps(sheets.key_file(url)))

    def tab(self) -> list[list[Any]] | None:
        tab = self.sheets.spreadsheets["sandbox"].get("winback")
        return tab.values() if tab else None

    def names(self) -> dict[str, str] | None:
        values = self.tab()
        if values is None:
            return None
        _, *rows = values or [[]]
        return {customer: name for customer, _, name in rows}

    def connect(self, key_file: Path | None = None, **options: Any) -> Any:
        known = {
            "spreadsheet_id": "sandbox",
            "base_url": f"{self.url}/sheets",
            "timeout_seconds": 5.0,
            "attempts": 1,
        }
        return SheetsDestination(
            "sheet",
            SheetsOptions(key_file_env="KEY_FILE", **known | options),
            {"key_file_env": str(key_file or self.key_file)},
            Path(),
        )

    def updates(self) -> list[Any]:
        return [each for each in self.sheets.requests if each[0] == "POST"]

    def writings(self) -> int:
        """How often the list was put."""
        tab = {"sheetId": self.sheets.spreadsheets["sandbox"]["winback"].sheet_id}
        return sum(
            change.get("updateCells", {}).get("range") == tab
            for _, _, document in self.updates()
            for change in document["requests"]
        )

    @contextmanager
    def failing(self, fault: Fault = "drop") -> Iterator[None]:
        """What meets the fault comes after a token and the list of tabs."""
        self.faults.schedule = [None, None, fault]
        yield
        self.faults.schedule = []

    def subject(self, stranger: Path) -> SnapshotSubject:
        return SnapshotSubject(
            connect=self.connect,
            members=self.names,
            revision=self.writings,
            lose=lambda: self.sheets.spreadsheets["sandbox"].pop("winback"),
            failing=self.failing,
            strange=lambda: self.connect(stranger),
        )


@pytest.fixture
def google(tmp_path: Path) -> Iterator[Google]:
    sheets, faults = Sheets(), Faults()
    with running(application([sheets], faults)) as url:
        yield Google(sheets, faults, url, tmp_path)


@pytest.fixture
def subject(google: Google, tmp_path: Path) -> SnapshotSubject:
    stranger = tmp_path / "stranger.json"
    stranger.write_text(json.dumps(Sheets().key_file(google.url)))
    return google.subject(stranger)


class TestSheets(SnapshotConformance):
    @pytest.fixture
    def subject(self, subject: SnapshotSubject) -> SnapshotSubject:
        return subject


def test_a_tab_has_names_above_its_members(
    world: World, google: Google, subject: SnapshotSubject
) -> None:
    put(world, subject)

    assert google.tab() == [
        ["customer_id", "email", "first_name"],
        ["anna", "anna@mail.ru", "anna"],
        ["boris", "boris@mail.ru", "boris"],
        ["vera", "vera@mail.ru", "vera"],
    ]
    assert "Sheet1" in google.sheets.spreadsheets["sandbox"], "of the owner"
    told = httpx.get(f"{google.url}/_holds").json()["sheets"]["sandbox/winback"]
    assert told[0] == {
        "customer_id": "anna", "email": "anna@mail.ru", "first_name": "anna",
    }  # fmt: skip


def test_values_keep_their_types_and_ids_all_of_their_digits(
    world: World, google: Google, subject: SnapshotSubject
) -> None:
    world.execute(
        "create view audience_more as select *, 12.50::decimal(6, 2) as spent,"
        " true as is_vip, date '1990-02-28' as born, 12345678901234567::bigint as card,"
        " '0012' as code, null::varchar as city from audience_winback"
    )
    fields = ("spent", "is_vip", "born", "card", "code", "city")
    world.sync_with(
        audience=dataclasses.replace(world.sync.audience, relation="audience_more"),
        fields=tuple(read_field(name, name) for name in fields),
    )

    put(world, subject)

    tab = google.tab() or []
    assert tab[0] == ["customer_id", *fields]
    assert tab[1] == [
        "anna", 12.5, True, "1990-02-28", "12345678901234567", "0012", None,
    ]  # fmt: skip


def test_a_shorter_list_leaves_no_tail(
    world: World, google: Google, subject: SnapshotSubject
) -> None:
    put(world, subject)
    world.drop("boris")
    world.drop("vera")
    world.sync_with(limits=dataclasses.replace(world.sync.limits, least_members=0))

    put(world, subject)

    assert len(google.tab() or []) == 2


def test_a_list_longer_than_a_new_tab_gets_its_rows(
    google: Google, tmp_path: Path
) -> None:
    file = tmp_path / "members.parquet"
    duckdb.sql(f"copy (select range as customer_id from range(2000)) to '{file}'")
    destination = google.connect()

    destination.put("winback", file, 2000)
    destination.close()

    assert len(google.tab() or []) == 2001


def test_a_list_that_is_too_long_for_a_sheet_is_not_sent(
    world: World, google: Google
) -> None:
    applied = world.apply(google.connect(most_members=2))

    assert "most_members" in (applied.problem or "")
    assert google.updates() == []


@pytest.mark.parametrize("fault", [500, "drop", "lost", "html"])
def test_a_list_that_was_not_answered_is_in_doubt_and_put_again(
    world: World, google: Google, subject: SnapshotSubject, fault: Fault
) -> None:
    put(world, subject)
    world.add("galina")
    with google.failing(fault):
        applied = put(world, subject)

    assert applied.unknown == 1
    assert put(world, subject).problem is None
    assert set(google.names() or ()) == {"anna", "boris", "galina", "vera"}


def test_a_tab_that_was_made_and_not_answered_is_not_made_twice(
    world: World, google: Google
) -> None:
    google.faults.schedule = [None, None, "lost"]

    destination = google.connect(attempts=2)
    assert world.apply(destination).problem is None
    destination.close()

    assert set(google.names() or ()) == {"anna", "boris", "vera"}


def test_an_answer_that_is_none_acknowledges_nobody(
    world: World, tmp_path: Path
) -> None:
    class Proxy(Sheets):
        async def _update(self, request: Request) -> Response:
            return JSONResponse({"status": "ok"})

    sheets = Proxy()
    sheets.spreadsheets["sandbox"]["winback"] = Tab(1)
    with running(application([sheets], Faults())) as url:
        applied = world.apply(Google(sheets, Faults(), url, tmp_path).connect())

    assert applied.unknown == 3
    assert world.held() == set()


def test_a_token_that_is_not_given_leaves_nobody_in_doubt(
    world: World, google: Google, tmp_path: Path
) -> None:
    absent = world.apply(google.connect(tmp_path / "absent.json"))
    google.key_file.write_text("{}")
    broken = world.apply(google.connect())

    assert "absent.json holds no key" in (absent.problem or "")
    assert "key.json holds no key" in (broken.problem or "")
    assert absent.unknown == broken.unknown == 0


def test_a_spreadsheet_that_is_not_there_is_told(world: World, google: Google) -> None:
    problem = world.apply(google.connect(spreadsheet_id="another")).problem

    assert "there is no such" in (problem or "")


def test_the_sandbox_does_all_changes_or_none_and_counts_requests(
    google: Google,
) -> None:
    address = f"{google.url}/sheets/v4/spreadsheets/sandbox"
    headers = {"authorization": "Bearer ya29.sandbox"}
    add = {"addSheet": {"properties": {"title": "x", "sheetId": 7}}}
    wrong = {
        "updateCells": {
            "range": {"sheetId": 7},
            "rows": [{"values": [{"userEnteredValue": {"formulaValue": "=1+1"}}]}],
            "fields": "userEnteredValue",
        }
    }

    answer = httpx.post(
        f"{address}:batchUpdate", headers=headers, json={"requests": [add, wrong]}
    )
    assert answer.status_code == 400
    assert set(google.sheets.spreadsheets["sandbox"]) == {"Sheet1"}

    codes = [httpx.get(address, headers=headers).status_code for _ in range(60)]
    assert codes == [200] * 59 + [429]
