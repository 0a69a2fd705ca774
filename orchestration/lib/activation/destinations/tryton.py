"""Parties of a Tryton server, and a category of theirs for each audience.

    POST <url>  {"id": 1, "method": "model.party.party.create", "params": [[...], {}]}

A member is the party whose `code` they have: Tryton lets no two parties have the same,
so that nobody is made twice. A request is one transaction there, all of it or nothing.
Who leaves loses the category; no party is ever deleted. E-mail addresses and telephones
that salespeople wrote down stay: ours are contact mechanisms with the name `crm360`.

Why not Tryton's own client, proteus: docs/decisions/0003.
"""

import base64
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import Any, NamedTuple

import httpx

from orchestration.lib.activation.destinations.api import (
    Api,
    HttpDestination,
    after_an_effect,
    reading,
)
from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    Answer,
    Answers,
    Batch,
    BatchRefused,
    Capabilities,
    InDoubt,
    Kind,
    NotSent,
    Options,
    Row,
)

_PARTY, _CONTACT = "model.party.party", "model.party.contact_mechanism"
_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("char", "text", "selection"), "text"),
    **dict.fromkeys(("integer", "float", "numeric"), "number"),
    "boolean": "boolean",
    "date": "date",
    # A kind of contact mechanism, such as `email`.
    "contact": "text",
    **dict.fromkeys(("datetime", "timestamp"), "timestamp"),
}
#: The name of contact mechanisms that are ours to change.
_OURS = "crm360"
#: Tryton's own kinds of errors; any other is a text, which may quote values.
_CODES = {
    "UserError": "user_error",
    "UserWarning": "user_warning",
    "ConcurrencyException": "concurrency",
    # It wants more than a password.
    "LoginException": "login",
}


class _Party(NamedTuple):
    """A party that is there."""

    id: int
    is_active: bool
    contacts: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class TrytonOptions(Options):
    """Which database, and which audiences are which categories."""

    #: `https://<host>/<database>/rpc/`; until Tryton 7.0 without `rpc/`.
    url: str
    user: str
    password_env: str
    #: Where the category is not named as the audience: `Segments / Win back`.
    categories: Mapping[str, Any] = field(default_factory=dict)
    batch_rows: int = 200


class _Session(httpx.Auth):
    """Logs in before the first request, and again when the session has expired.

    The answer to a login that was refused stands for that to the request.
    """

    requires_response_body = True

    def __init__(self, user: str, password: str) -> None:
        self._user, self._password = user, password
        self._header = ""

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """Send a request with the session's credentials."""
        for _ in range(2):
            if not self._header:
                parameters = [self._user, {"password": self._password}]
                body = {"id": 1, "method": "common.db.login", "params": parameters}
                answer = yield httpx.Request("POST", request.url, json=body)
                try:
                    user_id, key, *_ = answer.json()["result"]
                except (KeyError, TypeError, ValueError):
                    return
                session = f"{self._user}:{user_id}:{key}".encode()
                self._header = f"Session {base64.b64encode(session).decode()}"
            request.headers["authorization"] = self._header
            response = yield request
            if response.status_code != 401:
                return
            self._header = ""


class _Server:
    """Methods of the server's models, which happen as a whole or not at all."""

    def __init__(self, api: Api, options: TrytonOptions, password: str) -> None:
        self._api, self._attempts = api, options.attempts
        self._session = _Session(options.user, password)

    def run(self, method: str, *parameters: object, **context: object) -> Any:  # noqa: ANN401 - any JSON
        """The result of a method.

        Raises:
            InDoubt, NotSent, BatchRefused: as they say.
        """
        body = {"id": 1, "method": method, "params": [*parameters, context]}
        kind = ""
        for _ in range(self._attempts):
            _, answer = self._api.call("POST", "", json=body, auth=self._session)
            with reading():
                if "error" not in answer:
                    return answer["result"]
                kind = str(answer["error"][0])
            if kind != "ConcurrencyException":
                break
        raise BatchRefused(_CODES.get(kind, "server_error"))

    def ask(self, method: str, *parameters: object) -> Any:  # noqa: ANN401 - any JSON
        """The result of a method that only reads; inactive records are seen too.

        Raises:
            NotSent: there is none.
        """
        try:
            return self.run(method, *parameters, active_test=False)
        except (BatchRefused, InDoubt) as error:
            raise NotSent(f"{method}: {error}") from None


