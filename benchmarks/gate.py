"""`make bench`: the gate against a hand-written aggregate, and against pandas.

    python benchmarks/gate.py [--rows 1000000]

One landed export of twenty columns, a hundredth of their cells spoiled, some rows there
twice. Three programs make the same checks on it; where their counts differ, it
fails without a figure. CPU of all threads, one after the other in one process:

aggregate
    One DuckDB statement over the raw rows: how many cells break each rule, and how many
    rows are copies. Each cell is parsed once, by the parsers of the staging models, and
    rules that only divide what cannot be read are asked of that alone. Contacts are
    judged by patterns and the lists in `seeds/`, row by row. It names no row.
gate
    All that a run does with new rows: contacts are classified and the verdicts kept,
    copies found, findings written with row, column, value, reason, repair, subject and
    fingerprint, every row accounted for, and Great Expectations run on DuckDB.
pandas
    Great Expectations on a data frame: an expectation per rule, in idiomatic vectorised
    pandas, that gives each failing row by its line, without which none can be held back
    (`result_format` COMPLETE, `unexpected_index_column_names`). Each column is parsed
    once for all of its rules, contacts by the gate's classifier, which asks the
    libraries, once per distinct text. Copies are counted. It writes nothing and
    suggests nothing.
pandas, shortcut
    The same, lent what makes the gate's contacts cheap: plain ones, which in this file
    are 99 of 100, are told by a pattern. Shown to say how much of the difference this
    is; no bound is set to it.

What does not grow with the rows is reported apart: the import of Great Expectations,
its first validation, and Data Docs, which are written once per run. Prints a table and
writes `var/bench/gate.json`; fails above 3 times the aggregate or a third of pandas.
"""

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb

from orchestration.lib.landing import lander, ledger
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import identify
from orchestration.lib.quality import contacts, data_docs, judge
from orchestration.lib.quality.judge import JudgedExport
from orchestration.lib.quality.rules import RuleContext
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.lib.quality.suites import Suite, read_suite, suspicions
from orchestration.lib.warehouse import connect, literal
from orchestration.settings import PROJECT, SEEDS

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

#: An e-mail address and a Russian mobile number, as patterns have them.
EMAIL = r"[a-z0-9_+-]+([.][a-z0-9_+-]+)*@([a-z0-9]+(-[a-z0-9]+)*[.])+[a-z]{2,24}"
PHONE = r"([+]7|7|8)9[0-9]{9}"
CYRILLIC, LATIN = "аеорсухкАЕОРСУХКМНТВі", "aeopcyxkAEOPCYXKMHTBi"

Result = TypeVar("Result")
#: The rows that break each rule: by the name of the check.
Counts = dict[str, int]


