"""What landing costs: ratios of CPU to DuckDB's `read_csv`, which may lose rows.

    python benchmarks/landing.py [--rows 1000000] [--rounds 5]

A clean file and a messy one in cp1251 are landed by us and copied to Parquet by DuckDB
(the messy one from UTF-8, in which it reads it), in turns, each time in a new process,
whose imports are not counted. Then the same folder is delivered again: as it lies
there, whose digests are kept, and as a copy of it, whose bytes are all hashed. What it
costs is said as a share of landing it first, and of landing it and judging it by the
rules of five of its ten columns, the least that a first delivery costs. Prints a table
and writes `var/bench/landing.json`; fails above the bounds.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestration.lib.landing.contract import ExportContract
    from orchestration.lib.landing.lander import LedgerRow

PROJECT = Path(__file__).parents[1]
COLUMNS = (
    "order_id", "created_at", "email", "full_name", "phone", "city", "status",
    "amount", "currency", "comment",
)  # fmt: skip
NAMES = (
    "Анна Иванова",
    "Иван Петров",
    "Елена Смирнова",
    "Пётр Кузнецов",
    "Ольга Козлова",
)
CITIES = ("Москва", "Казань", "Санкт-Петербург", "Новосибирск", "Самара", "Омск", "Уфа")
STATUSES = ("paid", "pending", "refunded", "cancelled")
#: What is wrong with rows of the messy file, and with every how many of them.
DEFECTS = {
    "short": 2039,
    "long": 1979,
    "NUL": 5113,
    "inch mark": 5099,
    "unclosed quote": 499_979,
}


#: Of the cost of DuckDB's copy, by file.
MOST_OF_DUCKDB = {"clean": 1.8, "messy": 2.5}
#: Of landing, where the files lie there as before; of landing and judging them, where
#: they were copied: a file is known by its content, and to hash it is all of this.
MOST_OF_FIRST_DELIVERY = 0.05
#: What is asked of the columns when their files are judged, by its parser.
SUITE = {
    "email": "email_address",
    "phone": "phone_number",
    "amount": "parse_amount",
    "currency": "parse_currency",
}


@dataclass(frozen=True)
class File:
    """A generated file, and what is in it by kind of line."""

    name: str
    path: Path
    #: The same text as DuckDB can read it.
    utf8_path: Path
    delimiter: str
    lines: Counter[str]

    @property
    def records(self) -> int:
        """Rows that are right, however odd they look."""
        return sum(self.lines[kind] for kind in ("plain", "NUL", "inch mark"))

    @property
    def rejects(self) -> int:
        """Lines that fit no record."""
        return sum(self.lines[kind] for kind in ("short", "long", "unclosed quote"))


@dataclass(frozen=True)
class Cost:
    """What a call cost in a process of its own, and what it returned."""

    cpu_seconds: float
    wall_seconds: float
    peak_mib: float
    rows: int
    rejects: int
    reason: str | None


# -- files --------------------------------------------------------------------------


def generate(folder: Path, rows: int, *, is_messy: bool) -> File:
    """Write a file of so many rows; the same arguments give the same bytes."""
    folder.mkdir(exist_ok=True)
    name = "messy" if is_messy else "clean"
    path, utf8_path = folder / f"{name}.csv", folder / f"{name}_utf8.csv"
    delimiter = ";" if is_messy else ","
    lines: Counter[str] = Counter(header=1)
    with utf8_path.open("w", encoding="utf-8", newline="") as file:
        file.write(f"{delimiter.join(COLUMNS)}\n")
        for number in range(rows):
            kind = _kind(number) if is_messy else "plain"
            cells = _cells(number, is_plain=kind == "plain")
            lines[kind] += 1
            lines["continuation"] += cells[-1].count("\n")
            quoted = [_quoted(cell, delimiter) for cell in cells]
            if kind == "short":
                quoted = quoted[:7]
            elif kind == "long":
                quoted.append("лишнее")
            elif kind == "NUL":
                quoted[3] = quoted[3].replace(" ", "\0")
            elif kind == "inch mark":
                quoted[9] = 'труба 5"'
            elif kind == "unclosed quote":
                quoted[3] = f'"{quoted[3]}'
            file.write(f"{delimiter.join(quoted)}\n")
            if is_messy and number % 8999 == 0:
                lines["blank"] += 1
                file.write("\n")
    if is_messy:
        with (
            utf8_path.open(encoding="utf-8", newline="") as text,
            path.open("w", encoding="cp1251", newline="") as file,
        ):
            shutil.copyfileobj(text, file)
    else:
        path = utf8_path
    return File(name, path, utf8_path, delimiter, lines)


def _kind(number: int) -> str:
    for kind, period in DEFECTS.items():
        if number % period == 1:
            return kind
    return "plain"


def _cells(number: int, *, is_plain: bool) -> list[str]:
    mixed = number * 2_654_435_761 % 2**32
    comment = f"позвонить за {mixed % 90} минут" if mixed % 3 == 0 else ""
    if is_plain and number % 100 == 7:
        comment = f"привезти {mixed % 1000}\nпосле {mixed % 24}"
    elif is_plain and number % 50 == 13:
        comment = f'подъезд {mixed % 9}, "Ромашка"; этаж {mixed % 17}'
    return [
        str(1_000_000 + number),
        f"2026-{mixed // 7 % 12 + 1:02}-{mixed % 28 + 1:02}T{mixed // 11 % 24:02}:00",
        f"user{mixed % 700_000}@example.com",
        NAMES[mixed // 3 % 5],
        f"+7 9{mixed % 10**9:09}",
        CITIES[mixed // 9 % 7],
        STATUSES[mixed // 19 % 4],
        f"{mixed % 100_000 / 100:.2f}",
        "RUB",
        comment,
    ]


def _quoted(cell: str, delimiter: str) -> str:
    if any(mark in cell for mark in (delimiter, '"', "\n")):
        return '"' + cell.replace('"', '""') + '"'
    return cell


# -- measuring ----------------------------------------------------------------------


def land(path: Path, out: Path, delimiter: str) -> tuple[int, int, str | None]:
    """Land a file as a run does: hashed, decoded, parsed, accounted for, written."""
    from datetime import UTC, datetime

    from orchestration.lib.landing.inspection import identify
    from orchestration.lib.landing.lander import land_file

    now = datetime(2026, 10, 31, tzinfo=UTC)
    row = land_file(path.name, identify(path), contract(), out, now)
    return row.rows_delivered - row.rows_rejected, row.rows_rejected, row.reason


def contract() -> "ExportContract":
    """What the generated files promise."""
    from orchestration.lib.landing.contract import ExportContract

    return ExportContract(
        source="bench",
        export="orders",
        description="",
        files=("*.csv",),
        columns=COLUMNS,
        required=frozenset({"order_id"}),
        encoding="cp1251",
    )


@dataclass(frozen=True)
class Deliveries:
    """CPU seconds of a folder's first delivery, and of the same again."""

    landing: float
    judging: float
    in_place: float
    copied: float

    def shares(self) -> dict[str, float]:
        """What the same again costs, as a share of the first delivery."""
        return {
            "in place, of landing": self.in_place / self.landing,
            "copied, of landing": self.copied / self.landing,
            "copied, of landing and judging": self.copied
            / (self.landing + self.judging),
        }


