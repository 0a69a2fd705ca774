"""`make bench`: the gate against a hand-written aggregate, and against pandas.

    python benchmarks/gate.py [--rows 1000000]

One export of twenty columns, a hundredth of its cells spoiled. Measured in one process,
CPU of all threads: one hand-written DuckDB aggregate that counts the broken cells; the
whole gate (contacts, duplicates, quarantine, Great Expectations pushed down to DuckDB);
and as many expectations of Great Expectations on pandas. The import of Great
Expectations is reported apart. Prints a table and writes `var/bench/gate.json`; fails
above 3 times the aggregate or a third of pandas.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration.lib.landing import lander, ledger
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import identify
from orchestration.lib.quality import contacts, judge
from orchestration.lib.quality.judge import JudgedExport
from orchestration.lib.quality.rules import RuleContext
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.lib.quality.suites import Suite, read_suite
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

        importing = time.process_time() - started

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
            "aggregate": _cpu(lambda: _aggregate(scratch, contract, suite, context)),
            "gate": _cpu(gate),
            "pandas": _cpu(lambda: _pandas(scratch, landed, contract, suite)),
        }
    ratios = {
        "gate to aggregate": cpu["gate"] / cpu["aggregate"],
        "gate to pandas": cpu["gate"] / cpu["pandas"],
    }
    print(f"{rows:,} rows, {len(COLUMNS) + 1} columns, {len(suite.bindings)} rules")
    print(f"import of Great Expectations: {importing:.1f} CPU s, apart")
    for what, seconds in cpu.items():
        print(f"{what:12} {seconds:8.2f} CPU s")
    for what, ratio in ratios.items():
        print(f"{what:18} {ratio:6.2f}")
    report = PROJECT / "var" / "bench" / "gate.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(
        json.dumps({"rows": rows, "cpu": cpu, "ratios": ratios}, indent=2)
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


def _aggregate(
    scratch: Path, contract: ExportContract, suite: Suite, context: RuleContext
) -> None:
    """What somebody in a hurry would write: how many cells of each column are wrong."""
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


def _pandas(
    scratch: Path, landed: lander.LedgerRow, contract: ExportContract, suite: Suite
) -> None:
    """As many expectations on a data frame, by regular expression."""
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas as pd

    frame = pd.read_parquet(lander.data_path(scratch / "raw", landed))
    project = gx.get_context(mode="ephemeral")
    batch = (
        project.data_sources.add_pandas("frames")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame})
    )
    patterns = {
        "email_address": r"[^@\s]+@[^@\s]+\.[a-z]+$",
        "phone_number": r"\+7[0-9]{10}$",
        "parse_date": r"[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        "parse_unsigned_amount": r"[0-9]+(\.[0-9]+)?$",
        "parse_positive_integer": r"[1-9][0-9]*$",
        "parse_boolean": r"(?i)(yes|no|true|false)$",
        "parse_currency": r"[A-Z]{3}$",
    }
    batch.validate(
        gx.ExpectationSuite(
            name="rows",
            expectations=[
                # Different `mostly` keeps two rules of one column from being one.
                gxe.ExpectColumnValuesToMatchRegex(
                    column=each.column,
                    regex=patterns[each.parser],
                    mostly=0.5 - number / 1000,
                )
                if each.parser
                else gxe.ExpectColumnValuesToNotBeNull(column=each.column, mostly=0.5)
                for number, each in enumerate(suite.bindings)
            ],
        ),
        result_format="BOOLEAN_ONLY",
    )


def _cpu(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
