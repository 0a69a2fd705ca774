"""What a simulated company costs: `python benchmarks/simulate.py 1000000`."""

import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from orchestration.lib.simulate import simulate


@click.command()
@click.argument("customers", type=int, default=100_000)
@click.option("--threads", type=int, help="Default: one per core.")
def main(customers: int, threads: int | None) -> None:
    """Simulate a company of CUSTOMERS; print the sizes, the time and the memory."""
    with TemporaryDirectory() as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        company = simulate(
            Path(folder) / "company", customers=customers, threads=threads
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu

        for name, rows in company.rows.items():
            size = company.paths[name].stat().st_size
            click.echo(f"{name:36}{rows:>12,} rows{size:>16,} bytes")

    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    click.echo(
        f"wall {wall:.1f} s, CPU {cpu:.1f} s, peak memory {peak / 2**20:,.0f} MiB"
    )


if __name__ == "__main__":
    main()
