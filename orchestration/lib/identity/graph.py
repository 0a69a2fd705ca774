"""Numbered nodes: what their edges connect, and tables of them."""

from collections.abc import Mapping, Sequence

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Indices = npt.NDArray[np.int64]


def component_labels(count: int, ends: Indices, other_ends: Indices) -> Indices:
    """The number of each node's component, for the nodes from 0 to `count`.

    Components are numbered in order of their first node.
    """
    graph = coo_matrix(
        (np.ones(len(ends), np.int8), (ends, other_ends)), shape=(count, count)
    )
    if not count:
        return np.zeros(0, np.int64)
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)


def write_numbers(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, Indices | Sequence[int | None]],
) -> None:
    """Write columns of whole numbers as a temporary table."""
    numbers = pa.table(
        {name: pa.array(values, pa.int64()) for name, values in columns.items()}
    )
    connection.register("incoming_numbers", numbers)
    connection.execute(f"create or replace temp table {table} as from incoming_numbers")
    connection.unregister("incoming_numbers")


def one_number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    """The one whole number that a query gives."""
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
