"""Great Expectations counts what the gate judges, on a whole company full of dirt.

One company, landed, judged and validated once: the import of Great Expectations alone
takes seconds.
"""

import json
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from orchestration.lib.landing import lander, ledger
from orchestration.lib.landing.contract import ExportContract, read_contracts
from orchestration.lib.landing.lander import LedgerRow
from orchestration.lib.landing.landing_place import (
    LandingFile,
    claimed,
    delivered_files,
)
from orchestration.lib.quality import (
    contacts,
    data_docs,
    judge,
    overrides,
    workplace,
)
from orchestration.lib.quality.judge import JudgedExport
from orchestration.lib.quality.results import (
    ExpectationResult,
    create_tables,
    known_results,
    record_results,
)
from orchestration.lib.quality.rules import RuleContext
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.lib.quality.suites import EXPECTATION_TYPE, Suite, read_suite
from orchestration.lib.simulate import DefectRates, SimulatedCompany, simulate
from orchestration.lib.warehouse import connect
from orchestration.settings import PROJECT

CONTEXT = RuleContext(
    macros=SqlMacros(
        PROJECT / "dbt_project" / "macros", {"business_timezone": "Europe/Moscow"}
    ),
    seeds=PROJECT / "seeds",
    base_currency="RUB",
    fx_max_age_days=35,
)
CONTRACTS = {contract.key: contract for contract in read_contracts(PROJECT / "models")}
SUITES = {
    key: read_suite(PROJECT / "expectations", contract.source, contract.export)
    for key, contract in CONTRACTS.items()
}
#: What a company has that runs a CRM, a shop and an e-mail service only.
DELIVERED = (
    "ads.campaign_costs",
    "hubspot.contacts",
    "mailchimp.members",
    "sendgrid.events",
    "shopify.customers",
    "shopify.orders",
)
#: Defects that are no breach of a rule: nothing is wrong with one cell by itself.
NO_RULES = {"missing_value", "minor_units", "exact_duplicate"}


@dataclass(frozen=True)
class Judged:
    """A company behind the gate."""

    company: SimulatedCompany
    home: Path
    landed: dict[str, list[LedgerRow]]
    results: dict[str, list[ExpectationResult]]

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"


