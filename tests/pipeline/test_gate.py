"""Nothing leaves when something upstream is wrong, however the next step is started.

Dagster runs a Python asset although a dbt test above it failed (dagster issue 18472):
the requests that arrive are counted, not the colours of a graph.
"""

import csv
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import copytree

import dagster as dg
import pytest

from orchestration.components.pipeline import Pipeline
from orchestration.definitions import defs
from orchestration.launch import prepare_environment
from tests.alerts.servers import Chat, running_chat
from tests.destinations.receiver import Receiver, running_receiver
from tests.pipeline.conftest import AS_OF
from tests.support import at_home, crm360, rows, run_pipeline

CONFIG = """
[destinations.crm]
type = "webhook"
url = "{url}"
attempts = 1

[audiences.winback]
destinations = ["crm"]
hold_first_send = false
"""


ALERTS = """
[alerts.ops]
type = "webhook"
url_env = "OPS_URL"
least_state = "held"
"""


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with running_chat() as chat:
        monkeypatch.setenv("OPS_URL", chat.url)
        yield chat


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture
def landing(tmp_path: Path, company: Callable[..., Path]) -> Path:
    copytree(company(0), tmp_path / "exports")
    return tmp_path / "exports"


def rewrite(path: Path, change: Callable[[dict[str, str]], None]) -> None:
    """Change every row of a CSV file."""
    with path.open(newline="") as file:
        table = list(csv.DictReader(file))
    for row in table:
        change(row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, table[0].keys())
        writer.writeheader()
        writer.writerows(table)


def sync_alone(home: Path, config: str) -> bool:
    """Materialise the sync and nothing above it, as anybody may in the UI."""
    with at_home(home, config) as settings:
        prepare_environment(settings)
        job = defs().resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            asset_selection=[dg.AssetKey(["activation", "winback", "crm"])],
            raise_on_error=False,
        ).success


def test_a_failed_expectation_on_a_raw_export_means_no_request(
    tmp_path: Path, landing: Path, receiver: Receiver
) -> None:
    receiver.requests.clear()
    rewrite(
        landing / "shopify" / "orders.csv",
        lambda row: row.update({"Created at": "45231"} if row["Id"] else {}),
    )
    home, config = tmp_path / "home", CONFIG.format(url=receiver.url)

    failures = run_pipeline(home, landing, AS_OF, config)

    assert len(failures) == 1
    assert "shopify/orders: created_at__unparsable_date" in failures[0]
    assert receiver.requests == []
    assert not (home / "published").exists()
    assert rows(
        home / "warehouse.duckdb",
        "select state from ops.stages where stage = 'land shopify.orders'",
    ) == [("failed",)]
    (held,) = rows(
        home / "warehouse.duckdb",
        "select count(*) from quality.quarantine where rule = 'unparsable_date'",
    )
    assert held[0] > 0, "the analyst sees which rows, although the run stopped"


def test_a_failed_dbt_test_means_no_request_not_even_when_the_sync_is_run_alone(
    tmp_path: Path, landing: Path, receiver: Receiver, chat: Chat
) -> None:
    receiver.requests.clear()
    home, config = tmp_path / "home", CONFIG.format(url=receiver.url) + ALERTS
    rewrite(
        landing / "ads" / "campaign_costs.csv",
        lambda row: row.update({"Channel": "carrier_pigeon"}),
    )

    failures = run_pipeline(home, landing, AS_OF, config)

    assert len(failures) == 1
    assert failures[0].startswith("models_after_identity")
    assert receiver.requests == []
    assert (
        "relationships_campaign_costs_channel__channel__ref_dim_channels_",
    ) in rows(
        home / "warehouse.duckdb",
        "select node from quality.test_results where status = 'fail'",
    )
    assert not sync_alone(home, config)
    assert receiver.requests == []
    plans = crm360("plan", "--json", home=home)
    assert plans.returncode == 0, "looking is allowed"
    plan_id = rows(home / "activation.duckdb", "select plan_id from plans")[0][0]
    applied = crm360("apply", plan_id, home=home)
    assert applied.returncode == 1
    assert "nothing leaves: build models after identity: failed" in applied.stderr
    assert receiver.requests == []

    # mended, the same state goes through
    rewrite(
        landing / "ads" / "campaign_costs.csv",
        lambda row: row.update({"Channel": "sms"}),
    )
    assert run_pipeline(home, landing, AS_OF, config) == []
    assert receiver.members.keys() == {
        row[0]
        for row in rows(
            home / "marts.duckdb",
            "select customer_id from audience_winback where decision = 'send'",
        )
    }
    assert len(receiver.members) > 0

    failed, recovered = (
        {each["subject"]: each["state"] for each in request["document"]["changes"]}
        for request in chat.requests
    )
    assert failed.keys() > {"runs/daily", "steps/models_after_identity"}
    assert (
        "checks/marts/campaign_costs/"
        "relationships_campaign_costs_channel__channel__ref_dim_channels_"
    ) in failed
    assert set(failed.values()) == {"failed"}
    assert recovered == dict.fromkeys(failed, "ok")
    assert not any("@" in text for text in chat.texts)


def test_unread_files_that_may_hold_opt_outs_keep_audiences_in(
    tmp_path: Path, landing: Path, receiver: Receiver
) -> None:
    receiver.requests.clear()
    unread = {
        "mailchimp/unsubscribed_members_2026-10-31.csv": b"",
        "exports_2026-10-31.zip": b"PK\3\4 and no more",
    }
    for name, content in unread.items():
        (landing / name).write_bytes(content)
    home, config = tmp_path / "home", CONFIG.format(url=receiver.url)

    failures = run_pipeline(home, landing, AS_OF, config)

    (failure,) = (each for each in failures if "opt-outs may be missing" in each)
    assert all(name in failure for name in unread)
    assert receiver.requests == []
    assert rows(home / "marts.duckdb", "select count(*) > 0 from orders") == [(True,)]


def test_the_schedule_takes_its_day_from_the_tick(tmp_path: Path) -> None:
    with at_home(tmp_path / "home"):
        schedule = defs().resolve_schedule_def("every_morning")
        tick = datetime(2026, 3, 14, 2, 0, tzinfo=UTC)
        context = dg.build_schedule_context(
            scheduled_execution_time=tick,
            repository_def=defs().get_repository_def(),
        )
        request = schedule(context, pipeline=Pipeline())

    assert request.run_config["resources"]["pipeline"]["config"]["as_of"] == (
        "2026-03-14"
    )
    assert dg.AssetKey(["published", "marts"]) in request.asset_selection
