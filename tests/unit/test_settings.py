"""The configuration: every key has a default, and a slip of the pen is told."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.settings import (
    PROJECT,
    AudienceSettings,
    DestinationSettings,
    Settings,
    SettingsError,
    load_settings,
    read_settings,
    resolved_base_currency,
)

COMPLETE = """
base_currency = "GBP"
business_timezone = "Europe/London"
phone_region = "GB"
landing = "inbox"

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

[destinations.drop]
type = "file"
folder = "/mnt/drop"

[audiences.winback]
destinations = ["outbox", "crm"]

[audiences.newsletter]
destinations = ["drop"]
"""


def settings(folder: Path, text: str) -> Settings:
    """The settings that a file with this text gives."""
    path = folder / "crm360.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, folder / "home")


# -- what may be said ---------------------------------------------------------------


def test_the_documented_file_is_read(tmp_path: Path) -> None:
    manual = (PROJECT / "docs/operations.md").read_text(encoding="utf-8")
    example = manual.split("```toml")[1].split("```")[0]
    found = settings(tmp_path, example)
    assert found.audiences["winback"].destinations == ("outbox", "crm")
    assert found.destinations["crm"].secret_env == "CRM360_CRM_SECRET"


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    found = read_settings(tmp_path / "absent.toml", tmp_path)

    assert found == Settings(
        home=tmp_path,
        landing=tmp_path / "landing",
        base_currency=None,
        business_timezone="Europe/Moscow",
        phone_region="RU",
        exports={},
        destinations={"outbox": DestinationSettings(name="outbox", type="file")},
        audiences={"winback": AudienceSettings(name="winback")},
    )
    assert found.audiences["winback"].destinations == ("outbox",)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert settings(tmp_path, "") == read_settings(
        tmp_path / "absent.toml", tmp_path / "home"
    )


def test_every_key_is_read(tmp_path: Path) -> None:
    assert settings(tmp_path, COMPLETE) == Settings(
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
                url="https://crm.example/audiences",
                secret_env="CRM360_CRM_SECRET",
                batch_rows=50,
                timeout_seconds=2.5,
                attempts=2,
            ),
            "drop": DestinationSettings(name="drop", type="file", folder="/mnt/drop"),
        },
        audiences={
            "winback": AudienceSettings(name="winback", destinations=("outbox", "crm")),
            "newsletter": AudienceSettings(name="newsletter", destinations=("drop",)),
        },
    )


def test_a_landing_place_may_lie_elsewhere(tmp_path: Path) -> None:
    assert settings(tmp_path, 'landing = "/srv/inbox"').landing == Path("/srv/inbox")


def test_the_outbox_may_be_another_folder(tmp_path: Path) -> None:
    text = '[destinations.outbox]\ntype = "file"\nfolder = "elsewhere"\n'

    assert settings(tmp_path, text).destinations["outbox"].folder == "elsewhere"


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
            '[destinations.crm]\ntype = "webhook"\nurll = "x"',
            "unknown key destinations.crm.urll; did you mean url?",
        ),
        (
            '[destinations.crm]\ntype = "webhook"\nname = "x"',
            "unknown key destinations.crm.name",
        ),
        (
            'business_timezone = "Europe/Moscwo"',
            "business_timezone 'Europe/Moscwo' is no IANA time zone such as"
            " Europe/Moscow",
        ),
        ('business_timezone = ""', "business_timezone '' is no IANA time zone"),
        ("business_timezone = 3", "business_timezone 3 is no IANA time zone"),
        ('business_timezone = "../passwd"', "is no IANA time zone"),
        ('[destinations.crm]\ntype = "webhook"', "destinations.crm needs a url"),
        (
            '[destinations.crm]\ntype = "ftp"',
            "destinations.crm.type is 'ftp'; known are file and webhook",
        ),
        (
            '[audiences.winback]\ndestinations = ["crm"]',
            "audience winback goes to crm, which no [destinations.crm] describes",
        ),
        ("base_currency = EUR", "Invalid value (at line 1, column 17)"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_its_file(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(SettingsError) as error:
        settings(tmp_path, text)

    assert str(error.value).startswith(f"{tmp_path / 'crm360.toml'}: ")
    assert complaint in str(error.value)


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
