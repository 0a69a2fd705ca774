"""`make bench`: what KPIs cost beside reading what they are made from.

    python -m benchmarks.kpis [--customers 1000000]

A company of invented staged rows: five orders, and twenty events of messages, for each
customer, over three years. `scan` hashes every column of every staged row once;
`build` is dbt's run of orders, touches, sends and all KPI marts from the same tables.
Prints a table and writes `var/bench/kpis.json`; fails when `build` takes more than four
times the CPU of `scan`, or more than 8 GiB.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from benchmarks.processes import measure_each, peak_gib, write_report
from orchestration.lib.simulate import simulate

MOST_CPU, MOST_GIB = 4.0, 8.0
AS_OF = "2026-10-31"
#: Sends, messages, orders, touches and KPIs; not identity, consent and segments.
MODELS = (
    *("path:../models/intermediate/orders", "path:../models/intermediate/touchpoints"),
    *("path:../models/intermediate/kpi", "int_messages", "int_sends"),
    "path:../models/marts/kpi",
)
#: By segments and channels of today; neither is made from orders and events.
OTHERS = ("rfm", "reachability")

#: Filled tables by name; each `select` may leave out columns.
INVENTED = {
    "staging.stg_shopify__orders": """
        select
            concat('#', i) as order_name,
            cast(5000000000000 + i as varchar) as shopify_order_id,
            concat('SKU-', hash(i * 3) % 500) as sku,
            '83b2190eafbed256' as _file_id,
            i + 2 as _line,
            concat('user', hash(i) % {customers}, '@example.org') as email,
            concat('+79', 100000000 + hash(i) % {customers}) as phone,
            concat('Ivan', hash(i) % 999, ' Petrov', hash(i) % {customers})
                as billing_name,
            concat('City ', hash(i) % 300) as billing_city,
            'RU' as billing_country,
            case when i % 10 = 0 then 'pending' else 'paid' end as financial_status,
            case when i % 10 <> 0 then 'fulfilled' end as fulfillment_status,
            'RUB' as currency,
            concat('Sleeping bag Winter ', hash(i * 3) % 500) as product_name,
            1 + i % 3 as quantity,
            1000 + hash(i * 5) % 9000 as unit_price,
            case when i % 4 = 0 then 100 else 0 end as order_discount_amount,
            case when i % 50 = 0 then 200 else 0 end as order_refund_amount,
            (1 + i % 3) * (1000 + hash(i * 5) % 9000) as order_subtotal_amount,
            true as accepts_marketing,
            timestamp '2023-11-01' + to_seconds(cast(hash(i * 7) % 94000000 as bigint))
                as ordered_at
        from range(5 * {customers}) as orders (i)
    """,
    "staging.stg_shopify__products": """
        select concat('SKU-', i) as sku, 500 + i as unit_cost
        from range(500) as products (i)
    """,
    "staging.stg_identity__customer_ids": """
        select
            'shopify' as source,
            'orders' as export,
            cast(5000000000000 + i as varchar) as record_id,
            concat('c_', printf('%016x', hash(hash(i) % {customers} + 1)))
                as customer_id
        from range(5 * {customers}) as orders (i)
    """,
    "staging.stg_sendgrid__events": """
        select
            left(to_base64(encode(md5(cast(i as varchar)))), 22) as event_id,
            concat(
                left(md5(cast(i // 20 * 9 + i % 20 % 9 as varchar)), 22),
                '.filter0001p3mdw1-', i // 20 % 1000, '-0'
            ) as provider_message_id,
            concat('campaign-', hash(i // 20 * 9 + i % 20 % 9) % 300) as campaign_id,
            '4c1d7e5fd1c0b3aa' as _file_id,
            i + 1 as _line,
            concat('user', hash(i // 20 * 9 + i % 20 % 9) % {customers}, '@example.org')
                as email,
            case
                when i % 20 < 9 then 'processed'
                when i % 20 < 18 then 'delivered'
                when i % 20 = 18 then 'open'
                else 'click'
            end as event_kind,
            concat('newsletter-', i % 12) as category,
            case
                when i % 20 = 19
                    then concat('https://shop.example.com/p/', i % 500, '?utm=', i)
            end as url,
            i % 40 = 18 as is_mail_proxy,
            timestamp '2023-11-01' + to_seconds(
                cast(hash(i // 20 * 9 + i % 20 % 9) % 94000000 + i % 20 * 30 as bigint)
            ) as happened_at
        from range(20 * {customers}) as events (i)
    """,
    "staging.stg_ads__campaign_costs": """
        select
            '5d1d7e5fd1c0b3aa' as _file_id,
            i + 1 as _line,
            'email' as channel,
            concat('campaign-', i % 300) as campaign_id,
            'RUB' as currency,
            1000 as cost_amount,
            date '2023-11-01' + cast(i % 1088 as integer) as cost_on
        from range(200000) as costs (i)
    """,
    "intermediate.int_customer_contact_points": """
        select
            concat('c_', printf('%016x', hash(i + 1))) as customer_id,
            'email' as channel,
            concat('user', i, '@example.org') as contact_point,
            true as is_owner
        from range({customers}) as customers (i)
    """,
    "intermediate.int_customer_attributes": """
        select
            concat('c_', printf('%016x', hash(i + 1))) as customer_id,
            case when i % 10 = 0 then 'Kazakhstan' else 'Russia' end as country
        from range({customers}) as customers (i)
    """,
    "marts.main.segment_members": """
        select
            case when i % 2 = 0 then 'active' else 'lapsed' end as segment,
            concat('c_', printf('%016x', hash(i + 1))) as customer_id
        from range({customers}) as customers (i)
    """,
}


def main() -> None:
    """Measure both, print, and say whether the bounds hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("scan", "build"), help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        measure = {"scan": scan, "build": build}[arguments.only]
        print(json.dumps(measure(arguments.home)))
        return
    with tempfile.TemporaryDirectory(prefix="crm360-bench-") as scratch:
        home = Path(scratch)
        invent(home, arguments.customers)
        results = measure_each("kpis", ("scan", "build"), "--home", home)
    ratio = results["build"]["cpu"] / results["scan"]["cpu"]
    for name, result in results.items():
        print(f"{name:6} {result['cpu']:7.1f} CPU s {result['gib']:6.2f} GiB")
    print(f"ratio  {ratio:7.1f}")
    for model, seconds in results["build"]["models"].items():
        print(f"  {model:26} {seconds:6.1f} s")
    write_report("kpis", {**results, "ratio": ratio})
    if ratio > MOST_CPU or results["build"]["gib"] > MOST_GIB:
        sys.exit(f"more than {MOST_CPU} times the scan, or than {MOST_GIB} GiB")


def invent(home: Path, customers: int) -> None:
    """A small company's databases, its staged rows replaced by invented ones."""
    company = simulate(home / "exports", customers=100)
    crm360 = str(Path(sys.executable).with_name("crm360"))
    subprocess.run(
        [crm360, "run", "--landing", str(company.out), "--as-of", AS_OF],
        env={
            **os.environ,
            "CRM360_HOME": str(home),
            "CRM360_CONFIG": str(home / "crm360.toml"),
        },
        check=True,
        stdout=subprocess.DEVNULL,
    )
    with _connect(home) as connection:
        staged = connection.execute(
            "select database_name || '.' || schema_name || '.' || table_name"
            " from duckdb_tables() where schema_name in ('staging', 'kpi_history')"
        ).fetchall()
        for (table,) in staged:
            connection.execute(f"truncate {table}")
        for table, rows in INVENTED.items():
            connection.execute(f"truncate {table}")
            connection.execute(
                f"insert into {table} by name {rows.format(customers=customers)}"
            )


def scan(home: Path) -> dict[str, object]:
    """Read every value of the staged tables once."""
    with _connect(home) as connection:
        before = time.process_time()
        for table in INVENTED:
            connection.execute(f"select bit_xor(hash(columns(*))) from {table}")
        return {"cpu": time.process_time() - before, "gib": peak_gib()}


def build(home: Path) -> dict[str, object]:
    """Run the models with dbt, as a run does."""
    from orchestration.dbt import invoke_dbt, parsed_manifest

    os.environ["CRM360_HOME"] = str(home)
    manifest = parsed_manifest()
    before = time.process_time()
    result = invoke_dbt(
        [
            *("run", "--select", *MODELS, "--exclude", *OTHERS),
            *("--vars", json.dumps({"as_of_date": AS_OF})),
        ],
        target=home / "dbt",
        manifest=manifest,
    )
    if not result.success:
        sys.exit(f"dbt failed: {home / 'dbt' / 'dbt.log'}")
    took = {each.node.name: each.execution_time for each in result.result.results}
    return {
        "cpu": time.process_time() - before,
        "gib": peak_gib(),
        "models": dict(sorted(took.items(), key=lambda item: -item[1])),
    }


def _connect(home: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(home / "warehouse.duckdb"))
    connection.execute("set threads = 2")
    connection.execute(f"attach '{home / 'marts.duckdb'}' as marts")
    return connection


if __name__ == "__main__":
    main()
