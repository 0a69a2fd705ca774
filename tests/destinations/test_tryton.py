"""Parties of a real Tryton server, behind a proxy that fails as it is told."""

import dataclasses
import json
import os
import subprocess
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from orchestration.lib.activation.destinations.tryton import (
    TrytonDestination,
    TrytonOptions,
)
from orchestration.lib.activation.mapping import read_field
from orchestration.lib.sandbox.faults import Fault, FaultMiddleware, Faults
from orchestration.lib.sandbox.server import running
from tests.destinations.conformance import Conformance, Subject, apply_over, use
from tests.destinations.conftest import World
from tests.places.servers import free_port

FIELDS = {
    "code": "customer_id",
    "name": "first_name",
    "email": "email",
    "mobile": "phone",
}
PASSWORD = "correct horse of 360"

#: What a company adds to Tryton's parties by a module of its own.
MODULE = """
from trytond.model import fields
from trytond.pool import PoolMeta


class Party(metaclass=PoolMeta):
    __name__ = "party.party"

    spent = fields.Numeric("Spent", digits=(16, 2))
    orders = fields.Integer("Orders")
    chance = fields.Float("Chance to buy")
    is_vip = fields.Boolean("Is VIP")
    born = fields.Date("Born")
    seen = fields.DateTime("Seen")
    segment = fields.Selection([(None, ""), ("vip", "VIP"), ("lost", "Lost")], "Group")
"""


