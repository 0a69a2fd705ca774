"""HubSpot: contacts, their properties, and lists."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from orchestration.lib.sandbox.json_api import Call, JsonApi, RateLimit

_MOST_INPUTS, _MOST_SOUGHT, _MOST_FOUND = 100, 200, 10_000
_READ_ONLY = "hs_object_id"


class Hubspot(JsonApi):
    """One account.

    Args:
        token: of the private app that is let in.
        lists: how each is filled: `MANUAL`, `SNAPSHOT` or `DYNAMIC`.
        properties: type of each contact property beside the address.
        unique: those of them whose values are unique.
        limits: of requests.
    """

    name = "hubspot"
    documentation = "https://developers.hubspot.com/docs/api-reference/crm-contacts-v3"

    def __init__(
        self,
        token: str,
        lists: Mapping[str, str],
        properties: Mapping[str, str],
        unique: Iterable[str],
        *limits: RateLimit,
    ) -> None:
        super().__init__(*limits)
        self.token, self.lists = token, dict(lists)
        self.properties = {"email": "string", _READ_ONLY: "number", **properties}
        self.unique = {"email", *unique}
        #: Properties by record id, and the record ids in each list.
        self.contacts: dict[str, dict[str, str]] = {}
        self.members: dict[str, set[str]] = {each: set() for each in lists}

    def routes(self) -> Sequence[BaseRoute]:
        """Contacts by the hundred, properties, and members of lists."""
        contacts, lists = "/crm/v3/objects/contacts/batch", "/crm/v3/lists/{list}"
        return [
            self.route("POST", f"{contacts}/upsert", self._upsert),
            self.route("POST", f"{contacts}/read", self._read),
            self.route("POST", "/crm/v3/objects/contacts/search", self._search),
            self.route("GET", "/crm/v3/properties/contacts", self._get_properties),
            self.route("GET", lists, self._get_list),
            self.route("PUT", f"{lists}/memberships/add", self._add),
            self.route("PUT", f"{lists}/memberships/remove", self._remove),
        ]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The contacts of each list."""
        return {
            name: [self.contacts[each] for each in sorted(members)]
            for name, members in self.members.items()
        }

    def refuses(self, call: Call) -> Response | None:
        """Strangers, lists that there are not, and more than a hundred at once."""
        if call.headers.get("authorization") != f"Bearer {self.token}":
            return _refusal(401, "INVALID_AUTHENTICATION")
        if call.names.get("list", next(iter(self.lists))) not in self.lists:
            return _refusal(404, "OBJECT_NOT_FOUND")
        if isinstance(call.body, dict) and "inputs" in call.body:
            ids = [each["id"] for each in call.body["inputs"]]
            if not 0 < len(ids) <= _MOST_INPUTS or len(set(ids)) < len(ids):
                return _refusal(400, "VALIDATION_ERROR")
        return None

    def too_many(self) -> Response:
        """HubSpot's way to say that a request came too soon."""
        return _refusal(429, "RATE_LIMITS")

    def _upsert(self, call: Call) -> Response:
        results, errors = [], []
        for wanted in call.body["inputs"]:
            record = self._find(wanted["idProperty"], wanted["id"])
            error = self._error(wanted, record)
            if error and "objectWriteTraceId" not in wanted:
                # Without it HubSpot cannot say which, and takes nothing.
                return _refusal(409 if error[0] == "CONFLICT" else 400, error[0])
            if error:
                errors.append(_partial(wanted["objectWriteTraceId"], *error))
                continue
            is_new = record is None
            record = record or str(1001 + len(self.contacts))
            if is_new:
                self.happened(f"new contact {wanted['id']}")
            mine = self.contacts.setdefault(record, {})
            mine |= {wanted["idProperty"]: wanted["id"]} | wanted["properties"]
            for name in [name for name, value in mine.items() if value == ""]:
                del mine[name]
            results.append(
                {
                    "id": record,
                    "new": is_new,
                    "properties": mine,
                    "objectWriteTraceId": wanted.get("objectWriteTraceId"),
                }
            )
        document: dict[str, Any] = {"status": "COMPLETE", "results": results}
        if errors:
            document |= {"errors": errors, "numErrors": len(errors)}
        return JSONResponse(document, 207 if errors else 200)

    def _error(
        self, wanted: dict[str, Any], record: str | None
    ) -> tuple[str, str | None] | None:
        """Category and exact code of what forbids to write a contact."""
        if wanted["idProperty"] not in self.unique:
            return "VALIDATION_ERROR", "PROPERTY_NOT_UNIQUE"
        for name, value in wanted["properties"].items():
            kind = self.properties.get(name)
            if kind is None:
                return "VALIDATION_ERROR", "PROPERTY_DOESNT_EXIST"
            if name == _READ_ONLY:
                return "VALIDATION_ERROR", "READ_ONLY_VALUE"
            if not isinstance(value, str):
                return "VALIDATION_ERROR", "INVALID_JSON"
            if value and kind == "number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
                return "VALIDATION_ERROR", "INVALID_LONG"
            if kind == "bool" and value not in ("", "true", "false"):
                return "VALIDATION_ERROR", "INVALID_OPTION"
            if name == "email" and not re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", value):
                return "VALIDATION_ERROR", "INVALID_EMAIL"
            if (
                name in self.unique
                and value
                and self._find(name, value)
                not in (
                    None,
                    record,
                )
            ):
                return "CONFLICT", None
        return None

    def _find(self, name: str, value: str) -> str | None:
        for record, properties in self.contacts.items():
            if properties.get(name) == value:
                return record
        return None

    def _read(self, call: Call) -> Response:
        results, errors = [], []
        for wanted in call.body["inputs"]:
            record = self._find(call.body["idProperty"], wanted["id"])
            if record is None:
                errors.append({"category": "OBJECT_NOT_FOUND", "status": "error"})
            else:
                mine = self.contacts[record]
                shown = {name: mine.get(name) for name in call.body["properties"]}
                results.append({"id": record, "properties": shown})
        document: dict[str, Any] = {"status": "COMPLETE", "results": results}
        if errors:
            document |= {"errors": errors, "numErrors": len(errors)}
        return JSONResponse(document, 207 if errors else 200)

    def _search(self, call: Call) -> Response:
        """Contacts that all filters of one of the groups hold for."""
        limit, after = call.body["limit"], int(call.body.get("after", 0))
        if limit > _MOST_SOUGHT or after + limit > _MOST_FOUND:
            return _refusal(400, "VALIDATION_ERROR")
        (order,) = call.body["sorts"]
        found = sorted(
            (
                (record, mine)
                for record, mine in self.contacts.items()
                if any(
                    all(_holds(each, mine) for each in group["filters"])
                    for group in call.body["filterGroups"]
                )
            ),
            key=lambda each: (each[1].get(order["propertyName"], ""), each[0]),
        )
        results = [
            {
                "id": record,
                "properties": {
                    name: mine.get(name) for name in call.body["properties"]
                },
            }
            for record, mine in found[after : after + limit]
        ]
        document: dict[str, Any] = {"total": len(found), "results": results}
        if after + limit < len(found):
            document["paging"] = {"next": {"after": str(after + limit)}}
        return JSONResponse(document)

    def _get_properties(self, call: Call) -> Response:
        properties = [
            {
                "name": name,
                "type": kind,
                "hasUniqueValue": name in self.unique,
                "modificationMetadata": {"readOnlyValue": name == _READ_ONLY},
            }
            for name, kind in self.properties.items()
        ]
        return JSONResponse({"results": properties})

    def _get_list(self, call: Call) -> Response:
        name = call.names["list"]
        return JSONResponse(
            {"list": {"listId": name, "processingType": self.lists[name]}}
        )

    def _add(self, call: Call) -> Response:
        return self._change(call, is_added=True)

    def _remove(self, call: Call) -> Response:
        return self._change(call, is_added=False)

    def _change(self, call: Call, *, is_added: bool) -> Response:
        name, records = call.names["list"], set(call.body)
        if self.lists[name] == "DYNAMIC":
            return _refusal(400, "VALIDATION_ERROR")
        members, there = self.members[name], records & self.contacts.keys()
        changed = there - members if is_added else there & members
        for record in changed if is_added else ():
            self.happened(f"{name} is joined by {record}")
        (members.update if is_added else members.difference_update)(changed)
        return JSONResponse(
            {
                "recordsIdsAdded": sorted(changed) if is_added else [],
                "recordIdsRemoved": [] if is_added else sorted(changed),
                "recordIdsMissing": sorted(records - there),
            }
        )


def _holds(wanted: dict[str, str], mine: dict[str, str]) -> bool:
    """Whether a filter of a search holds for a contact."""
    value = mine.get(wanted["propertyName"])
    if value is None or wanted["operator"] == "HAS_PROPERTY":
        return value is not None
    if wanted["operator"] == "EQ":
        return value == wanted["value"]
    at = datetime.fromisoformat(value).timestamp() * 1000
    return at >= int(wanted["value"])


def _partial(trace_id: str, category: str, code: str | None) -> dict[str, Any]:
    """The error of one contact among others."""
    return {
        "status": "error",
        "category": category,
        "message": "See the documentation.",
        "context": {"objectWriteTraceId": [trace_id]},
        **({"errors": [{"code": code, "message": "See there."}]} if code else {}),
    }


def _refusal(status: int, category: str) -> Response:
    return JSONResponse(
        {"status": "error", "category": category, "message": "See the documentation."},
        status,
    )
