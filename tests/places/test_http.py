"""Files over HTTP against a small server."""

from collections.abc import Iterator

import pytest

from tests.places.conftest import Office
from tests.places.servers import Answer, Request, Web, free_port, running_web

CONFIG = """
[places.crm]
type = "http"
urls = ["{url}/files/costs.csv"]
token_env = "CRM_TOKEN"
into = "ads"
attempts = 2
timeout_seconds = 5
"""
COSTS = b"day,cost\n2026-10-31,1.50\n"
DATED = {"Last-Modified": "Sat, 31 Oct 2026 05:00:00 GMT"}


@pytest.fixture
def desk(office: Office, web: Web, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("CRM_TOKEN", "t0ken-of-crm")
    office.config = CONFIG.format(url=web.url)
    web.answer = lambda request: Answer(COSTS, headers=DATED)
    return office


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it would have slept between attempts."""
    found: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", found.append)
    return found


def test_a_file_arrives_under_its_name_and_date_with_the_token_shown(
    desk: Office, web: Web
) -> None:
    outcome = desk.fetch()

    assert outcome.new == ["ads/costs_2026-10-31T050000Z.csv"]
    assert desk.landed() == {"ads/costs_2026-10-31T050000Z.csv": COSTS}
    (request,) = web.requests
    assert request.path == "/files/costs.csv"
    assert request.headers["authorization"] == "Bearer t0ken-of-crm"


@pytest.mark.parametrize(
    ("headers", "condition", "value"),
    [
        ({"ETag": 'W/"a: b"'}, "if-none-match", 'W/"a: b"'),
        (DATED, "if-modified-since", DATED["Last-Modified"]),
    ],
)
def test_a_server_that_knows_the_file_is_unchanged_does_not_send_it(
    desk: Office, web: Web, headers: dict[str, str], condition: str, value: str
) -> None:
    def answer(request: Request) -> Answer:
        if request.headers.get(condition) == value:
            return Answer(status=304)
        return Answer(COSTS, headers=headers)

    web.answer = answer
    desk.fetch()

    outcome = desk.fetch()

    assert (outcome.new, outcome.unchanged) == ([], 1)
    assert web.requests[-1].headers[condition] == value
    assert len(desk.landed()) == 1


def test_the_same_content_from_a_server_that_knows_nothing_lands_once(
    desk: Office, web: Web
) -> None:
    web.answer = lambda request: Answer(COSTS)
    desk.fetch()

    outcome = desk.fetch()

    assert (outcome.new, outcome.unchanged) == ([], 1)
    assert list(desk.landed().values()) == [COSTS]


def test_changed_content_lands_beside_the_earlier_one(desk: Office, web: Web) -> None:
    desk.fetch()
    web.answer = lambda request: Answer(COSTS * 2, headers=DATED)

    outcome = desk.fetch()

    assert outcome.new == ["ads/costs_2026-10-31T050000Z~02.csv"]
    assert list(desk.landed().values()) == [COSTS, COSTS * 2]


def test_a_body_that_ends_early_is_asked_for_again(
    desk: Office, web: Web, waits: list[float]
) -> None:
    web.answer = lambda request: Answer(
        COSTS, headers=DATED, cut=len(web.requests) == 1
    )

    assert desk.fetch().problems == []

    assert list(desk.landed().values()) == [COSTS]
    assert len(web.requests) == 2


def test_a_body_that_always_ends_early_leaves_nothing(
    desk: Office, web: Web, waits: list[float]
) -> None:
    web.answer = lambda request: Answer(COSTS, cut=True)

    outcome = desk.fetch()

    (problem,) = outcome.problems
    assert "gave no whole answer (RemoteProtocolError)" in problem
    assert desk.landed() == {}


def test_too_many_requests_are_waited_out_as_long_as_the_server_says(
    desk: Office, web: Web, waits: list[float]
) -> None:
    busy = Answer(status=429, headers={"Retry-After": "17"})
    web.answer = lambda request: (
        busy if len(web.requests) == 1 else Answer(COSTS, headers=DATED)
    )

    assert desk.fetch().problems == []

    assert waits == [17.0]


@pytest.mark.parametrize(
    ("status", "problem", "requests"),
    [
        (401, "127.0.0.1 answered 401 Unauthorized: see that the token is right", 1),
        (404, "127.0.0.1 answered 404 Not Found: see that the address is right", 1),
        (503, "127.0.0.1 answered 503 Service Unavailable", 2),
    ],
)
def test_a_refusal_is_told_without_the_token(
    desk: Office, web: Web, waits: list[float], status: int, problem: str,
    requests: int, caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level("DEBUG")
    web.answer = lambda request: Answer(status=status)

    outcome = desk.fetch()

    assert outcome.problems == [f"costs.csv: {problem}"]
    assert len(web.requests) == requests
    shown = "".join([*capfd.readouterr(), caplog.text, *desk.told])
    assert "t0ken-of-crm" not in shown


def test_a_server_that_repeats_the_token_is_quoted_without_it(
    desk: Office, web: Web
) -> None:
    web.answer = lambda request: Answer(status=403, reason="t0ken-of-crm is old")

    assert desk.fetch().problems == [
        "costs.csv: 127.0.0.1 answered 403 *** is old: see that the token may read it"
    ]


def test_one_missing_file_does_not_keep_the_others(desk: Office, web: Web) -> None:
    desk.config = desk.config.replace(
        "urls = [", f'urls = ["{web.url}/files/absent.csv", '
    )
    web.answer = lambda request: (
        Answer(COSTS, headers=DATED)
        if request.path == "/files/costs.csv"
        else Answer(status=404)
    )

    outcome = desk.fetch()

    assert outcome.new == ["ads/costs_2026-10-31T050000Z.csv"]
    assert len(outcome.problems) == 1


def test_the_name_that_the_server_gives_is_taken(desk: Office, web: Web) -> None:
    attached = {"Content-Disposition": "attachment; filename*=UTF-8''%D0%AF%202.csv"}
    web.answer = lambda request: Answer(COSTS, headers=DATED | attached)

    assert desk.fetch().new == ["ads/Я 2_2026-10-31T050000Z.csv"]


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/evil.csv"])
def test_a_given_name_that_leads_elsewhere_is_refused(
    desk: Office, web: Web, name: str
) -> None:
    attached = {"Content-Disposition": f'attachment; filename="{name}"'}
    web.answer = lambda request: Answer(COSTS, headers=DATED | attached)

    outcome = desk.fetch()

    assert "leads out of the landing folder" in outcome.problems[0]
    assert desk.landed() == {}
    assert not list(desk.home.parent.rglob("*evil*"))


@pytest.fixture
def elsewhere() -> Iterator[Web]:
    with running_web() as web:
        yield web


def test_a_redirect_to_another_server_does_not_carry_the_token(
    desk: Office, web: Web, elsewhere: Web
) -> None:
    # The same machine by another name is another server.
    target = elsewhere.url.replace("127.0.0.1", "localhost")
    web.answer = lambda request: Answer(status=302, headers={"Location": f"{target}/c"})
    elsewhere.answer = lambda request: Answer(COSTS, headers=DATED)

    assert desk.fetch().problems == []

    assert "authorization" not in elsewhere.requests[0].headers


def test_a_server_that_is_down_is_told(desk: Office, waits: list[float]) -> None:
    desk.config = CONFIG.format(url=f"http://127.0.0.1:{free_port()}")

    assert desk.fetch().problems == [
        "costs.csv: 127.0.0.1 gave no whole answer (ConnectError)"
    ]


def test_a_dry_run_asks_nothing_and_leaves_nothing(desk: Office, web: Web) -> None:
    outcome = desk.fetch(dry_run=True)

    assert len(outcome.new) == 1
    assert desk.landed() == {}
    assert web.requests == []
