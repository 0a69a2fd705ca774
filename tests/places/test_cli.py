"""`crm360 fetch` as a person meets it."""

import json
from pathlib import Path

import pytest

from tests.places.servers import Answer, Web
from tests.support import crm360

CONFIG = """
[places.costs]
type = "http"
urls = ["{url}/costs_2026-10-31.csv"]

[places.mail]
type = "http"
urls = ["{url}/members_2026-10-31.csv"]
attempts = 1
"""


@pytest.fixture
def home(tmp_path: Path, web: Web) -> Path:
    (tmp_path / "crm360.toml").write_text(CONFIG.format(url=web.url))
    web.answer = lambda request: (
        Answer(b"day\n") if "costs" in request.path else Answer(status=404)
    )
    return tmp_path


def test_what_came_and_what_did_not_is_told(home: Path) -> None:
    shown = crm360("fetch", home=home)

    assert shown.returncode == 1
    assert "costs: 1 new, 0 unchanged\n  costs/costs_2026-10-31.csv\n" in shown.stdout
    assert "mail: 0 new, 0 unchanged\n  not fetched: members" in shown.stdout
    assert "not everything was fetched: mail" in shown.stderr
    assert (home / "landing/costs/costs_2026-10-31.csv").read_bytes() == b"day\n"


def test_a_named_place_alone_is_asked(home: Path, web: Web) -> None:
    shown = crm360("fetch", "costs", "--json", home=home)

    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout) == [
        {
            "place": "costs",
            "new": ["costs/costs_2026-10-31.csv"],
            "unchanged": 0,
            "bytes": 4,
            "problems": [],
        }
    ]
    assert [request.path for request in web.requests] == ["/costs_2026-10-31.csv"]


def test_a_dry_run_changes_nothing(home: Path) -> None:
    shown = crm360("fetch", "costs", "--dry-run", home=home)

    assert shown.returncode == 0, shown.stderr
    assert "costs: 1 new" in shown.stdout
    assert not (home / "landing").exists()
    assert not (home / "warehouse.duckdb").exists(), "no stage was begun"


def test_a_place_that_is_not_configured_is_named_with_those_that_are(
    home: Path,
) -> None:
    shown = crm360("fetch", "cost", home=home)

    assert shown.returncode == 2
    assert "there is no place cost; there are costs, mail" in shown.stderr


def test_without_places_the_command_says_where_to_describe_one(tmp_path: Path) -> None:
    shown = crm360("fetch", home=tmp_path)

    assert shown.returncode == 2
    assert "[places.NAME] in crm360.toml" in shown.stderr
