"""JSON arrays and JSON lines: one record per object, with the line it starts on.

Every value arrives as text: strings as they are, numbers and booleans as they were
written, nested values as JSON. A broken stretch costs the lines up to the next one
that starts an object.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from orchestration.lib.landing.contract import ExportContract, column_names
from orchestration.lib.landing.inspection import (
    CutShort,
    Delivered,
    Refused,
    texts,
)
from orchestration.lib.landing.records import (
    LINE,
    MAX_COLUMNS,
    Block,
    Reject,
    refuse_if_mostly_rejects,
)

#: A block ends with the first of these: what is wide, long or much stays in bounds.
ROWS_PER_BLOCK = 100_000
CELLS_PER_BLOCK = 5_000_000
CHARACTERS_PER_BLOCK = 32 * 1024 * 1024
#: Small, because the place of every error is counted out from the start of the text.
CHUNK_BYTES = 1024 * 1024
#: A longer element is taken for broken; the file around it is not held in memory.
MAX_ELEMENT_CHARACTERS = 8 * 1024 * 1024
#: How much of a broken stretch is kept to look at.
MAX_REJECT_CHARACTERS = 10_000
#: How many sets of keys are remembered with their columns.
_KEY_SETS = 1_000
_SPACE = re.compile(r"[ \t\r\n]*")
_SPACE_AND_COMMA = re.compile(r"[ \t\r\n,]*")
#: How far a line may be indented and yet be seen to start an object, or end the array.
_INDENTATION = 64
_NEXT_LINE = re.compile(rf"\n[ \t\r]{{0,{_INDENTATION}}}[{{\]]")
_TOO_DEEP = "no JSON that can be read: nested too deeply"


class _Number(str):
    """A number as it was written."""

    __slots__ = ()


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
        delivered: Delivered,
        contract: ExportContract,
        encoding: str,
        *,
        chunk_bytes: int = CHUNK_BYTES,
    ) -> None:
        #: Why the bytes ended before the file did, or None; known after the pass.
        self.cut_short: str | None = None
        self._decoder = json.JSONDecoder(
            parse_int=_Number, parse_float=_Number, parse_constant=_Number
        )
        self._pieces = self._texts(delivered, encoding, chunk_bytes)
        self._columns = dict.fromkeys(contract.columns)
        self._found: dict[str, None] = {}
        self._names: dict[tuple[str, ...], list[str]] = {}
        self._text, self._at, self._line = "", 0, 1
        self._consumed = 0
        self._is_at_end = False
        first = self._next_character(_SPACE)
        if first is None or first not in "[{":
            raise Refused("the file starts with neither [ nor {: this is no JSON")
        self.dialect = JsonDialect(is_array=first == "[")
        self._is_open = self.dialect.is_array
        if self._is_open:
            self._at += 1

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns found so far, as named in the raw table."""
        return tuple(self._found)

    @property
    def constants(self) -> Mapping[str, str]:
        """None: every value stands in its record."""
        return {}

    def __iter__(self) -> Iterator[Block]:
        """Blocks of bounded size, in file order."""
        rows: list[dict[str, str | None]] = []
        lines: list[int] = []
        rejects: list[Reject] = []
        last_line = block_start = 0
        for start, value in self._values():
            # A line names one row: records that share a line are numbered on from it.
            last_line = line = max(start, last_line + 1)
            if isinstance(value, Reject):
                rejects.append(replace(value, line=line))
                refuse_if_mostly_rejects(rejects, len(rows))
            else:
                rows.append(value)
                lines.append(line)
            if (
                len(rows) >= ROWS_PER_BLOCK
                or len(rows) * len(self._found) >= CELLS_PER_BLOCK
                or self._consumed - block_start >= CHARACTERS_PER_BLOCK
            ):
                yield self._block(rows, lines, rejects)
                rows, lines, rejects = [], [], []
                block_start = self._consumed
        yield self._block(rows, lines, rejects)

    def _block(
        self, rows: list[dict[str, str | None]], lines: list[int], rejects: list[Reject]
    ) -> Block:
        names = [name for name in {**self._columns, **self._found} if name != LINE]
        cells = {name: _text_array([row.get(name) for row in rows]) for name in names}
        return Block(
            table=pa.table({**cells, LINE: pa.array(lines, pa.int64())}),
            rejects=rejects,
        )

    # -- text ---------------------------------------------------------------------

    def _texts(
        self, delivered: Delivered, encoding: str, chunk_bytes: int
    ) -> Iterator[str]:
        try:
            yield from texts(delivered, encoding, chunk_bytes)
        except CutShort as error:
            self.cut_short = str(error)

    def _read_more(self) -> bool:
        """Drop what was consumed, append the next piece; False at the end."""
        piece = next(self._pieces, None)
        self._is_at_end = piece is None
        if piece is not None:
            self._text = self._text[self._at :] + piece
            self._at = 0
        return not self._is_at_end

    def _advance(self, to: int) -> None:
        self._line += self._text.count("\n", self._at, to)
        self._consumed += to - self._at
        self._at = to

    def _next_character(self, skipped: re.Pattern[str]) -> str | None:
        """Move to the next character that is not skipped; None at the end."""
        while True:
            found = skipped.match(self._text, self._at)
            assert found is not None, "the pattern fits nothing at all, too"
            self._advance(found.end())
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_more():
                return None

    # -- values -------------------------------------------------------------------

    def _values(self) -> Iterator[tuple[int, dict[str, str | None] | Reject]]:
        while (character := self._next_character(_SPACE_AND_COMMA)) is not None:
            if character == "]" and self._is_open:
                self._advance(self._at + 1)
                self._is_open = False
                continue
            line = self._line
            value = self._decode()
            try:
                row = self._row(line, value)
            except RecursionError:
                row = Reject(line=line, reason=_TOO_DEEP, text="")
            yield line, row
        if self._is_open and self.cut_short is None:
            self.cut_short = "the JSON array is not closed: the file was cut"

    def _decode(self) -> Any:  # noqa: ANN401 - any JSON value
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._may_continue(error):
                    if len(self._text) - self._at > MAX_ELEMENT_CHARACTERS:
                        return self._skip_broken(
                            f"no JSON of up to {MAX_ELEMENT_CHARACTERS} characters"
                        )
                    if self._read_more():
                        continue
                return self._skip_broken(f"no JSON: {error.msg}")
            except RecursionError:
                return self._skip_broken(_TOO_DEEP)
            is_near_end = len(self._text) - end < len("e+1")
            if is_near_end and isinstance(value, _Number) and self._read_more():
                continue  # it could go on in the next piece
            self._advance(end)
            return value

    def _may_continue(self, error: json.JSONDecodeError) -> bool:
        """Whether the value may simply not have arrived whole yet."""
        tail = self._text.rstrip()
        return not self._is_at_end and (
            error.pos >= len(tail) - 8 or error.msg.startswith("Unterminated string")
        )

    def _skip_broken(self, reason: str) -> Reject:
        """Give up the text up to the next line that starts an object."""
        line = self._line
        kept = last_character = ""
        while True:
            found = _NEXT_LINE.search(self._text, self._at)
            if found:
                end = found.start() + 1
            elif self._is_at_end:
                end = len(self._text)
            else:  # a line whose end is still to come may be the next one
                near_end = len(self._text) - len("\n{") - _INDENTATION
                newline = self._text.rfind("\n", max(self._at, near_end))
                end = newline if newline >= 0 else len(self._text)
            skipped = self._text[self._at : end]
            kept = (kept + skipped[:MAX_REJECT_CHARACTERS])[:MAX_REJECT_CHARACTERS]
            last_character = skipped.rstrip()[-1:] or last_character
            self._advance(end)
            if found or self._is_at_end:
                break
            self._read_more()
        if not found and last_character == "]":
            self._is_open = False  # the array's end stood behind what is broken
        is_cut = not found and last_character not in ("}", "]")
        return Reject(
            line=line,
            reason=reason + "; the file ends inside it: it was cut" * is_cut,
            text=kept.strip(),
        )

    def _row(
        self,
        line: int,
        value: Any,  # noqa: ANN401 - any JSON value
    ) -> dict[str, str | None] | Reject:
        if isinstance(value, Reject):
            return value
        if not isinstance(value, dict):
            text = _escaped(_json(value))[:MAX_REJECT_CHARACTERS]
            return Reject(line=line, reason="not a JSON object", text=text)
        keys = tuple(value)
        if keys not in self._names:
            if len(self._names) >= _KEY_SETS:
                self._names.clear()
            self._names[keys] = column_names(list(keys))
            self._found |= dict.fromkeys(self._names[keys])
            if len(self._found) > MAX_COLUMNS:
                raise Refused(
                    f"line {line}: more than {MAX_COLUMNS} different keys: this is no"
                    " table, ask for one record per object"
                )
        return {
            name: _text(cell)
            for name, cell in zip(self._names[keys], value.values(), strict=True)
        }


def _text(cell: Any) -> str | None:  # noqa: ANN401 - any JSON value
    if cell is None or cell == "":
        return None
    return cell if isinstance(cell, str) else _json(cell)


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """The value as JSON with sorted keys, its numbers as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join([_json(each) for each in value])}]"
    if isinstance(value, dict):
        pairs = [f"{_json(key)}: {_json(value[key])}" for key in sorted(value)]
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value, ensure_ascii=False)


def _text_array(cells: list[str | None]) -> pa.Array:
    try:
        return pa.array(cells, pa.string())
    except UnicodeEncodeError:
        return pa.array([cell and _escaped(cell) for cell in cells], pa.string())


def _escaped(text: str) -> str:
    """Halves of surrogate pairs, which no text can hold, as `\\ud83d` again."""
    return text.encode("utf-8", "backslashreplace").decode()
