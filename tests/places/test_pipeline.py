"""Whole runs that begin at places, and what a place that is down stops."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from shutil import copytree

import dagster as dg
import pytest

from orchestration.components import fetched_place, gate
from orchestration.components.pipeline import Pipeline
from orchestration.lib.simulate import DefectRates, simulate
from tests.places.servers import Answer, Request, Web, running_web
from tests.support import at_home, crm360, rows, run_pipeline

AS_OF = date(2026, 10, 31)
CONFIG = """
[places.costs]
type = "http"
urls = ["{url}/ads/campaign_costs.csv"]
into = "ads"
carries_consent = false
attempts = 1

[places.mail]
type = "http"
urls = ["{url}/mailchimp/unsubscribed_members.csv"]
into = "mailchimp"
attempts = 1
"""


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with running_web() as web:
        yield web


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, web: Web) -> Path:
    """A company after its first run; two of its files come from places."""
    home = tmp_path_factory.mktemp("places")
    simulate(home / "company", customers=200, rates=DefectRates.all(0))
    copytree(home / "company", home / "landing")
    remote = {
        f"/{name}": (home / "landing" / name).read_bytes()
        for name in ("ads/campaign_costs.csv", "mailchimp/unsubscribed_members.csv")
    }
    for path in remote:
        (home / "landing" / path.strip("/")).unlink()

    def answer(request: Request) -> Answer:
        return Answer(remote[request.path], headers={"ETag": request.path})

    web.answer = answer
    assert run(home, web) == []
    return home


def run(home: Path, web: Web) -> list[str]:
    """A run of the daily job on the configured landing folder; its failures."""
    return run_pipeline(home, home / "landing", AS_OF, CONFIG.format(url=web.url))


def published(home: Path) -> str:
    """The version that analysts read."""
    return (home / "published" / "current").resolve().name


def test_places_are_fetched_before_any_export_lands(home: Path, web: Web) -> None:
    order = [
        stage
        for (stage,) in rows(
            home / "warehouse.duckdb",
            "select stage from ops.stages order by place limit 2",
        )
    ]
    (files,) = rows(
        home / "warehouse.duckdb",
        "select count(*) from ops.file_ledger where outcome = 'landed'"
        " and regexp_matches(file_name, '(ads|mailchimp)/.*_20[0-9-]{8}T[0-9]{6}Z')",
    )

    assert sorted(order) == ["fetch costs", "fetch mail"]
    assert files == (2,)
    assert rows(home / "marts.duckdb", "select count(*) from kpi_company")[0][0] > 0


def test_places_that_are_down_stop_audiences_but_not_figures(
    home: Path, web: Web, capsys: pytest.CaptureFixture[str]
) -> None:
    before = published(home)
    web.answer = lambda request: Answer(status=403)

    failures = run(home, web)

    (failure,) = failures
    assert failure.startswith("activation/winback/outbox: ")
    assert "opt-outs may be missing: fetch mail: failed (unsubscribed_mem" in failure
    assert "costs" not in failure, "of a place without opt-outs nobody waits for"
    assert published(home) != before
    shown = capsys.readouterr().err
    assert "not fetched: campaign_costs.csv: 127.0.0.1 answered 403 Forbidden" in shown
    assert "warn: was_fetched" in shown
    assert "error: was_fetched" in shown


def test_what_is_missing_is_seen_and_a_plan_is_refused(home: Path) -> None:
    """After the run of the test before."""
    status = crm360("status", home=home).stdout
    ((plan_id,),) = rows(
        home / "activation.duckdb", "select plan_id from plans limit 1"
    )
    applied = crm360("apply", plan_id, home=home)

    assert "not fetched costs: campaign_costs.csv: 127.0.0.1 answered 403" in status
    assert "Gate         closed" in status
    assert applied.returncode == 1
    assert "opt-outs may be missing: fetch mail: failed" in applied.stderr


def test_a_fetch_of_its_own_keeps_audiences_in_until_a_run_has_landed_it(
    home: Path, web: Web
) -> None:
    web.answer = lambda request: Answer(status=304)
    config = CONFIG.format(url=web.url)

    with at_home(home, config) as settings:
        for place in settings.places.values():
            fetched_place.fetch(settings, place, run_id="x", progress=lambda text: None)
        problems = gate.sending_problems(settings)

    assert problems == [
        "opt-outs may be missing: fetch mail: newer than build models after identity;"
        " run the rest of the pipeline"
    ]


def test_a_run_on_another_folder_asks_no_place(home: Path, web: Web) -> None:
    web.requests.clear()

    with at_home(home, CONFIG.format(url=web.url)) as settings:
        definitions = [
            fetched_place.fetched_place(each) for each in settings.places.values()
        ]
        done = dg.materialize(
            [asset for each in definitions for asset in each.assets or ()],
            resources={"pipeline": Pipeline(landing=str(home / "company"))},
        )

    assert done.success
    assert web.requests == []
