"""Whole runs, shared by the tests of a module."""

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from orchestration.lib.simulate import DefectRates, simulate

AS_OF = date(2026, 10, 31)


@pytest.fixture(scope="session")
def company(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folders of simulated exports, made once for each rate of defects."""
    made: dict[float, Path] = {}

    def make(defects: float) -> Path:
        if defects not in made:
            out = tmp_path_factory.mktemp("company") / "exports"
            simulate(out, customers=400, rates=DefectRates.all(defects))
            made[defects] = out
        return made[defects]

    return make
