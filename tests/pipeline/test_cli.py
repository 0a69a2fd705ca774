"""The command line as a person meets it: help, exit status, clear errors."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import dagster as dg
import duckdb
import pytest

from orchestration.components.alerts import report
from orchestration.definitions import defs
from orchestration.lib.sandbox.accounts import SECRET, SECRET_ENV, configuration
from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.mailchimp import Mailchimp
from orchestration.lib.sandbox.server import application, running
from tests.alerts.servers import running_chat
from tests.destinations.receiver import running_receiver
from tests.pipeline.conftest import AS_OF
from tests.support import at_home, content, crm360, rows, run_pipeline


@pytest.fixture(scope="module")
def home(
    tmp_path_factory: pytest.TempPathFactory, company: Callable[..., Path]
) -> Path:
    home = tmp_path_factory.mktemp("cli")
    assert run_pipeline(home, company(0), AS_OF) == []
    return home


@pytest.mark.parametrize(
    "verb",
    [
        "alerts",
        "demo",
        "explain",
        "simulate",
        "fetch",
        "forecast",
        "run",
        "status",
        "quarantine",
        "plan",
        "apply",
        "release",
        "dev",
    ],
)
def test_every_verb_explains_itself(tmp_path: Path, verb: str) -> None:
    shown = crm360(verb, "--help", home=tmp_path)

    assert shown.returncode == 0
    assert len(shown.stdout.splitlines()) > 4


def test_status_counts_what_there_is(home: Path) -> None:
    shown = crm360("status", "--json", home=home)

    assert shown.returncode == 0, shown.stderr
    summary = json.loads(shown.stdout)
    assert summary["delivered"] == summary["accepted"] > 0
    assert summary["as_of"] == AS_OF.isoformat()
    assert "@" not in shown.stdout, "figures only"


def test_a_person_and_a_figure_are_explained_by_one_verb(home: Path) -> None:
    ((customer_id,),) = rows(
        home / "marts.duckdb", "select min(customer_id) from orders where is_paid"
    )

    for person in ([customer_id], ["--json", customer_id], ["person", customer_id]):
        shown = crm360("explain", *person, home=home)
        assert shown.returncode == 0, shown.stderr
        assert customer_id in shown.stdout
    assert crm360("explain", home=home).returncode == 2

    shown = crm360("explain", "kpi", "aov", "--period", "2026-09", "--json", home=home)
    assert shown.returncode == 0, shown.stderr
    figure = json.loads(shown.stdout)
    assert figure["value"] is not None
    assert figure["behind"][0]["rows"][0]["file_name"] == "shopify/orders.csv"
    shown = crm360(
        "explain", "kpi", "cac", "--period", "2026-Q3", "--by", "source=shopify",
        home=home,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert "first orders" in shown.stdout
    refused = crm360("explain", "kpi", "aov", "--period", "soon", home=home)
    assert refused.returncode == 1
    assert "write 2026, 2026-H2" in refused.stderr


def test_a_plan_can_be_looked_at_and_applied_by_its_id(home: Path) -> None:
    shown = crm360("plan", "winback", "--destination", "outbox", "--json", home=home)
    assert shown.returncode == 0, shown.stderr
    (plan,) = json.loads(shown.stdout)
    assert (plan["adds"], plan["changes"], plan["removes"]) == (0, 0, 0)
    assert plan["unchanged"] > 0
    assert set(plan["left_out_because"]) <= {
        "no_email", "consent_unknown", "consent_withdrawn", "complained", "bounced",
        "inactive", "contact_of_another",
    }  # fmt: skip

    applied = crm360("apply", plan["plan_id"], "--json", home=home)

    assert applied.returncode == 0, applied.stderr
    assert json.loads(applied.stdout)["sent"] == 0


def test_a_plan_that_is_held_is_sent_once_somebody_released_it(
    home: Path, tmp_path: Path
) -> None:
    copytree(home, tmp_path / "home")
    with running_receiver() as receiver:
        (tmp_path / "home" / "crm360.toml").write_text(
            f'[destinations.crm]\ntype = "webhook"\nurl = "{receiver.url}"\n'
            '[audiences.winback]\ndestinations = ["crm"]\n'
        )
        shown = crm360("plan", "--json", home=tmp_path / "home")
        (plan,) = json.loads(shown.stdout)
        assert plan["held_because"] == [
            "nothing was ever sent to crm (hold_first_send)"
        ]
        assert not plan["is_released"]

        refused = crm360("apply", plan["plan_id"], home=tmp_path / "home")
        assert refused.returncode == 1
        assert f"crm360 release {plan['plan_id']} --reason" in refused.stderr
        assert receiver.requests == []

        release = ("release", plan["plan_id"], "--reason", "seen", "--by", "olga")
        assert crm360(*release, home=tmp_path / "home").returncode == 0
        assert "released" in crm360("plan", home=tmp_path / "home").stdout
        applied = crm360("apply", plan["plan_id"], "--json", home=tmp_path / "home")

    assert json.loads(applied.stdout)["acknowledged"] == plan["adds"] > 0


def test_a_plan_is_not_applied_after_somebody_unsubscribed_at_its_destination(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree(home, tmp_path / "home")
    monkeypatch.setenv(SECRET_ENV, SECRET)
    look = ("plan", "winback", "--destination", "mailchimp", "--json")
    mailchimp = Mailchimp(SECRET, ["1"], {"FNAME": "text"})
    with running(application([mailchimp], Faults())) as url:
        (tmp_path / "home" / "crm360.toml").write_text(
            configuration(url, ["mailchimp"], hold_first_send=False)
        )
        shown = crm360(*look, home=tmp_path / "home")
        (plan,) = json.loads(shown.stdout)
        ((address,),) = rows(
            home / "marts.duckdb",
            "select min(email) from audience_winback where decision = 'send'",
        )
        mailchimp.leaves("1", address)

        refused = crm360("apply", plan["plan_id"], home=tmp_path / "home")
        assert refused.returncode == 1
        assert "the data has moved on" in refused.stderr
        assert mailchimp.holds() == {"1": []}

        shown = crm360(*look, home=tmp_path / "home")
        (later,) = json.loads(shown.stdout)
        assert later["adds"] == plan["adds"] - 1
        applied = crm360("apply", later["plan_id"], home=tmp_path / "home")
        assert applied.returncode == 0, applied.stderr


def test_nobody_is_asked_who_unsubscribed_while_the_gate_is_closed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree(home, tmp_path / "home")
    monkeypatch.setenv(SECRET_ENV, SECRET)
    mailchimp = Mailchimp(SECRET, ["1"], {"FNAME": "text"})
    with running(application([mailchimp], Faults())) as url:
        (tmp_path / "home" / "crm360.toml").write_text(
            configuration(url, ["mailchimp"], hold_first_send=False)
        )
        look = ("plan", "winback", "--destination", "mailchimp", "--json")
        (plan,) = json.loads(crm360(*look, home=tmp_path / "home").stdout)
        with duckdb.connect(str(tmp_path / "home" / "warehouse.duckdb")) as warehouse:
            warehouse.execute("update ops.stages set state = 'failed'")

        refused = crm360("apply", plan["plan_id"], home=tmp_path / "home")

    assert refused.returncode == 1
    assert "nothing leaves" in refused.stderr
    assert mailchimp.requests == []


def test_a_sync_that_is_held_is_told_as_held_with_the_command_that_releases_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree(home, tmp_path / "home")
    with running_chat() as chat:
        monkeypatch.setenv("OPS_URL", chat.url)
        config = (
            '[destinations.crm]\ntype = "webhook"\nurl = "http://127.0.0.1:9"\n'
            '[audiences.winback]\ndestinations = ["crm"]\n'
            '[alerts.ops]\ntype = "webhook"\nurl_env = "OPS_URL"\n'
        )
        with (
            at_home(tmp_path / "home", config) as settings,
            dg.DagsterInstance.ephemeral() as instance,
        ):
            sync = defs().resolve_implicit_global_asset_job_def()
            run = sync.execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey(["activation", "winback", "crm"])],
                raise_on_error=False,
            )
            report(settings, instance, run.run_id)

    (text,) = chat.texts
    assert text.startswith("crm360: 1 held\n\nactivation/winback/crm: ok → held")
    assert "nothing was ever sent to crm (hold_first_send)" in text
    assert "`crm360 release " in text
    assert "crm360 plan winback --destination crm" in text


def test_an_unknown_audience_is_refused_with_the_known_ones(home: Path) -> None:
    shown = crm360("plan", "newsletter", home=home)

    assert shown.returncode == 2
    assert "winback -> outbox" in shown.stderr


def test_an_unknown_plan_is_refused(home: Path) -> None:
    shown = crm360("apply", "0000000000000000", home=home)

    assert shown.returncode == 1
    assert "there is no plan 0000000000000000" in shown.stderr


def test_before_the_first_run_the_verbs_say_what_to_do(tmp_path: Path) -> None:
    for verb in ("status", "plan"):
        shown = crm360(verb, home=tmp_path)
        assert shown.returncode == 1
        assert "crm360 run" in shown.stderr
        assert "Traceback" not in shown.stderr


def test_a_wrong_key_in_the_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "crm360.toml").write_text('base_curency = "EUR"\n')

    shown = crm360("status", home=tmp_path)

    assert shown.returncode == 2
    assert "unknown key base_curency; did you mean base_currency?" in shown.stderr


def test_simulate_refuses_a_folder_that_holds_something_else(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")

    shown = crm360("simulate", "--out", str(tmp_path / "mine"), home=tmp_path)

    assert shown.returncode == 2
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_a_damaged_warehouse_is_named_with_its_remedy_and_rebuilt(
    home: Path, company: Callable[..., Path]
) -> None:
    """The last test of the module, since it damages the state."""
    marts = content(home / "marts.duckdb")
    acknowledged = rows(home / "activation.duckdb", "from acknowledged order by all")
    with (home / "warehouse.duckdb").open("r+b") as file:
        file.write(b"\0" * 4096)

    told = crm360("run", "--landing", str(company(0)), home=home)

    assert told.returncode == 1
    assert "warehouse.duckdb cannot be opened" in told.stderr
    assert "crm360 run --full" in told.stderr
    assert "Traceback" not in told.stderr

    mended = crm360(
        "run", "--full", "--landing", str(company(0)), "--as-of", AS_OF.isoformat(),
        home=home,
    )  # fmt: skip

    assert mended.returncode == 0, mended.stderr
    assert content(home / "marts.duckdb") == marts
    assert (
        rows(home / "activation.duckdb", "from acknowledged order by all")
        == acknowledged
    )
