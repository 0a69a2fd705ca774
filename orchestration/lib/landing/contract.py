"""What the outside promised: one contract per export, kept in the dbt sources files.

A contract is the `config.meta` of a dbt source table plus its column list, so that
documentation, lineage and landing read the same lines:

    tables:
      - name: orders
        config:
          meta:
            files: ["shopify/orders*.csv*", "orders_export*.csv*"]
        columns:
          - name: name                      # the header in snake_case
            config: {meta: {required: true}}
"""

import codecs
import fnmatch
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

import yaml
from anyascii import anyascii

Delivery = Literal["full", "increment"]
DuplicatePolicy = Literal["drop", "keep"]
FileFormat = Literal["csv", "json", "html", "xml", "xlsx", "xls", "parquet"]


class ContractError(ValueError):
    """A sources file states something that cannot be a contract."""


@dataclass(frozen=True, kw_only=True)
class ExportContract:
    """The promise for one export: which files, which columns, how rows repeat."""

    source: str
    export: str
    description: str
    #: Glob patterns, tried on the path below the landing folder and on the file name.
    files: tuple[str, ...]
    #: Columns of the raw table, in contract order.
    columns: tuple[str, ...]
    #: Other spellings of headers, by column (orchestration/lib/landing/header.py).
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: The format of files, where their content would be taken for another one.
    format: FileFormat | None = None
    #: Columns that tell the thing a row is about (a contact, an order) from others.
    row_key: tuple[str, ...] = ()
    #: Whether a delivery holds everything there is, or what came since the last one.
    delivery: Delivery = "increment"
    #: Share of its things that a full delivery may lack of the one before it.
    max_shrink: float = 0.5
    #: Days after which the newest delivery is too old, if that can be said.
    max_age_days: int | None = None
    #: Columns without which a file is refused whole.
    required: frozenset[str] = frozenset()
    #: Columns whose absence from a file is nothing to report.
    optional: frozenset[str] = frozenset()
    #: Encoding of files that carry no byte-order mark and are not UTF-8.
    encoding: str | None = None
    #: The delimiter of delimited text, where it cannot be told from the header.
    delimiter: str | None = None
    #: The sheet of a workbook, and the XML element that is a record, where the first
    #: that fits is not the one.
    sheet: str | None = None
    record: str | None = None
    #: How the first cell of a row of totals starts, which is no record: `Total`.
    summary_rows: tuple[str, ...] = ()
    #: Column that every record fills and a row of totals leaves blank.
    summary_without: str | None = None
    #: Whether an exact copy of a row is a mistake (`drop`) or a second fact (`keep`).
    duplicates: DuplicatePolicy = "drop"
    #: Column that starts a group of rows (an order); one held row holds its group.
    grouped_by: str | None = None
    #: Column that only the first row of a group carries.
    group_header: str | None = None
    #: Columns whose texts are e-mail addresses or telephone numbers.
    email_columns: tuple[str, ...] = ()
    phone_columns: tuple[str, ...] = ()
    #: Whether rows of this export grant or withdraw consent.
    carries_consent: bool = False
    #: Column with the currency code, or the one currency of the whole export.
    currency_column: str | None = None
    currency: str | None = None
    owner: str = "data-engineering"

    def __post_init__(self) -> None:
        """Refuse slips of the pen, which would otherwise change what a run does."""
        for option, what in (
            ("files", "patterns"),
            ("row_key", "columns"),
            ("summary_rows", "beginnings"),
        ):
            if isinstance(getattr(self, option), str):
                raise ContractError(f"{self.key}: {option} must be a list of {what}")
            object.__setattr__(self, option, tuple(getattr(self, option)))
        for option, known in (
            ("format", FileFormat),
            ("delivery", Delivery),
            ("duplicates", DuplicatePolicy),
        ):
            is_left_out = option == "format" and self.format is None
            if getattr(self, option) not in get_args(known) and not is_left_out:
                raise ContractError(
                    f"{self.key}: {option} is {getattr(self, option)!r}; known are"
                    f" {' and '.join(get_args(known))}"
                )
        for column, spellings in self.aliases.items():
            captured = re.findall(r"\{(\w+)\}", " ".join(spellings))
            if isinstance(spellings, str) or not set(captured) <= set(self.columns):
                raise ContractError(
                    f"{self.key}: aliases of {column} must be a list of headers, with"
                    " names of columns in braces"
                )
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise ContractError(
                f"{self.key}: delimiter is {self.delimiter!r}, not one character"
            )
        try:
            codecs.lookup(self.encoding or "utf-8")
        except LookupError as error:
            raise ContractError(
                f"{self.key}: {self.encoding!r} is no encoding such as cp1251"
            ) from error
        for option in (
            "grouped_by", "group_header", "currency_column", "row_key",
            "summary_without",
        ):  # fmt: skip
            named = getattr(self, option) or ()
            for column in (named,) if isinstance(named, str) else named:
                if column not in self.columns:
                    raise ContractError(
                        f"{self.key}: {option} names the column {column}, which the"
                        " table does not list"
                    )
        if self.delivery == "full" and not self.row_key:
            raise ContractError(
                f"{self.key}: a full delivery needs a row_key, to tell what is gone"
            )
        if (self.grouped_by is None) != (self.group_header is None):
            raise ContractError(
                f"{self.key}: grouped_by and group_header need each other"
            )

    @property
    def key(self) -> str:
        """`source.export`, the name used in messages and settings."""
        return f"{self.source}.{self.export}"

    def claims(self, file_name: str) -> bool:
        """Whether a file at this path below the landing folder belongs here."""
        path = PurePosixPath(file_name.lower())
        return any(
            fnmatch.fnmatchcase(str(path), pattern.lower())
            or fnmatch.fnmatchcase(path.name, pattern.lower())
            for pattern in self.files
        )


