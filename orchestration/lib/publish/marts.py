"""Marts for everybody else: whole, masked and as Parquet, swapped in at once.

    published/current -> versions/<version>/
        marts.duckdb          direct personal data masked (null)
        marts_private.duckdb  whole; readable by the owner only
        parquet/<mart>.parquet  masked

Both databases have a macro for each metric that rows of `kpi_facts` tell, so that
nobody writes a formula again: `select aov(facts) from kpi_facts as facts`.

A version is complete and verified before the link `current` moves to it, in one
rename; who has the older files open keeps reading them. Rows are stored in the order
of their key, so that equal marts give equal Parquet files.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from orchestration.lib.warehouse import connect, literal, quoted

KEPT_VERSIONS = 3
#: Tables of the warehouse that are public too, and their columns to mask.
PUBLIC_TABLES: Mapping[str, Sequence[str]] = {
    "quality.reconciliation": (),
    "quality.quarantine": ("value", "suggestion", "subject", "fingerprint"),
    "quality.expectation_results": (),
    "quality.test_results": (),
    "identity.customer_ids": (),
    "identity.identifier_edges": ("identifier_value",),
    "identity.blocked_identifiers": ("identifier_value",),
    "identity.likely_pairs": (),
    "identity.links": ("link",),
    "identity.review_queue": (),
    "identity.overrides": ("decided_by", "note"),
    "identity.assignments": (),
    "identity.events": (),
    "identity.aliases": (),
    "forecast.fits": (),
    "ops.file_ledger": ("reason",),
    "ops.runs": (),
    "ops.stages": (),
}


class PublishError(RuntimeError):
    """A version could not be built, or is not what it should be."""


@dataclass(frozen=True, kw_only=True)
class Mart:
    """What publishing must know of a mart."""

    name: str
    description: str
    key: tuple[str, ...]
    #: Descriptions and kinds of personal data (`direct`, `quasi`, `none`) by column.
    columns: Mapping[str, str]
    pii: Mapping[str, str | None]


def publish(
    *,
    marts_file: Path,
    warehouse_file: Path,
    published: Path,
    version: str,
    marts: Sequence[Mart],
) -> dict[str, int]:
    """Build, verify and swap in a version; returns row counts by mart.

    Raises:
        PublishError: a text column does not say whether it is personal, or the
            copy does not hold the rows of the original.
    """
    versions = published / "versions"
    building = versions / f".{version}"
    shutil.rmtree(building, ignore_errors=True)
    (building / "parquet").mkdir(parents=True)
    private, masked = building / "marts_private.duckdb", building / "marts.duckdb"
    counts: dict[str, int] = {}
    for target, is_masked in ((private, False), (masked, True)):
        with connect(target) as connection:
            connection.execute(f"attach {literal(str(marts_file))} as b (read_only)")
            connection.execute(
                f"attach {literal(str(warehouse_file))} as w (read_only)"
            )
            views = _views(connection)
            counts = {
                mart.name: _copy_mart(connection, mart, views.get(mart.name), is_masked)
                # A view reads tables, so that they come first.
                for mart in sorted(marts, key=lambda mart: mart.name in views)
            }
            _copy_public_tables(connection, is_masked)
            _create_metrics(connection)
            if is_masked:
                _write_parquet(connection, marts, building / "parquet")
            else:
                _name_marts(connection, marts)
            connection.execute("detach b")
            connection.execute("detach w")
            connection.execute("checkpoint")
        _verify(target, counts)
    for path in building.rglob("*"):
        if path.is_file():
            _sync(path)
            path.chmod(0o400 if path == private else 0o444)
    final = versions / version
    shutil.rmtree(final, ignore_errors=True)
    building.rename(final)
    _swap(published, final)
    _prune(versions, keep=final)
    return counts


def publish_file(source: Path, published: Path) -> None:
    """Publish one DuckDB file without personal data as it is, in one rename."""
    with connect(source) as connection:
        connection.execute("checkpoint")
    published.mkdir(parents=True, exist_ok=True)
    building = published / f".{source.name}.{os.getpid()}"
    shutil.copyfile(source, building)
    _sync(building)
    building.chmod(0o444)
    building.replace(published / source.name)


def _views(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Marts that are views, with their text as it reads in a file of any name."""
    found = connection.execute(
        "select view_name, sql from duckdb_views() where database_name = 'b'"
    ).fetchall()
    return {name: sql.replace("marts.main.", "main.") for name, sql in found}


