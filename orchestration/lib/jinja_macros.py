"""Macros of the dbt project, rendered outside dbt.

They only make text; the little of dbt's context that they use is provided here.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from types import CodeType
from typing import Any

from jinja2 import Environment, StrictUndefined


@lru_cache(maxsize=4)
def _compiled(text: str) -> CodeType:
    """Jinja's code for a template: made once per text, not once per use in a run."""
    return Environment().compile(text)


class JinjaMacros:
    """The macros of some files, as DuckDB has them."""

    def __init__(
        self, files: Iterable[Path], variables: Mapping[str, str] | None = None
    ) -> None:
        """Load the files.

        Args:
            variables: dbt variables that the macros read.
        """
        self.environment = Environment(undefined=StrictUndefined)
        self.environment.globals["adapter"] = self
        self.environment.globals["var"] = (variables or {}).__getitem__
        #: Their text.
        self.source = "\n".join(file.read_text(encoding="utf-8") for file in files)
        # One template: its macros see each other, as macros of a dbt project do.
        self._module: Any = self.environment.template_class.from_code(
            self.environment,
            _compiled(self.source),
            self.environment.make_globals(None),
        ).module

    def dispatch(self, name: str) -> Callable[..., str]:
        """The DuckDB variant of a macro, as `adapter.dispatch` gives it to dbt."""
        macro: Callable[..., str] = getattr(self._module, f"duckdb__{name}")
        return macro

    def call(self, macro: str, *arguments: Any) -> str:  # noqa: ANN401 - as Jinja takes
        """The text that a macro makes."""
        return str(getattr(self._module, macro)(*arguments)).strip()
