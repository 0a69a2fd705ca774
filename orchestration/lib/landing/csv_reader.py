"""Delimited text, read so that every physical line ends up somewhere known.

Parsers made for clean files drop, glue or silently shorten what they cannot read.
This one works on physical lines: lines without an open quote go to Arrow's parser
together; a line whose quotes do not close is tried alone and then up to the line
that closes them; whatever still lacks the header's number of fields is rejected by
itself, one line, and reading resumes on the next.
"""

import codecs
import csv
import io
import sys
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as arrow_csv

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.header import (
    MAX_HEADER_RECORD,
    Header,
    HeaderSearch,
    read_header,
)
from orchestration.lib.landing.inspection import (
    CutShort,
    Delivered,
    Refused,
    chunks,
)
from orchestration.lib.landing.records import (
    LINE,
    MAX_COLUMNS,
    Block,
    Reject,
    refuse_if_mostly_rejects,
    text_table,
)

DELIMITERS = (",", ";", "\t", "|")
#: Bounds what the shortest lines can cost: arrays hold several numbers for each.
CHUNK_BYTES = 2 * 1024 * 1024
#: How far an open quote may reach before its line is taken for a stray quote.
MAX_RECORD_LINES = 1_000
MAX_RECORD_BYTES = 1024 * 1024
#: A longer line without an end is no delimited text.
MAX_LINE_BYTES = 16 * 1024 * 1024

_NEWLINE, _RETURN, _QUOTE = (ord(character) for character in '\n\r"')
#: Stands in for a carriage return inside a field, which `csv` takes for a line end.
_RETURN_MARK = "\ufdd0"


@dataclass(frozen=True, kw_only=True)
class CsvDialect:
    """What was found in the file: kept in the ledger beside the encoding."""

    delimiter: str
    line_end: str
    header: Header
    #: Records above the header.
    preamble_rows: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns by position."""
        return self.header.columns

    def __str__(self) -> str:
        """For example `csv; delimiter ','; line end LF; 8 columns`."""
        delimiter = "tab" if self.delimiter == "\t" else f"'{self.delimiter}'"
        return (
            f"csv; delimiter {delimiter}; line end {self.line_end};"
            f" {len(self.columns)} columns"
            f"{f'; {self.preamble_rows} rows above' if self.preamble_rows else ''}"
        )


class CsvReading:
    """One pass over a delimited file; `dialect` is known before the first block.

    Raises:
        Refused: no header could be read, or a required column is missing.
    """

    def __init__(
        self,
        delivered: Delivered,
        contract: ExportContract,
        encoding: str,
        *,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        #: Why the bytes ended before the file did, or None; known after the pass.
        self.cut_short: str | None = None
        self._pieces = self._utf8_pieces(delivered, encoding, chunk_bytes)
        self._buffer = b""
        self._line = 1
        self.dialect = self._read_header(contract)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of the delivered header, as named in the raw table."""
        return self.dialect.columns

    @property
    def constants(self) -> Mapping[str, str]:
        """Columns whose one value the header states."""
        return self.dialect.header.constants

    def __iter__(self) -> Iterator[Block]:
        """One or more blocks, in file order; the header's lines are not in them."""
        at_end = has_yielded = False
        while not at_end:
            at_end = not self._read_piece()
            cut = len(self._buffer) if at_end else self._buffer.rfind(b"\n") + 1
            if cut or (at_end and not has_yielded):
                lines = _Lines(
                    self._buffer[:cut],
                    self._line,
                    at_end=at_end,
                    is_cut=at_end and self.cut_short is not None,
                )
                block = lines.parse(self.dialect)
                self._buffer = self._buffer[lines.used :]
                self._line += block.lines
                has_yielded = True
                yield block

    def _read_piece(self) -> bool:
        """Append the next piece to the buffer; False at the end of the file."""
        if len(self._buffer) > MAX_LINE_BYTES:
            raise Refused(
                f"line {self._line} is longer than {MAX_LINE_BYTES} bytes: this is"
                " no delimited text"
            )
        piece = next(self._pieces, None)
        self._buffer += piece or b""
        if piece is None and self.cut_short:
            # The damage may lie inside a character.
            self._buffer = self._buffer.decode(errors="ignore").encode()
        return piece is not None

    def _utf8_pieces(
        self, delivered: Delivered, encoding: str, chunk_bytes: int
    ) -> Iterator[bytes]:
        decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
        try:
            for chunk in chunks(delivered, chunk_bytes):
                yield chunk if encoding == "utf-8" else decoder.decode(chunk).encode()
        except CutShort as error:
            self.cut_short = str(error)

    def _read_header(self, contract: ExportContract) -> CsvDialect:
        """The first of the leading records that has the required columns."""
        search = HeaderSearch(contract)
        for preamble_rows in range(MAX_HEADER_RECORD):
            first_line, record = self._read_record()
            text = record.decode().strip("\r\n")
            if not text.strip():
                break
            if max(map(text.count, DELIMITERS)) >= MAX_COLUMNS:
                raise Refused(
                    f"line {first_line}: more than {MAX_COLUMNS} columns where the"
                    " header should be: this is no table, ask for the export again"
                )
            delimiter, header = best_header(text, contract)
            if search.accepts(f"line {first_line}", header):
                return CsvDialect(
                    delimiter=delimiter,
                    line_end="CRLF" if record.endswith(b"\r\n") else "LF",
                    header=header,
                    preamble_rows=preamble_rows,
                )
        raise search.refusal()

    def _read_record(self) -> tuple[int, bytes]:
        """The next record that is not blank, and its line; empty at the end."""
        record, first_line = b"", self._line
        while not record.strip() or record.count(b'"') % 2:
            while b"\n" not in self._buffer and self._read_piece():
                pass
            line, newline, self._buffer = self._buffer.partition(b"\n")
            is_at_end = not line and not newline
            if record.strip():
                is_near = self._line - first_line < MAX_RECORD_LINES
                if is_at_end or not is_near or len(record) > MAX_RECORD_BYTES:
                    raise Refused(
                        f"line {first_line}: a quote in the header is opened and never"
                        " closed; ask for the export again"
                    )
                record += line + newline
            else:
                record, first_line = line + newline, self._line
            if is_at_end:
                break
            self._line += 1
        if len(record) > MAX_RECORD_BYTES:
            raise Refused(
                f"line {first_line}: longer than {MAX_RECORD_BYTES} bytes where the"
                " header should be: this is no table, ask for the export again"
            )
        return first_line, record


