"""Landing damaged files, and accounting for them from outside."""

import codecs
import gzip
import io
import json
import re
import resource
import shutil
import sys
import tempfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import pyarrow.parquet as parquet

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import identify
from orchestration.lib.landing.lander import (
    LedgerRow,
    data_path,
    land_file,
    landed_rows,
    rejects_path,
)
from tests.mutator import Mutant, mutant

NOW = datetime(2026, 3, 14, tzinfo=UTC)
DAMAGE = (EOFError, zlib.error, gzip.BadGzipFile)
OUTCOMES = ("landed", "partly", "refused")


@dataclass(frozen=True)
class Verdict:
    """What became of a mutant, and what is wrong with that."""

    mutant: Mutant
    row: LedgerRow
    complaints: list[str]

    def __str__(self) -> str:
        return (
            f"seed {self.mutant.seed} ({self.mutant.story}): {self.row.outcome};"
            f" {'; '.join(self.complaints)}"
        )


class Landing:
    """Lands mutants in one process of its own, whose memory is theirs alone."""

    def __init__(self) -> None:
        self._process = ProcessPoolExecutor(1, mp_context=get_context("spawn"))

    def __enter__(self) -> "Landing":
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.shutdown()

    def verdicts(self, seeds: Iterable[int]) -> Iterator[Verdict]:
        """Land one mutant after the other; nothing of them stays on the disk."""
        for seed in seeds:
            damaged = mutant(seed)
            folder = Path(tempfile.mkdtemp(prefix="mutant-"))
            try:
                path = folder / Path(damaged.name).name
                path.write_bytes(damaged.content)
                arguments = (path, damaged.name, damaged.contract, folder / "raw")
                try:
                    row = self._process.submit(land, *arguments).result()
                except Exception as error:
                    raise AssertionError(f"seed {seed} ({damaged.story})") from error
                yield Verdict(damaged, row, complaints(damaged, row, folder / "raw"))
            finally:
                shutil.rmtree(folder)

    def peak_mib(self) -> float:
        """The most memory that landing has held so far."""
        return self._process.submit(peak_mib).result()


def land(path: Path, name: str, contract: ExportContract, raw: Path) -> LedgerRow:
    """Land one file."""
    return land_file(name, identify(path), contract, raw, NOW)


def peak_mib() -> float:
    """The most memory that this process has held."""
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


# -- accounting ---------------------------------------------------------------------


@dataclass(frozen=True)
class Landed:
    """The rows and the rejects of a landed file, by their lines."""

    rows: dict[int, list[str | None]]
    rejects: dict[int, str]


def complaints(damaged: Mutant, row: LedgerRow, raw: Path) -> list[str]:
    """What does not hold of a file's outcome, and should of any."""
    found = []
    reason = row.reason or ""
    if row.outcome not in OUTCOMES:
        found.append("an unknown outcome")
    if row.outcome != "landed" and not reason.startswith(f"{row.file_name}: "):
        found.append("no reason, or of which file?")
    left = sorted(path.name for path in raw.rglob("*") if path.is_file())
    if row.outcome == "refused":
        return found + [f"left {left}"] * bool(left)
    data, rejects = data_path(raw, row), rejects_path(raw, row)
    if left != sorted([data.name, rejects.name]):
        return [*found, f"left {left}"]
    if landed_rows(raw) != [row]:
        found.append("the landed file does not carry its ledger row")

    table = parquet.read_table(data)
    lines = table["_line"].to_pylist()
    table = table.drop_columns(["_line", "_file_id", "_loaded_at"])
    cells = [list(each.values()) for each in table.to_pylist()]
    rejected = parquet.read_table(rejects).to_pylist()
    reject_lines = [each["line"] for each in rejected]
    if row.rows_delivered != len(lines) + len(rejected):
        found.append(f"{row.rows_delivered} delivered, {len(lines)} landed")
    if row.rows_rejected != len(rejected) or not all(
        each["reason"] for each in rejected
    ):
        found.append("rejects without a reason, or not as many as said")
    if (not lines or rejected) and not reason:
        found.append("nothing is said of no rows, or of rejects")
    for numbers in (lines, reject_lines):
        if numbers != sorted(set(numbers)) or numbers[:1] < [1] * bool(numbers):
            found.append("lines repeat, run backwards or start before the first")
    if set(lines) & set(reject_lines):
        found.append("a line is both landed and rejected")
    landed = Landed(
        rows=dict(zip(lines, cells, strict=True)),
        rejects={each["line"]: each["text"] for each in rejected},
    )
    text = _text(damaged.content, row.encoding or "")
    check = {"csv": _lost_lines, "json": _lost_objects}[damaged.contract.format or ""]
    return [*found, *check(text, row, landed)]


