"""Assignments and a metric in plain files, from wherever they come.

    assignments   customer, arm[, stratum][, assigned_at]
    metric        customer, value[, prior_value]

CSV (UTF-8, with a header) or Parquet; columns are found by their names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import duckdb

from orchestration.lib.experiments.inference import Kind
from orchestration.lib.warehouse import is_parquet, quoted, read_table

#: Spellings of columns, the likeliest first.
ASSIGNMENT_COLUMNS = {
    "customer": (
        "customer", "customer_id", "assigned_customer_id", "user_id", "user",
        "client_id", "id",
    ),
    "arm": ("arm", "variant", "variation", "group", "treatment"),
    "stratum": ("stratum", "strata"),
    "assigned_at": ("assigned_at", "assigned_on", "assigned"),
}  # fmt: skip
METRIC_COLUMNS = {
    "customer": ("customer", "customer_id", "user_id", "user", "client_id", "id"),
    "value": ("value", "metric_value", "metric", "amount", "revenue", "converted"),
    "prior_value": (
        "prior_value", "pre_period_value", "pre_value", "value_before", "prior",
        "pre_period", "pre", "before", "covariate",
    ),
}  # fmt: skip
#: Arms that are a control by their name.
CONTROLS = ("control", "holdout", "baseline", "a", "0")


class FilesRefused(ValueError):
    """A file that cannot be analysed; the message names it, the row and the column."""


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of the rows of both files."""

    #: Assignments as they were made, by arm: each customer once per arm.
    assigned: Mapping[str, int]
    customers: int
    #: Customers in several arms, who are left out.
    in_several_arms: int
    #: Customers without a row in the metric file.
    without_metric: int
    #: Rows of the metric file whose customers were not assigned.
    unassigned_rows: int
    #: Rows that were added to earlier ones of the same customer.
    added_rows: int
    started_on: date | None
    has_prior_values: bool


def parse_columns(texts: Sequence[str], known: Mapping[str, object]) -> dict[str, str]:
    """Read `customer=user_id,value=revenue`.

    Raises:
        FilesRefused: naming what cannot be read.
    """
    mapping: dict[str, str] = {}
    for entry in (entry for text in texts for entry in text.split(",")):
        what, equals, column = (part.strip() for part in entry.partition("="))
        if not equals or not column:
            raise FilesRefused(f"{entry!r} is not of the form what=column")
        if what not in known:
            raise FilesRefused(f"{what!r} is unknown; there are {', '.join(known)}")
        mapping[what] = column
    return mapping


def read_assignments(
    connection: duckdb.DuckDBPyConnection, file: Path, columns: Mapping[str, str]
) -> None:
    """Write the temporary table `assigned_rows (customer, arm, stratum, assigned_on)`.

    Raises:
        FilesRefused: a column or a value is missing, or a date cannot be read.
        TableUnreadable: the file is of another kind.
    """
    found = _read(connection, file, columns, ASSIGNMENT_COLUMNS, ("customer", "arm"))
    stratum = _text(found, "stratum")
    connection.execute(
        f"""
        create or replace temp table assigned_rows as
        select
            _row_number as row_number,
            trim({_text(found, "customer")}) as customer,
            trim({_text(found, "arm")}) as arm,
            coalesce(nullif(trim({stratum}), ''), 'all') as stratum,
            nullif(trim({_text(found, "assigned_at")}), '') as assigned_text,
            try_cast(assigned_text as timestamp)::date as assigned_on
        from delivered
        """
    )
    _refuse(connection, file, found, "assigned_rows", "customer", "customer = ''")
    _refuse(connection, file, found, "assigned_rows", "arm", "arm = ''")
    _refuse(
        connection, file, found, "assigned_rows", "assigned_at",
        "assigned_text is not null and assigned_on is null",
        "is no date; write it as 2026-10-31 or 2026-10-31 12:00:00",
    )  # fmt: skip


def read_metric(
    connection: duckdb.DuckDBPyConnection, file: Path, columns: Mapping[str, str]
) -> bool:
    """Write the temporary table `metric_rows (customer, value, prior_value)`.

    Returns:
        Whether the file tells of the time before.

    Raises:
        FilesRefused: a column is missing, or a value is no number.
        TableUnreadable: the file is of another kind.
    """
    found = _read(connection, file, columns, METRIC_COLUMNS, ("customer", "value"))
    connection.execute(
        f"""
        create or replace temp table metric_rows as
        select
            _row_number as row_number,
            trim({_text(found, "customer")}) as customer,
            nullif(trim({_text(found, "value")}), '') as value_text,
            nullif(trim({_text(found, "prior_value")}), '') as prior_text,
            {_number("value_text")} as value,
            {_number("prior_text")} as prior_value
        from delivered
        """
    )
    _refuse(connection, file, found, "metric_rows", "customer", "customer = ''")
    for what, text in (("value", "value_text"), ("prior_value", "prior_text")):
        _refuse(
            connection, file, found, "metric_rows", what,
            f"{text} is not null and {what} is null",
            "is no number; write it as 1234.5",
        )  # fmt: skip
    return "prior_value" in found