def main() -> None:
    """Measure the three, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="crm360-bench-") as name:
        gate = Gate(Path(name), rows)
        fixed = dict(gate.measure_what_is_fixed())
        counts, cpu = {}, {}
        cpu["aggregate"], counts["aggregate"] = _cpu(gate.aggregate)
        parts = {part.__name__: _cpu(part)[0] for part in gate.parts}
        cpu["gate"], counts["gate"] = sum(parts.values()), gate.found()
        for name, has_shortcut in (("pandas", False), ("pandas, shortcut", True)):
            cpu[name], counts[name] = _cpu(partial(gate.in_pandas, has_shortcut))
        fixed["Data Docs"], _ = _cpu(lambda: data_docs.update(gate.scratch))
    _agree(counts)
    ratios = {
        f"gate to {other}": cpu["gate"] / cost
        for other, cost in cpu.items()
        if other != "gate"
    }
    print(
        f"{rows:,} rows, {len(gate.contract.columns)} columns,"
        f" {len(gate.suite.bindings)} rules, {sum(counts['gate'].values()):,} findings"
    )
    for what, seconds in fixed.items():
        print(f"{what:24} {seconds:6.2f} CPU s, apart")
    for what, seconds in cpu.items():
        print(f"{what:24} {seconds:6.2f} CPU s")
    print(
        "of the gate:", ", ".join(f"{part} {cost:.2f}" for part, cost in parts.items())
    )
    for what, ratio in ratios.items():
        print(f"{what:24} {ratio:6.2f}")
    report = PROJECT / "var" / "bench" / "gate.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    figures = {"fixed": fixed, "cpu": cpu, "parts": parts, "ratios": ratios}
    report.write_text(json.dumps({"rows": rows, **figures}, indent=2))
    if (
        ratios["gate to aggregate"] > MOST_OF_AGGREGATE
        or ratios["gate to pandas"] > MOST_OF_PANDAS
    ):
        sys.exit("the gate costs too much")


class Gate:
    """The three programs over one landed export."""

    def __init__(self, scratch: Path, rows: int) -> None:
        self.scratch, self.warehouse = scratch, scratch / "warehouse.duckdb"
        delivered, self.contract, self.suite = _deliver(scratch, rows)
        self.context = RuleContext(
            macros=SqlMacros(
                PROJECT / "dbt_project" / "macros",
                {"business_timezone": "Europe/Moscow"},
            ),
            seeds=SEEDS,
            base_currency="RUB",
            fx_max_age_days=35,
        )
        self.landed = lander.land_file(
            delivered.name,
            identify(delivered),
            self.contract,
            scratch / "raw",
            datetime.now(UTC),
        )
        self.export = JudgedExport(
            source="bench", export="rows", columns=self.contract.columns,
            drops_duplicates=True, grouped_by=None, group_header=None,
        )  # fmt: skip
        with connect(self.warehouse) as connection:
            ledger.create_ledger(connection, scratch / "raw")
            ledger.record(connection, [self.landed])
            ledger.create_raw_table(connection, self.contract, scratch / "raw")
            judge.create_tables(connection)
            contacts.create_tables(connection, "1")

    def measure_what_is_fixed(self) -> Iterator[tuple[str, float]]:
        """What Great Expectations costs before there is a row."""
        started = time.process_time()
        from orchestration.lib.quality.expectations import validate

        yield "import", time.process_time() - started
        no_rows = replace(self.export, source="bench", export="no_rows")
        with connect(self.warehouse) as connection:
            connection.execute(
                "create view bench.no_rows as from bench.rows where false"
            )
        cost, _ = _cpu(
            lambda: validate(
                self.warehouse,
                self.suite,
                rows=no_rows.judged_rows,
                home=self.scratch,
            )
        )
        yield "first validation", cost

    @property
    def parts(self) -> tuple[Callable[[], None], ...]:
        """The steps of a run, in order."""
        return self.contacts, self.verdicts, self.expectations

    def contacts(self) -> None:
        """Classify addresses and numbers."""
        with connect(self.warehouse) as connection:
            contacts.classify(
                connection,
                contacts.ContactClassifier(SEEDS, "RU"),
                rows=self.export.table,
                email_columns=self.contract.email_columns,
                phone_columns=self.contract.phone_columns,
            )

    def verdicts(self) -> None:
        """Write findings and copies, and account for every row."""
        rejects = lander.rejects_path(self.scratch / "raw", self.landed)
        with connect(self.warehouse) as connection:
            judge.judge(
                connection, self.export, self.suite, self.context,
                rejects={self.landed.file_id: rejects}, rules_version="1",
            )  # fmt: skip
            judge.reconcile(connection, [self.export])

    def expectations(self) -> None:
        """Validate the suite."""
        from orchestration.lib.quality.expectations import validate

        validate(
            self.warehouse,
            self.suite,
            rows=self.export.judged_rows,
            home=self.scratch,
        )

    def found(self) -> Counts:
        """What the gate wrote down; Great Expectations must have counted it."""
        with connect(self.warehouse, read_only=True) as connection:
            return dict(
                connection.execute(
                    """
                    select column_name || '__' || rule, count(*)
                    from quality.quarantine
                    group by all
                    union all
                    select 'copies', count(*)
                    from quality.duplicates
                    """
                ).fetchall()
            )

    def aggregate(self) -> Counts:
        """What somebody in a hurry would write."""
        return _aggregate(self.warehouse, self.suite, self.context)

    def in_pandas(self, has_shortcut: bool) -> Counts:
        """How many lines of which rule Great Expectations names on a data frame."""
        import pandas as pd
        from pandas_gate import failing_lines

        frame = pd.read_parquet(lander.data_path(self.scratch / "raw", self.landed))
        lines = failing_lines(frame, self.suite, SEEDS, has_shortcut=has_shortcut)
        copies = int(frame.duplicated(list(self.contract.columns)).sum())
        return {check: len(each) for check, each in lines.items()} | {"copies": copies}


def _deliver(scratch: Path, rows: int) -> tuple[Path, ExportContract, Suite]:
    """The export as a CSV file, its contract and its suite."""
    delivered = scratch / "rows.csv"
    spoiled = {column: f"hash(n, '{column}') % 100 = 0" for column in COLUMNS}
    cells = ", ".join(
        f"if({spoiled[column]}, ({bad})::varchar, ({good})::varchar) as {column}"
        for column, (_, good, bad) in COLUMNS.items()
    )
    duckdb.execute(
        f"""
        copy (
            select n as id, {cells}
            from (
                from range({rows}) as rows (n)
                union all
                from range(0, {rows}, 1000) as rows (n)
                where not ({" or ".join(spoiled.values())})
            )
        ) to '{delivered}' (header)
        """
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
    return delivered, contract, read_suite(scratch / "expectations", "bench", "rows")


def _aggregate(warehouse: Path, suite: Suite, context: RuleContext) -> Counts:
    """What somebody in a hurry would write: how many cells break each rule."""
    names = suspicions(suite.bindings, context)
    counts = [
        f"count(*) filter ({verdict} = {literal(each.rule.id)})"
        if (verdict := CONTACT_VERDICTS.get(each.column))
        else f"count(*) filter ({each.breaks(context, names[each.suspects(context)])})"
        for each in suite.bindings
    ]
    columns = ", ".join(("id", *COLUMNS))
    read_once = ", ".join(
        f"{predicate} as {name}"
        for predicate, name in names.items()
        if "quality." not in predicate
    )
    with connect(warehouse, read_only=True) as connection:
        found = connection.execute(
            f"""
            select count(*) - count(distinct hash({columns})), {", ".join(counts)}
            from (
                select *, {read_once}, {_email_verdict()}, {_phone_verdict()}
                from (
                    select
                        *,
                        lower(trim(trim(email), '<>')) as address,
                        regexp_replace(phone, '[ ()-]', '', 'g') as digits
                    from bench.rows
                )
            )
            """
        ).fetchone()
    return dict(zip(("copies", *suite.check_names), found or (), strict=True))


#: Columns of the aggregate that hold the rule which a contact breaks.
CONTACT_VERDICTS = {"email": "email_verdict", "phone": "phone_verdict"}


def _email_verdict() -> str:
    return f"""
        case
            when address in ({_listed("placeholder_values", "email")})
                then 'placeholder'
            when split_part(address, '@', -1) in ({_listed("email_domain_typos")})
                then 'email_domain_typo'
            when regexp_full_match(address, '{EMAIL}') then null
            when
                regexp_full_match(
                    translate(address, '{CYRILLIC}', '{LATIN}'), '[ -~]+'
                )
                and not regexp_full_match(address, '[ -~]+')
                then 'homoglyph'
            else if(email is null, null, 'invalid_contact')
        end as email_verdict
    """


def _phone_verdict() -> str:
    return f"""
        case
            when
                ltrim(digits, '+') in ({_listed("placeholder_values", "phone")})
                or replace(right(digits, 9), right(digits, 1), '') = ''
                then 'placeholder'
            when regexp_full_match(digits, '{PHONE}') then null
            when regexp_full_match(translate(digits, 'OОoо', '0000'), '{PHONE}')
                then 'letter_for_digit'
            else if(phone is null, null, 'invalid_contact')
        end as phone_verdict
    """


def _listed(seed: str, kind: str | None = None) -> str:
    """The first column of a seed file, or its values of a kind, as SQL texts."""
    with (SEEDS / f"{seed}.csv").open(encoding="utf-8") as file:
        rows = list(csv.reader(file))[1:]
    return ", ".join(
        literal(row[1] if kind else row[0]) for row in rows if kind in (None, row[0])
    )


def _agree(counts: dict[str, Counts]) -> None:
    """End the process where two programs did not find the same."""
    for who, found in counts.items():
        for check in sorted(found.keys() | counts["gate"].keys()):
            ours, theirs = counts["gate"].get(check, 0), found.get(check, 0)
            if ours != theirs:
                sys.exit(f"{check}: the gate finds {ours:,}, {who} {theirs:,}")


def _cpu(work: Callable[[], Result]) -> tuple[float, Result]:
    """CPU seconds of a call, and what it returns."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


if __name__ == "__main__":
    main()