def _copy_mart(
    connection: duckdb.DuckDBPyConnection, mart: Mart, view: str | None, is_masked: bool
) -> int:
    types = dict(
        connection.execute(
            "select column_name, data_type from duckdb_columns()"
            " where database_name = 'b' and table_name = ? order by column_index",
            [mart.name],
        ).fetchall()
    )
    for column, data_type in types.items():
        if data_type == "VARCHAR" and mart.pii.get(column) is None:
            raise PublishError(
                f"{mart.name}.{column} does not say whether it is personal data:"
                " add config.meta.pii (direct, quasi or none) to its YAML"
            )
    columns = [
        f"cast(null as {data_type}) as {quoted(column)}"
        if is_masked and mart.pii.get(column) == "direct"
        else quoted(column)
        for column, data_type in types.items()
    ]
    if view:
        connection.execute(view)
    else:
        # By the original's columns: masked ones would leave the order to chance.
        key = ", ".join(f"original.{quoted(column)}" for column in mart.key)
        connection.execute(
            f"create table {quoted(mart.name)} as select {', '.join(columns)}"
            f" from b.{quoted(mart.name)} as original order by {key}"
        )
    connection.execute(
        f"comment on {'view' if view else 'table'} {quoted(mart.name)}"
        f" is {literal(mart.description)}"
    )
    for column, description in mart.columns.items():
        connection.execute(
            f"comment on column {quoted(mart.name)}.{quoted(column)}"
            f" is {literal(description)}"
        )
    counted = quoted(mart.name) if view else f"b.{quoted(mart.name)}"
    row = connection.execute(f"select count(*) from {counted}").fetchone()
    return row[0] if row else 0


def _copy_public_tables(connection: duckdb.DuckDBPyConnection, is_masked: bool) -> None:
    for table, personal in PUBLIC_TABLES.items():
        schema, _, _ = table.partition(".")
        masks = ", ".join(f"null as {quoted(column)}" for column in personal)
        replaced = f" replace ({masks})" if is_masked and personal else ""
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"create table {table} as select *{replaced} from w.{table}")


def _create_metrics(connection: duckdb.DuckDBPyConnection) -> None:
    """A macro for each metric with an expression; its argument is an alias."""
    metrics = connection.execute(
        "select metric, formula, expression from kpi_metrics"
        " where expression is not null order by metric"
    ).fetchall()
    for metric, formula, expression in metrics:
        of_facts = re.sub(r"(?<=sum\()|(?<=distinct )", "facts.", expression)
        connection.execute(f"create macro {quoted(metric)}(facts) as {of_facts}")
        connection.execute(f"comment on macro {quoted(metric)} is {literal(formula)}")


def _name_marts(connection: duckdb.DuckDBPyConnection, marts: Sequence[Mart]) -> None:
    """Let `marts.orders` work here as it does in `marts.duckdb`, by its file name."""
    connection.execute("create schema marts")
    for mart in marts:
        name = quoted(mart.name)
        connection.execute(f"create view marts.{name} as from main.{name}")


def _write_parquet(
    connection: duckdb.DuckDBPyConnection, marts: Sequence[Mart], folder: Path
) -> None:
    for mart in marts:
        path = literal(str(folder / f"{mart.name}.parquet"))
        connection.execute(
            f"copy {quoted(mart.name)} to {path} (format parquet, compression zstd)"
        )


def _verify(path: Path, counts: Mapping[str, int]) -> None:
    """Read the new file as its readers will, and count again."""
    with connect(path, read_only=True) as connection:
        for name, expected in counts.items():
            row = connection.execute(f"select count(*) from {quoted(name)}").fetchone()
            if row != (expected,):
                raise PublishError(f"{name}: {expected} rows built, {row} published")


def _swap(published: Path, version: Path) -> None:
    link = published / f".current.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(version.relative_to(published), target_is_directory=True)
    link.replace(published / "current")


def _prune(versions: Path, keep: Path) -> None:
    by_age = sorted(
        (path for path in versions.iterdir() if path != keep),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in by_age[KEPT_VERSIONS - 1 :]:
        shutil.rmtree(path)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
