"""`make bench`: what it costs to plan and send audiences, and what faults do to it.

    python -m benchmarks.activation [--members 1000000] [--sent 100000] [--steps 10000]

plan: a million members of whom the destination holds as many and 1 % have changed; the
CPU seconds of the plan beside those of hashing the table once. faults: members sent to
a local server of which 30 % of all requests meet a fault of every kind, until nothing
is left to do, beside the same without faults; nothing may be lost or doubled.
dlt, drt: the same rows to the same server by each of them, in requests of the same size
and in those of its own choice (drt's, of one row, for a tenth of them). histories:
random steps with faults and kills, after which the promises are checked. Prints a table
and writes `var/bench/activation.json`; fails where a bound is broken (`_broken`).
"""

import argparse
import dataclasses
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dlt
import duckdb
import httpx
from drt.config.credentials import DuckDBProfile
from drt.config.models import SyncConfig
from drt.destinations.rest_api import RestApiDestination
from drt.engine.sync import run_sync
from drt.sources.duckdb import DuckDBSource

from benchmarks.processes import measure_each, peak_gib, write_report
from orchestration.lib.activation.apply import apply_made
from orchestration.lib.activation.destinations.base import Destination
from orchestration.lib.activation.destinations.webhook import WebhookOptions
from orchestration.lib.activation.mapping import Field
from orchestration.lib.activation.plan import write_plan
from orchestration.lib.activation.state import Sync, opened
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.receiver import WebhookReceiver
from orchestration.lib.sandbox.server import application, running
from tests.destinations.conftest import AS_OF, World, sync_of, webhook_to
from tests.destinations.histories import NO_LIMITS, STEPS, History

MEASUREMENTS = ("plan", "sync", "dlt", "drt", "faults", "histories")
BATCH_ROWS = 500
#: Those of the project's own audience.
FIELDS = ("email", "first_name", "last_name", "last_order_on", "revenue_to_date")
#: The same as JSON can hold them.
_COLUMNS = """
customer_id, email, first_name, last_name,
cast(last_order_on as varchar) as last_order_on,
cast(revenue_to_date as double) as revenue_to_date
"""


