"""A REST API of orders, in pages, with a cursor and a temper."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.places.conftest import Office
from tests.places.servers import Answer, Request, Web, free_port

CONFIG = """
[places.crm]
type = "rest"
base_url = "{url}/v1"
token_env = "CRM_TOKEN"
into = "shop"
attempts = 2
timeout_seconds = 5

[[places.crm.resources]]
name = "orders"
path = "orders.json"
params = {{ status = "any" }}
data_selector = "data.orders"
paginator = {paginator}
cursor = "updated_at"
cursor_param = "updated_since"
"""
LINKS = '{ type = "json_link", next_url_path = "data.next" }'
PAGE = 2


class Shop:
    """Orders behind the API; records are JSON texts, to keep their numbers."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.orders: list[str] = []
        self.is_inclusive = True

    def add(self, number: int, updated_at: str | None, amount: str = "1.10") -> None:
        self.orders.append(
            f'{{"id": {number}, "updated_at": {json.dumps(updated_at)},'
            f' "amount": {amount}}}'
        )

    def later(self, request: Request) -> list[str]:
        """The orders that a request asks for."""
        since = request.query.get("updated_since")
        found = []
        for order in self.orders:
            at = json.loads(order)["updated_at"]
            is_later = (
                since is None
                or at is None
                or at > since
                or (self.is_inclusive and at == since)
            )
            if is_later:
                found.append(order)
        return found

    def by_link(self, request: Request) -> Answer:
        """A page with the address of the next."""
        start = int(request.query.get("start", 0))
        orders = self.later(request)
        since = request.query.get("updated_since", "")
        following = (
            f'"{self.url}/v1/orders.json?start={start + PAGE}'
            + (f'&updated_since={since}"' if since else '"')
            if start + PAGE < len(orders)
            else "null"
        )
        page = ", ".join(orders[start : start + PAGE])
        return Answer(
            f'{{"data": {{"orders": [{page}], "next": {following}}}}}'.encode()
        )


@pytest.fixture
def shop(web: Web) -> Shop:
    shop = Shop(web.url)
    web.answer = shop.by_link
    for number in range(1, 6):
        shop.add(number, f"2026-10-0{number}T10:00:00Z")
    return shop