class TrytonDestination(HttpDestination[TrytonOptions]):
    """The parties of one database."""

    options_type = TrytonOptions

    @classmethod
    def capabilities(cls, options: TrytonOptions) -> Capabilities:
        """What is there is read first, so that a batch may be repeated."""
        return Capabilities(
            key="{code}",
            in_doubt_by="state",
            modes=("mirror", "upsert", "update", "create"),
            batch_rows=options.batch_rows,
            required=("code",),
            transforms={"code": "nullif(trim(cast({value} as varchar)), '')"},
        )

    def prepare(self) -> None:
        """Make the client."""
        api = self.client(self.options.url, headers={})
        self._server = _Server(api, self.options, self.secrets["password_env"])
        self._categories: dict[str, int] = {}

    def fields(self) -> Mapping[str, Kind]:
        """The fields of parties that can be written, and kinds of contacts.

        Raises:
            NotSent: it cannot be asked, or the user may not write parties.
        """
        rights = self._server.ask("model.ir.model.access.get_access", ["party.party"])
        with reading(NotSent):
            if not rights["party.party"]["write"]:
                raise NotSent(f"the user {self.options.user} may not write parties")
        return {name: _KINDS[its_type] for name, its_type in self._types.items()}

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Make parties and change them, or take the category from them."""
        category = self._category(batch.audience)
        parties = self._parties(batch.rows)
        if batch.rows[0].operation == "remove":
            ids = [party.id for party in parties.values()]
            change = {"categories": [["remove", [category]]]}
            if ids:
                self._server.run(f"{_PARTY}.write", ids, change)
            return {row.remote_key: ACKNOWLEDGED for row in batch.rows}
        answers: Answers = {}
        new: dict[str, Any] = {}
        changes: dict[str, list[Any]] = {}
        for row in batch.rows:
            key, party = row.remote_key, parties.get(row.remote_key)
            if party is None and row.operation == "update":
                answers[key] = Answer(outcome="absent")
            elif party is None:
                new[key] = {**self._values(row, category, ()), "code": key}
            elif not party.is_active:
                answers[key] = Answer(outcome="rejected", error_code="inactive")
            else:
                kept = replace(row, fields={}) if batch.mode == "create" else row
                values = self._values(kept, category, party.contacts)
                changes[key] = [[party.id], values]
        if not new:
            return answers | self._change(changes, is_first=True)
        try:
            self._server.run(f"{_PARTY}.create", list(new.values()))
        except BatchRefused:
            with after_an_effect():
                # They may be there by an attempt that nobody answered.
                if len(self._parties(batch.rows)) > len(parties):
                    return self.send(batch, remember_job)
            raise
        answers |= dict.fromkeys(new, ACKNOWLEDGED)
        with after_an_effect():
            return answers | self._change(changes, is_first=False)

    def _change(self, changes: Mapping[str, list[Any]], *, is_first: bool) -> Answers:
        """Change parties; if others were made already, a refusal is of single ones."""
        try:
            if changes:
                self._server.run(f"{_PARTY}.write", *chain(*changes.values()))
        except BatchRefused as error:
            if is_first:
                raise
            if len(changes) == 1:
                refused = Answer(outcome="rejected", error_code=error.code)
                return dict.fromkeys(changes, refused)
            answers: Answers = {}
            for key, change in changes.items():
                answers |= self._change({key: change}, is_first=False)
            return answers
        return dict.fromkeys(changes, ACKNOWLEDGED)

    def _category(self, audience: str) -> int:
        """The id of the audience's category.

        Raises:
            NotSent: it cannot be asked, or there is none.
        """
        if audience not in self._categories:
            name = str(self.options.categories.get(audience, audience))
            with_name = [["rec_name", "=", name], ["active", "=", True]]
            found = self._server.ask("model.party.category.search", with_name)
            with reading(NotSent):
                if len(found) != 1:
                    raise NotSent(f"there is no party category {name}: make it there")
                self._categories[audience] = int(found[0])
        return self._categories[audience]

    def _parties(self, rows: Sequence[Row]) -> dict[str, _Party]:
        """The parties that there are, by their code, inactive ones too."""
        contacts = "contact_mechanisms."
        names = ("type", "name", "value", "value_compact")
        found = self._server.ask(
            f"{_PARTY}.search_read",
            [["code", "in", [row.remote_key for row in rows]]],
            *(0, None, None),
            ["code", "active", *(f"{contacts}{name}" for name in names)],
        )
        with reading(NotSent):
            return {
                each["code"]: _Party(each["id"], each["active"], each[contacts])
                for each in found
            }

    @cached_property
    def _types(self) -> dict[str, str]:
        """Tryton's types of the fields that can be written, contacts among them."""
        party = self._server.ask(f"{_PARTY}.fields_get", [])
        contact = self._server.ask(f"{_CONTACT}.fields_get", ["type"])
        with reading(NotSent):
            contacts = [name for name, _ in contact["type"]["selection"]]
            types = {
                name: each["type"]
                for name, each in party.items()
                if each["type"] in _KINDS and not each["readonly"]
            }
        return types | dict.fromkeys(contacts, "contact")

    def _values(
        self, row: Row, category: int, there: Sequence[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """What to write of a party who has these contact mechanisms."""
        values: dict[str, Any] = {"categories": [["add", [category]]]}
        contacts: list[list[Any]] = []
        for name, value in (row.fields or {}).items():
            if self._types[name] == "contact":
                contacts += _commands(name, value, there)
            elif name != "code":
                values[name] = _value(self._types[name], value)
        return {**values, "contact_mechanisms": contacts}


def _value(its_type: str, value: object) -> object:
    """A value as a field of this type takes it; dates are taken as texts."""
    if value is None:
        return None
    if its_type == "numeric":
        return {"__class__": "Decimal", "decimal": str(value)}
    return str(value) if _KINDS[its_type] == "text" else value


def _commands(
    kind: str, value: object, there: Sequence[Mapping[str, Any]]
) -> list[list[Any]]:
    """How a party's contact mechanism that is ours gets a value, and others stay."""
    same = [each for each in there if each["type"] == kind]
    ours = [each["id"] for each in same if each["name"] == _OURS]
    known = {each[name] for each in same for name in ("value", "value_compact")}
    if value is None:
        return [["delete", ours]] if ours else []
    if ours:
        return [["write", ours, {"value": str(value)}]]
    if str(value).casefold() in {str(each).casefold() for each in known}:
        return []
    return [["create", [{"type": kind, "name": _OURS, "value": str(value)}]]]
