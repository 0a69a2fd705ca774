"""Whatever happens on the way: nothing half, nothing twice, nothing overwritten."""

import json
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.components import fetched_place
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.deliveries import DeliveredFile, in_order
from orchestration.lib.landing.lander import data_path, land_export
from orchestration.lib.landing.landing_place import date_in, delivered_files
from orchestration.lib.places.memory import Memory
from orchestration.lib.places.names import checked, dated, is_wanted, versions
from orchestration.lib.places.remote import FileRefused, redacted
from tests.places.conftest import Office
from tests.places.servers import Answer, Request, Web

FILE = """
[places.crm]
type = "http"
urls = ["{url}/orders.csv"]
into = "shop"
attempts = 1
"""
ROWS = """
[places.crm]
type = "rest"
base_url = "{url}"
into = "shop"
attempts = 1

[[places.crm.resources]]
name = "orders"
path = "orders"
paginator = {{ type = "single_page" }}
cursor = "id"
cursor_param = "since"
"""
DATED = {"Last-Modified": "Sat, 31 Oct 2026 05:00:00 GMT"}
CSV = b"id\n1\n"


class Killed(BaseException):
    """Stands for the end of the process at this place."""


class Numbers:
    """An API of records with a number, which grows."""

    def __init__(self, last: int) -> None:
        self.last = last

    def __call__(self, request: Request) -> Answer:
        since = int(request.query.get("since", 1))
        found = [{"id": number} for number in range(since, self.last + 1)]
        return Answer(json.dumps(found).encode())


@pytest.fixture
def files(office: Office, web: Web) -> Office:
    office.config = FILE.format(url=web.url)
    web.answer = lambda request: Answer(CSV, headers=DATED)
    return office


@pytest.fixture
def numbers(office: Office, web: Web) -> Numbers:
    office.config = ROWS.format(url=web.url)
    web.answer = numbers = Numbers(3)
    return numbers


def visible(office: Office) -> list[str]:
    """What the lander would see."""
    return [file.name for file in delivered_files(office.landing)]


def fetched_ids(office: Office) -> list[int]:
    """The ids of all records in all files, in order of delivery."""
    return [
        json.loads(line)["id"]
        for name in visible(office)
        for line in (office.landing / name).read_text().splitlines()
    ]


