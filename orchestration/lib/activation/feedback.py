"""What destinations said of contacts, for the models that decide whom to write to."""

from pathlib import Path

import duckdb

from orchestration.lib.warehouse import literal

_TABLE = """
create or replace table quality.contact_feedback (
    contact_hash varchar not null,
    channel varchar not null,
    reason varchar not null,
    destination varchar not null,
    noted_at timestamp not null
)
"""


def copy_feedback(connection: duckdb.DuckDBPyConnection, activation: Path) -> None:
    """Write the table `quality.contact_feedback` anew from the state of activation.

    Args:
        connection: the warehouse.
        activation: the state's file, which may not exist yet.
    """
    connection.execute(_TABLE)
    if not activation.exists():
        return
    connection.execute(f"attach {literal(str(activation))} as activation (read_only)")
    try:
        row = connection.execute(
            "select count(*) from duckdb_tables() where database_name = 'activation'"
            " and table_name = 'suppressions'"
        ).fetchone()
        if row and row[0]:
            connection.execute(
                "insert into quality.contact_feedback by name"
                " from activation.suppressions order by all"
            )
    finally:
        connection.execute("detach activation")
