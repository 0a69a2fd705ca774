"""Destinations as configured: what they can do, and connections to them."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from orchestration.lib.activation.destinations import TYPES
from orchestration.lib.activation.destinations.base import (
    Capabilities,
    Destination,
    Options,
    SnapshotDestination,
)
from orchestration.settings import Settings, SettingsError, option_problems, record


def capabilities(settings: Settings, name: str) -> Capabilities:
    """What a destination can do, without asking it.

    Raises:
        SettingsError: its configuration cannot be.
    """
    cls, options = _read(settings, name)
    try:
        can: Capabilities = cls.capabilities(options)
    except ValueError as error:
        raise SettingsError(f"{settings.file}: destinations.{name}: {error}") from error
    return can


@contextmanager
def destination_of(
    settings: Settings, name: str
) -> Iterator[Destination[Any] | SnapshotDestination[Any]]:
    """A destination, its secrets from the environment, closed at the end.

    Raises:
        SettingsError: a secret is missing.
    """
    cls, options = _read(settings, name)
    destination = cls(name, options, _secrets(name, options), settings.home)
    try:
        yield destination
    finally:
        destination.close()


def _read(
    settings: Settings, name: str
) -> tuple[type[Destination[Any]] | type[SnapshotDestination[Any]], Any]:
    configured = settings.destinations[name]
    where = f"destinations.{name}"
    if configured.type not in TYPES:
        raise SettingsError(
            f"{settings.file}: {where}.type is {configured.type!r}; known are"
            f" {', '.join(sorted(TYPES))}"
        )
    cls = TYPES[configured.type]
    options = record(settings.file, where, configured.options, cls.options_type, {})
    for problem in option_problems(options):
        raise SettingsError(f"{settings.file}: {where}{problem}")
    return cls, options


def _secrets(name: str, options: Options) -> Mapping[str, str]:
    found = {}
    for key, variable in vars(options).items():
        if not key.endswith("_env") or not variable:
            continue
        if not os.environ.get(variable):
            raise SettingsError(
                f"destination {name} needs the environment variable {variable}, which"
                " is not set"
            )
        found[key] = os.environ[variable]
    return found
