"""JSON arrays and JSON lines: one record per object, with the line it starts on.

Every value arrives as text: strings as they are, numbers and booleans as they were
written, nested values as JSON. A broken stretch costs the lines up to the next one
that starts an object.
"""

import codecs
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from orchestration.lib.landing.contract import ExportContract, column_name
from orchestration.lib.landing.inspection import CHUNK_BYTES, CutShort, Refused, chunks
from orchestration.lib.landing.records import LINE, Block, Reject

ROWS_PER_BLOCK = 100_000
#: How much of a broken stretch is kept to look at.
MAX_REJECT_CHARACTERS = 10_000
_SPACE_AND_COMMA = " \t\r\n,"


@dataclass(frozen=True, kw_only=True)
class JsonDialect:
    """What was found in the file: kept in the ledger beside the encoding."""

    is_array: bool

    def __str__(self) -> str:
        """`json array` or `json lines`."""
        return "json array" if self.is_array else "json lines"


class JsonReading:
    """One pass over a file of JSON objects; `columns` grows as records show keys.

    A Python loop over rows: no vectorised JSON reader keeps the line on which an
    element starts, nor the text of its numbers.

    Raises:
        Refused: the file starts with neither `[` nor `{`.
    """

    def __init__(
        self,
        path: Path,
        contract: ExportContract,
        encoding: str,
        *,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        #: Why the bytes ended before the file did, or None; known after the pass.
        self.cut_short: str | None = None
        self._decoder = json.JSONDecoder(parse_float=str)
        self._pieces = self._texts(path, encoding, chunk_bytes)
        self._columns = dict.fromkeys(contract.columns)
        self._found: dict[str, None] = {}
        self._text, self._at, self._line = "", 0, 1
        self._is_at_end = False
        first = self._next_character(" \t\r\n")
        if first is None or first not in "[{":
            raise Refused("the file starts with neither [ nor {: this is no JSON")
        self.dialect = JsonDialect(is_array=first == "[")
        if self.dialect.is_array:
            self._at += 1

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns found so far, as named in the raw table."""
        return tuple(self._found)

    def __iter__(self) -> Iterator[Block]:
        """Blocks of at most `ROWS_PER_BLOCK` records, in file order."""
        rows: list[dict[str, str | None]] = []
        lines: list[int] = []
        rejects: list[Reject] = []
        last_line = 0
        for start, value in self._values():
            # A line names one row: records that share a line are numbered on from it.
            last_line = line = max(start, last_line + 1)
            if isinstance(value, Reject):
                rejects.append(replace(value, line=line))
            else:
                rows.append(value)
                lines.append(line)
            if len(rows) >= ROWS_PER_BLOCK:
                yield self._block(rows, lines, rejects)
                rows, lines, rejects = [], [], []
        yield self._block(rows, lines, rejects)

    def _block(
        self, rows: list[dict[str, str | None]], lines: list[int], rejects: list[Reject]
    ) -> Block:
        names = [name for name in {**self._columns, **self._found} if name != LINE]
        cells = {
            name: pa.array([row.get(name) for row in rows], pa.string())
            for name in names
        }
        return Block(
            table=pa.table({**cells, LINE: pa.array(lines, pa.int64())}),
            rejects=rejects,
        )

    # -- text ---------------------------------------------------------------------

    def _texts(self, path: Path, encoding: str, chunk_bytes: int) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
        try:
            for chunk in chunks(path, chunk_bytes):
                yield decoder.decode(chunk)
        except CutShort as error:
            self.cut_short = str(error)

    def _read_more(self) -> bool:
        """Drop what was consumed, append the next piece; False at the end."""
        piece = next(self._pieces, None)
        self._is_at_end = piece is None
        self._text = self._text[self._at :] + (piece or "")
        self._at = 0
        return not self._is_at_end

    def _advance(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._at = to

    def _next_character(self, skipped: str) -> str | None:
        """Move to the next character that is not skipped; None at the end."""
        while True:
            at = self._at
            while at < len(self._text) and self._text[at] in skipped:
                at += 1
            self._advance(at)
            if at < len(self._text):
                return self._text[at]
            if not self._read_more():
                return None

    # -- values -------------------------------------------------------------------

    def _values(self) -> Iterator[tuple[int, dict[str, str | None] | Reject]]:
        is_open = self.dialect.is_array
        while (character := self._next_character(_SPACE_AND_COMMA)) is not None:
            if character == "]" and is_open:
                self._advance(self._at + 1)
                is_open = False
                continue
            line = self._line
            value = self._decode()
            if isinstance(value, dict):
                yield line, self._record(value)
            elif isinstance(value, Reject):
                yield line, value
            else:
                text = json.dumps(value, ensure_ascii=False)
                yield line, Reject(line=line, reason="not a JSON object", text=text)
        if is_open and self.cut_short is None:
            self.cut_short = "the JSON array is not closed: the file was cut"

    def _decode(self) -> Any:  # noqa: ANN401 - any JSON value
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._may_continue(error) and self._read_more():
                    continue
                return self._skip_broken(error)
            if end == len(self._text) and not self._is_at_end and self._read_more():
                continue  # a number could go on in the next piece
            self._advance(end)
            return value

    def _may_continue(self, error: json.JSONDecodeError) -> bool:
        """Whether the value may simply not have arrived whole yet."""
        tail = self._text.rstrip()
        return not self._is_at_end and (
            error.pos >= len(tail) - 8 or error.msg.startswith("Unterminated string")
        )

    def _skip_broken(self, error: json.JSONDecodeError) -> Reject:
        """Give up the text up to the next line that starts an object."""
        line = self._line
        kept: list[str] = []
        while True:
            newline = self._text.find("\n", self._at)
            end = newline + 1 if newline >= 0 else len(self._text)
            kept.append(self._text[self._at : end][:MAX_REJECT_CHARACTERS])
            self._advance(end)
            if newline < 0 and self._read_more():
                continue
            if len(self._text) - self._at < 64 and not self._is_at_end:
                self._read_more()
            rest = self._text[self._at : self._at + 64].lstrip()
            if rest[:1] in ("{", "]") or (not rest and self._is_at_end):
                break
        cut = "; the file ends inside it: it was cut" if not rest else ""
        return Reject(
            line=line,
            reason=f"no JSON: {error.msg}{cut}",
            text="".join(kept)[:MAX_REJECT_CHARACTERS].strip(),
        )

    def _record(self, value: dict[str, Any]) -> dict[str, str | None]:
        record: dict[str, str | None] = {}
        for key, cell in value.items():
            name = column_name(key)
            self._found.setdefault(name)
            record[name] = _text(cell)
        return record


def _text(cell: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if cell is None or cell == "":
        return None
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return json.dumps(cell, ensure_ascii=False, sort_keys=True)
