"""The configuration: every key has a default, and a slip of the pen is told."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.settings import (
    PROJECT,
    AudienceSettings,
    DestinationSettings,
    EmailAlertSettings,
    ForecastSettings,
    HttpSettings,
    ResourceSettings,
    RestSettings,
    S3Settings,
    Settings,
    SettingsError,
    SftpSettings,
    SqlSettings,
    SyncSettings,
    TableSettings,
    WebhookAlertSettings,
    load_settings,
    read_settings,
    resolved_base_currency,
)

MAIL = '[alerts.ops]\ntype = "email"\nhost = "h"\nsender = "a@h"'
COMPLETE = """
base_currency = "GBP"
business_timezone = "Europe/London"
phone_region = "GB"
landing = "inbox"
experiments = "ab"

[exports."hubspot.contacts"]
encoding = "cp1251"
files = ["crm/*.csv"]

[destinations.crm]
type = "webhook"
url = "https://crm.example/audiences"
secret_env = "CRM360_CRM_SECRET"
batch_rows = 50
timeout_seconds = 2.5
attempts = 2

[alerts.ops]
type = "webhook"
about = ["runs", "checks/marts/*"]
least_state = "failed"
url_env = "OPS_URL"
secret_env = "OPS_SECRET"

[alerts.marketing]
type = "email"
host = "smtp.example"
port = 25
sender = "crm360@shop.example"
to = ["olga@shop.example"]
user_env = "MAIL_USER"
password_env = "MAIL_PASSWORD"

[destinations.drop]
type = "file"
folder = "/mnt/drop"

[audiences.winback]
destinations = ["outbox", "crm"]

[audiences.winback.syncs.crm]
mode = "upsert"
fields = { EMAIL = "email", SOURCE = { constant = "crm360" } }

[audiences.newsletter]
destinations = ["drop"]

[places.bucket]
type = "s3"
into = "."
carries_consent = false
attempts = 2
timeout_seconds = 5
bucket = "exports"
prefix = "daily"
files = ["*.csv"]
endpoint_url = "https://s3.example"
region = "ru-1"
key_env = "KEY"
secret_env = "SECRET"

[places.mail]
type = "sftp"
host = "sftp.example"
port = 2022
user = "crm360"
folder = "/out"
files = ["*.csv"]
key_file_env = "KEY_FILE"
known_hosts = "/etc/known_hosts"

[places.costs]
type = "http"
urls = ["https://ads.example/costs.csv"]
token_env = "TOKEN"

[places.shop]
type = "sql"
url_env = "DATABASE"

[[places.shop.tables]]
name = "orders"
schema = "sales"
cursor = "updated_at"

[places.desk]
type = "rest"
base_url = "https://api.example/v1"
token_env = "TOKEN"
token_header = "X-Token"

[[places.desk.resources]]
name = "tickets"
path = "tickets.json"
params = { status = "any", limit = 100 }
data_selector = "data"
paginator = { type = "json_link", next_url_path = "next" }
cursor = "updated_at"
cursor_param = "since"