@pytest.fixture
def desk(office: Office, web: Web, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("CRM_TOKEN", "t0ken-of-crm")
    office.config = CONFIG.format(url=web.url, paginator=LINKS)
    return office


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it would have slept between attempts."""
    found: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", found.append)
    return found


def ids(desk: Office, name: str) -> list[int]:
    """The ids of the records of a landed file."""
    text = (desk.landing / name).read_text(encoding="utf-8")
    return [json.loads(line)["id"] for line in text.splitlines()]


def test_all_pages_arrive_in_one_file(desk: Office, web: Web, shop: Shop) -> None:
    (name,) = desk.fetch().new

    assert name.startswith("shop/orders_20")
    assert name.endswith("Z.jsonl")
    assert ids(desk, name) == [1, 2, 3, 4, 5]
    assert [request.path for request in web.requests] == ["/v1/orders.json"] * 3
    assert web.requests[0].query == {"status": "any"}
    assert {request.headers["authorization"] for request in web.requests} == {
        "Bearer t0ken-of-crm"
    }


def test_the_second_fetch_asks_from_where_the_first_ended(
    desk: Office, web: Web, shop: Shop
) -> None:
    desk.fetch()
    web.requests.clear()
    assert desk.fetch().new == []
    shop.add(6, "2026-10-06T10:00:00Z")
    shop.add(7, "2026-10-05T10:00:00Z")

    (name,) = desk.fetch().new

    assert {request.query["updated_since"] for request in web.requests} == {
        "2026-10-05T10:00:00Z"
    }
    assert sorted(ids(desk, name)) == [6, 7]
    assert desk.fetch().new == []


def test_an_api_that_leaves_out_the_last_moment_is_followed_as_well(
    desk: Office, shop: Shop
) -> None:
    shop.is_inclusive = False
    desk.fetch()
    assert desk.fetch().new == []
    shop.add(6, "2026-10-06T10:00:00Z")

    (name,) = desk.fetch().new

    assert ids(desk, name) == [6]


def test_records_without_a_cursor_are_fetched_once(desk: Office, shop: Shop) -> None:
    shop.add(9, None)
    (name,) = desk.fetch().new
    assert 9 in ids(desk, name)

    assert desk.fetch().new == []


def test_numbers_arrive_as_they_were_written(desk: Office, shop: Shop) -> None:
    amounts = ["12345678901234567890.10", "0.1", "1.50", "-7", "99999999999999999999"]
    shop.orders = []
    for number, amount in enumerate(amounts):
        shop.add(number, "2026-10-01T10:00:00Z", amount)
    shop.add(9, "2026-10-01T10:00:00Z", '{"nested": [1.10, "2026-10-01", "\\ud83d"]}')

    (name,) = desk.fetch().new

    text = (desk.landing / name).read_text(encoding="utf-8")
    for line, amount in zip(text.splitlines(), amounts, strict=False):
        assert line.endswith(f'"amount": {amount}}}')
    assert '{"nested": [1.10, "2026-10-01", "\\ud83d"]}' in text


def test_too_many_requests_are_waited_out_as_long_as_the_server_says(
    desk: Office, web: Web, shop: Shop, waits: list[float]
) -> None:
    busy = Answer(status=429, headers={"Retry-After": "17"})
    web.answer = lambda request: (
        busy if len(web.requests) == 2 else shop.by_link(request)
    )

    (name,) = desk.fetch().new

    assert waits == [17.0]
    assert ids(desk, name) == [1, 2, 3, 4, 5]


def test_a_failure_on_a_later_page_leaves_nothing_and_is_made_good(
    desk: Office, web: Web, shop: Shop, waits: list[float]
) -> None:
    web.answer = lambda request: (
        Answer(status=500) if "start" in request.query else shop.by_link(request)
    )

    outcome = desk.fetch()

    assert outcome.problems == ["orders: answered 500 Internal Server Error"]
    assert desk.landed() == {}

    web.answer = shop.by_link
    (name,) = desk.fetch().new
    assert ids(desk, name) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Answer(status=401), "orders: answered 401 Unauthorized"),
        (Answer(b"<html>"), "orders: the answer is no JSON"),
        (
            Answer(b'{"data": {"order": []}}'),
            "orders: the answer has no data.orders: see data_selector",
        ),
        (
            Answer(b'{"data": {"orders": [1]}}'),
            "orders: a record is no JSON object: see data_selector",
        ),
        (
            Answer(b'{"data": {"orders": [{"changed_at": "2026"}]}}'),
            "orders: no record has updated_at to go on from",
        ),
    ],
)
def test_an_answer_that_cannot_be_used_is_told_and_lands_nothing(
    desk: Office, web: Web, answer: Answer, problem: str,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    caplog.set_level("DEBUG")
    web.answer = lambda request: answer

    assert desk.fetch().problems == [problem]

    assert desk.landed() == {}
    shown = "".join([*capfd.readouterr(), caplog.text, *desk.told])
    assert "t0ken-of-crm" not in shown


def test_a_redirect_is_followed(desk: Office, web: Web, shop: Shop) -> None:
    moved = Answer(b"moved", 301, {"Location": f"{web.url}/v1/orders.json?start=0"})
    web.answer = lambda request: (
        moved if len(web.requests) == 1 else shop.by_link(request)
    )

    (name,) = desk.fetch().new

    assert ids(desk, name) == [1, 2, 3, 4, 5]


def test_an_api_that_is_down_is_told(desk: Office, waits: list[float]) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    desk.config = CONFIG.format(url=url, paginator=LINKS)

    assert desk.fetch().problems == [f"{url}/v1 gave no answer (ConnectionError)"]


def by_number(shop: Shop) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        start = (int(request.query["page"]) - 1) * PAGE
        page = ", ".join(shop.later(request)[start : start + PAGE])
        return Answer(f'{{"data": {{"orders": [{page}]}}}}'.encode())

    return answer


def by_offset(shop: Shop) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        start, limit = int(request.query["skip"]), int(request.query["limit"])
        orders = shop.later(request)
        page = ", ".join(orders[start : start + limit])
        return Answer(
            f'{{"data": {{"orders": [{page}]}}, "total": {len(orders)}}}'.encode()
        )

    return answer


def by_cursor(shop: Shop) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        start = int(request.query.get("after", 0))
        orders = shop.later(request)
        following = start + PAGE if start + PAGE < len(orders) else "null"
        page = ", ".join(orders[start : start + PAGE])
        return Answer(
            f'{{"data": {{"orders": [{page}]}}, "after": {following}}}'.encode()
        )

    return answer


def by_header(shop: Shop) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        found = shop.by_link(request)
        following = json.loads(found.body)["data"]["next"]
        link = {"Link": f'<{following}>; rel="next"'} if following else {}
        return Answer(found.body, headers=link)

    return answer


@pytest.mark.parametrize(
    ("paginator", "answer", "expected"),
    [
        (
            '{ type = "page_number", base_page = 1, total_path = "" }',
            by_number,
            5,
        ),
        ('{ type = "offset", limit = 2, offset_param = "skip" }', by_offset, 5),
        (
            '{ type = "cursor", cursor_path = "after", cursor_param = "after" }',
            by_cursor,
            5,
        ),
        ('{ type = "header_link" }', by_header, 5),
        ('{ type = "single_page" }', by_header, PAGE),
    ],
)
def test_every_way_of_paging_is_followed_to_its_end(
    desk: Office, web: Web, shop: Shop, paginator: str, answer: Any, expected: int
) -> None:
    desk.config = CONFIG.format(url=web.url, paginator=paginator)
    web.answer = answer(shop)

    outcome = desk.fetch()

    assert outcome.problems == []
    assert ids(desk, outcome.new[0]) == list(range(1, expected + 1))


@pytest.mark.parametrize(
    ("paginator", "problem"),
    [
        ('{ type = "jason_link" }', "orders: paginator.type is 'jason_link'; known"),
        ('{ type = "offset", limti = 2 }', "orders: paginator offset: "),
        (
            '{ type = "offset", limit = 2, total_path = "count" }',
            "orders: its pages cannot be followed: ",
        ),
    ],
)
def test_a_paginator_that_does_not_fit_is_told(
    desk: Office, web: Web, shop: Shop, paginator: str, problem: str
) -> None:
    desk.config = CONFIG.format(url=web.url, paginator=paginator)

    (told,) = desk.fetch().problems

    assert told.startswith(problem)
    assert desk.landed() == {}


def test_a_token_goes_into_the_header_that_the_api_wants(
    desk: Office, web: Web, shop: Shop
) -> None:
    desk.config = desk.config.replace(
        'into = "shop"', 'into = "shop"\ntoken_header = "X-Access-Token"'
    )

    assert desk.fetch().problems == []

    assert web.requests[0].headers["x-access-token"] == "t0ken-of-crm"
    assert "authorization" not in web.requests[0].headers


def test_nothing_is_told_to_the_makers_of_dlt(
    desk: Office, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RUNTIME__DLTHUB_TELEMETRY", raising=False)
    desk.fetch()

    from dlt.common.configuration import resolve_configuration
    from dlt.common.configuration.specs import RuntimeConfiguration

    assert not resolve_configuration(RuntimeConfiguration()).dlthub_telemetry