def write_modules(folder: Path) -> None:
    """The module `scores`, and no check of addresses, which would ask the DNS."""
    files = {
        "scores/__init__.py": "",
        "scores/party.py": MODULE,
        "scores/tryton.cfg": "[tryton]\nversion=8.0.0\ndepends:\n    party\n"
        "[register]\nmodel:\n    party.Party\n",
        "scores-8.0.dist-info/METADATA": "Name: scores\nVersion: 8.0\n",
        "scores-8.0.dist-info/entry_points.txt": "[trytond.modules]\nscores = scores\n",
        "email_validator.py": "raise ImportError('there is no DNS here')\n",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


class Crm:
    """The database of a running server, as its administrator sees it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._client = httpx.Client(timeout=30)
        self._session = self.login("admin", PASSWORD)

    def post(self, method: str, parameters: list[Any], session: str = "") -> Any:
        response = self._client.post(
            self.url,
            json={"id": 1, "method": method, "params": parameters},
            headers={"authorization": session} if session else {},
        )
        answer = response.raise_for_status().json()
        assert "error" not in answer, answer
        return answer["result"]

    def login(self, user: str, password: str) -> str:
        user_id, key, *_ = self.post("common.db.login", [user, {"password": password}])
        token = httpx.BasicAuth(f"{user}:{user_id}", key)._auth_header
        return token.replace("Basic", "Session")

    def run(self, method: str, *parameters: Any, **context: Any) -> Any:
        return self.post(f"model.{method}", [*parameters, context], self._session)

    def empty(self) -> None:
        """No party any more, and the category of the audience alone."""
        for model in ("party.party", "party.category"):
            found = self.run(f"{model}.search", [], 0, None, None, active_test=False)
            if found:
                self.run(f"{model}.delete", found)
        self.category("winback")

    def category(self, name: str, **values: Any) -> int:
        """A new category."""
        (found,) = self.run("party.category.create", [{"name": name, **values}])
        return int(found)

    def party(self, code: str, **values: Any) -> int:
        """A new party, as salespeople enter it."""
        (found,) = self.run("party.party.create", [{"code": code, **values}])
        return int(found)

    def parties(self) -> dict[str, dict[str, Any]]:
        """All parties by code, with categories by name."""
        found = self.run(
            "party.party.search_read", [], 0, None, None,
            [
                *("code", "name", "active", "categories.rec_name"),
                *("spent", "orders", "chance", "is_vip", "born", "seen", "segment"),
                *(f"contact_mechanisms.{each}" for each in ("type", "value", "name")),
            ],
            active_test=False,
        )  # fmt: skip
        return {each["code"]: each for each in found}

    def categories(self, code: str) -> list[str]:
        return sorted(each["rec_name"] for each in self.parties()[code]["categories."])

    def contacts(self, code: str) -> list[tuple[str, str, str | None]]:
        return [
            (each["type"], each["value"], each["name"])
            for each in self.parties()[code]["contact_mechanisms."]
        ]

    def members(self) -> dict[str, str]:
        """Names of those in the audience's category."""
        return {
            code: each["name"]
            for code, each in self.parties().items()
            if "winback" in {category["rec_name"] for category in each["categories."]}
        }

    def effects(self) -> dict[str, int]:
        """How often each party has each of its categories and contacts."""
        found: dict[str, int] = {}
        for code, party in self.parties().items():
            for each in [*party["categories."], *party["contact_mechanisms."]]:
                name = f"{code}: {each.get('rec_name') or each.get('value')}"
                found[name] = found.get(name, 0) + 1
        return found


@contextmanager
def running_tryton(folder: Path) -> Iterator[str]:
    """The address of a new database on a server of its own."""
    try:
        metadata.version("trytond_party")
    except metadata.PackageNotFoundError:
        pytest.skip("Tryton is not installed (pip install trytond trytond_party)")
    programs = {
        name: Path(sysconfig.get_path("scripts")) / name
        for name in ("trytond", "trytond-admin")
    }
    port = free_port()
    write_modules(folder / "modules")
    (folder / "crm.sqlite").touch()
    (folder / "password").write_text(PASSWORD)
    (folder / "trytond.conf").write_text(
        f"[database]\nuri = sqlite://\npath = {folder}\n"
        f"[web]\nlisten = 127.0.0.1:{port}\n"
    )
    environment = os.environ | {
        "PYTHONPATH": str(folder / "modules"),
        "TRYTONPASSFILE": str(folder / "password"),
    }
    known = ["-c", folder / "trytond.conf", "-d", "crm"]
    new = ["-u", "scores", "--activate-dependencies"]
    subprocess.run(
        [programs["trytond-admin"], *known, *new],
        env=environment,
        input=b"\n",  # the administrator has no e-mail address
        check=True,
        capture_output=True,
    )
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [programs["trytond"], *known], env=environment, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_it_answers(server, url, folder / "log")
        yield f"{url}/crm/rpc/"
    finally:
        server.terminate()
        server.wait(30)


def wait_until_it_answers(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return when the server takes requests; fail with its log if it ends."""
    while True:
        with suppress(httpx.TransportError):
            httpx.post(f"{url}/rpc/", json={"method": "common.db.list", "params": []})
            return
        assert server.poll() is None, log.read_text()
        time.sleep(0.05)


class Proxy:
    """Lets what is asked about members meet its fault, and logins and fields none."""

    def __init__(self, url: str) -> None:
        self.faults = Faults()
        #: Methods in their order, and the credentials of the last.
        self.calls: list[str] = []
        self.session = ""
        #: How many more writes are told that another is in their way.
        self.conflicts = 0
        #: Models and methods that faults are of.
        self.concerned = {"party", "category"}
        self._url = url
        self._client = httpx.Client(timeout=30)
        self._faulty = FaultMiddleware(self._forward, self.faults)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()

        async def again() -> Message:
            return {"type": "http.request", "body": body}

        *_, model, method = f".{json.loads(body)['method']}".rsplit(".", 2)
        self.calls.append(method)
        self.session = request.headers.get("authorization", self.session)
        if self.conflicts and method in ("create", "write"):
            self.conflicts -= 1
            error = ["ConcurrencyException", "Another user has modified this record"]
            answer = Response(json.dumps({"id": 1, "error": error}))
            await answer(scope, again, send)
        elif {model, method} & self.concerned and method != "fields_get":
            await self._faulty(scope, again, send)
        else:
            await self._forward(scope, again, send)

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        kept = ("authorization", "content-type")
        answer = await run_in_threadpool(
            self._client.post,
            self._url,
            content=body,
            headers={k: v for k, v in request.headers.items() if k in kept},
        )
        response = Response(
            answer.content,
            status_code=answer.status_code,
            media_type=answer.headers.get("content-type"),
        )
        await response(scope, receive, send)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crm]:
    with running_tryton(tmp_path_factory.mktemp("tryton")) as url:
        crm = Crm(url)
        crm.run(
            "res.user.create",
            [{"name": "crm360", "login": "crm360", "password": PASSWORD}],
        )
        yield crm


@pytest.fixture
def crm(server: Crm) -> Crm:
    server.empty()
    return server


class Door:
    """The way to the server, through the proxy."""

    def __init__(self, url: str, proxy: Proxy) -> None:
        self.url, self.proxy = url, proxy

    def connect(self, **options: Any) -> TrytonDestination:
        given = {"user": "crm360", "timeout_seconds": 10.0, "attempts": 2}
        return TrytonDestination(
            "crm",
            TrytonOptions(
                url=f"{self.url}/",
                password_env="CRM_PASSWORD",
                **{"batch_rows": 2, **given, **options},
            ),
            {"password_env": PASSWORD},
            Path(),
        )


@pytest.fixture
def door(crm: Crm) -> Iterator[Door]:
    proxy = Proxy(crm.url)
    with running(proxy) as url:  # type: ignore[arg-type]
        yield Door(url, proxy)


@pytest.fixture
def tryton(world: World, door: Door) -> World:
    use(world, door.connect(), FIELDS)
    return world


def apply(world: World, door: Door, **options: Any) -> Any:
    return apply_over(world, door.connect(**options))


def send_also(world: World, columns: str, **fields: Any) -> None:
    """Columns of the audience, and the fields that they are sent as."""
    world.execute(
        f"create or replace view audience_more as select *, {columns}"
        " from audience_winback"
    )
    world.sync_with(
        audience=dataclasses.replace(world.sync.audience, relation="audience_more"),
        fields=tuple(
            read_field(name, value) for name, value in {**FIELDS, **fields}.items()
        ),
    )


def error_codes(world: World) -> set[str]:
    found = world.state(
        "select distinct error_code from attempts where outcome = 'rejected'"
    )
    return {code for (code,) in found}


class TestTryton(Conformance):
    @pytest.fixture
    def subject(self, tryton: World, crm: Crm, door: Door) -> Subject:
        return Subject(
            connect=door.connect,
            members=crm.members,
            faults=door.proxy.faults,
            effects=crm.effects,
            # Whoever guesses a password too often has to wait, so it is the user.
            strange=lambda: door.connect(user="stranger"),
        )


def test_who_leaves_stays_a_party_with_all_else_that_it_is(
    tryton: World, crm: Crm, door: Door
) -> None:
    apply(tryton, door)
    crm.run(
        "party.party.write",
        crm.run("party.party.search", [["code", "=", "boris"]], 0, None, None),
        {"categories": [["add", [crm.category("Suppliers")]]]},
    )
    tryton.drop("boris")

    assert apply(tryton, door).problem is None

    assert crm.categories("boris") == ["Suppliers"]
    assert len(crm.contacts("boris")) == 2


def test_parties_that_were_there_are_taken_over_by_their_code(
    tryton: World, crm: Crm, door: Door
) -> None:
    suppliers = crm.category("Suppliers")
    crm.party("anna", name="A.", categories=[["add", [suppliers]]])

    assert apply(tryton, door).acknowledged == 3

    assert crm.members() == {name: name for name in ("anna", "boris", "vera")}
    assert crm.categories("anna") == ["Suppliers", "winback"]


def test_contacts_that_salespeople_wrote_down_are_left_alone(
    tryton: World, crm: Crm, door: Door
) -> None:
    theirs = [
        {"type": "email", "value": "anna@work.ru", "name": "at work"},
        {"type": "email", "value": "anna@home.ru"},
    ]
    same = [{"type": "email", "value": "Boris@mail.ru"}]
    crm.party("anna", contact_mechanisms=[["create", theirs]])
    crm.party("boris", contact_mechanisms=[["create", same]])
    apply(tryton, door)
    emails = [each for each in crm.contacts("anna") if each[0] == "email"]
    assert emails == [
        ("email", "anna@work.ru", "at work"),
        ("email", "anna@home.ru", None),
        ("email", "anna@mail.ru", "crm360"),
    ]
    tryton.execute(
        "update audience_winback set email = 'anna@new.ru' where customer_id = 'anna';"
        " update customer_consents set contact_point_hash = sha256('anna@new.ru')"
        " where customer_id = 'anna'"
    )

    apply(tryton, door)

    emails = [each for each in crm.contacts("anna") if each[0] == "email"]
    assert emails[:2] == [
        ("email", "anna@work.ru", "at work"),
        ("email", "anna@home.ru", None),
    ]
    assert emails[2:] == [("email", "anna@new.ru", "crm360")]
    assert [each for each in crm.contacts("boris") if each[0] == "email"] == [
        ("email", "Boris@mail.ru", None)
    ]


def test_a_telephone_that_is_there_in_another_form_is_not_written_again(
    tryton: World, crm: Crm, door: Door
) -> None:
    ((phone,),) = tryton.marts_rows(
        "select phone from audience_winback where customer_id = 'anna'"
    )
    written = f"{phone[:2]} ({phone[2:5]}) {phone[5:8]}-{phone[8:]}"
    there = [{"type": "mobile", "value": written}]
    crm.party("anna", contact_mechanisms=[["create", there]])

    apply(tryton, door)

    mobiles = [each for each in crm.contacts("anna") if each[0] == "mobile"]
    assert [name for _, _, name in mobiles] == [None]


def test_what_is_cleared_is_emptied_and_what_is_theirs_stays(
    tryton: World, crm: Crm, door: Door
) -> None:
    send_also(
        tryton,
        "email as address, 'vip' as segment",
        other={"column": "address", "nulls": "clear"},
        segment={"column": "segment", "nulls": "clear"},
    )
    crm.party(
        "anna", contact_mechanisms=[["create", [{"type": "other", "value": "x"}]]]
    )
    apply(tryton, door)
    assert crm.parties()["anna"]["segment"] == "vip"
    send_also(
        tryton,
        "cast(null as varchar) as address, cast(null as varchar) as segment",
        other={"column": "address", "nulls": "clear"},
        segment={"column": "segment", "nulls": "clear"},
    )

    assert apply(tryton, door).problem is None

    assert crm.parties()["anna"]["segment"] is None
    others = [each for each in crm.contacts("anna") if each[0] == "other"]
    assert others == [("other", "x", None)]


def test_scores_take_the_types_of_their_fields(
    tryton: World, crm: Crm, door: Door
) -> None:
    send_also(
        tryton,
        "1234.56::decimal(10, 2) as spent, 3 as orders, 0.25::double as chance,"
        " true as is_vip, date '1990-02-28' as born, 'lost' as segment,"
        " timestamp '2026-10-30 22:30:00' as seen",
        **{name: name for name in ("spent", "orders", "chance", "is_vip", "born")},
        segment="segment",
        seen="seen",
    )

    assert apply(tryton, door).problem is None

    anna = crm.parties()["anna"]
    assert anna["spent"] == {"__class__": "Decimal", "decimal": "1234.56"}
    assert (anna["orders"], anna["chance"], anna["is_vip"]) == (3, 0.25, True)
    assert anna["segment"] == "lost"
    assert [anna["born"][each] for each in ("year", "month", "day")] == [1990, 2, 28]
    assert [anna["seen"][each] for each in ("day", "hour", "minute")] == [30, 22, 30]


@pytest.mark.parametrize(
    ("field", "column", "told"),
    [
        ("city", "first_name", "no field city"),
        ("orders", "first_name", "takes a number"),
        ("code_digit", "first_name", "no field code_digit"),
    ],
)
def test_fields_that_parties_do_not_have_are_refused_before_anything_is_sent(
    world: World, crm: Crm, door: Door, field: str, column: str, told: str
) -> None:
    use(world, door.connect(), {**FIELDS, field: column})

    assert told in apply(world, door).problem
    assert crm.parties() == {}


def test_a_refused_member_is_told_without_their_contact_and_the_others_arrive(
    tryton: World, crm: Crm, door: Door
) -> None:
    send_also(
        tryton,
        "case customer_id when 'boris' then '+70000000000' else phone end as number",
        mobile="number",
    )

    applied = apply(tryton, door, batch_rows=200)

    assert (applied.acknowledged, applied.rejected) == (2, 1)
    assert set(crm.members()) == {"anna", "vera"}
    assert error_codes(tryton) == {"user_error"}
    assert "+7" not in applied.problem


def test_of_new_and_known_members_only_the_refused_one_has_to_wait(
    tryton: World, crm: Crm, door: Door
) -> None:
    """Parties are made and changed by two requests, of which the second fails."""
    for known in ("anna", "boris"):
        crm.party(known, name=known)
    tryton.sync_with(batch_rows=200)
    send_also(
        tryton,
        "case customer_id when 'boris' then '+70000000000' else phone end as number",
        mobile="number",
    )

    applied = apply(tryton, door)

    assert (applied.acknowledged, applied.rejected, applied.unknown) == (2, 1, 0)
    assert set(crm.members()) == tryton.held() == {"anna", "vera"}


def test_what_tryton_cannot_store_is_told_by_a_code_of_ours(
    tryton: World, door: Door
) -> None:
    send_also(tryton, "100000000000000000000::hugeint as orders", orders="orders")

    assert apply(tryton, door).rejected == 3
    assert error_codes(tryton) == {"server_error"}


@pytest.mark.parametrize("place", [2, 4])
def test_parties_made_without_an_answer_are_found_in_the_same_run(
    tryton: World, crm: Crm, door: Door, place: int
) -> None:
    """A second attempt to make them is refused, as their codes are there."""
    door.proxy.faults.schedule = [*[None] * place, "lost"]

    applied = apply(tryton, door)

    assert door.proxy.faults.met == ["lost"]
    assert (applied.problem, applied.acknowledged) == (None, 3)
    assert max(crm.effects().values()) == 1


def test_an_expired_session_is_begun_again_once(
    tryton: World, crm: Crm, door: Door
) -> None:
    destination = door.connect()
    tryton.apply(destination)
    crm.post("common.db.logout", [], door.proxy.session)
    tryton.drop("boris")

    assert tryton.apply(destination).problem is None

    destination.close()
    assert door.proxy.calls.count("login") == 2
    assert set(crm.members()) == {"anna", "vera"}


@pytest.mark.parametrize("fault", [429, 503, "drop", "lost"])
def test_a_login_that_fails_is_tried_again(
    tryton: World, crm: Crm, door: Door, fault: Fault
) -> None:
    door.proxy.concerned, door.proxy.faults.schedule = {"login"}, [fault]

    assert apply(tryton, door).problem is None
    assert door.proxy.faults.met == [fault]
    assert len(crm.members()) == 3


def test_a_page_instead_of_a_login_is_told_and_nothing_is_sent(
    tryton: World, crm: Crm, door: Door
) -> None:
    door.proxy.concerned, door.proxy.faults.schedule = {"login"}, ["html"]

    applied = apply(tryton, door)

    assert (applied.sent, "no JSON" in applied.problem) == (0, True)
    assert crm.parties() == {}


def test_members_that_others_are_changing_are_sent_again(
    tryton: World, crm: Crm, door: Door
) -> None:
    tryton.sync_with(batch_rows=1)
    door.proxy.conflicts = 1

    assert apply(tryton, door).problem is None
    assert len(crm.members()) == 3


def test_members_that_others_go_on_changing_are_left_to_the_next_run(
    tryton: World, crm: Crm, door: Door
) -> None:
    door.proxy.conflicts = 6

    assert apply(tryton, door).rejected == 2
    assert error_codes(tryton) == {"concurrency"}
    assert apply(tryton, door).problem is None
    assert len(crm.members()) == 3


def test_whom_they_have_deleted_is_removed_without_complaint_and_made_again(
    tryton: World, crm: Crm, door: Door
) -> None:
    apply(tryton, door)
    crm.empty()
    tryton.drop("boris")
    tryton.execute("update audience_winback set first_name = 'Anya'")

    assert apply(tryton, door).problem is None

    assert crm.members() == {"anna": "Anya", "vera": "Anya"}


def test_a_party_that_they_put_away_is_not_brought_back(
    tryton: World, crm: Crm, door: Door
) -> None:
    """After a merge the party that is not kept is inactive too."""
    party = crm.party("anna", name="A.", active=False)

    applied = apply(tryton, door)

    assert (applied.acknowledged, applied.rejected) == (2, 1)
    assert error_codes(tryton) == {"inactive"}
    anna = crm.parties()["anna"]
    assert (anna["id"], anna["name"], anna["active"]) == (party, "A.", False)


def test_a_party_that_they_put_away_loses_the_category_with_the_audience(
    tryton: World, crm: Crm, door: Door
) -> None:
    apply(tryton, door)
    found = crm.run("party.party.search", [["code", "=", "anna"]], 0, None, None)
    crm.run("party.party.write", found, {"active": False})
    tryton.drop("anna")

    assert apply(tryton, door).problem is None

    assert crm.categories("anna") == []


def test_an_update_changes_who_is_there_and_makes_nobody(
    tryton: World, crm: Crm, door: Door
) -> None:
    crm.party("anna", name="A.")
    tryton.sync_with(mode="update")

    applied = apply(tryton, door)

    assert (applied.acknowledged, applied.absent) == (1, 2)
    assert crm.members() == {"anna": "anna"}
    assert list(crm.parties()) == ["anna"]


def test_who_is_there_already_only_gets_the_category_in_the_mode_create(
    tryton: World, crm: Crm, door: Door
) -> None:
    crm.party("anna", name="A.")
    tryton.sync_with(mode="create")

    assert apply(tryton, door).acknowledged == 3

    assert crm.members() == {"anna": "A.", "boris": "boris", "vera": "vera"}
    assert crm.contacts("anna") == []


def test_a_member_without_a_code_is_left_out(
    tryton: World, crm: Crm, door: Door
) -> None:
    send_also(
        tryton,
        "case customer_id when 'anna' then ' ' else ' ' || customer_id end as number",
        code="number",
    )

    assert apply(tryton, door).problem is None

    assert set(crm.members()) == {"boris", "vera"}
    assert tryton.state("select remote_key from members order by all") == [
        ("boris",),
        ("vera",),
    ]


def test_an_audience_without_a_category_sends_nothing(
    tryton: World, crm: Crm, door: Door
) -> None:
    applied = apply(tryton, door, categories={"winback": "Segments / Win back"})

    assert "no party category Segments / Win back" in applied.problem
    assert crm.parties() == {}


def test_a_category_is_found_by_its_place_in_the_tree(
    tryton: World, crm: Crm, door: Door
) -> None:
    crm.category("Win back")
    crm.category("Win back", parent=crm.category("Segments"))

    apply(tryton, door, categories={"winback": "Segments / Win back"})

    assert crm.categories("anna") == ["Segments / Win back"]


def test_a_user_who_may_not_write_parties_sends_nothing(
    tryton: World, crm: Crm, door: Door
) -> None:
    rights = {"model": "party.party", "perm_read": True, "perm_write": False}
    made = crm.run("ir.model.access.create", [rights])
    try:
        assert "may not write parties" in apply(tryton, door).problem
    finally:
        crm.run("ir.model.access.delete", made)
    assert crm.parties() == {}
