"""Destinations by the type that the configuration gives."""

import subprocess
import sys

import pytest

from orchestration.lib.activation.destinations import TYPES
from orchestration.lib.activation.destinations.base import (
    Destination,
    SnapshotDestination,
)


@pytest.mark.parametrize("name", TYPES)
def test_every_type_is_a_destination(name: str) -> None:
    assert issubclass(TYPES[name], Destination | SnapshotDestination)


def test_an_unknown_type_is_none() -> None:
    assert "fax" not in TYPES


def test_a_type_does_not_load_the_libraries_of_the_others() -> None:
    program = (
        "import sys; from orchestration.lib.activation.destinations import TYPES;"
        "TYPES['file'];"
        "print({'asyncssh', 'psycopg', 'pyarrow', 'google.auth'} & set(sys.modules))"
    )

    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )

    assert told.stdout == "set()\n"