def killed_at(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str, office: Office
) -> None:
    """One fetch that ends where `name` would be called."""

    def die(*arguments: object, **options: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(owner, name, die)
        office.fetch()


# -- the end of the process ---------------------------------------------------------


def test_killed_before_a_file_is_noted_it_is_fetched_again(
    files: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(monkeypatch, Memory, "promise", files)
    assert visible(files) == []

    assert files.fetch().new == ["shop/orders_2026-10-31T050000Z.csv"]
    assert files.landed() == {"shop/orders_2026-10-31T050000Z.csv": CSV}


@pytest.mark.parametrize(
    ("owner", "name", "seen"),
    [
        (Memory, "promise", []),
        (Path, "replace", []),
        (Memory, "keep", [1, 2, 3]),
    ],
)
def test_killed_at_any_step_rows_arrive_once(
    office: Office, numbers: Numbers, monkeypatch: pytest.MonkeyPatch,
    owner: object, name: str, seen: list[int],
) -> None:  # fmt: skip
    killed_at(monkeypatch, owner, name, office)
    assert fetched_ids(office) == seen
    numbers.last = 5

    office.fetch()
    office.fetch()

    assert fetched_ids(office) == [1, 2, 3, 4, 5]
    assert list(office.landed()) == sorted(visible(office)), "nothing hidden is left"


def test_a_dry_run_after_a_crash_does_not_spoil_what_waits_for_its_name(
    office: Office, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(monkeypatch, Path, "replace", office)
    numbers.last = 4
    before = office.landed()
    assert len(before) == 1, "hidden"

    assert len(office.fetch(dry_run=True).new) == 1
    assert office.landed() == before

    office.fetch()
    assert fetched_ids(office) == [1, 2, 3, 4]


def test_rows_that_were_lost_on_the_way_are_fetched_again(
    office: Office, numbers: Numbers, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_at(monkeypatch, Path, "replace", office)
    for path in office.landing.rglob("*.part"):
        path.unlink()

    office.fetch()

    assert fetched_ids(office) == [1, 2, 3]


def test_without_its_memory_a_fetch_lands_the_same_file_once(files: Office) -> None:
    files.fetch()
    (files.home / "places.duckdb").unlink()

    files.fetch()

    assert files.landed() == {"shop/orders_2026-10-31T050000Z.csv": CSV}


def test_a_damaged_memory_is_told_with_its_remedy(files: Office) -> None:
    files.home.mkdir()
    (files.home / "places.duckdb").write_bytes(b"x" * 10_000)

    (problem,) = files.fetch().problems

    assert "places.duckdb cannot be opened" in problem
    assert "Delete it" in problem


# -- the landing folder -------------------------------------------------------------


def test_a_file_that_somebody_put_there_is_not_overwritten(files: Office) -> None:
    (files.landing / "shop").mkdir(parents=True)
    (files.landing / "shop/orders_2026-10-31T050000Z.csv").write_bytes(b"by hand")

    assert files.fetch().new == ["shop/orders_2026-10-31T050000Z_2.csv"]
    assert files.landed() == {
        "shop/orders_2026-10-31T050000Z.csv": b"by hand",
        "shop/orders_2026-10-31T050000Z_2.csv": CSV,
    }


def test_a_file_that_was_put_away_after_landing_is_not_fetched_again(
    files: Office, web: Web
) -> None:
    files.fetch()
    (files.landing / "shop/orders_2026-10-31T050000Z.csv").unlink()

    assert files.fetch().new == []

    web.answer = lambda request: Answer(CSV * 2, headers=DATED)
    assert files.fetch().new == ["shop/orders_2026-10-31T050000Z~02.csv"]


def test_two_places_may_fill_one_folder(files: Office, web: Web) -> None:
    files.fetch()
    files.config = files.config.replace("[places.crm]", "[places.old]") + FILE.format(
        url=f"{web.url}/other"
    )
    web.answer = lambda request: Answer(b"id\n7\n", headers=DATED)

    files.fetch()

    assert sorted(files.landed().values()) == [CSV, b"id\n7\n"]
    assert not any(file.is_superseded for file in delivered(files))


def test_what_was_fetched_lands(office: Office, web: Web, tmp_path: Path) -> None:
    web.answer = lambda request: Answer(
        b'[{"id": 1, "amount": 1.10, "note": "\\u0401"}]'
    )
    office.config = ROWS.format(url=web.url)
    office.fetch()
    web.answer = lambda request: Answer(b'[{"id": 2, "amount": 20.00, "note": null}]')
    office.fetch()
    contract = ExportContract(
        source="shop",
        export="orders",
        description="",
        files=("shop/orders*.jsonl",),
        columns=("id", "amount", "note"),
    )

    landed = list(
        land_export(
            contract,
            delivered_files(office.landing),
            raw=tmp_path / "raw",
            known=[],
            now=datetime(2026, 11, 1, tzinfo=UTC),
        )
    )

    assert [row.outcome for row in landed] == ["landed", "landed"]
    tables = [parquet.read_table(data_path(tmp_path / "raw", row)) for row in landed]
    found = pa.concat_tables(tables).select(["id", "amount", "note"]).to_pylist()
    assert found == [
        {"id": "1", "amount": "1.10", "note": "Ё"},
        {"id": "2", "amount": "20.00", "note": None},
    ]


def delivered(office: Office) -> list[DeliveredFile]:
    """The fetched files as the lander counts them."""
    contract = ExportContract(
        source="shop",
        export="orders",
        description="",
        files=("shop/orders*.csv",),
        columns=("id",),
        row_key=("id",),
        delivery="full",
    )
    landed = land_export(
        contract,
        delivered_files(office.landing),
        raw=office.home / "raw",
        known=[],
        now=datetime(2026, 11, 22, tzinfo=UTC),
    )
    return in_order(contract, list(landed))


def test_a_corrected_file_takes_the_place_of_the_one_it_corrects(
    office: Office, web: Web
) -> None:
    office.config = FILE.format(url=web.url).replace("orders", "orders_2026-10-31")
    web.answer = lambda request: Answer(CSV)
    office.fetch()
    web.answer = lambda request: Answer(b"id\n2\n")
    office.fetch()

    assert [(file.row.file_name, file.is_superseded) for file in delivered(office)] == [
        ("shop/orders_2026-10-31.csv", True),
        ("shop/orders_2026-10-31~02.csv", False),
    ]


def test_two_versions_of_one_day_are_two_deliveries(office: Office, web: Web) -> None:
    office.config = FILE.format(url=web.url)
    for hour, content in (("05", CSV), ("17", b"id\n2\n")):
        dated = {"Last-Modified": f"Sat, 31 Oct 2026 {hour}:00:00 GMT"}
        web.answer = lambda request, content=content, dated=dated: Answer(  # type: ignore[misc]
            content, headers=dated
        )
        office.fetch()

    assert [(file.delivered_at, file.is_superseded) for file in delivered(office)] == [
        (datetime(2026, 10, 31, 5, tzinfo=UTC), False),
        (datetime(2026, 10, 31, 17, tzinfo=UTC), False),
    ]


# -- names --------------------------------------------------------------------------

NOW = datetime(2026, 11, 22, 5, 0, tzinfo=UTC)
MODIFIED = datetime(2026, 10, 31, 20, 11, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "modified_at", "expected"),
    [
        ("orders.csv", MODIFIED, "orders_2026-10-31T201112Z.csv"),
        ("orders.csv", None, "orders_2026-11-22T050000Z.csv"),
        (
            "orders.csv",
            datetime(1970, 1, 1, tzinfo=UTC),
            "orders_2026-11-22T050000Z.csv",
        ),
        ("a/orders.v2.csv.gz", MODIFIED, "a/orders.v2_2026-10-31T201112Z.csv.gz"),
        ("orders", MODIFIED, "orders_2026-10-31T201112Z"),
        ("orders_20261001.csv", MODIFIED, "orders_20261001.csv"),
        ("2026-10-01/orders.csv", MODIFIED, "2026-10-01/orders.csv"),
    ],
)
def test_a_name_without_a_date_gets_one_that_the_lander_reads(
    name: str, modified_at: datetime | None, expected: str
) -> None:
    found = dated(name, modified_at, NOW, date_in)

    assert found == expected
    assert len(date_in(found)) == 8


@pytest.mark.parametrize(
    "name", ["orders_2026-10-31.csv", "x_20261031.csv.gz", "2026-10-31/x"]
)
def test_later_versions_are_delivered_behind_earlier_ones_on_the_same_day(
    tmp_path: Path, name: str
) -> None:
    names = [name]
    while len(names) < 12:
        names.append(next(versions(name, names[-1])))
    for each in reversed(names):
        (tmp_path / each).parent.mkdir(exist_ok=True)
        (tmp_path / each).touch()

    assert [file.name for file in delivered_files(tmp_path)] == names
    assert {date_in(each) for each in names} == {date_in(name)}


@given(st.text(st.characters(codec=None), max_size=300))
def test_a_checked_name_stays_below_its_folder_and_can_be_written(name: str) -> None:
    try:
        found = checked(name)
    except FileRefused:
        return
    path = PurePosixPath("landing") / found
    assert path.parts[0] == "landing"
    assert not {"..", ".", "/"} & set(path.parts)
    assert all(len(part.encode()) <= 255 for part in path.parts)
    assert "\n" not in found


@pytest.mark.parametrize(
    ("name", "is_fetched"),
    [
        ("orders.csv", True),
        ("eu/ORDERS.CSV", True),
        ("orders.txt", False),
        (".orders.csv", False),
        (".git/orders.csv", False),
        ("../orders.csv", True),
    ],
)
def test_patterns_choose_files_and_hidden_ones_are_none(
    name: str, is_fetched: bool
) -> None:
    """A name that leads out is chosen, to be refused in sight."""
    assert is_wanted(name, ["*.csv"]) == is_fetched


# -- secrets ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["no p@ss for you", "postgresql://u:p%40ss@h/d is wrong", "got p%40ss"],
)
def test_a_password_inside_a_secret_address_is_a_secret(text: str) -> None:
    shown = redacted(text, ["postgresql://u:p%40ss@h/d"])

    assert "p@ss" not in shown
    assert "p%40ss" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    ("config", "package"),
    [
        ('type = "sftp"\nhost = "h"\nuser = "u"\npassword_env = "X"', "asyncssh"),
        ('type = "sql"\nurl_env = "X"\ntables = [{ name = "t" }]', "psycopg"),
        (
            'type = "rest"\nbase_url = "https://h"\nresources = [{ name = "r",'
            ' path = "r", paginator = { type = "single_page" } }]',
            "dlt",
        ),
    ],
)
def test_a_package_that_is_not_installed_is_asked_for(
    office: Office, monkeypatch: pytest.MonkeyPatch, config: str, package: str
) -> None:
    office.config = f"[places.crm]\n{config}\n"
    find_spec = fetched_place.importlib.util.find_spec
    monkeypatch.setattr(
        fetched_place.importlib.util,
        "find_spec",
        lambda name: None if name == package else find_spec(name),
    )

    (problem,) = office.fetch().problems

    assert package in problem
    assert "pip install -e '.[places]'" in problem
