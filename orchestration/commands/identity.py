"""`crm360 identity`: who is who."""

from pathlib import Path

import click

from orchestration.commands.errors import Wrong
from orchestration.settings import MACROS

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def identity() -> None:
    """Find the records that are one person.

    \b
    crm360 identity match people.csv --columns full_name=name,email=mail --out who.csv
    """


@identity.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--columns",
    "mappings",
    required=True,
    multiple=True,
    metavar="MAPPING",
    help="Which columns hold what: attribute=column, commas between; + joins columns."
    " May be given several times.",
)
@click.option("--out", required=True, type=_FILE, help="Clusters: .csv or .parquet.")
@click.option("--pairs", type=_FILE, help="Pairs with their evidence, likewise.")
def match(file: Path, mappings: tuple[str, ...], out: Path, pairs: Path | None) -> None:
    """Cluster the records of FILE, any CSV (UTF-8, with a header) or Parquet.

    Attributes: first_name, last_name, full_name, birth_date, email, phone, address,
    city, postcode, occupation, and id (default: the number of the row, from 1). None
    is required but one. What each says is learnt from the file itself, without labels.

    OUT has the columns record_id and cluster_id, the smallest id of the cluster. What
    was compared and skipped is told on stderr.

    \b
    crm360 identity match people.csv --out clusters.csv \\
      --columns id=rec_id,first_name=given_name,last_name=surname \\
      --columns birth_date=date_of_birth,address=street_number+address_1
    """
    import duckdb

    from orchestration.lib.identity.match import (
        MappingError,
        match_people,
        parse_mapping,
        read_people,
        write_clusters,
        write_pairs,
    )
    from orchestration.lib.identity.scoring import IdentityMacros
    from orchestration.lib.warehouse import TABLE_SUFFIXES

    for target in filter(None, (out, pairs)):
        if target.suffix.lower() not in TABLE_SUFFIXES:
            raise Wrong(f"{target} is neither .csv nor .parquet")
    with duckdb.connect() as connection:
        try:
            read_people(connection, file, parse_mapping(mappings))
            matched = match_people(connection, "people", IdentityMacros(MACROS))
        except MappingError as error:
            raise Wrong(str(error)) from error
        except ValueError as error:
            raise click.ClickException(str(error)) from error
        write_clusters(connection, out)
        if pairs:
            write_pairs(connection, pairs)
    clusters = matched.clusters
    _tell(f"{clusters.records:,} records, {matched.pairs:,} pairs compared")
    _tell("blocking rule                              pairs  largest block")
    for rule in matched.rules:
        if rule.largest_block > 1:
            dropped = (
                "  skipped: too many pairs"
                if rule.is_skipped
                else f"  {rule.dropped_blocks:,} blocks dropped: too large"
                if rule.dropped_blocks
                else ""
            )
            _tell(
                f"  {rule.name:32} {rule.pairs:>13,} {rule.largest_block:>14,}{dropped}"
            )
    _tell(
        f"{clusters.clusters:,} clusters, the largest of"
        f" {clusters.largest_cluster:,} records;"
        f" {clusters.split_components:,} components were taken apart"
    )
    _tell(f"{clusters.review_pairs:,} pairs for review")


def _tell(text: str) -> None:
    click.echo(text, err=True)
