"""A small company whose runs go as a test wants, and where its alerts arrive."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import stamina

from orchestration.components.alerts import Outcome, report
from orchestration.defs.alerts import alerting_sensor
from orchestration.lib.warehouse import WarehouseBusy
from tests.alerts.servers import Chat, Post, running_chat, running_post
from tests.support import at_home

CHAT = """
[alerts.ops]
type = "webhook"
url_env = "OPS_URL"
"""


class Company:
    """Runs of the job `daily`; what its assets and checks do is set by name.

    `shopify/orders` with the check `is_whole`; after it `marts/guard` with the check
    `is_dear`, and the sync `activation/winback/crm`. What they do is an exception to
    raise, or a failed check's severity with its metadata.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.config = CHAT
        self.does: dict[str, Any] = {}
        #: Whether what raises does so only once.
        self.mends = False
        self.instance = dg.DagsterInstance.ephemeral()

    def run(self, job: str = "daily", *, tells: bool = True) -> list[Outcome]:
        """A run, and what came of telling alerts of it."""
        self.last = (
            dg.Definitions(assets=self._assets(), jobs=[dg.define_asset_job(job)])
            .resolve_job_def(job)
            .execute_in_process(instance=self.instance, raise_on_error=False)
        )
        return self.report(self.last.run_id) if tells else []

    def report(self, run_id: str) -> list[Outcome]:
        """As launching does at the end of a run."""
        with at_home(self.home, self.config) as settings:
            return report(settings, self.instance, run_id)

    def sense(self) -> None:
        """As the daemon does when the last run has ended."""
        sensor = alerting_sensor(dg.DagsterRunStatus.FAILURE)
        record = self.instance.get_run_record_by_id(self.last.run_id)
        assert record is not None
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_event=self.last.all_events[-1],
            dagster_instance=self.instance,
            dagster_run=record.dagster_run,
        )
        with at_home(self.home, self.config):
            sensor(context)

    def _assets(self) -> list[dg.AssetsDefinition]:
        @dg.asset(
            key=["shopify", "orders"],
            check_specs=[
                dg.AssetCheckSpec(
                    "is_whole", asset=["shopify", "orders"], blocking=True
                )
            ],
        )
        def orders() -> Iterator[Any]:
            self._raise("orders")
            yield dg.MaterializeResult()
            yield self._check("is_whole")

        @dg.asset(
            key=["marts", "guard"],
            deps=[orders],
            check_specs=[dg.AssetCheckSpec("is_dear", asset=["marts", "guard"])],
        )
        def guard() -> Iterator[Any]:
            self._raise("guard")
            yield dg.MaterializeResult()
            yield self._check("is_dear")

        @dg.asset(
            key=["activation", "winback", "crm"],
            deps=[orders],
            retry_policy=dg.RetryPolicy(max_retries=1),
        )
        def sync() -> None:
            self._raise("sync")

        return [orders, guard, sync]

    def _raise(self, name: str) -> None:
        error = self.does.get(name)
        if error and self.mends:
            del self.does[name]
        if error:
            raise error

    def _check(self, name: str) -> dg.AssetCheckResult:
        severity, metadata = self.does.get(name, (dg.AssetCheckSeverity.WARN, {}))
        return dg.AssetCheckResult(
            check_name=name,
            passed=name not in self.does,
            severity=severity,
            metadata=metadata,
        )


@pytest.fixture(autouse=True)
def impatient() -> Iterator[None]:
    """Nobody waits between attempts."""
    with stamina.set_testing(True, attempts=2):
        yield


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    with running_chat() as chat:
        monkeypatch.setenv("OPS_URL", chat.url)
        yield chat


@pytest.fixture
def post() -> Iterator[Post]:
    with running_post() as post:
        yield post


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path / "home")


#: What may go wrong.
BUSY = WarehouseBusy("the warehouse is in use")
SILENT = dg.Failure("crm: no answer after 4 attempts (http 503)")
HELD = dg.Failure(
    "plan 3f9c is held, because it looks odd; `crm360 release 3f9c --reason TEXT`",
    metadata={"state": "held"},
    allow_retries=False,
)
DEAR = (
    dg.AssetCheckSeverity.WARN,
    {"channel ads": "brings 0.80 times its cost", "unique_id": "dbt's name of it"},
)
CUT = (dg.AssetCheckSeverity.ERROR, {"evaluated": 40, "unexpected": 2})