def column_name(header: str) -> str:
    """The raw table's column for a delivered header: ASCII snake_case.

    `Lineitem quantity` -> `lineitem_quantity`, `CustomerID` -> `customer_id`,
    `Номер заказа` -> `nomer_zakaza`.
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", anyascii(header))
    name = re.sub(r"[^0-9a-z]+", "_", words.lower()).strip("_")
    if not name:
        return "column"
    return f"_{name}" if name[0].isdigit() else name


def column_names(headers: list[str]) -> list[str]:
    """Distinct column names for a whole header; repeated ones get `_2`, `_3`."""
    return distinct_names([column_name(header) for header in headers])


def distinct_names(columns: list[str]) -> list[str]:
    """The same names, those that occurred before with `_2`, `_3`, ... added."""
    repeats: Counter[str] = Counter()
    names: dict[str, None] = {}
    for first in columns:
        name = first
        while name in names:
            repeats[first] += 1
            name = f"{first}_{repeats[first] + 1}"
        names[name] = None
    return list(names)


def read_contracts(models: Path) -> tuple[ExportContract, ...]:
    """All export contracts below `models/staging`, ordered by source and export.

    Tables without `files` are none: nobody delivers them.

    Raises:
        ContractError: a table names an unknown option, or gives one a value that
            cannot be, such as a column that does not exist.
    """
    contracts = []
    for path in sorted((models / "staging").glob("*/*__sources.yml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for source in document.get("sources", []):
            for table in source.get("tables", []):
                meta = table.get("config", {}).get("meta", {})
                if "files" in meta:
                    contracts.append(_contract(path, source["name"], table, meta))
    return tuple(sorted(contracts, key=lambda contract: contract.key))


def _contract(
    path: Path, source: str, table: dict[str, Any], meta: dict[str, Any]
) -> ExportContract:
    columns = table.get("columns", [])

    def marked(mark: str) -> tuple[str, ...]:
        return tuple(
            column["name"]
            for column in columns
            if column.get("config", {}).get("meta", {}).get(mark)
        )

    known = {
        "files", "format", "sheet", "record", "row_key", "delivery", "max_shrink",
        "max_age_days", "encoding", "delimiter", "summary_rows", "duplicates",
        "grouped_by", "group_header", "carries_consent", "currency_column",
        "currency", "owner", "dagster", "summary_without",
    }  # fmt: skip
    unknown = set(meta) - known
    if unknown:
        raise ContractError(
            f"{path.name}: table {table['name']} has unknown options"
            f" {sorted(unknown)}; known are {sorted(known)}."
        )
    options = {name: meta[name] for name in meta.keys() - {"files", "dagster"}}
    return ExportContract(
        source=source,
        export=table["name"],
        description=" ".join(table.get("description", "").split()),
        files=meta["files"],
        columns=tuple(column["name"] for column in columns),
        aliases={
            column["name"]: spellings
            for column in columns
            if (spellings := column.get("config", {}).get("meta", {}).get("aliases"))
        },
        required=frozenset(marked("required")),
        optional=frozenset(marked("optional")),
        email_columns=marked("email"),
        phone_columns=marked("phone"),
        **options,
    )
