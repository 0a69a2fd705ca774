"""`make bench`: how well people are told apart, beside Splink on the same records.

    python benchmarks/identity.py [--customers 20000] [--seed 361] [--train FILE]

An invented company is run through the pipeline; its source records are scored with the
model of the daily run and clustered, and held against `truth/records.csv` pair by pair.
Splink 5 gets the same records with the settings of its documentation and the best of
its thresholds. Prints a table and writes `var/bench/identity.json`. `--train` writes a
model trained on these records, without labels, instead of the comparison.
"""

import argparse
import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb

from orchestration.lib.identity.attributes import ATTRIBUTES
from orchestration.lib.identity.clustering import create_clusters
from orchestration.lib.identity.match import match_people
from orchestration.lib.identity.model import default_model, save_model
from orchestration.lib.identity.scoring import IdentityMacros, score_pairs
from orchestration.lib.simulate import simulate
from orchestration.settings import MACROS, PROJECT

AS_OF = "2026-10-31"
THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)
#: Records that share one value; more are not one person.
MOST_SHARING = 50

PEOPLE = """
create table people as
select
    row_number() over (order by source, export, record_id) as record,
    source, export, record_id,
    first_name, last_name, email, phone, city,
    cast(birth_date as varchar) as birth_date
from warehouse.intermediate.int_source_records;

create table held as
select people.record, identifiers.identifier_type, identifiers.identifier_value
from warehouse.intermediate.int_identifiers as identifiers
inner join people using (source, export, record_id)
where identifier_type in ('email', 'phone');

create table links as
select distinct
    left_held.record as left_record,
    right_held.record as right_record,
    left_held.identifier_type as attribute
from held as left_held
inner join held as right_held
    on right_held.identifier_type = left_held.identifier_type
    and right_held.identifier_value = left_held.identifier_value
    and right_held.record > left_held.record
where (left_held.identifier_type, left_held.identifier_value) in (
    select (identifier_type, identifier_value) from held
    group by identifier_type, identifier_value
    having count(*) <= {most}
);

create table truth as
select people.record, records.person_id
from people
inner join read_csv(?, all_varchar = true) as records
    on records.source = people.source
    and records.record_id = people.record_id
    and regexp_replace(records.export, '^.*_members$', 'members') = people.export;
"""
PAIRS = """
with sized as (
    select count(*) as together from truth inner join {clusters} using (record)
    group by person_id, cluster
), clustered as (
    select count(*) as together from truth inner join {clusters} using (record)
    group by cluster
), persons as (
    select count(*) as together from truth group by person_id
)
select
    (select sum(together * (together - 1) / 2) from sized),
    (select sum(together * (together - 1) / 2) from clustered),
    (select sum(together * (together - 1) / 2) from persons)
"""


def main() -> None:
    """Invent, run, score, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=361)
    parser.add_argument("--train", type=Path)
    arguments = parser.parse_args()
    scratch = Path(tempfile.mkdtemp(prefix="crm360-bench-"))
    try:
        company = simulate(
            scratch / "company", customers=arguments.customers, seed=arguments.seed
        )
        truth = scratch / "records.csv"
        shutil.move(company.out / "truth" / "records.csv", truth)
        _run(company.out, scratch / "home")
        with duckdb.connect() as connection:
            load(connection, scratch / "home" / "warehouse.duckdb", truth)
            if arguments.train:
                _train(connection, arguments.train)
                return
            results = {"crm360": ours(connection)}
            connection.execute("drop table if exists temp.clusters")
            results["splink"] = splink_alone(connection)
    finally:
        shutil.rmtree(scratch)
    for name, result in results.items():
        print(name, json.dumps(result))
    report = PROJECT / "var" / "bench" / "identity.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(
        json.dumps({"customers": arguments.customers, **results}, indent=2)
    )


def _run(landing: Path, home: Path) -> None:
    home.mkdir()
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("crm360")), "run",
            "--landing", str(landing), "--as-of", AS_OF,
        ],
        env={
            **os.environ,
            "CRM360_HOME": str(home),
            "CRM360_CONFIG": str(home / "crm360.toml"),
        },
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    if done.returncode:
        sys.exit(f"the run failed:\n{done.stderr[-5000:]}")


def load(connection: duckdb.DuckDBPyConnection, warehouse: Path, truth: Path) -> None:
    """Copy what is compared out of the warehouse, so that nothing else is measured."""
    connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
    *creates, last, _ = PEOPLE.format(most=MOST_SHARING).split(";")
    for create in creates:
        connection.execute(create)
    connection.execute(last, [str(truth)])


def ours(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Score with the default model and cluster."""
    macros, model = IdentityMacros(MACROS), default_model()
    started = time.process_time()
    score_pairs(connection, "people", model, macros, links="links")
    scored = time.process_time()
    report = create_clusters(connection, model, macros)
    clustered = time.process_time()
    (linked,) = connection.execute(
        """
        select avg(cast(a.person_id = b.person_id as int))
        from review_pairs
        inner join truth as a on a.record = left_record
        inner join truth as b on b.record = right_record
        """
    ).fetchone() or (None,)
    return {
        **_scores(connection, "clusters"),
        "scoring_cpu_seconds": round(scored - started, 2),
        "clustering_cpu_seconds": round(clustered - scored, 2),
        "records": report.records,
        "review_pairs": report.review_pairs,
        "review_share_true": linked,
    }


