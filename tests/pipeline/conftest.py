"""Simulated companies and whole runs, shared by the tests of a session."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from shutil import copy, copytree

import pytest

from orchestration.lib.simulate import DefectRates, simulate
from orchestration.lib.simulate.company import EXPORTS
from tests.support import run_pipeline

AS_OF = date(2026, 10, 31)

#: What a clean company delivers beside the demo's exports: margins, visits, messages,
#: answers and points.
MORE_EXPORTS = (
    "shopify/products.csv",
    "site/page_views.csv",
    "messaging/deliveries.csv",
    "surveys/nps_responses.csv",
    "loyalty/ledger.csv",
)


@dataclass(frozen=True)
class FirstRun:
    """A whole run of a simulated company."""

    exports: Path
    """What was landed, and `truth/`."""

    home: Path
    """The state of the run; the tests of a module may have gone on with it."""

    figures: Path
    """The databases `warehouse`, `marts` and `activation`, and the outbox, as this run
    left them."""


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


@pytest.fixture(scope="session")
def first_run(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[float], FirstRun]:
    """Whole runs, made once for each rate of defects, by whichever worker is first.

    A company without defects delivers `MORE_EXPORTS`, too.
    """
    session = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        session = session.parent

    def run(defects: float) -> FirstRun:
        folder = session / f"first_run_{defects}"
        folder.mkdir(exist_ok=True)
        made = FirstRun(folder / "exports", folder / "home", folder / "figures")
        with _alone(folder / "lock"):
            if not made.figures.exists():
                _deliver(made.exports, defects)
                assert run_pipeline(made.home, made.exports, AS_OF) == []
                made.figures.mkdir()
                for name in ("warehouse", "marts", "activation"):
                    copy(made.home / f"{name}.duckdb", made.figures)
                copytree(made.home / "outbox", made.figures / "outbox")
        return made

    return run


def _deliver(exports: Path, defects: float) -> None:
    simulate(
        exports,
        customers=400,
        rates=DefectRates.all(defects),
        every_system=not defects,
    )
    for path in exports.rglob("*.*"):
        name = path.relative_to(exports).as_posix()
        if not name.startswith("truth/") and name not in (*EXPORTS, *MORE_EXPORTS):
            path.unlink()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other worker is in here."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