def deliver_again(folder: Path) -> Deliveries:
    """Land the files of a folder and judge them; land them again, and a copy."""
    from datetime import UTC, datetime, timedelta

    from orchestration.lib.landing.lander import land_export
    from orchestration.lib.landing.landing_place import delivered_files

    now = datetime.now(UTC) + timedelta(minutes=1)  # files are old enough to be known
    known: list[LedgerRow] = []  # what the ledger would say
    with tempfile.TemporaryDirectory() as name:
        out = Path(name)

        def landing(place: Path) -> float:
            before = _cpu_seconds()
            files = delivered_files(place)
            known.extend(
                land_export(contract(), files, raw=out / "raw", known=known, now=now)
            )
            return _cpu_seconds() - before

        first = landing(folder)
        judging = judge(out, known)
        in_place = landing(folder)
        shutil.copytree(folder, out / "copy", ignore=shutil.ignore_patterns("tiny"))
        copied = landing(out / "copy")
    return Deliveries(first, judging, in_place, copied)


def judge(out: Path, landed: list["LedgerRow"]) -> float:
    """CPU seconds of the gate's verdicts on landed files."""
    from orchestration.lib.landing import ledger
    from orchestration.lib.landing.lander import rejects_path
    from orchestration.lib.quality import contacts, judge
    from orchestration.lib.quality.rules import RuleContext
    from orchestration.lib.quality.sql_macros import SqlMacros
    from orchestration.lib.quality.suites import read_suite
    from orchestration.lib.warehouse import connect
    from orchestration.settings import MACROS, SEEDS

    before = _cpu_seconds()
    path = out / "bench" / "orders.json"
    path.parent.mkdir()
    expectations = [
        {"type": "expect_column_values_to_parse", "severity": "warning",
         "kwargs": {"column": column, "parser": parser}}
        for column, parser in SUITE.items()
    ]  # fmt: skip
    expectations.append(
        {"type": "expect_column_values_to_keep_rule", "severity": "critical",
         "kwargs": {"column": "order_id", "rule": "missing"}}
    )  # fmt: skip
    path.write_text(json.dumps({"name": "bench", "expectations": expectations}))
    export = judge.JudgedExport(
        source="bench", export="orders", columns=COLUMNS, drops_duplicates=True,
        grouped_by=None, group_header=None,
    )  # fmt: skip
    with connect(out / "warehouse.duckdb") as connection:
        ledger.create_ledger(connection, out / "raw")
        ledger.create_raw_table(connection, contract(), out / "raw")
        judge.create_tables(connection)
        contacts.create_tables(connection, "1")
        contacts.classify(
            connection,
            contacts.ContactClassifier(SEEDS, "RU"),
            rows=export.table,
            email_columns=["email"],
            phone_columns=["phone"],
        )
        judge.judge(
            connection,
            export,
            read_suite(out, "bench", "orders"),
            RuleContext(
                macros=SqlMacros(MACROS, {"business_timezone": "Europe/Moscow"}),
                seeds=SEEDS,
                base_currency="RUB",
                fx_max_age_days=35,
            ),
            rejects={row.file_id: rejects_path(out / "raw", row) for row in landed},
            rules_version="1",
        )
    return _cpu_seconds() - before