def join(
    connection: duckdb.DuckDBPyConnection,
    *,
    absent_is_zero: bool,
    has_prior_values: bool,
) -> Counts:
    """Write the temporary table `measured`: one row per customer, with arm and values.

    Customers in several arms are left out. Values of one customer are added up. Who
    has none counts as zero, or is left out as well.
    """
    connection.execute(
        """
        create or replace temp table customers as
        select
            customer,
            min(arm) as arm,
            count(distinct arm) as arms,
            min_by(stratum, row_number) as stratum
        from assigned_rows
        group by customer
        """
    )
    connection.execute(
        """
        create or replace temp table totals as
        select
            customer,
            sum(value order by value) as value,
            sum(prior_value order by prior_value) as prior_value,
            count(*) as row_count
        from metric_rows
        group by customer
        """
    )
    kept = "" if absent_is_zero else "and totals.value is not null"
    connection.execute(
        f"""
        create or replace temp table measured as
        select
            customers.customer,
            customers.arm,
            customers.stratum,
            coalesce(totals.value, 0) as value,
            coalesce(totals.prior_value, 0) as prior_value
        from customers
        left join totals on totals.customer = customers.customer
        where customers.arms = 1 {kept}
        """
    )
    assigned: list[tuple[str, int]] = connection.execute(
        "select arm, count(distinct customer) from assigned_rows group by arm"
        " order by arm"
    ).fetchall()
    row = connection.execute(
        """
        select
            (select count(*) from measured),
            (select count(*) from customers where arms > 1),
            (
                select count(*)
                from customers
                left join totals on totals.customer = customers.customer
                where customers.arms = 1 and totals.value is null
            ),
            (
                select coalesce(sum(totals.row_count), 0)::bigint
                from totals
                anti join customers on customers.customer = totals.customer
            ),
            (
                select coalesce(sum(totals.row_count - 1), 0)::bigint
                from totals
                semi join customers on customers.customer = totals.customer
            ),
            (select min(assigned_on) from assigned_rows)
        """
    ).fetchone()
    assert row is not None, "a row of counts"
    names = (
        "customers", "in_several_arms", "without_metric", "unassigned_rows",
        "added_rows", "started_on",
    )  # fmt: skip
    return Counts(
        assigned=dict(assigned),
        has_prior_values=has_prior_values,
        **dict(zip(names, row, strict=True)),
    )


def kind_of(
    connection: duckdb.DuckDBPyConnection, wanted: Literal["auto", "proportion", "mean"]
) -> Kind:
    """What is wanted; by itself, `proportion` where `measured` has zeros and ones only.

    Raises:
        FilesRefused: a proportion is wanted of other values.
    """
    row = connection.execute(
        "select count(*) filter (value not in (0, 1)) from measured"
    ).fetchone() or (0,)
    if wanted == "proportion" and row[0]:
        raise FilesRefused(
            f"{row[0]:,} customers have values other than 0 and 1, which make no"
            " proportion (rows of one customer are added up): say --kind mean"
        )
    if wanted == "auto":
        return "mean" if row[0] else "proportion"
    return wanted


def control_of(arms: Sequence[str], named: str | None) -> str:
    """The arm that the others are compared with.

    Raises:
        FilesRefused: it is not in the file, or cannot be told.
    """
    if len(arms) < 2:
        raise FilesRefused(
            f"all customers are in one arm, {''.join(arms)}: nothing to compare it with"
        )
    if named is not None:
        if named not in arms:
            raise FilesRefused(
                f"no customer is in the control {named!r}; arms are {', '.join(arms)}"
            )
        return named
    by_name = {arm.lower(): arm for arm in arms}
    for name in CONTROLS:
        if name in by_name:
            return by_name[name]
    raise FilesRefused(
        f"which arm is the control? Name it with --control; arms are {', '.join(arms)}"
    )


def _read(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    columns: Mapping[str, str],
    spellings: Mapping[str, Sequence[str]],
    required: Sequence[str],
) -> dict[str, str]:
    """Write the temporary table `delivered`; returns the file's columns by meaning."""
    names = read_table(connection, file)
    by_name = {name.strip().lower(): name for name in reversed(names)}
    found = {}
    for what, candidates in spellings.items():
        wanted = columns.get(what)
        for candidate in candidates if wanted is None else (wanted.lower(),):
            if candidate in by_name:
                found[what] = by_name[candidate]
                break
        if what not in found and (wanted is not None or what in required):
            raise FilesRefused(
                f"{file}: line 1: no column {wanted or candidates[0]}; there are"
                f" {', '.join(names)}. Say which it is with {what}=COLUMN"
            )
    return found


def _text(found: Mapping[str, str], what: str) -> str:
    if what not in found:
        return "cast(null as varchar)"
    return f"coalesce(cast({quoted(found[what])} as varchar), '')"


def _number(text: str) -> str:
    return (
        f"case when isfinite(try_cast({text} as double))"
        f" then try_cast({text} as double) end"
    )


def _refuse(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    found: Mapping[str, str],
    table: str,
    what: str,
    condition: str,
    problem: str = "is empty; every row needs one",
) -> None:
    """Refuse the file for its first row that is as the condition says.

    The value is not shown: it may be personal.
    """
    row = connection.execute(
        f"select min(row_number), count(*) from {table} where {condition}"
    ).fetchone()
    if not row or not row[1]:
        return
    # Below the header; line breaks within cells of the rows before count as well.
    breaks = connection.execute(
        "select coalesce(sum(len(text) - len(replace(text, chr(10), ''))), 0)"
        " from (select concat_ws('', * columns(* exclude (_row_number))) as text"
        " from delivered where _row_number < ?)",
        [row[0]],
    ).fetchone() or (0,)
    place = (
        f"row {row[0]}" if is_parquet(file) else f"line {row[0] + 1 + int(breaks[0])}"
    )
    more = f" ({row[1]:,} rows are like that)" if row[1] > 1 else ""
    raise FilesRefused(f"{file}: {place}: column {found[what]}: {problem}{more}")
