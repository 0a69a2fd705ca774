"""One export behind the gate, in a warehouse of its own: landed, judged, decided on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.landing import lander, ledger
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.lander import LedgerRow, land_export
from orchestration.lib.landing.landing_place import LandingFile
from orchestration.lib.quality import contacts, judge, overrides
from orchestration.lib.quality.judge import JudgedExport
from orchestration.lib.quality.overrides import Kind, Override
from orchestration.lib.quality.rules import RuleContext
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.lib.quality.suites import EXPECTATION_TYPE, Suite, read_suite
from orchestration.lib.quality.workplace import (
    Choice,
    Selection,
    decide,
    open_workplace,
)
from orchestration.settings import PROJECT

CONTEXT = RuleContext(
    macros=SqlMacros(
        PROJECT / "dbt_project" / "macros", {"business_timezone": "Europe/Moscow"}
    ),
    seeds=PROJECT / "seeds",
    base_currency="RUB",
    fx_max_age_days=35,
)
CLASSIFIER = contacts.ContactClassifier(PROJECT / "seeds", "RU")
#: Rows that stand alone, rows about people, and rows of which several make an order.
COSTS = ExportContract(
    source="ads",
    export="costs",
    description="",
    files=("costs*.csv",),
    columns=("day", "amount", "email"),
    required=frozenset({"day"}),
    email_columns=("email",),
)
PEOPLE = ExportContract(
    source="crm",
    export="people",
    description="",
    files=("people*.csv",),
    columns=("id", "email", "born", "spent"),
    row_key=("id",),
    required=frozenset({"id"}),
    email_columns=("email",),
)
ORDERS = ExportContract(
    source="shop",
    export="orders",
    description="",
    files=("orders*.csv",),
    columns=("name", "id", "sku", "price"),
    row_key=("name",),
    required=frozenset({"name"}),
    grouped_by="name",
    group_header="id",
)
RULES = {
    "ads.costs": [
        ("day", "missing", None, "critical"),
        ("day", "foreign_date_format", "parse_date", "warning"),
        ("amount", "letter_for_digit", "parse_amount", "critical"),
        ("amount", "invalid_number", "parse_amount", "critical"),
        ("email", "placeholder", "email_address", "warning"),
        ("email", "homoglyph", "email_address", "warning"),
    ],
    "crm.people": [
        ("id", "missing", None, "critical"),
        ("email", "homoglyph", "email_address", "warning"),
        ("email", "invalid_contact", "email_address", "warning"),
        ("born", "foreign_date_format", "parse_date", "critical"),
        ("born", "unparsable_date", "parse_date", "critical"),
        ("spent", "missing", None, "critical"),
        ("spent", "letter_for_digit", "parse_amount", "critical"),
        ("spent", "invalid_number", "parse_amount", "critical"),
    ],
    "shop.orders": [
        ("price", "letter_for_digit", "parse_amount", "critical"),
        ("price", "invalid_number", "parse_amount", "critical"),
    ],
}


@dataclass
class Gate:
    """One export in a warehouse of its own."""

    folder: Path
    connection: duckdb.DuckDBPyConnection
    contract: ExportContract
    landed: list[LedgerRow] = field(default_factory=list)
    #: What people decided about the rows of the export.
    decisions: list[Override] = field(default_factory=list)

    @property
    def export(self) -> JudgedExport:
        delivered = {name: None for row in self.landed for name in row.columns}
        return JudgedExport(
            source=self.contract.source,
            export=self.contract.export,
            columns=tuple(delivered),
            drops_duplicates=self.contract.duplicates == "drop",
            grouped_by=self.contract.grouped_by,
            group_header=self.contract.group_header,
            row_key=self.contract.row_key,
            withdrawing_columns=(
                self.contract.email_columns if self.contract.carries_consent else ()
            ),
            withdraws_numbers=(
                self.contract.carries_consent and bool(self.contract.phone_columns)
            ),
        )

    @property
    def suite(self) -> Suite:
        return suite_of(self.folder, self.contract)

    def deliver(self, name: str, text: str) -> str:
        """Land a file; its id."""
        (self.folder / name).write_text(text, encoding="utf-8")
        raw = self.folder / "raw"
        [row] = land_export(
            self.contract,
            [LandingFile(name=name, path=self.folder / name)],
            raw=raw,
            known=[],
            now=datetime(2026, 3, 14 + len(self.landed), tzinfo=UTC),
        )
        assert row.outcome == "landed", row.reason
        ledger.record(self.connection, [row])
        ledger.create_raw_table(self.connection, self.contract, raw)
        self.landed.append(row)
        return row.file_id

    def judge(self, rules_version: str = "1") -> list[str]:
        """Judge what has no verdicts yet; the files judged."""
        source_and_export = (self.contract.source, self.contract.export)
        overrides.load(self.connection, *source_and_export, self.decisions)
        judge.show_repairs(self.connection, self.export)
        files = judge.unjudged(
            self.connection,
            self.export,
            [row.file_id for row in self.landed],
            rules_version,
        )
        columns = self.contract.email_columns
        for rows in (
            self.export.delivered,
            overrides.repaired_texts(*source_and_export, columns),
        ):
            contacts.classify(
                self.connection,
                CLASSIFIER,
                rows=rows,
                email_columns=columns,
                phone_columns=[],
            )
        judge.judge(
            self.connection,
            self.export,
            self.suite,
            CONTEXT,
            rejects={
                row.file_id: lander.rejects_path(self.folder / "raw", row)
                for row in self.landed
                if row.file_id in files
            },
            rules_version=rules_version,
        )
        judge.reconcile(self.connection, [self.export])
        return files

    @contextmanager
    def workplace(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The workplace over this gate's warehouse, which it needs for itself."""
        self.connection.close()
        with open_workplace(
            self.folder / "warehouse.duckdb", self.decisions
        ) as connection:
            yield connection
        self.connection = _connected(self.folder)

    def decide(
        self, kind: Kind, *, text: str | None = None, at: str = "09:00", **of: Any
    ) -> Choice:
        """Decide on findings; the next judgement follows."""
        with self.workplace() as connection:
            choice = decide(
                connection,
                Selection(**of),
                kind,
                text=text,
                suite_of=lambda source, export: self.suite,
                context=CONTEXT,
                classifier=CLASSIFIER,
                by="anna",
                at=f"2026-03-20T{at}:00Z",
                note=None,
            )
        self.decisions += choice.overrides
        return choice

    def all(self, query: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(query).fetchall()

    def quarantine(self) -> list[tuple[Any, ...]]:
        """Line, rule and cell of everything in quarantine."""
        return self.all(
            "select line, rule, column_name, value from quality.quarantine"
            " order by file_id, line, rule"
        )

    def held(self) -> dict[int, str]:
        """The lines that do not flow, and why."""
        return dict(self.all("select _line, verdict from quality.held_rows"))

    def figures(self) -> list[tuple[int, int, int, int]]:
        """Delivered, accepted, quarantined and duplicates, by file."""
        return self.all(
            "select delivered, accepted, quarantined, duplicates"
            " from quality.reconciliation order by file_id"
        )  # type: ignore[return-value]


def suite_of(folder: Path, contract: ExportContract) -> Suite:
    """The suite of the export's rules."""
    expectations = [
        {
            "type": EXPECTATION_TYPE,
            "kwargs": {"column": column, "rule": rule}
            | ({"parser": parser} if parser else {}),
            "severity": severity,
        }
        for column, rule, parser, severity in RULES[contract.key]
    ]
    path = folder / "expectations" / contract.source / f"{contract.export}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"name": contract.key, "expectations": expectations}))
    return read_suite(folder / "expectations", contract.source, contract.export)


def gate_of(folder: Path, contract: ExportContract) -> Gate:
    """A new gate with its warehouse in the folder, landing below it."""
    connection = _connected(folder)
    ledger.create_ledger(connection, folder / "raw")
    judge.create_tables(connection)
    contacts.create_tables(connection, "1")
    return Gate(folder, connection, contract)


def _connected(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(folder / "warehouse.duckdb"))
    connection.execute("set TimeZone = 'UTC'")
    return connection
