"""`make bench`: the gate against a hand-written aggregate, and against pandas.

    python benchmarks/gate.py [--rows 1000000]

One export of twenty columns, a hundredth of its cells spoiled. Measured in one process,
CPU of all threads: one hand-written DuckDB aggregate that counts what breaks each rule;
the whole gate (contacts, duplicates, quarantine, Great Expectations pushed down to
DuckDB); and Great Expectations on pandas, with one expectation per rule that gives a
count as ours does, by a simpler test. What does not grow with the rows is reported
apart: the import of Great Expectations, its first validation, and Data Docs, which are
written once per run. Prints a table and writes `var/bench/gate.json`; fails above 3
times the aggregate or a third of pandas.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb

from orchestration.lib.landing import lander, ledger
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import identify
from orchestration.lib.quality import contacts, data_docs, judge
from orchestration.lib.quality.judge import JudgedExport
from orchestration.lib.quality.rules import RuleContext
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.lib.quality.suites import Binding, Suite, read_suite
from orchestration.lib.warehouse import connect
from orchestration.settings import PROJECT

MOST_OF_AGGREGATE, MOST_OF_PANDAS = 3.0, 1 / 3

#: By column: its parser, SQL of a good cell from the row number n, and of a bad one.
COLUMNS = {
    "email": ("email_address", "'person' || n || '@mail.ru'", "'person' || n || '@'"),
    "phone": ("phone_number", "'+7916' || (1000000 + n)", "'12' || n % 7"),
    **{
        f"created_{i}": (
            "parse_date",
            f"date '2020-01-01' + (n * {i} % 2000)::int",
            "'x'",
        )
        for i in range(1, 5)
    },
    **{
        f"amount_{i}": ("parse_unsigned_amount", f"(n * {i} % 100000) / 100", "'1O.5'")
        for i in range(1, 7)
    },
    **{
        f"count_{i}": ("parse_positive_integer", f"1 + n * {i} % 90", "'-1'")
        for i in range(1, 4)
    },
    "flag": ("parse_boolean", "if(n % 2 = 0, 'yes', 'no')", "'maybe'"),
    "currency": ("parse_currency", "if(n % 3 = 0, 'RUB', 'EUR')", "'roubles'"),
    "city": (None, "'City ' || n % 500", "null"),
    "note": (None, "'note of ' || n", "null"),
}

#: The rules as regular expressions, for pandas: what is in a bad cell,
UNLIKE = {
    "placeholder": r"^(test@|noemail@|none@)|@example[.]|1234567|0000000|9999999",
    "homoglyph": r"[\u0400-\u04ff]",
    "email_domain_typo": r"@(gmial[.]com|gmai[.]com|gamil[.]com|yandx[.]ru|mial[.]ru)$",
    "letter_for_digit": r"[OoОо]",
    "ambiguous_date": r"^\s*(0?\d|1[0-2])/(0?\d|1[0-2])/\d{4}",
    "foreign_date_format": r"^\s*\d{1,2}[/.]\d{1,2}[/.]\d{4}",
}
#: and what a good one is.
LIKE = {
    "email_address": r"^[^@\s]+@[^@\s]+[.][a-z]+$",
    "phone_number": r"^[+]7[0-9]{10}$",
    "parse_date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "parse_unsigned_amount": r"^[0-9]+([.][0-9]+)?$",
    "parse_positive_integer": r"^[1-9][0-9]*$",
    "parse_boolean": r"^(yes|no|true|false)$",
    "parse_currency": r"^[A-Z]{3}$",
}


def main() -> None:
    """Measure the three, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="crm360-bench-") as name:
        scratch = Path(name)
        csv, contract, suite = _deliver(scratch, rows)
        context = RuleContext(
            macros=SqlMacros(
                PROJECT / "dbt_project" / "macros",
                {"business_timezone": "Europe/Moscow"},
            ),
            seeds=PROJECT / "seeds",
            base_currency="RUB",
            fx_max_age_days=35,
        )
        landed = lander.land_file(
            csv.name, identify(csv), contract, scratch / "raw", datetime.now(UTC)
        )
        export = JudgedExport(
            source="bench", export="rows", columns=contract.columns,
            drops_duplicates=True, grouped_by=None, group_header=None,
        )  # fmt: skip
        warehouse = scratch / "warehouse.duckdb"
        with connect(warehouse) as connection:
            ledger.create_ledger(connection, scratch / "raw")
            ledger.create_raw_table(connection, contract, scratch / "raw")
            judge.create_tables(connection)
            contacts.create_tables(connection, "1")
        started = time.process_time()
        from orchestration.lib.quality.expectations import validate

        fixed = {"import": time.process_time() - started}
        no_rows = f"select * from ({export.judged_rows}) where false"
        fixed["first validation"] = _cpu(
            lambda: validate(warehouse, suite, context, rows=no_rows, home=scratch)
        )

        def gate() -> None:
            with connect(warehouse) as connection:
                contacts.classify(
                    connection,
                    contacts.ContactClassifier(PROJECT / "seeds", "RU"),
                    rows=export.table,
                    email_columns=contract.email_columns,
                    phone_columns=contract.phone_columns,
                )
                judge.judge(
                    connection, export, suite, context,
                    rejects={
                        landed.file_id: lander.rejects_path(scratch / "raw", landed)
                    },
                    rules_version="1",
                )  # fmt: skip
                judge.reconcile(connection, [export])
            validate(warehouse, suite, context, rows=export.judged_rows, home=scratch)

        cpu = {
            "aggregate": _cpu(lambda: _aggregate(scratch, suite, context)),
            "gate": _cpu(gate),
            "pandas": _cpu(lambda: _pandas(scratch, landed, suite)),
        }
        fixed["Data Docs"] = _cpu(lambda: data_docs.update(scratch))
    ratios = {
        "gate to aggregate": cpu["gate"] / cpu["aggregate"],
        "gate to pandas": cpu["gate"] / cpu["pandas"],
    }
    print(f"{rows:,} rows, {len(COLUMNS) + 1} columns, {len(suite.bindings)} rules")
    for what, seconds in (fixed | cpu).items():
        apart = ", apart" if what in fixed else ""
        print(f"{what:18} {seconds:6.2f} CPU s{apart}")
    for what, ratio in ratios.items():
        print(f"{what:18} {ratio:6.2f}")
    report = PROJECT / "var" / "bench" / "gate.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(
        json.dumps(
            {"rows": rows, "fixed": fixed, "cpu": cpu, "ratios": ratios}, indent=2
        )
    )
    if (
        ratios["gate to aggregate"] > MOST_OF_AGGREGATE
        or ratios["gate to pandas"] > MOST_OF_PANDAS
    ):
        sys.exit("the gate costs too much")


