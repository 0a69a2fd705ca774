"""The project's parsing macros, rendered outside dbt.

Rules of the gate are written with the same Jinja macros as the staging models, so
that there is one definition of a valid cell. Those macros only make text; the little
of dbt's context that they use is provided here.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

from jinja2 import Environment, StrictUndefined


def macro_files(macros: Path) -> list[Path]:
    """The files below `dbt_project/macros` whose macros only make SQL text."""
    return [
        macros / "engine.sql",
        macros / "dates.sql",
        *sorted((macros / "parsers").glob("*.sql")),
    ]


@lru_cache(maxsize=2)
def _compiled(text: str) -> CodeType:
    """Jinja's code for a template: made once per text, not once per export of a run."""
    return Environment().compile(text)


class SqlMacros:
    """Renders Jinja SQL that calls the project's parsing macros, for DuckDB."""

    def __init__(self, macros: Path, variables: Mapping[str, str]) -> None:
        """Load the macro files.

        Args:
            macros: the folder `dbt_project/macros`.
            variables: dbt variables that the macros read.
        """
        environment = Environment(undefined=StrictUndefined)
        environment.globals["adapter"] = self
        environment.globals["var"] = variables.__getitem__
        text = "\n".join(
            file.read_text(encoding="utf-8") for file in macro_files(macros)
        )
        # One template: its macros see each other, as macros of a dbt project do.
        self._module: Any = environment.template_class.from_code(
            environment, _compiled(text), environment.make_globals(None)
        ).module
        self._environment = environment

    def dispatch(self, name: str) -> Callable[..., str]:
        """The DuckDB variant of a macro, as `adapter.dispatch` gives it to dbt."""
        macro: Callable[..., str] = getattr(self._module, f"duckdb__{name}")
        return macro

    def parse(self, parser: str, column: str) -> str:
        """SQL that gives the cell's value, or null when it has none."""
        return str(getattr(self._module, parser)(column)).strip()

    def row_key(self, relation: str, columns: Sequence[str]) -> str:
        """SQL of what a row of the relation is about, as staging models have it."""
        return str(self._module.row_key(relation, list(columns))).strip()

    def render(self, template: str, **context: str) -> str:
        """SQL from a template that may use `column`, `parsed` and other values."""
        return self._environment.from_string(template).render(**context).strip()