def copy(path: Path, out: Path, delimiter: str) -> tuple[int, int, str | None]:
    """Copy a file to Parquet by DuckDB, and count what it sets aside."""
    import duckdb

    with duckdb.connect() as connection:
        [(rows,)] = connection.execute(
            f"copy (from read_csv('{path}', all_varchar = true, header = true,"
            f" delim = '{delimiter}', quote = '\"', escape = '\"',"
            f" store_rejects = true)) to '{out}/copy.parquet' (compression zstd)"
        ).fetchall()
        [(rejects,)] = connection.execute(
            "select count(distinct line_byte_position) from reject_errors"
        ).fetchall()
    return rows, rejects, None


Work = Callable[[Path, Path, str], tuple[int, int, str | None]]


def measured(work: Work, path: Path, tiny: Path, delimiter: str) -> Cost:
    """The cost of a call, after one on a tiny file has loaded all that it needs."""
    with tempfile.TemporaryDirectory() as folder:
        work(tiny, Path(folder), delimiter)
        started, before = time.perf_counter(), _cpu_seconds()
        rows, rejects, reason = work(path, Path(folder), delimiter)
        return Cost(
            cpu_seconds=_cpu_seconds() - before,
            wall_seconds=time.perf_counter() - started,
            # Linux counts in KiB, macOS in bytes.
            peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            / (2**20 if sys.platform == "darwin" else 2**10),
            rows=rows,
            rejects=rejects,
            reason=reason,
        )


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def in_new_process(work: Work, path: Path, tiny: Path, delimiter: str) -> Cost:
    """`measured`, where nothing has run before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(measured, work, path, tiny, delimiter).result()


def cost_of_delivering_again(folder: Path, tiny: Path) -> dict[str, float]:
    """What the same delivery costs again, as shares of the first one."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        process.submit(deliver_again, tiny).result()
        return process.submit(deliver_again, folder).result().shares()


