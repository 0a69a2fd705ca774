"""`make bench`: what it costs to normalise contacts that were never seen before.

    python -m benchmarks.contacts [--texts 1000000]

As many distinct texts of e-mail addresses and of telephone numbers, in the spellings
that exports have: capitals, spaces, brackets, 8 and 007 for +7; one of fifty is
foreign, misspelt or wrong, and goes through a library. Prints CPU seconds of all
threads and writes `var/bench/contacts.json`; fails above five for a million of each.
"""

import argparse
import json
import sys
import time

import duckdb

from benchmarks.processes import measure_each, peak_gib, write_report
from orchestration.lib.quality.contacts import (
    ContactClassifier,
    classify,
    create_tables,
)
from orchestration.settings import SEEDS

MOST_CPU_PER_MILLION = 5.0
KINDS = ("email", "phone")

# Alphabets and domains that no pattern knows, letters for digits, and no number at all.
TEXTS = """
create table texts as
select
    case
        when n % 100 = 0 then concat('person', n, '@gmial.com')
        when n % 100 = 50 then concat('реrson', n, '@mail.ru')
        when n % 10 = 1 then concat(' Person.', n, '@Yandex.RU ')
        else concat('person', n, '@mail.ru')
    end as email,
    case
        when n % 200 = 0 then concat('+4930', 10000000 + n)
        when n % 200 = 50 then concat('007916', 1000000 + n)
        when n % 200 = 100 then concat('8916O', right(concat('000000', n), 6))
        when n % 200 = 150 then concat('12-', n)
        when n % 3 = 1 then concat('8 (916) ', 1000000 + n)
        when n % 3 = 2 then concat('+7 916 ', 1000000 + n)
        else concat('+7916', 1000000 + n)
    end as phone
from range($texts) as numbers (n)
"""


def main() -> None:
    """Measure the two, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--only", choices=KINDS)
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(measure(arguments.only, arguments.texts)))
        return
    results = measure_each("contacts", KINDS, "--texts", arguments.texts)
    for name, result in results.items():
        print(
            f"{name:8} {result['cpu']:6.1f} CPU s {result['gib']:5.2f} GiB"
            f" {result['refused']:,} refused"
        )
    write_report("contacts", results)
    cpu = sum(result["cpu"] for result in results.values())
    if cpu > MOST_CPU_PER_MILLION * arguments.texts / 1_000_000:
        sys.exit(f"more than {MOST_CPU_PER_MILLION} CPU seconds a million")


def measure(kind: str, texts: int) -> dict[str, float]:
    """CPU seconds of all threads, peak memory, and how many texts break a rule."""
    classifier = ContactClassifier(SEEDS, "RU")
    with duckdb.connect() as connection:
        connection.execute(TEXTS, {"texts": texts})
        create_tables(connection, "bench")
        started = time.process_time()
        classify(
            connection,
            classifier,
            rows="texts",
            email_columns=["email"] if kind == "email" else [],
            phone_columns=["phone"] if kind == "phone" else [],
        )
        cpu = time.process_time() - started
        table = {"email": "email_addresses", "phone": "phone_numbers"}[kind]
        row = connection.execute(
            f"select count(*) from quality.{table} where rule is not null"
        ).fetchone()
        assert row is not None
    return {"cpu": round(cpu, 1), "gib": round(peak_gib(), 2), "refused": row[0]}


if __name__ == "__main__":
    main()
