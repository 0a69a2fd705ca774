"""Who is told what: once when it begins to fail, once when it works again."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import dagster as dg
import pytest
import stamina
from standardwebhooks import Webhook

from orchestration.lib.alerts import memory
from orchestration.lib.alerts.memory import Observation
from orchestration.lib.webhooks import signed_headers
from tests.alerts.conftest import BUSY, CHAT, CUT, DEAR, HELD, SILENT, Company
from tests.alerts.servers import Chat, Post, running_post
from tests.support import rows

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MAIL = """
[alerts.marketing]
type = "email"
host = "localhost"
port = {port}
sender = "crm360@shop.example"
to = ["olga@shop.example", "ivan@shop.example"]
starttls = {starttls}
"""


def timeless(text: str) -> str:
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d MSK", "<time>", text)


@contextmanager
def open_elsewhere(file: Path) -> Iterator[None]:
    """A DuckDB file that another process has open."""
    program = f"import duckdb; c = duckdb.connect({str(file)!r}); print(1); input()"
    with subprocess.Popen(
        [sys.executable, "-uc", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate(b"\n")


# -- state changes ------------------------------------------------------------------


def test_a_run_that_goes_well_tells_nobody(company: Company, chat: Chat) -> None:
    assert company.run() == []

    assert chat.requests == []


def test_what_fails_is_told_once_and_once_more_when_it_works_again(
    company: Company, chat: Chat
) -> None:
    company.run()
    company.does = {"sync": SILENT}
    (outcome,) = company.run()
    assert (outcome.text, outcome.is_delivered) == (
        "alert ops: told what changed, http 200",
        True,
    )
    assert company.run() == []
    company.does = {}
    company.run()
    assert company.run() == []

    assert list(map(timeless, chat.texts)) == [
        "crm360: 2 failed\n\n"
        "runs/daily: ok → failed, since <time>\n"
        "  failed: activation/winback/crm\n"
        "  crm360 status\n\n"
        "activation/winback/crm: ok → failed, since <time>\n"
        "  crm: no answer after 4 attempts (http 503)\n"
        "  crm360 plan winback --destination crm",
        "crm360: 2 recovered\n\n"
        "runs/daily: failed → ok, since <time> (failed since <time>)\n\n"
        "activation/winback/crm: failed → ok, since <time> (failed since <time>)",
    ]


def test_everything_that_a_run_changed_is_one_message_the_worst_first(
    company: Company, chat: Chat
) -> None:
    company.does = {"guard": BUSY, "sync": HELD}
    company.run()
    company.does = {"is_dear": DEAR, "sync": HELD}
    company.run()

    first, second = chat.texts
    assert [line.split(", ")[0] for line in first.splitlines() if "→" in line] == [
        "runs/daily: ok → failed",
        "steps/marts/guard: ok → failed",
        "activation/winback/crm: ok → held",
    ]
    assert [line.split(", ")[0] for line in second.splitlines() if "→" in line] == [
        "checks/marts/guard/is_dear: ok → warning",
        "steps/marts/guard: failed → ok",
    ]
    assert second.startswith("crm360: 1 warning, 1 recovered\n")


def test_a_sync_that_is_held_after_it_failed_is_told_with_the_way_out(
    company: Company, chat: Chat
) -> None:
    company.does = {"sync": SILENT}
    company.run()
    company.does = {"sync": HELD}
    company.run()

    assert "activation/winback/crm: failed → held" in chat.texts[1]
    assert "`crm360 release 3f9c --reason TEXT`" in chat.texts[1]


def test_checks_are_told_by_their_severity_and_with_what_they_say(
    company: Company, chat: Chat
) -> None:
    company.does = {"is_dear": DEAR}
    company.run()
    company.does = {"is_whole": CUT}
    company.run()

    assert "dbt's name of it" not in chat.texts[0]
    assert "checks/marts/guard/is_dear: ok → warning" in chat.texts[0]
    assert "channel ads: brings 0.80 times its cost" in chat.texts[0]
    assert "crm360 dev, then the asset marts/guard" in chat.texts[0]
    assert "checks/shopify/orders/is_whole: ok → failed" in chat.texts[1]
    assert "evaluated: 40; unexpected: 2" in chat.texts[1]
    assert "crm360 quarantine list --export shopify.orders" in chat.texts[1]


def test_what_a_run_did_not_come_to_stays_as_it_was(
    company: Company, chat: Chat
) -> None:
    company.does = {"sync": SILENT, "is_dear": DEAR}
    company.run()
    company.does = {"orders": BUSY}
    company.run()

    assert "steps/shopify/orders: ok → failed" in chat.texts[1]
    assert "activation" not in chat.texts[1]
    assert "marts" not in chat.texts[1]


def test_a_retry_that_helps_is_no_failure(company: Company, chat: Chat) -> None:
    company.does, company.mends = {"sync": SILENT}, True

    assert company.run() == []
    assert company.last.success
    assert company.does == {}
    assert chat.requests == []


def test_a_run_without_a_failed_step_that_did_not_succeed_is_told(
    company: Company, chat: Chat
) -> None:
    company.run()
    run = company.instance.create_run_for_job(
        dg.Definitions(
            assets=company._assets(), jobs=[dg.define_asset_job("daily")]
        ).resolve_job_def("daily")
    )
    company.instance.report_run_failed(run)
    company.report(run.run_id)

    assert "runs/daily: ok → failed" in chat.texts[0]
    assert "it was ended, or never began" in chat.texts[0]


# -- of a run once, whoever reports it ----------------------------------------------


def test_a_run_that_is_reported_again_or_late_changes_nothing(
    company: Company, chat: Chat
) -> None:
    company.does = {"sync": SILENT}
    company.run(tells=False)
    failed = company.last.run_id
    company.does = {}
    company.run()

    assert company.report(failed) == []
    assert company.report(company.last.run_id) == []
    assert chat.requests == []


def test_the_sensor_tells_of_a_run_once(company: Company, chat: Chat) -> None:
    company.does = {"sync": SILENT}
    company.run(tells=False)

    company.sense()
    company.sense()
    company.report(company.last.run_id)

    assert len(chat.requests) == 1
    assert "runs/daily: ok → failed" in chat.texts[0]


def test_the_tick_of_a_sensor_fails_when_an_alert_is_not_delivered(
    company: Company, chat: Chat
) -> None:
    company.does = {"sync": SILENT}
    company.run(tells=False)
    chat.statuses = [410]

    with pytest.raises(dg.Failure, match="alert ops: not delivered"):
        company.sense()
    company.sense()

    assert len(chat.requests) == 1


# -- deliveries ---------------------------------------------------------------------


def test_what_nobody_accepted_is_told_by_the_next_run(
    company: Company, chat: Chat
) -> None:
    company.does = {"sync": SILENT}
    chat.statuses = [503, 503]
    (outcome,) = company.run()
    assert not outcome.is_delivered
    assert outcome.text == (
        "alert ops: not delivered, the next run tells it (http 503)"
    )

    company.run()

    assert len(chat.requests) == 1
    assert "activation/winback/crm: ok → failed" in chat.texts[0]


def test_a_short_trouble_of_the_receiver_is_waited_for(
    company: Company, chat: Chat
) -> None:
    company.does = {"sync": SILENT}
    chat.statuses = [429]

    (outcome,) = company.run()

    assert outcome.is_delivered


def test_an_alert_that_nobody_answers_keeps_no_other_from_its_message(
    company: Company, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOBODY", "http://127.0.0.1:9/hooks/T0psecret")
    company.config = CHAT.replace("ops", "away").replace("OPS_URL", "NOBODY") + CHAT
    company.does = {"sync": SILENT}

    away, ops = company.run()

    assert (away.is_delivered, ops.is_delivered) == (False, True)
    assert "ConnectError" in away.text
    assert "T0psecret" not in away.text
    assert company.run()[0].text == away.text, "to be told still, and only there"
    assert len(chat.requests) == 1


def test_a_missing_secret_is_named_and_not_delivered(company: Company) -> None:
    company.does = {"sync": SILENT}

    (outcome,) = company.run()

    assert "the environment variable OPS_URL is not set" in outcome.text


def test_a_message_that_is_repeated_after_a_crash_has_the_same_name(
    company: Company, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.does = {"sync": SILENT}
    with monkeypatch.context() as patched:
        patched.setattr(memory, "note_told", lambda *arguments: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            company.run()
    company.report(company.last.run_id)

    first, second = (each["headers"]["webhook-id"] for each in chat.requests)
    assert first == second


def test_a_memory_that_cannot_be_opened_keeps_no_run_from_its_end(
    company: Company, chat: Chat
) -> None:
    memory_file = company.home / "alerts.duckdb"
    company.does = {"sync": SILENT}
    company.home.mkdir()
    memory_file.write_bytes(b"no database" * 1000)
    (damaged,) = company.run()
    memory_file.unlink()
    with open_elsewhere(memory_file):
        (busy,) = company.run()
    (told,) = company.run()

    assert not damaged.is_delivered
    assert "cannot be opened as a DuckDB database" in damaged.text
    assert not busy.is_delivered
    assert "is in use by another process" in busy.text
    assert told.is_delivered


def test_a_webhook_is_signed_as_audiences_are(
    company: Company, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_SECRET", SECRET)
    company.config = CHAT + 'secret_env = "OPS_SECRET"\n'
    company.does = {"sync": HELD}
    company.run()

    (request,) = chat.requests
    document = Webhook(SECRET).verify(request["body"], request["headers"])
    assert document.keys() == {"text", "changes"}
    assert [each["subject"] for each in document["changes"]] == [
        "runs/daily",
        "activation/winback/crm",
    ]
    assert document["changes"][1] | {"since": ""} == {
        "subject": "activation/winback/crm",
        "before": "ok",
        "before_since": None,
        "state": "held",
        "since": "",
        "reason": HELD.description,
        "remedy": "crm360 plan winback --destination crm",
    }
    assert signed_headers("a", "b", None).keys() == {"webhook-id", "webhook-timestamp"}


def test_a_secret_that_is_none_is_said(
    company: Company, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPS_SECRET", "whsec_12345")
    company.config = CHAT + 'secret_env = "OPS_SECRET"\n'
    company.does = {"sync": HELD}

    (outcome,) = company.run()

    assert "its address or its secret cannot be one" in outcome.text
    assert chat.requests == []


def test_an_email_reaches_every_mailbox(company: Company, post: Post) -> None:
    company.config = MAIL.format(port=post.port, starttls="false")
    company.does = {"sync": HELD}

    (outcome,) = company.run()

    assert outcome.text.endswith("accepted for 2 of 2 recipients")
    (email,) = post.received
    assert email["subject"] == "crm360: 1 failed, 1 held"
    assert email["from"] == "crm360@shop.example"
    assert post.recipients == [["olga@shop.example", "ivan@shop.example"]]
    assert email["auto-submitted"] == "auto-generated"
    assert email["message-id"].startswith("<alert_")
    assert email["date"].datetime.tzinfo is not None
    assert "activation/winback/crm: ok → held" in email.get_content()


def test_a_mailbox_that_is_refused_is_counted_and_not_named(
    company: Company, post: Post
) -> None:
    company.config = MAIL.format(port=post.port, starttls="false")
    company.does = {"sync": HELD}
    post.refuses = {"olga@shop.example": "550 olga@shop.example has left"}
    (outcome,) = company.run()
    assert outcome.text.endswith("accepted for 1 of 2 recipients")

    company.does = {}
    post.refuses["ivan@shop.example"] = "450 later"
    (outcome,) = company.run()

    assert not outcome.is_delivered
    assert outcome.text.endswith("(smtp 550, every recipient)")


def test_a_mailbox_that_cannot_be_one_is_said(company: Company, post: Post) -> None:
    company.config = MAIL.format(port=post.port, starttls="false").replace(
        "crm360@shop", r"crm360\n@shop"
    )
    company.does = {"sync": HELD}

    (outcome,) = company.run()

    assert outcome.text.endswith("(its server or a mailbox cannot be one)")
    assert post.received == []


def test_a_login_goes_through_tls_alone_and_a_wrong_one_is_told(
    company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAIL_USER", "crm360")
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    company.config = MAIL + 'user_env = "MAIL_USER"\npassword_env = "MAIL_PASSWORD"\n'
    company.does = {"sync": HELD}
    with running_post(tmp_path) as post:
        company.config = company.config.format(port=post.port, starttls="true")
        (unknown,) = company.run()
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        (refused,) = company.run()
        monkeypatch.setenv("MAIL_PASSWORD", "p@ss")
        (told,) = company.run()

    assert "SSLCertVerificationError" in unknown.text
    assert "smtp 535" in refused.text
    assert told.is_delivered
    assert post.signed_in == ["crm360"]
    assert len(post.received) == 1


# -- whom it concerns ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "subjects"),
    [
        ('about = ["activation"]', ["activation/winback/crm"]),
        (
            'about = ["activation/*/crm", "runs"]',
            ["runs/daily", "activation/winback/crm"],
        ),
        ('about = ["checks/marts/*"]', ["checks/marts/guard/is_dear"]),
        ('about = ["activation/winback/outbox"]', []),
        ('least_state = "failed"', ["runs/daily"]),
        ('least_state = "held"', ["runs/daily", "activation/winback/crm"]),
    ],
)  # fmt: skip
def test_an_alert_is_told_what_it_asks_for(
    company: Company, chat: Chat, keys: str, subjects: list[str]
) -> None:
    company.config = CHAT + keys
    company.does = {"sync": HELD, "is_dear": DEAR}
    company.run()

    told = [
        each["subject"] for one in chat.requests for each in one["document"]["changes"]
    ]
    assert told == subjects


def test_below_the_least_state_nothing_is_told_but_the_way_out_of_it(
    company: Company, chat: Chat
) -> None:
    company.config = CHAT + 'least_state = "failed"\nabout = ["checks"]'
    for severity in ("WARN", "ERROR", "WARN"):
        company.does = {"is_dear": (dg.AssetCheckSeverity[severity], {})}
        company.run()
    company.does = {}
    company.run()

    assert [each["document"]["changes"][0]["state"] for each in chat.requests] == [
        "failed",
        "warning",
    ]


def test_what_somebody_picked_in_the_ui_changes_what_it_came_to_and_no_run(
    company: Company, chat: Chat
) -> None:
    company.does = {"sync": SILENT}
    company.run("__ASSET_JOB")
    company.does = {}
    company.run()

    for text, change in zip(chat.texts, ("ok → failed", "failed → ok"), strict=True):
        assert f"activation/winback/crm: {change}" in text
        assert "runs/" not in text


# -- no personal data ---------------------------------------------------------------


def test_an_error_that_is_not_ours_is_told_by_its_type_alone(
    company: Company, chat: Chat
) -> None:
    company.does = {
        "guard": ValueError("could not convert 'anna@mail.ru'"),
        "sync": KeyError("+79161234567"),
    }
    outcomes = company.run()

    assert "ValueError" in chat.texts[0]
    assert "KeyError" in chat.texts[0]
    kept = rows(company.home / "alerts.duckdb", "from subjects")
    for personal in ("anna", "7916"):
        assert personal not in f"{chat.requests}{outcomes}{kept}"


def test_an_error_of_ours_is_told_in_its_words_and_one_line(
    company: Company, chat: Chat
) -> None:
    company.does = {"guard": BUSY, "sync": dg.Failure("one\ntwo " + "x" * 700)}
    company.run()

    changes = {
        each["subject"]: each for each in chat.requests[0]["document"]["changes"]
    }
    assert changes["steps/marts/guard"]["reason"] == "the warehouse is in use"
    assert changes["activation/winback/crm"]["reason"] == "one two ..."


def test_no_address_is_logged_and_nothing_written_to_what_a_command_prints(
    company: Company,
    chat: Chat,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stamina.instrumentation.set_on_retry_hooks(None)
    caplog.set_level("INFO")
    company.does = {"sync": SILENT}
    chat.statuses = [503]
    company.run()

    assert chat.requests
    assert "T0psecret" not in caplog.text
    assert capsys.readouterr().out == ""


# -- the memory ---------------------------------------------------------------------


def test_a_thousand_subjects_are_kept_at_once(tmp_path: Path) -> None:
    seen = [Observation(f"checks/a/{number}", "ok") for number in range(1000)]
    with memory.opened(tmp_path / "alerts.duckdb") as connection:
        run = datetime(2026, 10, 31)
        memory.observe(connection, seen, run)
        memory.observe(connection, [], run)

        assert len(memory.standing(connection)) == 1000
        assert memory.changes(connection, "ops") == []


def test_a_state_is_dated_by_the_run_that_first_showed_it(tmp_path: Path) -> None:
    days = [datetime(2026, 10, day) for day in range(1, 6)]
    with memory.opened(tmp_path / "alerts.duckdb") as connection:
        for day, state in zip(days[:3], ("ok", "held", "held"), strict=True):
            memory.observe(connection, [Observation("runs/daily", state)], day)
        held = memory.changes(connection, "ops")
        memory.note_told(connection, "ops", held, days[2])
        for day in days[3:]:
            memory.observe(connection, [Observation("runs/daily", "ok")], day)
        (mended,) = memory.changes(connection, "ops")

    assert [(each.before_since, each.since) for each in held] == [(None, days[1])]
    assert (mended.before, mended.before_since) == ("held", days[1])
    assert (mended.state, mended.since) == ("ok", days[3])
    assert rows(tmp_path / "alerts.duckdb", "from told") == [
        ("ops", "runs/daily", "held", days[1], days[2])
    ]
