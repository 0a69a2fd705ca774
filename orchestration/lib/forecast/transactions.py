"""Anybody's file of purchases: customer, date and amount."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from orchestration.lib.warehouse import is_parquet, quoted, read_table

COLUMNS = ("customer", "date", "amount")
#: The day as written, whatever the time and its zone; 19970101 too.
_DAY = """
case
    when regexp_matches(date_text, '^\\d{4}-\\d{2}-\\d{2}([ T].*)?$')
        then try_cast(left(date_text, 10) as date)
    when regexp_matches(date_text, '^\\d{8}$')
        then cast(try_strptime(date_text, '%Y%m%d') as date)
end
"""


class TransactionsError(ValueError):
    """A file of purchases that cannot be read; says where, and what would help."""


@dataclass(frozen=True)
class Transactions:
    """What a file holds up to a day, and what was left out of it."""

    rows: int
    after_as_of: int
    without_customer: int
    #: Returns are no purchases.
    below_zero: int
    first_on: date | None


def read_transactions(
    connection: duckdb.DuckDBPyConnection, file: Path, as_of: date
) -> Transactions:
    """Write the temporary table `transactions`: `customer_id, ordered_on, amount`.

    Args:
        file: CSV with a header (UTF-8, any usual separator) or Parquet, with `COLUMNS`
            in any order and case, and any others.
        as_of: rows of later days are left out.

    Raises:
        TransactionsError: naming file, line and column, and what would help; never a
            value.
        TableUnreadable: the file is of another kind.
    """
    columns = _columns(file, read_table(connection, file))
    connection.execute(
        f"""
        create or replace temp table parsed as
        select
            _row_number as row_number,
            {
            ", ".join(
                f"nullif(trim(cast({quoted(columns[name])} as varchar)), '')"
                f" as {name}_text"
                for name in COLUMNS
            )
        },
            {_DAY} as ordered_on,
            try_cast(amount_text as decimal(38, 6)) as amount
        from delivered
        """
    )
    _refuse(
        connection, file, "date", "ordered_on",
        "write dates as 2026-10-31, or as 2026-10-31 17:05:00",
    )  # fmt: skip
    _refuse(
        connection, file, "amount", "amount",
        "write amounts as 1234.50, without currency and separators of thousands, and 0"
        " for what was free",
    )  # fmt: skip
    connection.execute(
        """
        create or replace temp table transactions as
        select customer_text as customer_id, ordered_on, amount
        from parsed
        where customer_text is not null and amount >= 0 and ordered_on <= ?
        """,
        [as_of],
    )
    found = connection.execute(
        """
        select
            count(*) filter (ordered_on <= $as_of),
            count(*) filter (ordered_on > $as_of),
            count(*) filter (ordered_on <= $as_of and customer_text is null),
            count(*) filter (
                ordered_on <= $as_of and customer_text is not null and amount < 0
            ),
            min(ordered_on)
        from parsed
        """,
        {"as_of": as_of},
    ).fetchone()
    assert found is not None
    return Transactions(*found)


def _columns(file: Path, names: Sequence[str]) -> dict[str, str]:
    """The file's own spelling of each of `COLUMNS`."""
    spelt = {name.strip().lower(): name for name in reversed(names)}
    missing = [name for name in COLUMNS if name not in spelt]
    if missing:
        raise TransactionsError(
            f"{file}: line 1: there is no column {' and no column '.join(missing)};"
            f" there are {', '.join(name.strip() for name in names)}. Name the columns"
            f" {', '.join(COLUMNS)}, in any order."
        )
    return {name: spelt[name] for name in COLUMNS}


def _refuse(
    connection: duckdb.DuckDBPyConnection,
    file: Path,
    column: str,
    parsed: str,
    remedy: str,
) -> None:
    """Raise where a column holds what cannot be read."""
    found = connection.execute(
        f"""
        select min(row_number), count(*), count({column}_text)
        from parsed
        where {parsed} is null
        """
    ).fetchone()
    assert found is not None
    row, count, filled = found
    if not count:
        return
    # The first line of a CSV is its header.
    place = f"row {row}" if is_parquet(file) else f"line {row + 1}"
    what = "cannot be read" if filled else "is missing"
    others = f" (and {count - 1:,} more)" if count > 1 else ""
    raise TransactionsError(
        f"{file}: {place}, column {column}: the {column} {what}{others}; {remedy}"
    )
