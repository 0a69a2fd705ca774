"""The sandbox as its users meet it: what it prints is read, what is sent arrives."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestration.components.audience_sync import make_sync
from orchestration.components.destinations import destination_of
from orchestration.lib.activation.state import Limits
from orchestration.lib.sandbox.accounts import SECRET, configuration, vendors
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.server import application, running
from orchestration.settings import Settings, read_settings
from tests.destinations.conftest import World
from tests.destinations.test_guards import grow
from tests.unit.test_sync_settings import NODE

EVERY = (
    "brevo", "google", "hubspot", "klaviyo", "mailchimp", "meta", "sendgrid",
    "webhook", "yandex",
)  # fmt: skip


def read(folder: Path, url: str) -> Settings:
    path = folder / "crm360.toml"
    path.write_text(configuration(url), encoding="utf-8")
    return read_settings(path, folder)


def test_an_audience_arrives_with_every_vendor(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX", SECRET)
    grow(world, 97)
    accounts = vendors()

    with running(application(accounts, Faults())) as url:
        settings = read(tmp_path, url)
        assert settings.audiences["winback"].destinations == ("outbox", *EVERY)
        for name in EVERY:
            world.sync = make_sync(NODE, settings, name)
            world.sync_with(limits=Limits(is_first_send_held=False))
            with destination_of(settings, name) as destination:
                assert world.apply(destination).problem is None, name
        holds: dict[str, Any] = httpx.get(f"{url}/_holds").json()
        page = httpx.get(url).text

    for name in EVERY:
        assert sum(map(len, holds[name].values())) == 100, name
    assert "mailchimp" in page
    assert "p1@mail.ru" in page


def test_a_first_send_to_a_vendor_is_held(tmp_path: Path) -> None:
    sync = make_sync(NODE, read(tmp_path, "http://127.0.0.1:1"), "mailchimp")

    assert sync.limits.is_first_send_held
