"""`crm360 alerts` as a person meets it."""

import json
from pathlib import Path

import pytest

from tests.alerts.conftest import CHAT, DEAR, HELD, Company
from tests.alerts.servers import Chat
from tests.support import crm360


@pytest.fixture
def home(company: Company, chat: Chat) -> Path:
    """After a run with a held sync, of which the alert `late` was not told."""
    company.config = CHAT + CHAT.replace("ops", "late").replace("OPS_URL", "NOBODY")
    company.does = {"sync": HELD, "is_dear": DEAR}
    company.run()
    return company.home


def test_what_is_not_ok_is_listed_with_who_was_told(home: Path) -> None:
    shown = crm360("alerts", home=home)

    assert shown.returncode == 0, shown.stderr
    assert "held     activation/winback/crm\n         since 20" in shown.stdout
    assert "MSK, told: ops\n         plan 3f9c is held" in shown.stdout
    assert "crm360 plan winback --destination crm" in shown.stdout
    assert shown.stdout.endswith("3 of 6 subjects are ok\n")
    assert "is_whole" not in shown.stdout
    assert "ok       checks/shopify/orders/is_whole" in (
        crm360("alerts", "--all", home=home).stdout
    )


def test_the_list_is_to_be_had_as_json(home: Path) -> None:
    found = json.loads(crm360("alerts", "--json", home=home).stdout)

    sync = next(each for each in found if each["subject"].startswith("activation"))
    assert (sync["state"], sync["told"]) == ("held", ["ops"])
    assert len(found) == 6


def test_before_the_first_run_the_list_says_what_to_do(tmp_path: Path) -> None:
    shown = crm360("alerts", home=tmp_path)

    assert shown.returncode == 1
    assert "[alerts.NAME] in crm360.toml" in shown.stderr


def test_a_test_message_arrives_and_the_answer_is_said(home: Path, chat: Chat) -> None:
    shown = crm360("alerts", "test", "ops", home=home)

    assert (shown.returncode, shown.stdout) == (0, "ops: http 200\n")
    assert chat.texts[-1] == "crm360: a test\n\nThe alert ops arrives here."


def test_a_test_message_that_does_not_arrive_is_an_error(
    home: Path, chat: Chat
) -> None:
    chat.statuses = [404]
    refused = crm360("alerts", "test", "ops", home=home)
    unset = crm360("alerts", "test", "late", home=home)

    assert refused.returncode == unset.returncode == 1
    assert "ops: not delivered (http 404)" in refused.stderr
    assert "late: not delivered (the environment variable NOBODY" in unset.stderr


def test_an_alert_that_is_not_configured_is_named_with_those_that_are(
    home: Path,
) -> None:
    shown = crm360("alerts", "test", "opps", home=home)

    assert shown.returncode == 2
    assert "there is no alert opps; there are ops, late" in shown.stderr


@pytest.mark.parametrize("verb", [["alerts"], ["alerts", "test"]])
def test_help_has_an_example(tmp_path: Path, verb: list[str]) -> None:
    shown = crm360(*verb, "--help", home=tmp_path)

    assert "crm360 alerts test marketing" in shown.stdout