def best_header(text: str, contract: ExportContract) -> tuple[str, Header]:
    """The delimiter that finds most of the contract's columns, or most columns."""
    headers = {
        delimiter: read_header(_fields(text, delimiter) or [text], contract)
        for delimiter in ([contract.delimiter] if contract.delimiter else DELIMITERS)
    }
    return max(
        headers.items(),
        key=lambda item: (item[1].known(contract), len(item[1].columns)),
    )


class _Lines:
    """The physical lines of a stretch of UTF-8 text, parsed into one block.

    Unless `at_end`, the text ends on a line end; lines from an open quote on may be
    left for the next stretch: `used` tells how many bytes were consumed. Where the
    file `is_cut`, a last line without an end is no record, whatever its fields.
    """

    def __init__(
        self, text: bytes, first_line: int, *, at_end: bool, is_cut: bool = False
    ) -> None:
        self.text, self.first_line, self.at_end = text, first_line, at_end
        self.used = len(text)
        codes = np.frombuffer(text, dtype=np.uint8)
        ends = np.flatnonzero(codes == _NEWLINE)
        is_unfinished = bool(text) and not text.endswith(b"\n")
        if is_unfinished:
            ends = np.append(ends, len(text))
        starts = np.concatenate(([0], ends + 1))[: len(ends)]
        lengths = ends - starts
        self.starts, self.ends = starts, ends
        self.is_blank = (lengths == 0) | (
            (lengths == 1) & (codes[np.minimum(starts, len(codes) - 1)] == _RETURN)
        )
        self.quotes = self._count(codes == _QUOTE) if b'"' in text else None
        self.is_odd = (
            np.zeros(len(ends), dtype=bool)
            if self.quotes is None
            else self.quotes % 2 == 1
        )
        self.is_slow = self.is_odd.copy()
        if b"\r" in text:
            followed = np.append(codes[1:] == _NEWLINE, True)
            self.is_slow = self.is_odd | (
                self._count((codes == _RETURN) & ~followed) > 0
            )
        #: Index of the line that the file was cut inside of, if it was.
        self.cut_line = len(ends) - 1 if is_unfinished and is_cut else None
        if self.cut_line is not None and not self.is_blank[-1]:
            self.is_slow[-1] = True

    def parse(self, dialect: CsvDialect) -> Block:
        """Turn the lines into records and rejects, in file order."""
        self.dialect = dialect
        self.rejects: list[Reject] = []
        self.slow_rows: list[list[str | None]] = []
        self.slow_lines: list[int] = []
        continuation_lines = self._parse_slow_lines()
        count = len(self.ends)
        is_fast = ~self.is_blank & ~self.is_slow
        fast = self._parse_fast_lines(np.flatnonzero(is_fast))
        slow = text_table(dialect.columns, self.slow_rows).append_column(
            LINE, pa.array(self.slow_lines, pa.int64())
        )
        table = fast
        if self.slow_rows:
            table = pa.concat_tables([fast, slow]).sort_by(LINE)
        self.rejects.sort(key=lambda reject: reject.line)
        block = Block(
            table=table,
            rejects=self.rejects,
            lines=count,
            blank_lines=int(self.is_blank.sum()),
            continuation_lines=continuation_lines,
        )
        block.assert_every_line_is_accounted_for()
        return block

    def _count(self, is_hit: np.ndarray) -> np.ndarray:
        """How many hits lie on each line."""
        upto = np.searchsorted(np.flatnonzero(is_hit), self.ends)
        return np.diff(upto, prepend=0)

    def _line_text(self, first: int, last: int) -> str:
        text = self.text[self.starts[first] : self.ends[last]]
        return text.removesuffix(b"\r").decode()

    def _parse_slow_lines(self) -> int:
        """Records around unclosed quotes and stray returns; their extra lines.

        A quote that stays open closes on the next line with an odd number of quotes:
        the lines up to there are a record, or the line is one by itself, or none.
        """
        odd_lines = np.flatnonzero(self.is_odd).tolist()
        continuation_lines = 0
        resume = 0
        for first in np.flatnonzero(self.is_slow).tolist():
            if first < resume:
                continue
            resume = first + 1
            place = bisect_right(odd_lines, first)
            last = odd_lines[place] if place < len(odd_lines) else None
            is_open = bool(self.is_odd[first]) and self._is_near(
                first, -1 if last is None else last
            )
            if is_open and last is not None and self._accept(first, last):
                continuation_lines += last - first
                self.is_slow[first : last + 1] = True
                self.is_blank[first : last + 1] = False
                resume = last + 1
            elif not self._accept(first, first):
                if is_open and last is None and not self.at_end:
                    self._leave_from(first)
                    break
                self._reject(first)
        return continuation_lines

    def _is_near(self, first: int, last: int) -> bool:
        lines = (last if last >= 0 else len(self.ends)) - first
        size = self.ends[last] - self.starts[first]
        return lines < MAX_RECORD_LINES and size < MAX_RECORD_BYTES

    def _accept(self, first: int, last: int) -> bool:
        """Keep these lines if they are one record."""
        fields = self._fields(first, last)
        if (
            fields is None
            or len(fields) != len(self.dialect.columns)
            or last == self.cut_line
        ):
            return False
        self.slow_rows.append([field or None for field in fields])
        self.slow_lines.append(self.first_line + first)
        return True

    def _fields(self, first: int, last: int) -> list[str] | None:
        # With an odd number of quotes something is wrong already: no leniency. With
        # an even number, be as lenient as Arrow, whatever lines stand around.
        text = self._line_text(first, last)
        return _fields(text, self.dialect.delimiter, is_strict=bool(self.is_odd[first]))

    def _reject(self, index: int) -> None:
        fields = self._fields(index, index)
        expected = len(self.dialect.columns)
        reasons = []
        if fields is None:
            reasons.append("a quote is opened and never closed")
        elif len(fields) != expected:
            reasons.append(f"{len(fields)} fields where the header has {expected}")
        is_last = index == len(self.ends) - 1
        if is_last and not self.text.endswith(b"\n"):
            reasons.append("the file ends inside this line: it was cut")
        self.rejects.append(
            Reject(
                line=self.first_line + int(index),
                reason="; ".join(reasons),
                text=self._line_text(index, index),
            )
        )
        refuse_if_mostly_rejects(self.rejects, len(self.ends) - len(self.rejects))

    def _leave_from(self, index: int) -> None:
        """Leave this line and all after it for the next stretch."""
        self.used = int(self.starts[index])
        for name in ("starts", "ends", "is_blank", "is_odd", "is_slow"):
            setattr(self, name, getattr(self, name)[:index])
        if self.quotes is not None:
            self.quotes = self.quotes[:index]

    def _parse_fast_lines(self, indexes: np.ndarray) -> pa.Table:
        parsed = self._arrow(indexes)
        if parsed is None and self.quotes is not None:
            # A quote in the wrong place made Arrow glue lines: such lines one by one.
            quoted = indexes[self.quotes[indexes] > 0]
            for index in quoted:
                if not self._accept(index, index):
                    self._reject(index)
            parsed = self._arrow(np.setdiff1d(indexes, quoted, assume_unique=True))
        if parsed is None:
            raise AssertionError("lines without quotes cannot be glued")
        return parsed

    def _arrow(self, indexes: np.ndarray) -> pa.Table | None:
        """Parse the given lines; None when the parser did not keep them apart."""
        columns = self.dialect.columns
        rejected: list[int] = []

        def reject(row: arrow_csv.InvalidRow) -> str:
            rejected.append(row.number - 1)
            return "skip"

        if not len(indexes):
            return text_table(columns, []).append_column(LINE, pa.array([], pa.int64()))
        text = self._joined(indexes)
        if text.startswith(codecs.BOM_UTF8):
            text = codecs.BOM_UTF8 + text  # Arrow drops one, which here is data
        table = arrow_csv.read_csv(
            pa.py_buffer(text),
            read_options=arrow_csv.ReadOptions(
                use_threads=False, column_names=columns, block_size=len(text) + 1
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self.dialect.delimiter,
                invalid_row_handler=reject,
                ignore_empty_lines=False,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                strings_can_be_null=True,
                null_values=[""],
            ),
        )
        if table.num_rows + len(rejected) != len(indexes) or (
            table.num_rows and _swallowed_line_end(table[-1][-1].as_py())
        ):
            return None
        for index in indexes[rejected]:
            self._reject(index)
        lines = np.delete(indexes, rejected) + self.first_line
        return table.append_column(LINE, pa.array(lines, pa.int64()))

    def _joined(self, indexes: np.ndarray) -> bytes:
        """The text of these lines, copied in runs of neighbours."""
        if len(indexes) == len(self.ends):
            return self.text[: self.used]
        breaks = np.flatnonzero(np.diff(indexes) > 1)
        firsts = indexes[np.concatenate(([0], breaks + 1))]
        lasts = indexes[np.concatenate((breaks, [len(indexes) - 1]))]
        return b"".join(
            self.text[self.starts[first] : self.ends[last] + 1]
            for first, last in zip(firsts, lasts, strict=True)
        )


def _fields(text: str, delimiter: str, *, is_strict: bool = True) -> list[str] | None:
    """The fields of one record, or None when its quotes do not close or fit."""
    csv.field_size_limit(sys.maxsize)
    has_return = "\r" in text
    if has_return:
        text = text.replace("\r", _RETURN_MARK)
    lines = io.StringIO(f"{text}\n", newline="\n")
    reader = csv.reader(lines, delimiter=delimiter, strict=is_strict)
    try:
        fields = next(reader)
    except csv.Error:
        return None
    is_whole = reader.line_num == text.count("\n") + 1
    if not is_whole or (not is_strict and _swallowed_line_end(fields[-1])):
        return None
    if has_return:
        fields = [field.replace(_RETURN_MARK, "\r") for field in fields]
    return fields


def _swallowed_line_end(last_field: str | None) -> bool:
    """Whether a quote was still open where a single line ended."""
    return last_field is not None and last_field.endswith("\n")