def main() -> None:
    """Measure each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--sent", type=int, default=100_000)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--only", choices=MEASUREMENTS)
    options = parser.parse_args()
    sizes = {"plan": options.members, "histories": options.steps}
    if options.only:
        measure = {
            "plan": plan,
            "sync": sync,
            "dlt": dlt_,
            "drt": drt_,
            "faults": faults,
            "histories": histories,
        }[options.only]
        found = measure(sizes.get(options.only, options.sent))
        print(json.dumps(found))
        return
    figures = measure_each(
        "activation",
        MEASUREMENTS,
        *("--members", options.members),
        *("--sent", options.sent),
        *("--steps", options.steps),
    )
    for name, found in figures.items():
        print(f"{name:>12}", json.dumps(found))
    write_report("activation", figures)
    if broken := list(_broken(figures)):
        sys.exit(f"out of bounds: {', '.join(broken)}")


def _broken(figures: dict[str, Any]) -> Iterator[str]:
    plan, sync, faults = figures["plan"], figures["sync"], figures["faults"]
    bounds = {
        "plan": plan["plan_cpu"] <= 2 * plan["hash_cpu"],
        "throughput beside dlt": sync["rows_per_second"]
        >= 5 * figures["dlt"]["rows_per_second"],
        "throughput beside drt": sync["rows_per_second"]
        >= 5 * figures["drt"]["rows_per_second"],
        "faults": faults["seconds"] <= 3 * sync["seconds"],
        "nothing lost or doubled": faults["lost"] == faults["doubled"] == 0,
    }
    yield from (name for name, kept in bounds.items() if not kept)


def plan(members: int) -> dict[str, Any]:
    """The cost of a plan in which one of a hundred members has changed."""
    with tempfile.TemporaryDirectory(prefix="crm360-bench-") as folder:
        home = Path(folder)
        _invent(home, members)
        sync = _sync(batch_rows=100_000)
        mapping = sync.mapping
        with opened(home / "activation.duckdb", home / "marts.duckdb") as connection:
            connection.execute(
                f"""
                insert into activation.members
                select
                    'crm', 'winback', {mapping.key("members")}, customer_id,
                    sha256({mapping.payload("members")}),
                    {mapping.hashes("members", "customer_id")},
                    '2026-10-01', 'acknowledged', null, 1, null
                from marts.audience_winback as members
                """
            )
        with duckdb.connect(str(home / "marts.duckdb")) as marts:
            marts.execute(
                "update audience_winback set first_name = concat(first_name, '!')"
                " where hash(customer_id) % 100 = 0"
            )
        with opened(home / "activation.duckdb", home / "marts.duckdb") as connection:
            payload = sync.mapping.payload("members")
            started = time.process_time()
            connection.execute(
                f"create temp table hashed as select customer_id, sha256({payload})"
                " as payload_hash from marts.audience_winback as members"
            )
            hashed = time.process_time()
            made = write_plan(connection, sync, AS_OF)
            planned = time.process_time()
        return {
            "members": members,
            "changes": made.changes,
            "hash_cpu": round(hashed - started, 2),
            "plan_cpu": round(planned - hashed, 2),
            "gib": round(peak_gib(), 2),
        }


def sync(members: int) -> dict[str, Any]:
    """A first sync of so many members to a server that knows no faults."""
    return _timed(members, rate=0.0)


def faults(members: int) -> dict[str, Any]:
    """The same where 30 % of requests meet a fault, until nothing is left to do."""
    return _timed(members, rate=0.3)


def dlt_(members: int) -> dict[str, Any]:
    """The same rows by a destination of dlt, at its own pace and at ours."""
    with tempfile.TemporaryDirectory(prefix="crm360-bench-") as folder:
        os.environ["DLT_DATA_DIR"] = folder
        os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
        home = Path(folder)
        _invent(home, members)
        with duckdb.connect(str(home / "marts.duckdb")) as marts:
            rows = marts.execute(
                f"select {_COLUMNS} from audience_winback"
            ).to_arrow_table()
        seconds = {each: _dlt_seconds(rows, each) for each in (10, BATCH_ROWS)}
    return {
        "members": members,
        "seconds": round(seconds[10], 1),
        "rows_per_second": round(members / seconds[10]),
        "rows_per_second_in_our_batches": round(members / seconds[BATCH_ROWS]),
    }


def _dlt_seconds(rows: Any, batch_rows: int) -> float:  # noqa: ANN401 - of Arrow
    with _server(rate=0.0) as url, httpx.Client() as client:

        @dlt.destination(batch_size=batch_rows, name=f"crm{batch_rows}")
        def crm(items: Any, table: Any) -> None:  # noqa: ANN401 - as dlt calls it
            document = {
                "audience": "winback",
                "rows": [
                    {
                        "operation": "upsert",
                        "key": item["customer_id"],
                        "customer_id": item["customer_id"],
                        "fields": {name: item[name] for name in FIELDS},
                    }
                    for item in items.to_pylist()
                ],
            }
            client.post(url, json=document).raise_for_status()

        pipeline = dlt.pipeline(f"bench{batch_rows}", destination=crm())
        started = time.perf_counter()
        pipeline.run(rows, table_name="winback", loader_file_format="parquet")
        return time.perf_counter() - started


def drt_(members: int) -> dict[str, Any]:
    """The same rows by drt from the same file, at its own pace and at ours."""
    with tempfile.TemporaryDirectory(prefix="crm360-bench-") as folder:
        home = Path(folder)
        _invent(home, members)
        few = members // 10
        one_by_one = few / _drt_seconds(home, 1, few)
        in_batches = members / _drt_seconds(home, BATCH_ROWS, members)
    return {
        "members": members,
        "rows_per_second": round(one_by_one),
        "rows_per_second_in_our_batches": round(in_batches),
    }


def _drt_seconds(home: Path, batch_rows: int, members: int) -> float:
    fields = ", ".join(f"'{name}': row.{name}" for name in FIELDS)
    row = (
        "{{ {'operation': 'upsert', 'key': row.customer_id,"
        f" 'customer_id': row.customer_id, 'fields': {{{fields}}}}} | tojson }}}}"
    )
    comma = "{{ ',' if not loop.last }}"
    template = (
        {"body_template": f'{{"audience": "winback", "rows": [{row}]}}'}
        if batch_rows == 1
        else {
            "body_mode": "batch",
            "max_records_per_request": batch_rows,
            "batch_template": '{"audience": "winback", "rows": ['
            f"{{% for row in rows %}}{row}{comma}{{% endfor %}}]}}",
        }
    )
    with _server(rate=0.0) as url:
        sync = SyncConfig.model_validate(
            {
                "name": "winback",
                "model": f"select {_COLUMNS} from audience_winback limit {members}",
                "destination": {"type": "rest_api", "url": url, **template},
                "sync": {
                    "batch_size": max(100, batch_rows),
                    "rate_limit": {"requests_per_second": 1_000_000},
                },
            }
        )
        profile = DuckDBProfile("duckdb", str(home / "marts.duckdb"))
        started = time.perf_counter()
        result = run_sync(sync, DuckDBSource(), RestApiDestination(), profile, home)
        seconds = time.perf_counter() - started
    assert result.success == members, "drt sent less than it was given"
    return seconds


def histories(steps: int) -> dict[str, Any]:
    """Random steps, a hundred to a history, each history checked at its end."""
    chance, taken = random.Random(360), 0
    while taken < steps:
        with tempfile.TemporaryDirectory(prefix="crm360-bench-") as folder:
            faults, receiver = Faults(), WebhookReceiver()
            with running(application([receiver], faults)) as server:
                history = History(Path(folder), server, faults, receiver)
                for _ in range(100):
                    history.take(chance.choice((*STEPS, "run", "add")), chance)
                    taken += 1
                history.settle()
                history.check()
    return {"steps": taken}


def _timed(members: int, *, rate: float) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory(prefix="crm360-bench-") as folder,
        _server(rate=rate) as url,
    ):
        home = Path(folder)
        _invent(home, members)
        started, cpu, runs = time.perf_counter(), time.process_time(), 0
        is_done = False
        while not is_done:
            destination = webhook_to(url, timeout_seconds=30, attempts=4)
            is_done = _send(home, _sync(BATCH_ROWS), destination)
            destination.close()
            runs += 1
        seconds = time.perf_counter() - started
        cpu = time.process_time() - cpu
        told = httpx.get(url.replace("/webhook/audiences", "/_counts")).json()
    return {
        "members": members,
        "seconds": round(seconds, 1),
        "cpu": round(cpu, 1),
        "gib": round(peak_gib(), 2),
        "rows_per_second": round(members / seconds),
        "runs": runs,
        "faults": told["faults"],
        "lost": members - told["members"],
        "doubled": told["doubled"],
    }


def _send(home: Path, sync: Sync, destination: Destination[Any]) -> bool:
    """Plan and apply; whether the destination answered for everybody."""
    with opened(home / "activation.duckdb", home / "marts.duckdb") as connection:
        made = write_plan(connection, sync, AS_OF)
        return apply_made(connection, sync, made, destination).problem is None


def _sync(batch_rows: int) -> Sync:
    world = sync_of("winback")
    can = dataclasses.replace(
        world.capabilities, batch_rows=batch_rows, parallel=WebhookOptions.parallel
    )
    fields = tuple(Field(name=name, column=name) for name in FIELDS)
    return dataclasses.replace(world, capabilities=can, fields=fields, limits=NO_LIMITS)


def _invent(home: Path, members: int) -> None:
    World(home)
    with duckdb.connect(str(home / "marts.duckdb")) as marts:
        # With its first value DuckDB imports pandas, which is no part of what follows.
        marts.execute("select ?", [members])
        marts.execute(
            f"""
            alter table audience_winback add column last_name varchar;
            alter table audience_winback add column last_order_on date;
            alter table audience_winback add column revenue_to_date decimal(18, 2);
            insert into audience_winback
            select
                concat('c_', md5(cast(i as varchar))),
                concat('person', i, '@example.com'),
                concat('Person ', i),
                'send',
                concat('Family ', i % 1000),
                date '2026-01-01' + cast(i % 300 as integer),
                i % 100000 / 100
            from range({members}) as t(i);
            insert into customer_consents
            select
                customer_id, 'email', sha256(email), 'marketing', true, null,
                '2026-10-01'
            from audience_winback
            """
        )


@contextmanager
def _server(*, rate: float) -> Iterator[str]:
    """The receiver's address, in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.receiver", str(rate)],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield f"{process.stdout.readline().strip()}/webhook/audiences"
        finally:
            process.terminate()


if __name__ == "__main__":
    main()
