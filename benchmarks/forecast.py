"""`make bench`: what forecasting a million customers costs.

    python -m benchmarks.forecast [--customers 1000000]

Orders of an invented population over two years, drawn from the models themselves, with
two sources. All of it counts: histories, the fits of the company and of each source,
whole and cut, the comparison with the naive forecast, and every customer's figures. The
measure is one scan of the orders (count, sum, days). Each has a process of its own.
Prints a table and writes `var/bench/forecast.json`; fails above 60 CPU seconds or
3 GiB.
"""

import argparse
import json
import sys
import time
from datetime import date

import duckdb
import numpy as np

from benchmarks.processes import measure_each, peak_gib, write_report
from orchestration.lib.forecast.bg_nbd import BgNbd
from orchestration.lib.forecast.company import COMPANY, forecast_customers
from orchestration.lib.forecast.gamma_gamma import GammaGamma
from tests.forecast.draws import draw_orders

MOST_CPU, MOST_GIB = 60.0, 3.0
AS_OF, DAYS = date(2026, 10, 31), 730
ORDERS, VALUE = BgNbd(0.25, 4.5, 0.8, 2.5), GammaGamma(6.0, 4.0, 1500.0)
DIMENSIONS = {"first_source": "source", COMPANY: None}


def main() -> None:
    """Measure the two, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("scan", "forecast"))
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments.customers)))
        return
    results = measure_each(
        "forecast", ("scan", "forecast"), "--customers", arguments.customers
    )
    ratio = results["forecast"]["cpu"] / results["scan"]["cpu"]
    for name, result in results.items():
        print(
            f"{name:8} {result['cpu']:7.2f} CPU s {result['gib']:5.2f} GiB"
            f" {result['rows']:,} rows"
        )
    print(f"ratio    {ratio:7.0f}")
    for name, parameters in results["forecast"]["fits"].items():
        print(f"{name:22} {parameters}")
    write_report("forecast", {**results, "ratio": ratio})
    if results["forecast"]["cpu"] > MOST_CPU or results["forecast"]["gib"] > MOST_GIB:
        sys.exit(f"more than {MOST_CPU} CPU seconds, or than {MOST_GIB} GiB")


def measure(what: str, customers: int) -> dict[str, object]:
    """CPU seconds of all threads, peak memory, rows, and the fits."""
    fits = {}
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '2GiB'")
        invent(connection, customers)
        started = time.process_time()
        if what == "scan":
            found = connection.execute(
                "select count(amount), sum(amount), max(ordered_at), min(source),"
                " max(ordered_on), max(customer_id), max(order_id) from orders"
            )
        else:
            forecast = forecast_customers(
                connection,
                "orders",
                as_of=AS_OF,
                dimensions=DIMENSIONS,
                least_customers=500,
            )
            assert forecast is not None
            fits = {
                segment.name: f"{fit.orders} {fit.value} {fit.value_reason}"
                for segment, fit in forecast.fits.items()
            }
            found = connection.execute("select count(*) from customer_forecasts")
        (rows, *_) = found.fetchone() or (0,)
        cpu = time.process_time() - started
    return {
        "cpu": round(cpu, 2),
        "gib": round(peak_gib(), 2),
        "rows": rows,
        "fits": fits,
    }


def invent(connection: duckdb.DuckDBPyConnection, customers: int) -> None:
    """Write the table `orders`: a draw from the two models, in chunks."""
    connection.execute(
        """
        create table orders (
            customer_id varchar, order_id varchar, source varchar, ordered_on date,
            ordered_at timestamp, amount decimal(38, 6)
        )
        """
    )
    generator = np.random.default_rng(360)
    for first in range(0, customers, 100_000):
        number = min(100_000, customers - first)
        drawn = draw_orders(generator, number, DAYS, ORDERS, VALUE)
        connection.register("drawn", drawn)
        connection.execute(
            f"""
            insert into orders
            select
                concat('c_', substr(sha256(concat('c', customer + {first})), 1, 16)),
                concat('shop:', row_number() over () + {first} * 100),
                if((customer * 7919) % 10 < 3, 'woocommerce', 'shopify'),
                date '{AS_OF}' - {DAYS} + day,
                timestamp '{AS_OF}' - to_days({DAYS}) + to_days(day),
                amount
            from drawn
            """
        )
        connection.unregister("drawn")


if __name__ == "__main__":
    main()