def _text(content: bytes, encoding: str) -> str:
    """What the file says, as far as its bytes go."""
    plain = _unzipped(content) if content[:2] == b"\x1f\x8b" else content
    return codecs.getincrementaldecoder(encoding)().decode(plain)


def _unzipped(content: bytes) -> bytes:
    parts = []
    with gzip.open(io.BytesIO(content)) as plain, suppress(*DAMAGE):
        while part := plain.read1(1000):
            parts.append(part)
    return b"".join(parts)


def _lost_lines(text: str, row: LedgerRow, landed: Landed) -> Iterator[str]:
    """Physical lines of delimited text that are nowhere, twice or changed."""
    lines = text.split("\n")
    dialect = str(row.dialect)
    delimiter = "\t" if "delimiter tab" in dialect else dialect.split("'")[1]
    ignored = str.maketrans("", "", f'"{delimiter}\r\n')
    places = Counter(range(1, _header_end(lines, dialect) + 1))
    changed = []
    for line, cells in landed.rows.items():
        whole = "".join(cell or "" for cell in cells)
        end = line + whole.count("\n")
        places.update(range(line, end + 1))
        delivered = "\n".join(lines[line - 1 : end])
        if delivered.translate(ignored) != whole.translate(ignored):
            changed.append(line)
    for line, kept in landed.rejects.items():
        places[line] += 1
        if [kept] != [each.removesuffix("\r") for each in lines[line - 1 : line]]:
            changed.append(line)
    if changed:
        yield f"lines {changed[:5]} are not what was delivered"
    if repeated := [line for line, times in places.items() if times > 1]:
        yield f"lines {repeated[:5]} are twice in the rows"
    # Of a file that was cut, what lies behind the cut cannot be had.
    end = len(lines) if row.outcome == "landed" else max(places, default=0)
    lost = [
        number
        for number, line in enumerate(lines[:end], start=1)
        if line.strip("\r") and number not in places
    ]
    if lost:
        yield f"lines {lost[:5]} are nowhere"


def _header_end(lines: list[str], dialect: str) -> int:
    """The last line of the header, below so many records as are said to be above."""
    above = re.search(r"(\d+) rows above", dialect)
    records = 1 + int(above[1]) if above else 1
    record = ""
    for number, line in enumerate(lines, start=1):
        record += line
        if record.strip() and record.count('"') % 2 == 0:
            record, records = "", records - 1
        if not records:
            return number
    raise AssertionError("a file without a header has landed")


def _lost_objects(text: str, row: LedgerRow, landed: Landed) -> Iterator[str]:
    """Objects that have a line for themselves, and are neither row nor reject."""
    cells = {cell for cells in landed.rows.values() for cell in cells if cell}
    whole = "\0".join([*cells, *landed.rejects.values()])
    last = max([*landed.rows, *landed.rejects], default=0)
    for number, line in enumerate(text.split("\n")[:last], start=1):
        if line.startswith("{"):
            with suppress(ValueError, RecursionError):
                email = json.loads(line.rstrip().removesuffix(",")).get("email")
                if str(email or "") not in cells and str(email or "") not in whole:
                    yield f"the object of line {number} is nowhere"
