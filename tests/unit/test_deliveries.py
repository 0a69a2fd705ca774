"""Late, repeated and corrected files; what full deliveries no longer hold."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.landing import ledger
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.deliveries import days_since_delivery, in_order
from orchestration.lib.landing.lander import land_export
from orchestration.lib.landing.landing_place import LandingFile
from orchestration.lib.quality import deletions, judge
from orchestration.lib.quality.judge import JudgedExport
from orchestration.lib.warehouse import connect

NOW = datetime(2026, 3, 14, 6, 30, tzinfo=UTC)
FULL = ExportContract(
    source="crm",
    export="contacts",
    description="",
    files=("contacts*.csv",),
    columns=("id", "name"),
    required=frozenset({"id"}),
    row_key=("id",),
    delivery="full",
)
INCREMENT = replace(FULL, delivery="increment")
EXPORT = JudgedExport(
    source="crm",
    export="contacts",
    columns=("id", "name"),
    drops_duplicates=True,
    grouped_by=None,
    group_header=None,
)


class Company:
    """A landing folder, and the warehouse that its deliveries go to."""

    def __init__(
        self,
        folder: Path,
        connection: duckdb.DuckDBPyConnection,
        contract: ExportContract,
    ) -> None:
        self.folder, self.connection, self.contract = folder, connection, contract
        self.runs = 0

    def deliver(self, **files: str) -> None:
        """Deliver `name="id,name lines"` on the next day, and run."""
        self.runs += 1
        for name, rows in files.items():
            path = self.folder / f"contacts_{name.replace('_', '-')}.csv"
            path.write_text("id,name\n" + "".join(f"{row}\n" for row in rows.split()))
        names = [f"contacts_{name.replace('_', '-')}.csv" for name in files]
        raw = self.folder / "raw"
        ledger.record(
            self.connection,
            land_export(
                self.contract,
                [LandingFile(name=name, path=self.folder / name) for name in names],
                raw=raw,
                known=ledger.read(self.connection, self.contract),
                now=NOW + timedelta(days=self.runs),
            ),
        )
        ledger.create_raw_table(self.connection, self.contract, raw)

    def newest(self) -> dict[str, str]:
        """Of each id the name in the newest delivery that counts."""
        return dict(
            self.connection.execute(
                "select id, arg_max(name, _delivery) from crm.contacts"
                " where not _is_superseded group by id order by id"
            ).fetchall()
        )

    def deleted(self, *, max_shrink: float = 0.5) -> dict[str, str]:
        """The ids that are gone, and the day since when."""
        rows = ledger.read(self.connection, self.contract)
        deletions.record_deletions(
            self.connection,
            EXPORT,
            [
                deletions.FullFile(
                    file_id=file.file_id,
                    delivered_at=file.delivered_at,
                    is_whole=file.row.outcome == "landed",
                )
                for file in in_order(self.contract, rows)
                if not file.is_superseded
            ],
            row_key="delivered.id",
            max_shrink=max_shrink,
        )
        found = self.connection.execute(
            "select row_key, deleted_at::date::varchar from quality.deleted_keys"
            " order by row_key"
        ).fetchall()
        return dict(found)


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with connect(tmp_path / "warehouse.duckdb") as connection:
        ledger.create_ledger(connection, tmp_path / "raw")
        judge.create_tables(connection)
        deletions.create_tables(connection)
        yield Company(tmp_path, connection, FULL)


# -- the order of deliveries --------------------------------------------------------


def test_a_file_that_comes_late_does_not_overrule_a_newer_one(company: Company) -> None:
    company.deliver(**{"2026_03_02": "1,new"})
    company.deliver(**{"2026_03_01": "1,old 2,only-here"})

    assert company.newest() == {"1": "new", "2": "only-here"}


def test_a_file_without_a_date_counts_when_it_arrives(company: Company) -> None:
    company.deliver(**{"2026_03_02": "1,dated"})
    company.deliver(a="1,undated")

    assert company.newest() == {"1": "undated"}


def test_a_dated_file_that_comes_again_corrected_takes_the_place_of_the_first(
    company: Company,
) -> None:
    company.contract = INCREMENT
    company.deliver(**{"2026_03_02": "1,wrong 2,never-was"})
    company.deliver(**{"2026_03_02": "1,right"})

    assert company.newest() == {"1": "right"}


def test_without_a_date_the_same_name_is_the_next_file_and_takes_nobody_s_place(
    company: Company,
) -> None:
    company.contract = INCREMENT
    company.deliver(export="1,first")
    company.deliver(export="2,second")

    assert company.newest() == {"1": "first", "2": "second"}


def test_an_increment_that_is_delivered_again_changes_nothing(company: Company) -> None:
    company.contract = INCREMENT
    company.deliver(a="1,old")
    company.deliver(b="1,new")
    company.deliver(c="1,old")

    assert company.newest() == {"1": "new"}


def test_a_full_delivery_that_returns_to_an_earlier_state_counts(
    company: Company,
) -> None:
    company.deliver(a="1,old 2,two")
    company.deliver(b="1,new 2,two")
    company.deliver(c="1,old 2,two")

    assert company.newest() == {"1": "old", "2": "two"}


def test_the_age_is_that_of_the_newest_delivery_whenever_it_came(
    company: Company,
) -> None:
    def age() -> int | None:
        rows = ledger.read(company.connection, FULL)
        return days_since_delivery(rows, date(2026, 3, 12))

    assert age() is None
    company.deliver(**{"2026_03_05": "1,a"})
    company.deliver(**{"2026_03_01": "1,late"})
    assert age() == 7
    company.deliver(**{"2026_03_10": "1,a"})
    late = LandingFile(
        name="contacts_2026-03-12.csv", path=company.folder / "contacts_2026-03-12.csv"
    )
    late.path.write_text("")
    ledger.record(
        company.connection,
        land_export(FULL, [late], raw=company.folder / "raw", known=[], now=NOW),
    )
    assert age() == 2, "an empty file is no delivery"


# -- deletions ----------------------------------------------------------------------


def test_what_a_full_delivery_lacks_is_deleted_since_then_until_it_is_back(
    company: Company,
) -> None:
    company.deliver(**{"2026_03_01": "1,a 2,b 3,c"})
    assert company.deleted() == {}

    company.deliver(**{"2026_03_02": "1,a 3,c"})
    company.deliver(**{"2026_03_03": "1,a 3,c 4,d"})
    assert company.deleted() == {"2": "2026-03-02"}

    company.deliver(**{"2026_03_04": "1,a 2,b 4,d"})
    assert company.deleted() == {"3": "2026-03-04"}


def test_files_of_one_day_are_one_full_delivery(company: Company) -> None:
    company.deliver(**{"2026_03_01_part_1": "1,a 2,b", "2026_03_01_part_2": "3,c"})

    assert company.deleted() == {}


def test_a_late_full_delivery_says_only_how_things_were_then(company: Company) -> None:
    company.deliver(**{"2026_03_01": "1,a 2,b", "2026_03_03": "1,a 2,b"})
    company.deleted()
    company.deliver(**{"2026_03_02": "1,a"})

    assert company.deleted() == {}


def test_a_corrected_full_delivery_deletes_what_only_the_wrong_one_held(
    company: Company,
) -> None:
    company.deliver(**{"2026_03_01": "1,a 2,b"})
    company.deliver(**{"2026_03_02": "1,a 2,b 3,test"})
    assert company.deleted() == {}

    company.deliver(**{"2026_03_02": "1,a 2,b"})
    company.deliver(**{"2026_03_03": "1,a 2,b"})

    assert company.deleted() == {}, "nobody was ever delivered under 3"


def test_a_delivery_that_lacks_too_much_deletes_nobody_and_says_so(
    company: Company,
) -> None:
    company.deliver(**{"2026_03_01": "1,a 2,b 3,c 4,d"})
    company.deliver(**{"2026_03_02": "1,a"})
    company.deliver(**{"2026_03_03": "1,a"})

    assert company.deleted() == {}
    assert deletions.incomplete_deliveries(company.connection) == [
        "crm.contacts of 2026-03-03: 1 where the delivery before had 4: ask for it"
        " again, or raise max_shrink in the contract if so many are gone"
    ]


def test_a_shrink_that_the_contract_allows_deletes(company: Company) -> None:
    company.deliver(**{"2026_03_01": "1,a 2,b 3,c 4,d"})
    company.deliver(**{"2026_03_02": "1,a"})

    assert list(company.deleted(max_shrink=1)) == ["2", "3", "4"]
    assert deletions.incomplete_deliveries(company.connection) == []


def test_whom_a_broken_line_of_the_delivery_may_name_is_not_deleted(
    company: Company,
) -> None:
    company.deliver(**{"2026_03_01": "1,a 2,b 3,c 4,d"})
    company.deliver(**{"2026_03_02": "1,a 4,d 2,b,ragged"})
    [file_id] = company.connection.execute(
        "select file_id from ops.file_ledger where rows_rejected = 1"
    ).fetchall()
    company.connection.execute(
        "insert into quality.quarantine values ('', 'crm', 'contacts', ?, 4,"
        " 'ragged_row', 'critical', null, '2,b,ragged', '', null, 'open', null, null,"
        " null)",
        file_id,
    )

    assert company.deleted() == {"3": "2026-03-02"}


def test_whom_a_repaired_row_names_after_all_is_not_deleted(company: Company) -> None:
    company.deliver(**{"2026_03_01": "1,a 2,b 3,c 4,d"})
    company.deliver(**{"2026_03_02": "1,a ,b 4,d"})
    assert list(company.deleted()) == ["2", "3"]
    [file_id] = company.connection.execute(
        "insert into quality.repairs select 'crm', 'contacts', _file_id, _line, 'id',"
        " null, '2', 'x' from crm.contacts where id is null returning file_id"
    ).fetchall()[0]
    judge.show_repairs(company.connection, EXPORT)

    deletions.forget(company.connection, "crm", "contacts", [file_id])

    assert company.deleted() == {"3": "2026-03-02"}


def test_only_new_files_are_read(company: Company) -> None:
    company.deliver(**{"2026_03_01": "1,a 2,b"})
    company.deleted()
    company.deliver(**{"2026_03_02": "1,a"})
    company.connection.execute(
        "create or replace view crm.contacts as select * from"
        f" read_parquet('{company.folder}/raw/crm/contacts/*.parquet', filename = true)"
        " where filename not like '%rejects%' and id <> '2'"
    )

    assert company.deleted() == {"2": "2026-03-02"}, "2 was seen on the first day"
