"""Configuration: `crm360.toml`, read once; every key has a default.

All keys with an example stand in docs/operations.md. `CRM360_CONFIG` names another
file, `CRM360_HOME` (default `var/` of the project) the folder that holds all state.
"""

import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

PROJECT = Path(__file__).resolve().parents[1]
MODELS = PROJECT / "models"
SEEDS = PROJECT / "seeds"
EXPECTATIONS = PROJECT / "expectations"
DBT_FOLDER = PROJECT / "dbt_project"
MACROS = DBT_FOLDER / "macros"
#: Used where neither the configuration nor the exports decide.
DEFAULT_CURRENCY = "RUB"
#: A monthly rate holds until the next one, and a few days over.
FX_MAX_AGE_DAYS = 35


class SettingsError(ValueError):
    """The configuration says something that cannot be."""


@dataclass(frozen=True, kw_only=True)
class DestinationSettings:
    """One place that audiences are sent to."""

    name: str
    type: str
    #: File destinations: folder, below the home folder unless absolute.
    folder: str = "outbox"
    #: Webhooks: where to post, and the environment variable with the signing secret.
    url: str = ""
    secret_env: str = ""
    batch_rows: int = 500
    timeout_seconds: float = 10.0
    attempts: int = 4


@dataclass(frozen=True, kw_only=True)
class AudienceSettings:
    """Where one audience goes."""

    name: str
    destinations: tuple[str, ...] = ("outbox",)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a run is configured by; secrets are never in here."""

    home: Path
    landing: Path
    base_currency: str | None = None
    business_timezone: str = "Europe/Moscow"
    phone_region: str = "RU"
    exports: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    destinations: Mapping[str, DestinationSettings]
    audiences: Mapping[str, AudienceSettings]

    @property
    def warehouse(self) -> Path:
        """Raw to intermediate, identity, quality and operations; one writer."""
        return self.home / "warehouse.duckdb"

    @property
    def marts(self) -> Path:
        """The marts under construction; analysts read the published copy."""
        return self.home / "marts.duckdb"

    @property
    def activation(self) -> Path:
        """What was sent, and what each destination is known to hold."""
        return self.home / "activation.duckdb"

    @property
    def raw(self) -> Path:
        """Landed files as Parquet."""
        return self.home / "raw"

    @property
    def overrides(self) -> Path:
        """What people decided about rows in quarantine; cannot be made again."""
        return self.home / "overrides.jsonl"

    @property
    def published(self) -> Path:
        """Read-only copies for everybody else; `current` points at the newest."""
        return self.home / "published"

    @property
    def dagster_home(self) -> Path:
        """Runs, schedules and sensors of Dagster."""
        return self.home / "dagster"

    @property
    def data_docs(self) -> Path:
        """The start page of Data Docs."""
        return self.home / "gx/uncommitted/data_docs/local_site/index.html"


def resolved_base_currency(settings: Settings, export_currencies: Sequence[str]) -> str:
    """The currency of all converted amounts.

    As configured; else, where every delivered export with amounts has one and the
    same declared currency, that one, so that a British shop alone needs no rates to
    roubles; else RUB.

    Args:
        export_currencies: per delivered export with amounts, its declared currency,
            or an empty text where each row says its own.
    """
    if settings.base_currency:
        return settings.base_currency
    distinct = set(export_currencies)
    return distinct.pop() if len(distinct) == 1 and "" not in distinct else (
        DEFAULT_CURRENCY
    )  # fmt: skip


@cache
def load_settings() -> Settings:
    """The settings of this process; the file is read on the first call.

    Raises:
        SettingsError: the file is no TOML, or has an unknown key or impossible value.
    """
    return read_settings(
        Path(os.environ.get("CRM360_CONFIG", PROJECT / "crm360.toml")),
        Path(os.environ.get("CRM360_HOME", PROJECT / "var")).absolute(),
    )


def read_settings(path: Path, home: Path) -> Settings:
    """Settings from a file that may be absent, for state below `home`."""
    document: dict[str, Any] = {}
    if path.exists():
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"{path}: {error}") from error
    _check_keys(
        path,
        "",
        document,
        {
            "base_currency", "business_timezone", "phone_region", "landing", "exports",
            "destinations", "audiences",
        },
    )  # fmt: skip
    time_zone = document.get("business_timezone", "Europe/Moscow")
    try:
        ZoneInfo(time_zone)
    except Exception as error:
        raise SettingsError(
            f"{path}: business_timezone {time_zone!r} is no IANA time zone such as"
            " Europe/Moscow"
        ) from error
    for key, options in document.get("exports", {}).items():
        _check_keys(path, f"exports.{key}", options, {"encoding", "files"})
    destinations = {
        "outbox": DestinationSettings(name="outbox", type="file"),
        **{
            name: _destination(path, name, options)
            for name, options in document.get("destinations", {}).items()
        },
    }
    audiences = {
        name: AudienceSettings(
            name=name, destinations=tuple(options.get("destinations", ("outbox",)))
        )
        for name, options in {"winback": {}, **document.get("audiences", {})}.items()
    }
    for audience in audiences.values():
        for name in audience.destinations:
            if name not in destinations:
                raise SettingsError(
                    f"{path}: audience {audience.name} goes to {name}, which no"
                    f" [destinations.{name}] describes"
                )
    return Settings(
        home=home,
        landing=home / document.get("landing", "landing"),
        base_currency=document.get("base_currency"),
        business_timezone=time_zone,
        phone_region=document.get("phone_region", "RU"),
        exports=document.get("exports", {}),
        destinations=destinations,
        audiences=audiences,
    )


def _destination(path: Path, name: str, options: dict[str, Any]) -> DestinationSettings:
    known = set(DestinationSettings.__dataclass_fields__) - {"name"}
    _check_keys(path, f"destinations.{name}", options, known)
    destination = DestinationSettings(name=name, **options)
    if destination.type not in ("file", "webhook"):
        raise SettingsError(
            f"{path}: destinations.{name}.type is {destination.type!r};"
            " known are file and webhook"
        )
    if destination.type == "webhook" and not destination.url:
        raise SettingsError(f"{path}: destinations.{name} needs a url")
    return destination


def _check_keys(
    path: Path, place: str, options: Mapping[str, Any], known: set[str]
) -> None:
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            where = f"{place}.{key}" if place else key
            raise SettingsError(f"{path}: unknown key {where}{hint}")
