"""What is gone: things that a full delivery held once and holds no more.

    quality.sighted_files     one row per file that was looked at, and when it counts
    quality.sightings         one row per thing: when a delivery last held it
    quality.full_deliveries   one row per full delivery: its things, and whether it can
                              be taken for everything there is
    quality.deleted_keys      one row per thing that is gone, and since when

A thing that waits in quarantine was delivered. One that a broken line of the delivery
may have named is not gone either. A delivery that was cut, or that lacks more than the
contract's `max_shrink` of what the one before it held, proves nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from orchestration.lib.quality.judge import JudgedExport
from orchestration.lib.warehouse import literal

_TABLES = """
create schema if not exists quality;
create table if not exists quality.sighted_files (
    source varchar not null,
    export varchar not null,
    file_id varchar not null,
    delivered_at timestamp not null,
    row_key_sql varchar not null
);
create table if not exists quality.sightings (
    source varchar not null,
    export varchar not null,
    row_key varchar not null,
    last_seen_at timestamp not null
);
create table if not exists quality.full_deliveries (
    source varchar not null,
    export varchar not null,
    delivered_at timestamp not null,
    row_keys bigint not null,
    is_complete boolean not null,
    reason varchar
);
create table if not exists quality.deleted_keys (
    source varchar not null,
    export varchar not null,
    row_key varchar not null,
    deleted_at timestamp not null
);
"""


@dataclass(frozen=True, kw_only=True)
class FullFile:
    """A file of a full delivery; files of one moment are one delivery."""

    file_id: str
    delivered_at: datetime
    #: Whether it was read to its end.
    is_whole: bool


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables on deletions."""
    connection.execute(_TABLES)


def record_deletions(
    connection: duckdb.DuckDBPyConnection,
    export: JudgedExport,
    files: Sequence[FullFile],
    *,
    row_key: str,
    max_shrink: float,
) -> None:
    """Bring the tables up to date with the files of one export.

    Only files that are new since the last time are read, unless one was corrected.

    Args:
        files: all of its files that count, superseded ones left out.
        row_key: SQL of the thing that a row of the raw table is about.
        max_shrink: share of its things that a delivery may lack.
    """
    sighted = set(
        connection.execute(
            "select file_id, delivered_at from quality.sighted_files"
            f" where {export.is_it} and row_key_sql = ?",
            [row_key],
        ).fetchall()
    )
    current = {(file.file_id, file.delivered_at) for file in files}
    if sighted == current:
        return
    connection.begin()
    try:
        if not sighted <= current:
            for table in ("sighted_files", "sightings", "full_deliveries"):
                connection.execute(f"delete from quality.{table} where {export.is_it}")
            sighted = set()
        _sight(connection, export, sorted(current - sighted), row_key)
        _weigh(connection, export, files, row_key, max_shrink)
        _delete(connection, export)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def forget(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    export: str,
    files: Sequence[str],
) -> None:
    """Look at files of an export again: a repair may say what a row is about."""
    connection.execute(
        "delete from quality.sighted_files"
        " where source = ? and export = ? and list_contains(?, file_id)",
        [source, export, list(files)],
    )


def _sight(
    connection: duckdb.DuckDBPyConnection,
    export: JudgedExport,
    files: Sequence[tuple[str, datetime]],
    row_key: str,
) -> None:
    """Move the last sightings of the things in these files."""
    listed = ", ".join(
        f"({literal(file_id)}, {literal(str(at))}::timestamp)" for file_id, at in files
    )
    connection.execute(
        f"""
        create or replace temp table merged as
        select
            row_key,
            max(last_seen_at) as last_seen_at
        from (
            select row_key, last_seen_at
            from quality.sightings
            where {export.is_it}
            union all
            select {row_key}, files.delivered_at
            from {export.table} as delivered
            inner join (values {listed}) as files (file_id, delivered_at)
                on files.file_id = delivered._file_id
        )
        where row_key is not null
        group by row_key
        """
    )
    connection.execute(f"delete from quality.sightings where {export.is_it}")
    connection.execute(
        f"insert into quality.sightings select {export.key}, * from merged"
        " order by row_key"
    )
    connection.execute("drop table merged")
    connection.execute(
        f"insert into quality.sighted_files select {export.key}, file_id, delivered_at,"
        f" ? from (values {listed}) as files (file_id, delivered_at)",
        [row_key],
    )


def _weigh(
    connection: duckdb.DuckDBPyConnection,
    export: JudgedExport,
    files: Sequence[FullFile],
    row_key: str,
    max_shrink: float,
) -> None:
    """Judge every delivery against the last complete one before it."""
    counted: dict[datetime, int] = dict(
        connection.execute(
            "select delivered_at, row_keys from quality.full_deliveries"
            f" where {export.is_it}"
        ).fetchall()
    )
    connection.execute(f"delete from quality.full_deliveries where {export.is_it}")
    before = 0
    for at in sorted({file.delivered_at for file in files}):
        parts = [file for file in files if file.delivered_at == at]
        listed = ", ".join(literal(file.file_id) for file in parts)
        if at in counted:
            found = counted[at]
        else:
            [(found,)] = connection.execute(
                f"select count(distinct {row_key}) from {export.table} as delivered"
                f" where _file_id in ({listed})"
            ).fetchall()
        reason = None
        if not all(file.is_whole for file in parts):
            reason = "the file was cut: ask for it again"
        elif found < (1 - max_shrink) * before:
            reason = (
                f"{found} where the delivery before had {before}: ask for it again, or"
                " raise max_shrink in the contract if so many are gone"
            )
        else:
            before = found
        connection.execute(
            f"insert into quality.full_deliveries values ({export.key}, ?, ?, ?, ?)",
            [at, found, reason is None, reason],
        )


def _delete(connection: duckdb.DuckDBPyConnection, export: JudgedExport) -> None:
    """List what the complete deliveries no longer hold."""
    connection.execute(f"delete from quality.deleted_keys where {export.is_it}")
    connection.execute(
        f"""
        insert into quality.deleted_keys
        with

        complete as (

            select delivered_at
            from quality.full_deliveries
            where {export.is_it} and is_complete

        ),

        broken_lines as (

            select
                sighted_files.delivered_at,
                quarantine.value as line_text
            from quality.quarantine
            inner join quality.sighted_files
                on sighted_files.source = quarantine.source
                and sighted_files.export = quarantine.export
                and sighted_files.file_id = quarantine.file_id
            where
                quarantine.source = {literal(export.source)}
                and quarantine.export = {literal(export.export)}
                and quarantine.rule = 'ragged_row'

        ),

        gone as (

            select
                sightings.row_key,
                complete.delivered_at
            from quality.sightings
            inner join complete
                on complete.delivered_at > sightings.last_seen_at
            where {export.is_it}

        )

        select
            {export.key},
            row_key,
            min(delivered_at)
        from gone
        where
            not exists (
                select 1
                from broken_lines
                where
                    broken_lines.delivered_at = gone.delivered_at
                    and contains(line_text, split_part(gone.row_key, '|', 1))
            )
        group by row_key
        order by row_key
        """
    )


def incomplete_deliveries(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The newest deliveries that cannot be taken for everything there is, and why."""
    rows = connection.execute(
        """
        select concat(source, '.', export, ' of ', delivered_at::date, ': ', reason)
        from quality.full_deliveries
        where
            not is_complete
            and delivered_at = (
                select max(others.delivered_at)
                from quality.full_deliveries as others
                where
                    others.source = full_deliveries.source
                    and others.export = full_deliveries.export
            )
        order by source, export
        """
    ).fetchall()
    return [row[0] for row in rows]
