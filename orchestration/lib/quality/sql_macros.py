"""The project's parsing macros, rendered outside dbt.

Rules of the gate are written with the same Jinja macros as the staging models, so
that there is one definition of a valid cell.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestration.lib.jinja_macros import JinjaMacros


def macro_files(macros: Path) -> list[Path]:
    """The files below `dbt_project/macros` whose macros only make SQL text."""
    return [
        macros / "engine.sql",
        macros / "dates.sql",
        *sorted((macros / "parsers").glob("*.sql")),
    ]


class SqlMacros(JinjaMacros):
    """Renders Jinja SQL that calls the project's parsing macros, for DuckDB."""

    def __init__(self, macros: Path, variables: Mapping[str, str]) -> None:
        """Load the macro files.

        Args:
            macros: the folder `dbt_project/macros`.
            variables: dbt variables that the macros read.
        """
        super().__init__(macro_files(macros), variables)

    def parse(self, parser: str, column: str) -> str:
        """SQL that gives the cell's value, or null when it has none."""
        return self.call(parser, column)

    def row_key(self, relation: str, columns: Sequence[str]) -> str:
        """SQL of what a row of the relation is about, as staging models have it."""
        return self.call("row_key", relation, list(columns))

    def render(self, template: str, **context: str) -> str:
        """SQL from a template that may use `column`, `parsed` and other values."""
        return self.environment.from_string(template).render(**context).strip()
