"""The sandbox as its users meet it: what it prints is read, what is sent arrives."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestration.commands.sandbox import sandbox_of_the_demo
from orchestration.components.audience_sync import make_sync
from orchestration.components.destinations import destination_of
from orchestration.lib.activation.state import Limits
from orchestration.lib.sandbox.accounts import SECRET, configuration, vendors
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.memory import recall, remember
from orchestration.lib.sandbox.receiver import WebhookReceiver
from orchestration.lib.sandbox.server import application, running
from orchestration.settings import Settings, read_settings
from tests.destinations.conftest import World
from tests.destinations.test_guards import grow
from tests.support import at_home
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


def test_what_arrived_is_remembered_when_the_sandbox_starts_again(
    tmp_path: Path,
) -> None:
    file = tmp_path / "sandbox.pickle"
    before, after = vendors(), vendors()
    webhook = next(each for each in before if isinstance(each, WebhookReceiver))
    webhook.members["winback"] = {"c_1": {"email": "anna@mail.ru"}}

    assert not recall(before, file), "there is nothing to be remembered yet"
    remember(before, file)

    assert recall(after, file)
    assert [each.holds() for each in after] == [each.holds() for each in before]
    assert any(each.holds() == webhook.holds() for each in after)


def test_a_memory_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    file = tmp_path / "sandbox.pickle"
    file.write_bytes(b"\x80\x05 no pickle of ours")

    assert not recall(vendors(), file)


def test_the_demo_sends_to_vendors_of_its_own_and_remembers_them(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SANDBOX", "")
    with (
        at_home(tmp_path, "[destinations.crm]\ntype = 'webhook'\nurl = 'http://real'"),
        sandbox_of_the_demo(tmp_path) as settings,
    ):
        names = settings.audiences["winback"].destinations
        assert names == ("outbox", "mailchimp", "hubspot", "meta", "webhook")
        for name in names:
            world.sync = make_sync(NODE, settings, name)
            with destination_of(settings, name) as destination:
                assert world.apply(destination).problem is None, name

    accounts = vendors()
    assert recall(accounts, tmp_path / "sandbox.pickle")
    there = {each.name: sum(map(len, each.holds().values())) for each in accounts}
    assert {name for name, count in there.items() if count} == set(names) - {"outbox"}
