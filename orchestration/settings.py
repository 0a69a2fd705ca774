"""Configuration: `crm360.toml`, read once; every key has a default.

All keys with an example stand in docs/operations.md. `CRM360_CONFIG` names another
file, `CRM360_HOME` (default `var/` of the project) the folder that holds all state.
"""

import difflib
import fnmatch
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

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
#: What an alert can be about, the wider the earlier.
ALERT_KINDS = ("runs", "steps", "activation", "checks")
#: How a subject of alerts can be, the worse the later.
ALERT_STATES = ("ok", "warning", "held", "failed")
#: What customers can be told apart by when their orders are forecast.
FORECAST_DIMENSIONS = ("company", "first_source", "first_currency")
_Record = TypeVar("_Record", bound="DataclassInstance")


class SettingsError(ValueError):
    """The configuration says something that cannot be."""


@dataclass(frozen=True, kw_only=True)
class DestinationSettings:
    """One place that audiences are sent to; what its type needs is read by it."""

    name: str
    type: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class SyncSettings:
    """How one audience is sent to one destination."""

    #: mirror, upsert, update, create or append; default the first that it can do.
    mode: str = ""
    #: Fields there, each a column here or a table; default the audience's own.
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class AudienceSettings:
    """Where one audience goes."""

    name: str
    destinations: tuple[str, ...] = ("outbox",)
    #: Beyond these a plan waits for a person; shares of what a destination holds.
    least_members: int = 1
    most_added: float = 1.0
    most_changed: float = 0.5
    most_removed: float = 0.2
    most_withdrawn: float = 0.5
    #: Whether the first plan waits; files of one's own never do.
    hold_first_send: bool = True
    #: By destination, where the defaults do not serve.
    syncs: Mapping[str, SyncSettings] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ForecastSettings:
    """For whom models of their own are fitted."""

    #: In order of preference: a customer is forecast by the first whose model holds.
    dimensions: tuple[str, ...] = ("first_source", "company")
    #: Segments with fewer get no model; the company always does.
    least_customers: int = 500


@dataclass(frozen=True, kw_only=True)
class PlaceSettings:
    """A place that exports are fetched from; each type adds what it needs.

    Keys that end in `_env` name environment variables: secrets stay there.
    """

    name: str
    type: str
    #: Folder below the landing folder; `.` is the landing folder itself.
    into: str
    #: Whether opt-outs may come from here: if so, nothing is sent without its files.
    carries_consent: bool = True
    attempts: int = 4
    timeout_seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class S3Settings(PlaceSettings):
    """Objects below a prefix of a bucket, of Amazon or compatible with it."""

    bucket: str
    prefix: str = ""
    files: tuple[str, ...] = ("*",)
    endpoint_url: str = ""
    region: str = ""
    #: Both, or neither: then as AWS's own tools find them.
    key_env: str = ""
    secret_env: str = ""


@dataclass(frozen=True, kw_only=True)
class SftpSettings(PlaceSettings):
    """Files below a folder of an SSH server."""

    host: str
    port: int = 22
    user: str
    folder: str = "."
    files: tuple[str, ...] = ("*",)
    #: One of the two; the second names the file with the private key.
    password_env: str = ""
    key_file_env: str = ""
    known_hosts: str = "~/.ssh/known_hosts"


@dataclass(frozen=True, kw_only=True)
class HttpSettings(PlaceSettings):
    """Files at addresses, with one bearer token for all of them, or none."""

    urls: tuple[str, ...]
    token_env: str = ""


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """One table or view; without a cursor it is fetched whole."""

    name: str
    schema: str = ""
    #: Column that grows with every new or changed row.
    cursor: str = ""


@dataclass(frozen=True, kw_only=True)
class SqlSettings(PlaceSettings):
    """Tables of a database; the whole address is secret, as it holds a password."""

    url_env: str
    tables: tuple[TableSettings, ...]


@dataclass(frozen=True, kw_only=True)
class ResourceSettings:
    """One list of records of a REST API; without a cursor it is fetched whole."""

    name: str
    #: Below the base URL.
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    #: JSON path of the records in an answer.
    data_selector: str = "$"
    #: How the next page is found: one of dlt's paginators with its arguments.
    paginator: Mapping[str, Any]
    #: JSON path in a record of what grows, and the parameter that asks for later ones.
    cursor: str = ""
    cursor_param: str = ""


