"""`make bench`: what linking costs beside one hash join over the same edges.

    python -m benchmarks.edges [--edges 10000000]

Records and identifiers of an invented population, keys and values as text, of
people with one to six records each. Resolving is numbering the texts,
limits and blocks, and components. The measure is one step over the same edges: group
the values, join them back, group the records. Each has a process of its own. Prints a
table and writes `var/bench/edges.json`; fails above 2.5 times the CPU or 3 GiB.
"""

import argparse
import json
import sys
import time

import duckdb

from benchmarks.processes import measure_each, peak_gib, write_report
from orchestration.lib.identity.components import create_components
from orchestration.lib.identity.decisions import load_decisions
from orchestration.lib.identity.evidence import (
    IdentifierType,
    find_evidence,
    load_types,
)
from orchestration.lib.identity.features import create_features
from orchestration.lib.identity.resolution import create_nodes
from orchestration.lib.identity.scope import read_delivered
from orchestration.lib.identity.scoring import IdentityMacros
from orchestration.settings import MACROS

MOST_CPU, MOST_GIB = 2.5, 3.0

# A third of the edges each are e-mails, phones and card numbers. A person has one to
# six records, one or two mailboxes, one phone, and a card that only some records know.
EDGES = """
create table identifiers as
select
    ['hubspot', 'shopify', 'mailchimp'][1 + record % 3] as source,
    ['contacts', 'customers', 'members'][1 + record % 3] as export,
    (record * 2654435761 % 4294967296)::varchar as record_id,
    kind as identifier_type,
    case kind
        when 'email' then concat('person.', person, '.', record % 2, '@mail.ru')
        when 'phone' then concat('+7916', lpad(person::varchar, 8, '0'))
        else concat('card-', if(record % 4 = 0, record, person))
    end as identifier_value
from (
    select
        record,
        record // 12 * 12 + record % 12 // (1 + hash(record // 12) % 6)::bigint
            as person,
        unnest(['email', 'phone', 'card']) as kind
    from range($edges // 3) as records(record)
)
"""
STEP = """
create table heads as
with
leads as (
    select identifier_type, identifier_value, min(record_id) as head
    from identifiers
    group by identifier_type, identifier_value
)
select source, export, record_id, min(leads.head) as head
from identifiers
inner join leads using (identifier_type, identifier_value)
group by source, export, record_id
"""
RECORDS = """
create table records as
select distinct source, export, record_id, null::timestamp as first_seen_at
from identifiers
"""


def main() -> None:
    """Measure the two, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, default=10_000_000)
    parser.add_argument("--only", choices=("step", "resolve"))
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments.edges)))
        return
    results = measure_each("edges", ("step", "resolve"), "--edges", arguments.edges)
    ratio = results["resolve"]["cpu"] / results["step"]["cpu"]
    for name, result in results.items():
        print(
            f"{name:8} {result['cpu']:6.1f} CPU s {result['gib']:5.2f} GiB"
            f" {result['found']:,} found"
        )
    print(f"ratio    {ratio:6.2f}")
    write_report("edges", {**results, "ratio": ratio})
    if ratio > MOST_CPU or results["resolve"]["gib"] > MOST_GIB:
        sys.exit(f"more than {MOST_CPU} times the step, or than {MOST_GIB} GiB")


def measure(what: str, edges: int) -> dict[str, float]:
    """CPU seconds of all threads, peak memory, and how many people were found."""
    with duckdb.connect() as connection:
        connection.execute("set memory_limit = '2300MiB'")
        connection.execute(EDGES, {"edges": edges})
        connection.execute(RECORDS)
        started = time.process_time()
        if what == "step":
            connection.execute(STEP)
            found = connection.execute("select count(distinct head) from heads")
        else:
            resolve(connection)
            found = connection.execute(
                "select count(distinct component) from components"
            )
        cpu = time.process_time() - started
        row = found.fetchone()
        assert row is not None
    return {"cpu": round(cpu, 1), "gib": round(peak_gib(), 2), "found": row[0]}


def resolve(connection: duckdb.DuckDBPyConnection) -> None:
    """Components of records that nothing is known of but their identifiers."""
    macros = IdentityMacros(MACROS)
    load_decisions(connection, [])
    load_types(
        connection,
        [
            IdentifierType(kind, 0.99, 2000, 4, 20)
            for kind in ("email", "phone", "card")
        ],
    )
    read_delivered(connection, records="records", identifiers="identifiers")
    create_nodes(connection)
    create_features(connection, "(select node as record from nodes where false)")
    find_evidence(
        connection,
        macros,
        identifiers="identifiers",
        blocked_identifiers="(select '' as identifier_type, '' as pattern,"
        " '' as reason where false)",
    )
    create_components(connection, macros)


if __name__ == "__main__":
    main()