def compare(file: File, tiny: File, rounds: int) -> Iterator[tuple[Cost, Cost]]:
    """Ours and DuckDB's costs of a file, in turns."""
    for _ in range(rounds):
        yield (
            in_new_process(land, file.path, tiny.path, file.delimiter),
            in_new_process(copy, file.utf8_path, tiny.utf8_path, file.delimiter),
        )


# -- reports ------------------------------------------------------------------------


def _cpu(cost: Cost) -> float:
    return cost.cpu_seconds


def report(file: File, costs: list[tuple[Cost, Cost]]) -> dict[str, Any]:
    """Print a file's line of the table, of the cheapest rounds; all of it as JSON."""
    ratios = [ours.cpu_seconds / duckdb.cpu_seconds for ours, duckdb in costs]
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    ours = min((ours for ours, _ in costs), key=_cpu)
    duckdb = min((duckdb for _, duckdb in costs), key=_cpu)
    print(
        f"{file.name:6} {ours.cpu_seconds:8.2f} {duckdb.cpu_seconds:8.2f}"
        f"   {middle:.2f} ({low:.2f} to {high:.2f})"
        f" {ours.peak_mib:8.0f} {duckdb.peak_mib:8.0f}"
    )
    return {
        "lines": file.lines,
        "cpu_ratio": {"min": low, "median": middle, "max": high},
        "ours": [asdict(ours) for ours, _ in costs],
        "duckdb": [asdict(duckdb) for _, duckdb in costs],
    }


def account(file: File, ours: Cost, duckdb: Cost) -> str:
    """Where every line is; ends the process if one of them is not."""
    if (ours.rows, ours.rejects) != (file.records, file.rejects):
        sys.exit(f"{file.name}: {ours} of {file.lines}")
    lost = file.records + file.rejects - duckdb.rows - duckdb.rejects
    return (
        f"{file.name}: {file.lines.total():,} lines = 1 header + {ours.rows:,} rows"
        f" + {file.lines['continuation']:,} more lines of theirs + {ours.rejects:,}"
        f" rejects + {file.lines['blank']:,} blank; DuckDB has {duckdb.rows:,} rows and"
        f" {duckdb.rejects:,} rejects, {lost:,} are nowhere"
    )


def main() -> None:
    """Compare, and deliver again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()

    rounds = f"{options.rounds} rounds, {os.cpu_count()} cores"
    print(f"landing {options.rows:,} rows, {rounds}")
    print(f"{'':6} {'cpu s':>8} {'DuckDB':>8}   {'ratio':20} {'MiB':>6} {'DuckDB':>8}")
    figures, accounts = {}, []
    with tempfile.TemporaryDirectory(prefix="crm360-bench-") as scratch:
        for is_messy in (False, True):
            file = generate(Path(scratch), options.rows, is_messy=is_messy)
            tiny = generate(Path(scratch, "tiny"), 100, is_messy=is_messy)
            costs = list(compare(file, tiny, options.rounds))
            figures[file.name] = report(file, costs)
            accounts.append(account(file, *costs[0]))
        again = [
            cost_of_delivering_again(Path(scratch), Path(scratch, "tiny"))
            for _ in range(options.rounds)
        ]
    shares = {what: min(each[what] for each in again) for what in again[0]}
    for what, share in shares.items():
        print(f"the same folder again, {what}: {share:.1%}")
    print(*accounts, sep="\n")
    report_path = PROJECT / "var" / "bench" / "landing.json"
    report_path.parent.mkdir(parents=True, exist_ok=True)
    report_path.write_text(json.dumps({**figures, "again": shares}, indent=2))
    bounded = ("in place, of landing", "copied, of landing and judging")
    if max(shares[what] for what in bounded) > MOST_OF_FIRST_DELIVERY or any(
        figures[name]["cpu_ratio"]["median"] > most
        for name, most in MOST_OF_DUCKDB.items()
    ):
        sys.exit("landing costs too much")


if __name__ == "__main__":
    main()