def splink_alone(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Splink with the settings of its documentation, at its best threshold."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="record",
        blocking_rules_to_generate_predictions=[
            block_on("email"),
            block_on("phone"),
            block_on("birth_date", "first_name"),
            block_on("birth_date", "last_name"),
            block_on("first_name", "last_name", "city"),
        ],
        comparisons=[
            cl.ForenameSurnameComparison("first_name", "last_name"),
            cl.DateOfBirthComparison("birth_date", input_is_string=True),
            cl.EmailComparison("email"),
            cl.ExactMatch("phone"),
            cl.ExactMatch("city").configure(term_frequency_adjustments=True),
        ],
    )
    connection.execute(
        "create or replace table splink_people as"
        " select *, concat(first_name, ' ', last_name) as first_name_last_name_concat"
        " from people"
    )
    api = DuckDBAPI(connection=connection)
    linker = Linker(api.register("splink_people"), settings)
    training = linker.training
    training.estimate_probability_two_random_records_match(
        [block_on("email"), block_on("phone")], recall=0.6
    )
    training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("email"), block_on("first_name", "last_name")):
        training.estimate_parameters_using_expectation_maximisation(rule)
    started = time.process_time()
    predicted = linker.inference.predict(threshold_match_probability=min(THRESHOLDS))
    scored = time.process_time()
    found = []
    for threshold in THRESHOLDS:
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_probability=threshold
        )
        connection.execute(
            "create or replace table splink_clusters as select record,"
            f" cluster_id as cluster from {clusters.physical_name}"
        )
        found.append({"threshold": threshold, **_scores(connection, "splink_clusters")})
    return {
        **max(found, key=lambda each: each["f1"]),
        "scoring_cpu_seconds": round(scored - started, 2),
    }


def _train(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """A model for the daily run: vetoes hold, links are sure, doubts are reviewed."""
    model = match_people(
        connection, "people", IdentityMacros(MACROS), links="links"
    ).model
    vetoes = {each.name: tuple(sorted(each.vetoes)) for each in ATTRIBUTES}
    save_model(
        dataclasses.replace(
            model,
            attributes={
                name: dataclasses.replace(known, vetoes=vetoes[name])
                for name, known in model.attributes.items()
            },
            link_from=8.0,
            review_from=4.0,
        ),
        file,
    )
    print(_scores(connection, "clusters"))


def _scores(connection: duckdb.DuckDBPyConnection, clusters: str) -> dict[str, float]:
    row = connection.execute(PAIRS.format(clusters=clusters)).fetchone()
    assert row is not None
    agreed, found, true = row
    precision, recall = agreed / found, agreed / true
    return {
        "precision": round(precision, 4),
        "recall": round(recall, 4),
        "f1": round(2 * precision * recall / (precision + recall), 4),
    }


if __name__ == "__main__":
    main()
