"""`make bench`: the whole run as a ratio to merely copying its files, and peak memory.

    python benchmarks/run.py [--customers 100000]

Both are measured in this call, one after the other, as whole processes; absolute times
of a shared machine mean little, ratios hold better. Prints a table and writes
`var/bench/run.json`.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from orchestration.lib.simulate import simulate
from orchestration.settings import PROJECT

AS_OF = "2026-10-31"

COPY = """
import pathlib, sys, duckdb
landing, out = map(pathlib.Path, sys.argv[1:3])
for path in sorted(landing.glob("*/*")):
    if path.parent.name == "truth":
        continue
    reader = (
        f"read_json('{path}')" if path.suffix == ".json"
        else f"read_csv('{path}', all_varchar = true, header = true)"
    )
    target = out / f"{path.parent.name}_{path.stem}.parquet"
    duckdb.execute(f"copy (from {reader}) to '{target}' (compression zstd)")
"""


@dataclass(frozen=True)
class Cost:
    """What a whole process and its children cost."""

    wall_seconds: float
    cpu_seconds: float
    #: Of the largest single process.
    peak_mib: float


def measure(command: list[str], home: Path) -> Cost:
    """Run a command to its end; its output is kept for the case that it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={
            **os.environ,
            "CRM360_HOME": str(home),
            "CRM360_CONFIG": str(home / "crm360.toml"),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output, _ = process.communicate()
    wall = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"{command[0]} failed:\n{output}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(
        wall_seconds=wall,
        cpu_seconds=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        # Never falls, so the commands are measured from the smallest to the largest.
        peak_mib=after.ru_maxrss / 1024,
    )


def main() -> None:
    """Measure copying, a first run and a rerun of one simulated company."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=100_000)
    customers = parser.parse_args().customers
    scratch = Path(tempfile.mkdtemp(prefix="crm360-bench-"))
    try:
        company = simulate(scratch / "exports", customers=customers)
        exports = {
            name: path
            for name, path in company.paths.items()
            if not name.startswith("truth/")
        }
        copies, home = scratch / "copies", scratch / "home"
        copies.mkdir()
        home.mkdir()
        crm360 = str(Path(sys.executable).with_name("crm360"))
        run = [crm360, "run", "--landing", str(company.out), "--as-of", AS_OF]
        costs = {
            "copy to Parquet": measure(
                [sys.executable, "-c", COPY, str(company.out), str(copies)], home
            ),
            "first run": measure(run, home),
            "rerun, nothing new": measure(run, home),
        }
    finally:
        shutil.rmtree(scratch)
    copy = costs["copy to Parquet"]
    rows = sum(company.rows[name] for name in exports)
    print(f"{customers:,} customers, {rows:,} rows, {os.cpu_count()} cores")
    print(f"{'':20} {'wall s':>8} {'ratio':>7} {'cpu s':>8} {'ratio':>7} {'MiB':>7}")
    for name, cost in costs.items():
        print(
            f"{name:20} {cost.wall_seconds:8.1f}"
            f" {cost.wall_seconds / copy.wall_seconds:7.1f} {cost.cpu_seconds:8.1f}"
            f" {cost.cpu_seconds / copy.cpu_seconds:7.1f} {cost.peak_mib:7.0f}"
        )
    report = PROJECT / "var" / "bench" / "run.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(
        json.dumps(
            {
                "customers": customers,
                "costs": {name: asdict(cost) for name, cost in costs.items()},
                "wall_ratio": costs["first run"].wall_seconds / copy.wall_seconds,
                "cpu_ratio": costs["first run"].cpu_seconds / copy.cpu_seconds,
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