def _deliver(scratch: Path, rows: int) -> tuple[Path, ExportContract, Suite]:
    """The export as a CSV file, its contract and its suite."""
    csv = scratch / "rows.csv"
    cells = ", ".join(
        f"if(hash(n, '{column}') % 100 = 0, ({bad})::varchar, ({good})::varchar)"
        f" as {column}"
        for column, (_, good, bad) in COLUMNS.items()
    )
    duckdb.execute(
        f"copy (select n as id, {cells} from range({rows}) as rows (n))"
        f" to '{csv}' (header)"
    )
    contract = ExportContract(
        source="bench", export="rows", description="", files=("*.csv",),
        columns=("id", *COLUMNS), required=frozenset({"id"}), row_key=("id",),
        email_columns=("email",), phone_columns=("phone",),
    )  # fmt: skip
    expectations = [
        {
            "type": "expect_column_values_to_keep_rule",
            "kwargs": {"column": column, "rule": "missing", "mostly": 0.5},
            "severity": "warning",
        }
        for column in ("id", "city", "note")
    ] + [
        {
            "type": "expect_column_values_to_parse",
            "kwargs": {"column": column, "parser": parser, "mostly": 0.5},
            "severity": "warning",
        }
        for column, (parser, _, _) in COLUMNS.items()
        if parser
    ]
    folder = scratch / "expectations" / "bench"
    folder.mkdir(parents=True)
    (folder / "rows.json").write_text(
        json.dumps({"name": "bench.rows", "expectations": expectations})
    )
    return csv, contract, read_suite(scratch / "expectations", "bench", "rows")


def _aggregate(scratch: Path, suite: Suite, context: RuleContext) -> None:
    """What somebody in a hurry would write: how many cells break each rule."""
    with connect(scratch / "warehouse.duckdb", read_only=True) as connection:
        wrong = {
            "email": r"not regexp_full_match(email, '[^@\s]+@[^@\s]+[.][a-z]+')",
            "phone": r"not regexp_full_match(phone, '[+]7[0-9]{10}')",
        }
        counts = ", ".join(
            f"count(*) filter ({wrong.get(each.column) or each.breaks(context)})"
            for each in suite.bindings
        )
        connection.execute(
            f"select count(*), count(distinct id), {counts} from bench.rows"
        ).fetchall()


def _pandas(scratch: Path, landed: lander.LedgerRow, suite: Suite) -> None:
    """As many expectations on a data frame, which give as many counts."""
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd

    from orchestration.lib.quality.expectations import COUNTS_ONLY

    frame = pd.read_parquet(lander.data_path(scratch / "raw", landed))
    project = gx.get_context(mode="ephemeral")
    batch = (
        project.data_sources.add_pandas("frames")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame})
    )
    batch.validate(
        gx.ExpectationSuite(
            name="rows",
            expectations=[_in_pandas(gxe, each) for each in suite.bindings],
        ),
        result_format=COUNTS_ONLY,
    )


def _in_pandas(gxe: ModuleType, binding: Binding) -> Any:  # noqa: ANN401
    """The rule, or a simpler one, as an expectation that pandas can evaluate."""
    options = {"column": binding.column, "mostly": 0.5}
    if binding.rule.id == "missing":
        return gxe.ExpectColumnValuesToNotBeNull(**options)
    if unlike := UNLIKE.get(binding.rule.id):
        return gxe.ExpectColumnValuesToNotMatchRegex(**options, regex=unlike)
    return gxe.ExpectColumnValuesToMatchRegex(
        **options, regex=LIKE[str(binding.parser)]
    )


def _cpu(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
