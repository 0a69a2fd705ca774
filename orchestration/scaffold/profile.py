"""What the columns of a sample seem to hold, told by the project's own parsers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import identify
from orchestration.lib.landing.lander import data_path, land_file
from orchestration.lib.quality.contacts import ContactClassifier
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.lib.warehouse import literal, quoted

#: A column is what almost all of its cells are; the rest are defects to be found.
_MOST = 0.98
#: Rows that parsers are tried on, and texts that the slow libraries are asked about.
_SAMPLE_ROWS = 50_000
_SAMPLE_CONTACTS = 300

# The first that reads almost all cells is taken: the stricter before the broader.
_DATE_PARSERS = (
    "parse_date",
    "parse_day_first_date",
    "parse_us_date",
    "parse_local_timestamp",
    "parse_day_first_local_timestamp",
    "parse_us_local_timestamp",
    "parse_iso_timestamp",
    "parse_offset_timestamp",
)
_NUMBER_PARSERS = (
    "parse_integer",
    "parse_amount",
    "parse_spaced_amount",
    "parse_us_amount",
)
_ID_NAME = re.compile(r"(^|_)(id|no|number|code|key|sku|uid|guid|nomer)(_|$)")
_PHONE_NAME = re.compile(r"phone|mobile|telefon|(^|_)tel(_|$)")
_FLAG_NAME = re.compile(r"^(is|has|accepts|can)_|opt_?(in|out)|consent|subscribed")
_TIME_NAME = re.compile(r"time|date|(^|_)(at|on|ts)(_|$)")


class SampleRefused(ValueError):
    """The sample cannot be read; the message says where and what to do."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of the sample."""

    name: str
    #: `email_address`, `phone_number`, a parsing macro, or None for plain text.
    parser: str | None
    #: Whether every row has a value, and whether no two rows have the same.
    is_filled: bool
    is_unique: bool
    #: Distinct values among those with one.
    distinct: int

    @property
    def is_contact(self) -> bool:
        """Whether the gate classifies its texts, not a parser."""
        return self.parser in ("email_address", "phone_number")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A sample that was read: what it is made of, and a few of its rows."""

    dialect: str
    encoding: str
    rows: int
    rejects: int
    columns: tuple[Column, ...]
    #: The first rows, by column; values as delivered.
    head: tuple[dict[str, str | None], ...]

    @property
    def row_key(self) -> tuple[str, ...]:
        """The column that seems to say what a row is about, if there is one."""
        for parser in ("parse_id", "email_address"):
            for column in self.columns:
                if column.parser == parser and column.is_filled and column.is_unique:
                    return (column.name,)
        return ()


def profile(
    sample: Path,
    *,
    scratch: Path,
    macros: SqlMacros,
    contacts: ContactClassifier,
    encoding: str | None,
    now: datetime,
) -> Profile:
    """Land the sample into the folder `scratch` and look at its columns.

    Args:
        encoding: of files that do not tell it themselves.

    Raises:
        SampleRefused: it cannot be landed, or holds no rows.
    """
    contract = ExportContract(
        source="sample",
        export="sample",
        description="",
        files=("*",),
        columns=(),
        encoding=encoding,
    )
    row = land_file(sample.name, identify(sample), contract, scratch, now)
    if row.outcome == "refused" or row.rows_delivered == row.rows_rejected:
        raise SampleRefused(row.reason or f"{sample.name}: no rows to look at")
    path = literal(str(data_path(scratch, row)))
    with duckdb.connect() as connection:
        connection.execute(f"create view delivered as from read_parquet({path})")
        connection.execute(
            f"create table sample as from delivered order by _line limit {_SAMPLE_ROWS}"
        )
        return Profile(
            dialect=row.dialect or "",
            encoding=row.encoding or "",
            rows=row.rows_delivered - row.rows_rejected,
            rejects=row.rows_rejected,
            columns=tuple(
                _column(connection, name, macros, contacts) for name in row.columns
            ),
            head=_head(connection, row.columns),
        )


def _column(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    macros: SqlMacros,
    contacts: ContactClassifier,
) -> Column:
    cell = quoted(name)
    [(rows, filled, distinct)] = connection.execute(
        f"select count(*), count({cell}), count(distinct {cell}) from delivered"
    ).fetchall()
    return Column(
        name=name,
        parser=_parser(connection, name, macros, contacts) if filled else None,
        is_filled=filled == rows,
        is_unique=distinct == filled > 0,
        distinct=distinct,
    )


def _parser(
    connection: duckdb.DuckDBPyConnection,
    name: str,
    macros: SqlMacros,
    contacts: ContactClassifier,
) -> str | None:
    cell = quoted(name)

    def share(predicate: str) -> float:
        [(found,)] = connection.execute(
            f"select avg(cast(coalesce({predicate}, false) as integer)) from sample"
            f" where {cell} is not null"
        ).fetchall()
        return float(found or 0)

    def reads(parser: str) -> bool:
        return share(f"{macros.parse(parser, cell)} is not null") >= _MOST

    if share(f"contains({cell}, '@')") >= 0.8:
        return "email_address"
    for parser in _DATE_PARSERS:
        if reads(parser):
            return parser
    if _TIME_NAME.search(name) and reads("parse_unix_timestamp"):
        return "parse_unix_timestamp"
    if _PHONE_NAME.search(name) and _is_phone(connection, cell, contacts):
        return "phone_number"
    are_digits = share(f"regexp_full_match(trim({cell}), '[0-9]+')") >= _MOST
    if reads("parse_boolean") and (not are_digits or _FLAG_NAME.search(name)):
        return "parse_boolean"
    if "currency" in name and reads("parse_currency"):
        return "parse_currency"
    if _ID_NAME.search(name):
        return "parse_id"
    if share(f"regexp_matches({cell}, '^0[0-9]|[0-9]{{16}}')") > 0:
        return None  # leading zeros and long digits are names of things, not numbers
    for parser in _NUMBER_PARSERS:
        if reads(parser):
            return parser
    return None


def _is_phone(
    connection: duckdb.DuckDBPyConnection, cell: str, contacts: ContactClassifier
) -> bool:
    texts = connection.execute(
        f"select distinct {cell} from sample where {cell} is not null"
        f" order by {cell} limit {_SAMPLE_CONTACTS}"
    ).fetchall()
    known = sum(contacts.phone(text).value is not None for (text,) in texts)
    return known >= len(texts) / 2


def _head(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[str]
) -> tuple[dict[str, str | None], ...]:
    listed = ", ".join(quoted(name) for name in columns)
    rows = connection.execute(
        f"select {listed} from sample order by _line limit 5"
    ).fetchall()
    return tuple(dict(zip(columns, row, strict=True)) for row in rows)