[forecast]
dimensions = ["first_currency", "company"]
least_customers = 50
"""


def settings(folder: Path, text: str) -> Settings:
    """The settings that a file with this text gives."""
    path = folder / "crm360.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, folder / "home")


# -- what may be said ---------------------------------------------------------------


def test_the_documented_file_is_read(tmp_path: Path) -> None:
    manual = (PROJECT / "docs/operations.md").read_text(encoding="utf-8")
    examples = [block.split("```")[0] for block in manual.split("```toml")[1:]]
    found = settings(tmp_path, "".join(examples))
    assert {place.type for place in found.places.values()} == {
        "s3", "sftp", "http", "sql", "rest",
    }  # fmt: skip
    assert {alert.type for alert in found.alerts.values()} == {"webhook", "email"}
    assert found.audiences["winback"].destinations == ("outbox", "crm")
    assert found.destinations["crm"].options["secret_env"] == "CRM360_CRM_SECRET"


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    found = read_settings(tmp_path / "absent.toml", tmp_path)

    assert found == Settings(
        file=tmp_path / "absent.toml",
        home=tmp_path,
        landing=tmp_path / "landing",
        base_currency=None,
        business_timezone="Europe/Moscow",
        phone_region="RU",
        exports={},
        destinations={"outbox": DestinationSettings(name="outbox", type="file")},
        audiences={"winback": AudienceSettings(name="winback")},
        forecast=ForecastSettings(
            dimensions=("first_source", "company"), least_customers=500
        ),
        experiments=tmp_path / "experiments",
    )
    assert found.audiences["winback"].destinations == ("outbox",)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    absent = read_settings(tmp_path / "absent.toml", tmp_path / "home")

    found = settings(tmp_path, "")

    assert dataclasses.replace(found, file=absent.file) == absent


def test_a_folder_of_experiments_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="experiments: there is no folder"):
        settings(tmp_path, 'experiments = "ab"')


def test_every_key_is_read(tmp_path: Path) -> None:
    (tmp_path / "ab").mkdir()

    assert settings(tmp_path, COMPLETE) == Settings(
        file=tmp_path / "crm360.toml",
        experiments=tmp_path / "ab",
        home=tmp_path / "home",
        landing=tmp_path / "home" / "inbox",
        base_currency="GBP",
        business_timezone="Europe/London",
        phone_region="GB",
        exports={"hubspot.contacts": {"encoding": "cp1251", "files": ["crm/*.csv"]}},
        destinations={
            "outbox": DestinationSettings(name="outbox", type="file"),
            "crm": DestinationSettings(
                name="crm",
                type="webhook",
                options={
                    "url": "https://crm.example/audiences",
                    "secret_env": "CRM360_CRM_SECRET",
                    "batch_rows": 50,
                    "timeout_seconds": 2.5,
                    "attempts": 2,
                },
            ),
            "drop": DestinationSettings(
                name="drop", type="file", options={"folder": "/mnt/drop"}
            ),
        },
        audiences={
            "winback": AudienceSettings(
                name="winback",
                destinations=("outbox", "crm"),
                syncs={
                    "crm": SyncSettings(
                        mode="upsert",
                        fields={"EMAIL": "email", "SOURCE": {"constant": "crm360"}},
                    )
                },
            ),
            "newsletter": AudienceSettings(name="newsletter", destinations=("drop",)),
        },
        places={
            "bucket": S3Settings(
                name="bucket",
                type="s3",
                into=".",
                carries_consent=False,
                attempts=2,
                timeout_seconds=5.0,
                bucket="exports",
                prefix="daily",
                files=("*.csv",),
                endpoint_url="https://s3.example",
                region="ru-1",
                key_env="KEY",
                secret_env="SECRET",
            ),
            "mail": SftpSettings(
                name="mail",
                type="sftp",
                into="mail",
                host="sftp.example",
                port=2022,
                user="crm360",
                folder="/out",
                files=("*.csv",),
                key_file_env="KEY_FILE",
                known_hosts="/etc/known_hosts",
            ),
            "costs": HttpSettings(
                name="costs",
                type="http",
                into="costs",
                urls=("https://ads.example/costs.csv",),
                token_env="TOKEN",
            ),
            "shop": SqlSettings(
                name="shop",
                type="sql",
                into="shop",
                url_env="DATABASE",
                tables=(
                    TableSettings(name="orders", schema="sales", cursor="updated_at"),
                ),
            ),
            "desk": RestSettings(
                name="desk",
                type="rest",
                into="desk",
                base_url="https://api.example/v1",
                token_env="TOKEN",
                token_header="X-Token",
                resources=(
                    ResourceSettings(
                        name="tickets",
                        path="tickets.json",
                        params={"status": "any", "limit": 100},
                        data_selector="data",
                        paginator={"type": "json_link", "next_url_path": "next"},
                        cursor="updated_at",
                        cursor_param="since",
                    ),
                ),
            ),
        },
        alerts={
            "ops": WebhookAlertSettings(
                name="ops",
                type="webhook",
                about=("runs", "checks/marts/*"),
                least_state="failed",
                url_env="OPS_URL",
                secret_env="OPS_SECRET",
            ),
            "marketing": EmailAlertSettings(
                name="marketing",
                type="email",
                host="smtp.example",
                port=25,
                sender="crm360@shop.example",
                to=("olga@shop.example",),
                user_env="MAIL_USER",
                password_env="MAIL_PASSWORD",
            ),
        },
        forecast=ForecastSettings(
            dimensions=("first_currency", "company"), least_customers=50
        ),
    )


def test_a_landing_place_may_lie_elsewhere(tmp_path: Path) -> None:
    assert settings(tmp_path, 'landing = "/srv/inbox"').landing == Path("/srv/inbox")


def test_the_outbox_may_be_another_folder(tmp_path: Path) -> None:
    text = '[destinations.outbox]\ntype = "file"\nfolder = "elsewhere"\n'

    assert settings(tmp_path, text).destinations["outbox"].options == {
        "folder": "elsewhere"
    }


def test_all_state_lies_below_the_home_folder(tmp_path: Path) -> None:
    found = settings(tmp_path, "")

    places = [
        found.warehouse,
        found.marts,
        found.activation,
        found.raw,
        found.published,
        found.dagster_home,
        found.data_docs,
        found.landing,
        found.fetched,
        found.told,
    ]
    assert all(place.is_relative_to(tmp_path / "home") for place in places)
    assert len(set(places)) == len(places)


# -- what is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            'base_curency = "EUR"',
            "unknown key base_curency; did you mean base_currency?",
        ),
        ("zzz = 1", "unknown key zzz"),
        (
            '[exports."hubspot.contacts"]\nencodign = "cp1251"',
            "unknown key exports.hubspot.contacts.encodign; did you mean encoding?",
        ),
        (
            'business_timezone = "Europe/Moscwo"',
            "business_timezone 'Europe/Moscwo' is no IANA time zone such as"
            " Europe/Moscow",
        ),
        ('business_timezone = ""', "business_timezone '' is no IANA time zone"),
        ("business_timezone = 3", "business_timezone 3 is no IANA time zone"),
        ('business_timezone = "../passwd"', "is no IANA time zone"),
        ("[destinations.crm]\nurl = 'x'", "destinations.crm needs the key type"),
        (
            '[destinations."my crm"]\ntype = "file"',
            "destinations.my crm: a destination's name is made of a-z, 0-9, _",
        ),
        (
            "[audiences.winback.syncs.crm]\nmode = 'upsert'",
            "audiences.winback.syncs.crm: it does not go there; destinations are",
        ),
        (
            '[audiences.winback]\ndestinations = ["crm"]',
            "audience winback goes to crm, which no [destinations.crm] describes",
        ),
        (
            '[forecast]\ndimensions = ["first_channel", "company"]',
            "forecast.dimensions names first_channel; known are company, first_source,",
        ),
        (
            '[forecast]\ndimensions = ["company", "company"]',
            "forecast.dimensions: company is there twice",
        ),
        (
            '[forecast]\ndimensions = ["first_source"]',
            "forecast.dimensions needs company, for customers of segments without",
        ),
        ("[forecast]\ndimensions = []", "forecast.dimensions must be a list of at"),
        (
            '[forecast]\nleast_customers = "many"',
            "forecast.least_customers is 'many', which is no whole number",
        ),
        ("base_currency = EUR", "Invalid value (at line 1, column 17)"),
        (
            '[places.crm]\ntype = "ftp"',
            "places.crm.type is 'ftp'; known are s3, sftp, http, sql, rest",
        ),
        (
            '[places.crm]\ntype = "sftp"\npassword = "x"',
            "unknown key places.crm.password; did you mean password_env?",
        ),
        ('[places.crm]\ntype = "s3"', "places.crm needs the key bucket"),
        (
            '[places.crm]\ntype = "s3"\nbucket = "b"\nfiles = "*.csv"',
            "places.crm.files must be a list of at least one",
        ),
        (
            '[places.crm]\ntype = "s3"\nbucket = 3',
            "places.crm.bucket is 3, which is no text",
        ),
        (
            '[places.crm]\ntype = "s3"\nbucket = "b"\nattempts = true',
            "places.crm.attempts is True, which is no whole number",
        ),
        (
            '[places.crm]\ntype = "s3"\nbucket = "b"\nkey_env = "K"',
            "places.crm: key_env and secret_env need each other",
        ),
        (
            '[places.crm]\ntype = "s3"\nbucket = "b"\ninto = "../b"',
            "places.crm.into is '../b', which is no folder below the landing folder",
        ),
        (
            '[places.crm]\ntype = "s3"\nbucket = "b"\ninto = "/tmp"',
            "places.crm.into is '/tmp', which is no folder below the landing folder",
        ),
        (
            '[places."a/b"]\ntype = "s3"\nbucket = "b"',
            "places.a/b: a place's name is made of a-z, 0-9, _",
        ),
        (
            '[places.crm]\ntype = "sftp"\nhost = "h"\nuser = "u"',
            "places.crm needs one of password_env and key_file_env",
        ),
        (
            '[places.crm]\ntype = "http"\nurls = ["https://h/x"]\n'
            'token_env = "eyJhbGciOi"',
            "places.crm.token_env must name an environment variable",
        ),
        (
            '[places.crm]\ntype = "http"\nurls = ["https://u:p@h/x"]',
            "places.crm.urls: credentials belong in the environment",
        ),
        (
            '[places.crm]\ntype = "http"\nurls = ["ftp://h/x"]',
            "places.crm.urls: an address begins with https:// or http://",
        ),
        (
            '[places.crm]\ntype = "sql"\nurl_env = "D"\ntables = [{ nmae = "t" }]',
            "unknown key places.crm.tables[0].nmae; did you mean name?",
        ),
        (
            '[places.crm]\ntype = "sql"\nurl_env = "D"\ntables = ["t"]',
            "places.crm.tables[0] must be a table of keys and values",
        ),
        (
            '[places.crm]\ntype = "sql"\nurl_env = "D"\n'
            'tables = [{ name = "t" }, { name = "t", schema = "s" }]',
            "places.crm.tables: t is there twice",
        ),
        (
            '[places.crm]\ntype = "rest"\nbase_url = "https://h"\nresources ='
            ' [{ name = "r", path = "r", paginator = {}, cursor = "id" }]',
            "places.crm.r: cursor and cursor_param need each other",
        ),
        (
            '[alerts.ops]\ntype = "sms"',
            "alerts.ops.type is 'sms'; known are webhook, email",
        ),
        ('[alerts.ops]\ntype = ["email"]', "alerts.ops.type is ['email']; known are"),
        ('[alerts.ops]\ntype = "webhook"', "alerts.ops needs the key url_env"),
        (
            '[alerts.ops]\ntype = "webhook"\nurl = "https://chat.example/x"',
            "unknown key alerts.ops.url; did you mean url_env?",
        ),
        (
            '[alerts.ops]\ntype = "webhook"\nurl_env = "https://chat.example/x"',
            "alerts.ops.url_env must name an environment variable",
        ),
        (
            '[alerts.ops]\ntype = "webhook"\nurl_env = "U"\nabout = ["activations"]',
            "alerts.ops.about: nothing is called activations; see",
        ),
        (
            '[alerts.ops]\ntype = "webhook"\nurl_env = "U"\nleast_state = "ok"',
            "alerts.ops.least_state is 'ok'; known are warning, held, failed",
        ),
        (f'{MAIL}\nto = "olga@h"', "alerts.ops.to must be a list of at least one"),
        (
            f'{MAIL}\nto = ["olga@h"]\nuser_env = "U"',
            "alerts.ops: user_env and password_env need each other",
        ),
        (
            f'{MAIL}\nto = ["olga@h"]\nstarttls = false\nuser_env = "U"\n'
            'password_env = "P"',
            "alerts.ops.starttls: a password is never sent in clear",
        ),
    ],
)
def test_a_slip_of_the_pen_is_told_with_its_file(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(SettingsError) as error:
        settings(tmp_path, text)

    assert str(error.value).startswith(f"{tmp_path / 'crm360.toml'}: ")
    assert complaint in str(error.value)


def test_a_secret_in_the_wrong_place_is_not_repeated(tmp_path: Path) -> None:
    text = '[places.crm]\ntype = "sql"\nurl_env = "pg://u:s3cr3t@h"\ntables = []'

    with pytest.raises(SettingsError) as error:
        settings(tmp_path, text.replace("[]", '[{ name = "t" }]'))

    assert "s3cr3t" not in str(error.value)


def test_a_key_like_no_other_gets_no_hint(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        settings(tmp_path, "zzz = 1")

    assert str(error.value).endswith("unknown key zzz")


# -- the process --------------------------------------------------------------------


@pytest.fixture
def fresh() -> Iterator[None]:
    load_settings.cache_clear()
    yield
    load_settings.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_the_environment_names_the_file_and_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.toml").write_text('base_currency = "EUR"')
    monkeypatch.setenv("CRM360_CONFIG", str(tmp_path / "other.toml"))
    monkeypatch.setenv("CRM360_HOME", str(tmp_path / "state"))

    found = load_settings()

    assert (found.base_currency, found.home) == ("EUR", tmp_path / "state")


@pytest.mark.usefixtures("fresh")
def test_a_relative_home_folder_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRM360_CONFIG", "absent.toml")
    monkeypatch.setenv("CRM360_HOME", "state")

    assert load_settings().home == tmp_path / "state"


@pytest.mark.usefixtures("fresh")
def test_without_an_environment_state_lies_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRM360_HOME", raising=False)
    monkeypatch.setenv("CRM360_CONFIG", str(tmp_path / "absent.toml"))

    assert load_settings().home == PROJECT / "var"


@pytest.mark.usefixtures("fresh")
def test_the_file_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "crm360.toml"
    path.write_text('base_currency = "EUR"')
    monkeypatch.setenv("CRM360_CONFIG", str(path))
    first = load_settings()

    path.write_text('base_currency = "USD"')

    assert load_settings() is first


# -- the base currency --------------------------------------------------------------


@pytest.mark.parametrize(
    ("configured", "exports", "resolved"),
    [
        ("EUR", ["GBP"], "EUR"),
        (None, ["GBP"], "GBP"),
        (None, ["GBP", "GBP"], "GBP"),
        (None, ["GBP", "USD"], "RUB"),
        (None, ["GBP", ""], "RUB"),
        (None, [""], "RUB"),
        (None, [], "RUB"),
    ],
)
def test_the_base_currency_is_the_configured_or_the_only_one_or_roubles(
    tmp_path: Path, configured: str | None, exports: list[str], resolved: str
) -> None:
    text = f'base_currency = "{configured}"' if configured else ""

    assert resolved_base_currency(settings(tmp_path, text), exports) == resolved