def rows(path: Path, query: str, parameters: Sequence[Any] = ()) -> list[Any]:
    """The rows of a query over a warehouse."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(query, list(parameters)).fetchall()


def judged_export(
    contract: ExportContract, landed: Sequence[LedgerRow]
) -> JudgedExport:
    """What the gate must know of an export."""
    return JudgedExport(
        source=contract.source,
        export=contract.export,
        columns=tuple({name: None for row in landed for name in row.columns}),
        drops_duplicates=contract.duplicates == "drop",
        grouped_by=contract.grouped_by,
        group_header=contract.group_header,
        row_key=contract.row_key,
    )


def validate(
    warehouse: Path, suite: Suite, *, query: str, home: Path
) -> list[ExpectationResult]:
    """What Great Expectations finds in these rows; imported no earlier."""
    from orchestration.lib.quality import expectations

    return expectations.validate(warehouse, suite, rows=query, home=home)


def put_through_the_gate(
    connection: duckdb.DuckDBPyConnection,
    contract: ExportContract,
    files: list[LandingFile],
    *,
    raw: Path,
) -> list[LedgerRow]:
    """Land the files of an export and judge them."""
    landed = list(
        lander.land_export(
            contract,
            files,
            raw=raw,
            known=[],
            now=datetime(2026, 11, 1, tzinfo=UTC),
        )
    )
    ledger.record(connection, landed)
    ledger.create_raw_table(connection, contract, raw)
    export = judged_export(contract, landed)
    contacts.classify(
        connection,
        contacts.ContactClassifier(PROJECT / "seeds", "RU"),
        rows=export.table,
        email_columns=contract.email_columns,
        phone_columns=contract.phone_columns,
    )
    judge.judge(
        connection,
        export,
        SUITES[contract.key],
        CONTEXT,
        rejects={row.file_id: lander.rejects_path(raw, row) for row in landed},
        rules_version="1",
    )
    return landed


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Judged:
    folder = tmp_path_factory.mktemp("company")
    company = simulate(
        folder / "landing", customers=300, rates=DefectRates.all(0.05), threads=2
    )
    home = folder / "home"
    files, unclaimed = claimed(delivered_files(company.out), list(CONTRACTS.values()))
    assert not unclaimed
    with connect(home / "warehouse.duckdb") as connection:
        ledger.create_ledger(connection, home / "raw")
        judge.create_tables(connection)
        contacts.create_tables(connection, "1")
        landed = {
            key: put_through_the_gate(
                connection, contract, files[key], raw=home / "raw"
            )
            for key, contract in CONTRACTS.items()
        }
        judge.reconcile(
            connection,
            [judged_export(CONTRACTS[key], landed[key]) for key in DELIVERED],
        )
    results = {
        key: validate(
            home / "warehouse.duckdb",
            SUITES[key],
            query=judged_export(CONTRACTS[key], landed[key]).judged_rows,
            home=home,
        )
        for key in DELIVERED
    }
    data_docs.update(home)
    return Judged(company, home, landed, results)


# -- two counts of one thing --------------------------------------------------------


@pytest.mark.parametrize("key", DELIVERED)
def test_expectations_count_what_the_quarantine_holds(judged: Judged, key: str) -> None:
    source, export = key.split(".")
    counted = {
        f"{column}__{rule}": count
        for column, rule, count in rows(
            judged.warehouse,
            "select column_name, rule, count(*) from quality.quarantine"
            " where source = ? and export = ?"
            " and rule not in ('ragged_row', 'held_with_its_group') group by all",
            [source, export],
        )
    }

    found = {result.check_name: result for result in judged.results[key]}

    assert list(found) == SUITES[key].check_names
    assert {
        name: each.unexpected for name, each in found.items() if each.unexpected
    } == (counted)


@pytest.mark.parametrize("key", DELIVERED)
def test_expectations_count_what_the_rules_say_of_every_row(
    judged: Judged, key: str
) -> None:
    """Each rule asked by itself, of all rows, without the judge."""
    counts = ", ".join(
        f"count(*) filter ({binding.breaks(CONTEXT)})"
        for binding in SUITES[key].bindings
    )
    export = judged_export(CONTRACTS[key], judged.landed[key])
    [counted] = rows(judged.warehouse, f"select {counts} from ({export.judged_rows})")

    found = [
        result.unexpected
        for result in judged.results[key]
        if result.expectation == EXPECTATION_TYPE
    ]

    assert found == list(counted)
    assert any(each.unexpected for each in judged.results["shopify.orders"])


def test_expectations_count_repaired_rows_as_they_are_read(
    judged: Judged, tmp_path: Path
) -> None:
    key = "shopify.orders"
    warehouse = tmp_path / "warehouse.duckdb"
    warehouse.write_bytes(judged.warehouse.read_bytes())
    with workplace.open_workplace(warehouse, []) as connection:
        decided = workplace.decide(
            connection,
            workplace.Selection(export=key, rule="letter_for_digit", status="open"),
            "repair",
            suite_of=lambda source, export: SUITES[key],
            context=CONTEXT,
            classifier=contacts.ContactClassifier(PROJECT / "seeds", "RU"),
            by="anna",
            at="2026-11-02T09:00:00Z",
            note=None,
        )
    export = judged_export(CONTRACTS[key], judged.landed[key])
    with connect(warehouse) as connection:
        overrides.load(connection, "shopify", "orders", decided.overrides)
        judge.judge(
            connection,
            export,
            SUITES[key],
            CONTEXT,
            rejects={
                row.file_id: lander.rejects_path(judged.home / "raw", row)
                for row in judged.landed[key]
            },
            rules_version="1",
        )

    results = validate(
        warehouse, SUITES[key], query=export.judged_rows, home=tmp_path / "gx"
    )

    of_orders = "from quality.quarantine where source = 'shopify' and export = 'orders'"
    assert rows(
        warehouse,
        f"select status, count(*) > 9 {of_orders} and rule = 'letter_for_digit'"
        " group by status",
    ) == [("repaired", True)]
    assert {
        result.check_name: result.unexpected for result in results if result.unexpected
    } == {
        f"{column}__{rule}": count
        for column, rule, count in rows(
            warehouse,
            f"select column_name, rule, count(*) {of_orders} and status = 'open'"
            " and rule not in ('ragged_row', 'held_with_its_group') group by all",
        )
    }


def test_expectations_look_at_all_rows_but_dropped_copies(judged: Judged) -> None:
    for key, results in judged.results.items():
        export = judged_export(CONTRACTS[key], judged.landed[key])
        [(count,)] = rows(
            judged.warehouse, f"select count(*) from ({export.judged_rows})"
        )

        assert count > 0
        assert {result.evaluated for result in results} == {count}


def test_a_check_fails_exactly_where_too_many_rows_break_its_rule(
    judged: Judged,
) -> None:
    outcomes = set()
    for key, results in judged.results.items():
        documents = SUITES[key].document["expectations"]
        for document, result in zip(documents, results, strict=True):
            share = 1 - result.unexpected / result.evaluated
            is_kept = share >= document["kwargs"].get("mostly", 1)

            assert result.success == is_kept, (key, result)
            assert result.severity == document["severity"]
            assert result.expectation == document["type"]
            assert result.column_name == document["kwargs"].get("column")
            outcomes.add(result.success)
    assert outcomes == {True}, "five in a hundred cells are within every tolerance"


def test_a_company_full_of_dirt_adds_up(judged: Judged) -> None:
    with connect(judged.warehouse) as connection:
        assert judge.unbalanced_files(connection) == []
    files = rows(judged.warehouse, "select count(*) from quality.reconciliation")

    assert files == [(sum(map(len, judged.landed.values())),)]
    assert sum(map(len, judged.landed.values())) == 8


# -- the truth ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def found_and_true(judged: Judged) -> tuple[dict[str, set[Any]], dict[str, set[Any]]]:
    """By rule, the cells in quarantine and the cells that the simulator spoiled."""
    found: dict[str, set[Any]] = defaultdict(set)
    for rule, *cell in rows(
        judged.warehouse,
        """
        select rule, file_name, line, column_name, value
        from quality.quarantine
        inner join ops.file_ledger using (file_id)
        where rule <> 'held_with_its_group'
        """,
    ):
        found[rule].add(tuple(cell))
    true: dict[str, set[Any]] = defaultdict(set)
    for rule, *cell in rows(
        judged.warehouse,
        "select rule, file_name, cast(line as bigint), column_name, delivered_value"
        f" from read_csv('{judged.company.out}/truth/defects.csv', all_varchar = true)",
    ):
        if rule not in NO_RULES:
            true[rule].add(tuple(cell))
    # without its date, an amount cannot be said to lack the rate of that date
    undated = {cell[:2] for cell in true["unparsable_date"]}
    true["currency_without_rate"] = {
        cell for cell in true["currency_without_rate"] if cell[:2] not in undated
    }
    return found, true


@pytest.mark.parametrize(
    "rule",
    [
        "placeholder", "email_domain_typo", "homoglyph", "letter_for_digit",
        "foreign_date_format", "ambiguous_date", "unparsable_date",
        "currency_without_rate",
    ],
)  # fmt: skip
def test_a_rule_finds_all_cells_that_were_spoiled_and_no_others(
    found_and_true: tuple[dict[str, set[Any]], dict[str, set[Any]]], rule: str
) -> None:
    found, true = found_and_true

    assert len(true[rule]) >= 3
    assert found[rule] == true[rule]


def test_no_other_rule_finds_anything(
    found_and_true: tuple[dict[str, set[Any]], dict[str, set[Any]]],
) -> None:
    found, true = found_and_true

    assert found.keys() == true.keys()


def test_the_dropped_copies_are_the_rows_that_were_delivered_twice(
    judged: Judged,
) -> None:
    copies = rows(
        judged.warehouse,
        """
        select file_name, duplicates.line, duplicates.first_line
        from quality.duplicates
        inner join ops.file_ledger using (file_id)
        where is_dropped
        """,
    )
    true = rows(
        judged.warehouse,
        "select file_name, cast(line as bigint), cast(true_value as bigint)"
        f" from read_csv('{judged.company.out}/truth/defects.csv', all_varchar = true)"
        " where rule = 'exact_duplicate'",
    )

    assert len(true) > 100
    assert set(copies) == set(true)


# -- what leaves the warehouse ------------------------------------------------------


def test_no_address_and_no_number_of_a_person_is_in_results_or_data_docs(
    judged: Judged,
) -> None:
    delivered = {
        text
        for table in ("email_addresses", "phone_numbers")
        for [text] in rows(
            judged.warehouse,
            f"select contact_text from quality.{table} where length(contact_text) > 6",
        )
    }
    assert len(delivered) > 500

    pages = [path for path in (judged.home / "gx").rglob("*") if path.is_file()]
    texts = {
        path: path.read_text(encoding="utf-8", errors="ignore")
        for path in pages
        if path.suffix in (".html", ".json", ".yml")
    }
    assert sum(path.suffix == ".html" for path in texts) > len(DELIVERED)
    assert sum("validations" in path.parts for path in texts) >= 2 * len(DELIVERED)
    for path, text in texts.items():
        # every word that could be an address or a number, or hold one
        words = set(re.findall(r"[^\s\"'<>,;&()=:]*@[^\s\"'<>,;&()=:]*", text))
        assert not {word.lower() for word in words} & {
            each.strip().lower() for each in delivered
        }, path
        assert not [each for each in delivered if "@" not in each and each in text]


def test_results_hold_counts_and_no_values(judged: Judged) -> None:
    folder = judged.home / "gx" / "uncommitted" / "validations"
    kept = {
        key
        for path in folder.rglob("*.json")
        for result in json.loads(path.read_text())["results"]
        for key in result["result"]
    }

    assert kept <= {
        "element_count", "unexpected_count", "unexpected_percent", "observed_value",
    }  # fmt: skip


def test_data_docs_follow_once_for_all_that_was_validated(
    judged: Judged, tmp_path: Path
) -> None:
    docs = tmp_path / "gx" / "uncommitted" / "data_docs" / "local_site"
    validated = ("ads.campaign_costs", "hubspot.companies")
    for key in validated:
        validate(
            judged.warehouse,
            SUITES[key],
            query=judged_export(CONTRACTS[key], judged.landed[key]).judged_rows,
            home=tmp_path,
        )
        assert not list(docs.rglob("*.html"))

    updated = data_docs.update(tmp_path), data_docs.update(tmp_path)

    assert updated == (2, 0)
    start = (docs / "index.html").read_text()
    for key in validated:
        folder = key.replace(".", "/")
        (page,) = (docs / "validations" / folder).rglob("*.html")
        assert page.relative_to(docs).as_posix() in start
        assert (docs / "expectations" / f"{folder}.html").exists()


def test_data_docs_keep_the_pages_of_earlier_validations(
    judged: Judged, tmp_path: Path
) -> None:
    key = "ads.campaign_costs"
    query = judged_export(CONTRACTS[key], judged.landed[key]).judged_rows
    for _ in range(2):
        validate(judged.warehouse, SUITES[key], query=query, home=tmp_path)
        assert data_docs.update(tmp_path) == 1

    pages = tmp_path / "gx" / "uncommitted" / "data_docs" / "local_site" / "validations"
    assert len(list(pages.rglob("*.html"))) == 2


def test_a_home_without_validations_has_no_data_docs(tmp_path: Path) -> None:
    assert data_docs.update(tmp_path) == 0
    assert not list(tmp_path.iterdir())


# -- single validations -------------------------------------------------------------


def test_a_broken_promise_fails_and_counts(judged: Judged) -> None:
    """The same rows against a stricter suite."""
    key = "hubspot.contacts"
    strict = json.loads(json.dumps(SUITES[key].document))
    for document in strict["expectations"]:
        if "mostly" in document["kwargs"]:
            document["kwargs"]["mostly"] = 1.0
    suite = replace(
        SUITES[key],
        document=strict,
        bindings=tuple(replace(each, mostly=1.0) for each in SUITES[key].bindings),
    )
    export = judged_export(CONTRACTS[key], judged.landed[key])

    results = validate(
        judged.warehouse, suite, query=export.judged_rows, home=judged.home
    )

    before = [result.unexpected for result in judged.results[key]]
    assert [result.unexpected for result in results] == before
    assert [result.success for result in results] == [count == 0 for count in before]
    assert {result.success for result in results} == {True, False}


def test_an_export_without_rows_fails_its_row_count_alone(judged: Judged) -> None:
    key = "ads.campaign_costs"
    export = judged_export(CONTRACTS[key], judged.landed[key])

    first, *others = validate(
        judged.warehouse,
        SUITES[key],
        query=f"select * from ({export.judged_rows}) where false",
        home=judged.home,
    )

    assert (first.check_name, first.success) == (
        "table_row_count_to_be_between",
        False,
    )
    assert all(other.success and other.evaluated == 0 for other in others)


def test_a_rule_that_cannot_be_evaluated_says_so_without_a_value(
    judged: Judged, tmp_path: Path
) -> None:
    """The engine's message quotes the cell that it stumbled over."""
    key = "ads.campaign_costs"
    export = judged_export(CONTRACTS[key], judged.landed[key])
    query = (
        f"select * from ({export.judged_rows})"
        " where (select max(cast(email as integer)) from hubspot.contacts) > 0"
    )

    with pytest.raises(RuntimeError) as error:
        validate(judged.warehouse, SUITES[key], query=query, home=tmp_path)

    assert str(error.value) == (
        "table_row_count_to_be_between cannot be evaluated:"
        " (_duckdb.ConversionException) Conversion Error: Could not convert string"
        " '...' to INT32 when casting from source column email"
    )


# -- results ------------------------------------------------------------------------


def test_results_are_known_again_for_the_same_inputs_alone(
    judged: Judged, tmp_path: Path
) -> None:
    results = judged.results["hubspot.contacts"]
    with connect(tmp_path / "warehouse.duckdb") as connection:
        create_tables(connection)
        for run_id in ("first", "second"):
            record_results(
                connection,
                results,
                run_id=run_id,
                source="hubspot",
                export="contacts",
                inputs_version="a",
            )

        known = known_results(connection, "hubspot", "contacts", "a")
        other = known_results(connection, "hubspot", "contacts", "b")
        elsewhere = known_results(connection, "hubspot", "companies", "a")

    assert known == sorted(results, key=lambda result: result.check_name)
    assert (other, elsewhere) == ([], [])