@dataclass(frozen=True, kw_only=True)
class RestSettings(PlaceSettings):
    """Resources of a REST API."""

    base_url: str
    token_env: str = ""
    #: `Authorization` carries `Bearer <token>`, any other header the token alone.
    token_header: str = "Authorization"
    resources: tuple[ResourceSettings, ...]


@dataclass(frozen=True, kw_only=True)
class AlertSettings:
    """Who is told when something begins to fail, or works again."""

    name: str
    type: str
    #: Patterns of subjects; each stands for everything below it, too.
    about: tuple[str, ...] = ("*",)
    #: Changes between lesser states are not told.
    least_state: str = "warning"


@dataclass(frozen=True, kw_only=True)
class WebhookAlertSettings(AlertSettings):
    """A receiver of JSON; the whole address is secret, as with chats it is the key."""

    url_env: str
    #: As `whsec_...`; unset, requests are not signed.
    secret_env: str = ""


@dataclass(frozen=True, kw_only=True)
class EmailAlertSettings(AlertSettings):
    """A mailbox or several, through one's own mail server."""

    host: str
    port: int = 587
    sender: str
    to: tuple[str, ...]
    #: Both, or neither.
    user_env: str = ""
    password_env: str = ""
    starttls: bool = True


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a run is configured by; secrets are never in here."""

    #: What it was read from; it may not exist.
    file: Path
    home: Path
    landing: Path
    base_currency: str | None = None
    business_timezone: str = "Europe/Moscow"
    phone_region: str = "RU"
    exports: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    destinations: Mapping[str, DestinationSettings]
    audiences: Mapping[str, AudienceSettings]
    places: Mapping[str, PlaceSettings] = field(default_factory=dict)
    alerts: Mapping[str, AlertSettings] = field(default_factory=dict)
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    #: Folder of declared experiments, one YAML file each.
    experiments: Path

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
    def fetched(self) -> Path:
        """What was fetched from which place."""
        return self.home / "places.duckdb"

    @property
    def told(self) -> Path:
        """How everything was when it was last seen, and which alert was told so."""
        return self.home / "alerts.duckdb"

    @property
    def experiment_record(self) -> Path:
        """Who was ever assigned to an experiment; cannot be made again."""
        return self.home / "experiments.duckdb"

    @property
    def raw(self) -> Path:
        """Landed files as Parquet."""
        return self.home / "raw"

    @property
    def overrides(self) -> Path:
        """What people decided about rows in quarantine; cannot be made again."""
        return self.home / "overrides.jsonl"

    @property
    def identity_decisions(self) -> Path:
        """What people decided about pairs of records."""
        return self.home / "identity_decisions.jsonl"

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
            "destinations", "audiences", "places", "alerts", "forecast", "experiments",
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
        name: _audience(path, name, options)
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
        file=path,
        home=home,
        landing=home / document.get("landing", "landing"),
        base_currency=document.get("base_currency"),
        business_timezone=time_zone,
        phone_region=document.get("phone_region", "RU"),
        exports=document.get("exports", {}),
        destinations=destinations,
        audiences=audiences,
        places={
            name: _place(path, name, options)
            for name, options in document.get("places", {}).items()
        },
        alerts={
            name: _alert(path, name, options)
            for name, options in document.get("alerts", {}).items()
        },
        forecast=_forecast(path, document.get("forecast", {})),
        experiments=_experiments(path, document.get("experiments")),
    )


def _audience(path: Path, name: str, options: Any) -> AudienceSettings:  # noqa: ANN401 - as read
    where = f"audiences.{name}"
    if not isinstance(options, Mapping):
        raise SettingsError(f"{path}: {where} must be a table of keys and values")
    syncs = {
        destination: record(
            path, f"{where}.syncs.{destination}", table, SyncSettings, {}
        )
        for destination, table in options.get("syncs", {}).items()
    }
    audience = record(
        path,
        where,
        {key: value for key, value in options.items() if key != "syncs"},
        AudienceSettings,
        {"name": name, "syncs": syncs},
    )
    for destination in sorted(set(syncs) - set(audience.destinations)):
        raise SettingsError(
            f"{path}: {where}.syncs.{destination}: it does not go there; destinations"
            f" are {', '.join(audience.destinations)}"
        )
    for key in ("most_added", "most_changed", "most_removed", "most_withdrawn"):
        if getattr(audience, key) < 0:
            raise SettingsError(f"{path}: {where}.{key} is a share: 0.2 is a fifth")
    return audience


def _forecast(path: Path, options: Any) -> ForecastSettings:  # noqa: ANN401 - as read
    forecast = record(path, "forecast", options, ForecastSettings, {})
    unknown = sorted(set(forecast.dimensions) - set(FORECAST_DIMENSIONS))
    if unknown:
        raise SettingsError(
            f"{path}: forecast.dimensions names {', '.join(unknown)}; known are"
            f" {', '.join(FORECAST_DIMENSIONS)}"
        )
    if "company" not in forecast.dimensions:
        raise SettingsError(
            f"{path}: forecast.dimensions needs company, for customers of segments"
            " without a model"
        )
    for problem in _repeated("dimensions", list(forecast.dimensions)):
        raise SettingsError(f"{path}: forecast{problem}")
    return forecast


def _experiments(path: Path, configured: str | None) -> Path:
    """The folder of experiments, which may be absent where it is not configured."""
    folder = path.parent / (configured or "experiments")
    if configured and not folder.is_dir():
        # Without its declaration, the control of an experiment would be sent to.
        raise SettingsError(f"{path}: experiments: there is no folder {folder}")
    return folder


_PLACE_TYPES: dict[str, type[PlaceSettings]] = {
    "s3": S3Settings,
    "sftp": SftpSettings,
    "http": HttpSettings,
    "sql": SqlSettings,
    "rest": RestSettings,
}


def _place(path: Path, name: str, options: dict[str, Any]) -> PlaceSettings:
    where = f"places.{name}"
    if not re.fullmatch("[a-z0-9_]+", name):
        raise SettingsError(f"{path}: {where}: a place's name is made of a-z, 0-9, _")
    cls = _of_type(path, where, options, _PLACE_TYPES)
    place = record(path, where, {"into": name, **options}, cls, {"name": name})
    for problem in _problems(place):
        raise SettingsError(f"{path}: {where}{problem}")
    return place


def _of_type(
    path: Path, where: str, options: dict[str, Any], types: Mapping[str, type[_Record]]
) -> type[_Record]:
    kind = options.get("type")
    if not isinstance(kind, str) or kind not in types:
        raise SettingsError(
            f"{path}: {where}.type is {kind!r}; known are {', '.join(types)}"
        )
    return types[kind]


def _problems(place: PlaceSettings) -> Iterator[str]:
    """What cannot be about a place whose keys and types are right."""
    into = PurePosixPath(place.into)
    if into.is_absolute() or any(part.startswith(".") for part in into.parts):
        yield f".into is {place.into!r}, which is no folder below the landing folder"
    yield from option_problems(place)
    match place:
        case S3Settings():
            if bool(place.key_env) != bool(place.secret_env):
                yield ": key_env and secret_env need each other"
        case SftpSettings():
            if bool(place.password_env) == bool(place.key_file_env):
                yield " needs one of password_env and key_file_env"
        case HttpSettings():
            for url in place.urls:
                yield from _url_problems("urls", url)
        case SqlSettings():
            yield from _repeated("tables", [table.name for table in place.tables])
        case RestSettings():
            yield from _repeated("resources", [each.name for each in place.resources])
            for resource in place.resources:
                if bool(resource.cursor) != bool(resource.cursor_param):
                    yield f".{resource.name}: cursor and cursor_param need each other"


_ALERT_TYPES: dict[str, type[AlertSettings]] = {
    "webhook": WebhookAlertSettings,
    "email": EmailAlertSettings,
}


def _alert(path: Path, name: str, options: dict[str, Any]) -> AlertSettings:
    where = f"alerts.{name}"
    cls = _of_type(path, where, options, _ALERT_TYPES)
    alert = record(path, where, options, cls, {"name": name})
    for problem in _alert_problems(alert):
        raise SettingsError(f"{path}: {where}{problem}")
    return alert


def _alert_problems(alert: AlertSettings) -> Iterator[str]:
    yield from option_problems(alert)
    for pattern in alert.about:
        if not fnmatch.filter(ALERT_KINDS, pattern.split("/")[0]):
            yield f".about: nothing is called {pattern}; see `crm360 alerts --all`"
    if alert.least_state not in ALERT_STATES[1:]:
        yield (
            f".least_state is {alert.least_state!r}; known are"
            f" {', '.join(ALERT_STATES[1:])}"
        )
    if isinstance(alert, EmailAlertSettings):
        if bool(alert.user_env) != bool(alert.password_env):
            yield ": user_env and password_env need each other"
        if alert.user_env and not alert.starttls:
            yield ".starttls: a password is never sent in clear"


def _url_problems(key: str, url: str) -> Iterator[str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield f".{key}: an address begins with https:// or http://"
    if parts.username or parts.password:
        yield f".{key}: credentials belong in the environment, not in an address"


def _repeated(key: str, names: list[str]) -> Iterator[str]:
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f".{key}: {name} is there twice"


def _destination(path: Path, name: str, options: Any) -> DestinationSettings:  # noqa: ANN401 - as read
    where = f"destinations.{name}"
    if not re.fullmatch("[a-z0-9_]+", name):
        raise SettingsError(
            f"{path}: {where}: a destination's name is made of a-z, 0-9, _"
        )
    if not isinstance(options, Mapping) or not isinstance(options.get("type"), str):
        raise SettingsError(f"{path}: {where} needs the key type")
    return DestinationSettings(
        name=name,
        type=options["type"],
        options={key: value for key, value in options.items() if key != "type"},
    )


def option_problems(options: object) -> Iterator[str]:
    """What cannot be in keys that mean the same wherever they stand."""
    for key, value in vars(options).items():
        # Its value is not shown: it may be the secret itself, put in the wrong place.
        if (
            key.endswith("_env")
            and value
            and not re.fullmatch("[A-Z][A-Z0-9_]*", value)
        ):
            yield f".{key} must name an environment variable, such as CRM_PASSWORD"
        if (key == "url" or key.endswith("_url")) and value:
            yield from _url_problems(key, value)


def record(
    path: Path,
    where: str,
    options: Any,  # noqa: ANN401 - whatever the file says
    cls: type[_Record],
    given: Mapping[str, Any],
) -> _Record:
    """A dataclass from the keys of a table, checked against its fields.

    Args:
        given: fields that no key may set.

    Raises:
        SettingsError: a key is unknown, missing or of the wrong type.
    """
    if not isinstance(options, Mapping):
        raise SettingsError(f"{path}: {where} must be a table of keys and values")
    known = {each.name: each for each in fields(cls) if each.name not in given}
    _check_keys(path, where, options, set(known))
    for each in known.values():
        has_default = (each.default, each.default_factory) != (MISSING, MISSING)
        if not has_default and each.name not in options:
            raise SettingsError(f"{path}: {where} needs the key {each.name}")
    values = {
        key: _value(path, f"{where}.{key}", value, known[key].type)
        for key, value in options.items()
    }
    return cls(**given, **values)


def _value(
    path: Path,
    where: str,
    value: Any,  # noqa: ANN401 - whatever the file says
    kind: Any,  # noqa: ANN401 - the annotation of a field
) -> Any:  # noqa: ANN401 - a value of that kind
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or not value:
            raise SettingsError(f"{path}: {where} must be a list of at least one")
        return tuple(
            _value(path, f"{where}[{number}]", each, get_args(kind)[0])
            for number, each in enumerate(value)
        )
    if isinstance(kind, type) and is_dataclass(kind):
        return record(path, where, value, kind, {})
    if kind is float and type(value) is int:
        return float(value)
    expected = get_origin(kind) or kind
    if not isinstance(value, expected) or (kind is int and value is True):
        raise SettingsError(f"{path}: {where} is {value!r}, which is no {_NAMES[kind]}")
    return value


_NAMES: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Mapping[str, Any]: "table",
}


def _check_keys(
    path: Path, place: str, options: Mapping[str, Any], known: set[str]
) -> None:
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            where = f"{place}.{key}" if place else key
            raise SettingsError(f"{path}: unknown key {where}{hint}")
