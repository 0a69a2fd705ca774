"""A landing folder to fetch into, and the places to fetch from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.components import fetched_place
from orchestration.lib.places.fetch import Outcome
from tests.places.servers import (
    ObjectStore,
    Sftp,
    Web,
    running_postgresql,
    running_s3,
    running_sftp,
    running_web,
)
from tests.support import at_home


class Office:
    """Fetches from one configured place, called `crm`."""

    def __init__(self, home: Path) -> None:
        self.home, self.landing = home, home / "landing"
        self.config = ""
        self.told: list[str] = []

    def fetch(self, *, dry_run: bool = False) -> Outcome:
        """One visit, as the command line makes it."""
        with at_home(self.home, self.config) as settings:
            return fetched_place.visit(
                settings,
                settings.places["crm"],
                dry_run=dry_run,
                progress=self.told.append,
            )

    def landed(self) -> dict[str, bytes]:
        """Every file below the landing folder, hidden ones too."""
        return {
            str(path.relative_to(self.landing)): path.read_bytes()
            for path in sorted(self.landing.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path / "home")


@pytest.fixture
def web() -> Iterator[Web]:
    with running_web() as web:
        yield web


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with running_s3() as store:
        yield store


@pytest.fixture
def sftp(tmp_path: Path) -> Iterator[Sftp]:
    (tmp_path / "remote").mkdir()
    with running_sftp(tmp_path / "remote") as sftp:
        yield sftp


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    with running_postgresql() as url:
        yield url
