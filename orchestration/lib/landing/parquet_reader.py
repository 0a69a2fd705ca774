"""Parquet files, batch by batch; every value becomes the text that stands for it."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.header import Header, HeaderSearch, read_header
from orchestration.lib.landing.inspection import Refused
from orchestration.lib.landing.records import LINE, Block

ROWS_PER_BLOCK = 50_000
_DAMAGE = (pa.ArrowException, OSError, UnicodeDecodeError)
_ZEROS_OF_A_FRACTION = (
    r"(\.[0-9]*?)0+(Z|[+-][0-9]{4}|)$",
    r"()\.(Z|[+-][0-9]{4}|)$",
)


@dataclass(frozen=True, kw_only=True)
class ParquetDialect:
    """What was found in the file: kept in the ledger."""

    header: Header
    row_groups: int

    def __str__(self) -> str:
        """For example `parquet; 8 columns; 2 row groups`."""
        return (
            f"parquet; {len(self.header.columns)} columns; {self.row_groups} row groups"
        )


class ParquetReading:
    """One pass over a Parquet file.

    Raises:
        Refused: the file is damaged, or a required column is missing.
    """

    def __init__(self, file: IO[bytes], contract: ExportContract) -> None:
        #: Why the rows ended before the file did, or None; known after the pass.
        self.cut_short: str | None = None
        try:
            self._file = parquet.ParquetFile(file, page_checksum_verification=True)
            names = self._file.schema_arrow.names
        except _DAMAGE as error:
            raise Refused(
                f"the Parquet file is damaged or cut ({type(error).__name__}): ask for"
                " the export again"
            ) from error
        header = read_header(names, contract)
        search = HeaderSearch(contract)
        if not search.accepts("schema", header):
            raise search.refusal()
        self.dialect = ParquetDialect(
            header=header, row_groups=self._file.num_row_groups
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file, as named in the raw table."""
        return self.dialect.header.columns

    @property
    def constants(self) -> Mapping[str, str]:
        """Columns whose one value the names of others state."""
        return self.dialect.header.constants

    def __iter__(self) -> Iterator[Block]:
        """One or more blocks, in file order; `_line` is the number of the record."""
        first = 1
        try:
            for batch in self._file.iter_batches(ROWS_PER_BLOCK):
                batch.validate(full=True)  # texts may be damaged, too
                yield self._block(batch.columns, first, batch.num_rows)
                first += batch.num_rows
        except _DAMAGE as error:
            self.cut_short = f"the Parquet file is damaged ({type(error).__name__})"
        if first == 1:
            yield self._block([pa.nulls(0)] * len(self.columns), first, 0)

    def _block(self, columns: list[pa.Array], first: int, count: int) -> Block:
        texts = [_texts(column) for column in columns]
        lines = pa.array(range(first, first + count), pa.int64())
        return Block(table=pa.table([*texts, lines], [*self.columns, LINE]))


def _texts(column: pa.Array) -> pa.Array:
    """The column as text; empty texts are null, as in all formats."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _texts(column.dictionary_decode())
    if pa.types.is_nested(kind):
        texts = _each(column, _json)
    else:
        try:
            texts = column.cast(pa.string())
        except pa.ArrowInvalid:  # bytes that are no text
            texts = _each(column, _plain)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        has_exponent = compute.match_substring(texts, "e", ignore_case=True)
        if compute.any(has_exponent).as_py():
            texts = _each(texts, _without_exponent)
    elif pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        for pattern in _ZEROS_OF_A_FRACTION:
            texts = compute.replace_substring_regex(texts, pattern, r"\1\2")
    return compute.if_else(
        compute.equal(texts, ""), pa.scalar(None, pa.string()), texts
    )


def _each(column: pa.Array, text: Callable[[Any], str]) -> pa.Array:
    values = column.to_pylist()
    return pa.array(
        [None if value is None else text(value) for value in values], pa.string()
    )


def _without_exponent(number: str) -> str:
    return format(Decimal(number), "f") if "e" in number.lower() else number


def _json(value: object) -> str:
    """A nested value as JSON with sorted keys."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=_plain)


def _plain(value: object) -> str:
    """What JSON has no word for, as text: dates, decimals, bytes."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.hex()
    return str(value)
