"""What Great Expectations gets from DuckDB: counts, and names of columns."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from orchestration.lib.quality import gx_dialect
from orchestration.lib.quality.gx_dialect import MAX_ROWS


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    gx_dialect.register()
    engine = sa.create_engine(f"{gx_dialect.SCHEME}:///:memory:")
    with engine.connect() as connection:
        yield connection


def test_the_columns_of_a_query_are_known_without_its_rows(
    connection: sa.Connection,
) -> None:
    result = connection.exec_driver_sql(
        "select range as n, 1 as one from range(1000000000000)"
    )

    assert list(result.keys()) == ["n", "one"]


def test_rows_are_read_whole_up_to_the_limit(connection: sa.Connection) -> None:
    result = connection.exec_driver_sql(f"from range({MAX_ROWS})")

    assert [n for (n,) in result.fetchall()] == list(range(MAX_ROWS))


def test_more_rows_than_are_kept_are_an_error_and_never_cut(
    connection: sa.Connection,
) -> None:
    result = connection.exec_driver_sql(f"from range({MAX_ROWS + 1})")

    with pytest.raises(sa.exc.NotSupportedError):
        result.fetchall()


def test_rows_can_be_read_when_their_connection_is_closed(
    connection: sa.Connection,
) -> None:
    result = connection.exec_driver_sql("from range(3)").cursor
    connection.close()

    assert result.fetchall() == [(0,), (1,), (2,)]
