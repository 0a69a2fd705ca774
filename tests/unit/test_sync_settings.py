"""What the configuration may say of a destination, and of an audience on its way."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.components.audience_sync import make_sync
from orchestration.components.destinations import capabilities, destination_of
from orchestration.lib.activation.mapping import Field
from orchestration.lib.activation.state import Sync
from orchestration.settings import Settings, SettingsError, read_settings

NODE = {
    "name": "audience_winback",
    "config": {
        "meta": {
            "activation": {
                "channel": "email",
                "purpose": "marketing",
                "contact_field": "email",
                "fields": ["email", "first_name"],
            }
        }
    },
}
CRM = '[destinations.crm]\ntype = "webhook"\nurl = "https://crm.example"\n'
GOES = '[audiences.winback]\ndestinations = ["outbox", "crm"]\n'


def settings(folder: Path, text: str) -> Settings:
    path = folder / "crm360.toml"
    path.write_text(text, encoding="utf-8")
    return read_settings(path, folder)


def sync(folder: Path, text: str) -> Sync:
    return make_sync(NODE, settings(folder, CRM + GOES + text), "crm")


def test_without_a_word_the_audience_decides_what_is_sent(tmp_path: Path) -> None:
    found = sync(tmp_path, "")

    assert found.mode == "mirror"
    assert [(field.name, field.column) for field in found.fields] == [
        ("email", "email"),
        ("first_name", "first_name"),
    ]


def test_fields_may_have_other_names_constants_and_templates(tmp_path: Path) -> None:
    found = sync(
        tmp_path,
        """
        [audiences.winback.syncs.crm]
        mode = "upsert"

        [audiences.winback.syncs.crm.fields]
        EMAIL = "email"
        SOURCE = { constant = "crm360" }
        GREETING = { template = "Dear {first_name}" }
        FNAME = { column = "first_name", nulls = "clear" }
        """,
    )

    assert found.mode == "upsert"
    assert found.fields == (
        Field(name="EMAIL", column="email"),
        Field(name="SOURCE", constant="crm360"),
        Field(name="GREETING", template="Dear {first_name}"),
        Field(name="FNAME", column="first_name", nulls="clear"),
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"mode": "replace"}, "mode is 'replace'; crm can mirror, upsert"),
        ({"fields": {"EMAIL": "mail"}}, "the audience has no column mail; it has"),
        ({"fields": {"EMAIL": {}}}, "needs one of column, constant and template"),
        ({"fields": {"EMAIL": 7}}, "neither a column nor a table"),
        (
            {"fields": {"EMAIL": {"column": "email", "nulls": "drop"}}},
            "nulls is 'drop': skip, clear or refuse",
        ),
        ({"fields": {"EMAIL": {"template": "{"}}}, "template: "),
        ({"fields": {"EMAIL": {"template": "{phone}"}}}, "no column phone"),
    ],
)
def test_a_sync_that_cannot_be_is_refused_with_its_place(
    tmp_path: Path, options: dict[str, Any], complaint: str
) -> None:
    def toml(value: Any) -> str:
        if isinstance(value, dict):
            each = ", ".join(f"{key} = {toml(item)}" for key, item in value.items())
            return f"{{ {each} }}"
        return json.dumps(value)

    lines = "\n".join(f"{key} = {toml(value)}" for key, value in options.items())
    with pytest.raises(SettingsError) as error:
        sync(tmp_path, f"[audiences.winback.syncs.crm]\n{lines}\n")

    assert complaint in str(error.value)
    assert str(error.value).startswith(
        f"{tmp_path / 'crm360.toml'}: audiences.winback.syncs.crm."
    )


def test_what_is_kept_of_members_is_no_contact(tmp_path: Path) -> None:
    tryton = """
    [destinations.crm]
    type = "tryton"
    url = "https://crm.example/crm/rpc/"
    user = "crm360"
    password_env = "PASSWORD"
    [audiences.winback.syncs.crm.fields]
    code = "email"
    """

    with pytest.raises(SettingsError, match=r"fields\.code: crm knows members by it"):
        make_sync(NODE, settings(tmp_path, GOES + tryton), "crm")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('type = "webhook"\nurll = "x"', "unknown key destinations.crm.urll; did you"),
        ('type = "webhook"\nname = "x"', "unknown key destinations.crm.name"),
        ('type = "webhook"', "destinations.crm needs the key url"),
        ('type = "ftp"', "destinations.crm.type is 'ftp'; known are"),
        ('type = "file"\nformat = "xlsx"', "destinations.crm: format is 'xlsx'"),
        ('type = "webhook"\nurl = "crm.example"', ".url: an address begins with"),
        (
            'type = "webhook"\nurl = "https://h"\nsecret_env = "whsec_x"',
            ".secret_env must name an environment variable",
        ),
    ],
)
def test_a_destination_that_cannot_be_is_refused(
    tmp_path: Path, text: str, complaint: str
) -> None:
    with pytest.raises(SettingsError) as error:
        capabilities(settings(tmp_path, f"[destinations.crm]\n{text}"), "crm")

    assert complaint in str(error.value)
    assert "whsec_x" not in str(error.value)


def test_a_secret_that_is_not_set_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = settings(tmp_path, CRM + 'secret_env = "CRM_SECRET"\n')
    monkeypatch.delenv("CRM_SECRET", raising=False)

    with (
        pytest.raises(SettingsError, match="environment variable CRM_SECRET"),
        destination_of(found, "crm"),
    ):
        pass


def test_a_secret_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = settings(tmp_path, CRM + 'secret_env = "CRM_SECRET"\n')
    monkeypatch.setenv("CRM_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

    with destination_of(found, "crm") as destination:
        assert destination.secrets == {
            "secret_env": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
        }
