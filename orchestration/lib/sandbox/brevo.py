"""Contacts and lists of Brevo."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from orchestration.lib.sandbox.vendor import Vendor, refusal

_MOST_LISTED = 1000
#: When nothing else is said, everything happens then.
_NOW, _EVER = "2026-11-01T00:00:00.000Z", "2000-01-01T00:00:00.000Z"


class Brevo(Vendor):
    """Contacts, each with the lists that they are in.

    Args:
        lists: numbers of the lists of the account.
    """

    name = "brevo"
    documentation = "https://developers.brevo.com/reference/create-contact"

    def __init__(self, api_key: str = "sandbox", lists: Sequence[int] = (1,)) -> None:
        super().__init__()
        self._api_key, self._lists = api_key, set(lists)
        self.contacts: list[dict[str, Any]] = []
        self.attributes = {"FIRSTNAME": "text", "LASTNAME": "text", "ORDERS": "float"}

    def routes(self) -> Sequence[BaseRoute]:
        """Contacts and their attributes."""
        return [
            Route("/v3/contacts", self._create, methods=["POST"]),
            Route("/v3/contacts", self._list, methods=["GET"]),
            Route("/v3/contacts/attributes", self._list_attributes, methods=["GET"]),
            Route("/v3/contacts/{identifier}", self._update, methods=["PUT"]),
        ]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The contacts of each list."""
        return {
            str(number): [
                {**each, "listIds": sorted(each["listIds"])}
                for each in self.contacts
                if number in each["listIds"]
            ]
            for number in sorted(self._lists)
        }

    async def _list_attributes(self, request: Request) -> Response:
        if not self._is_allowed(request):
            return _refused(401, "unauthorized")
        found = [
            {"name": name, "category": "normal", "type": kind}
            for name, kind in self.attributes.items()
        ]
        return JSONResponse({"attributes": found})

    async def _list(self, request: Request) -> Response:
        if not self._is_allowed(request):
            return _refused(401, "unauthorized")
        query = request.query_params
        first, limit = int(query.get("offset", 0)), int(query.get("limit", 50))
        if limit > _MOST_LISTED:
            return _refused(400, "out_of_range")
        since = datetime.fromisoformat(query.get("modifiedSince", _EVER))
        found = [
            {
                name: each[name]
                for name in ("id", "email", "emailBlacklisted", "modifiedAt")
            }
            for each in self.contacts
            if datetime.fromisoformat(each["modifiedAt"]) >= since
        ]
        page = found[first : first + limit]
        return JSONResponse({"contacts": page, "count": len(found)})

    async def _create(self, request: Request) -> Response:
        body = await request.json()
        with self.lock:
            self.requests.append(("POST", request.url.path, body))
            if not self._is_allowed(request):
                return _refused(401, "unauthorized")
            wrong = self._refusal(body, body["email"])
            if wrong:
                return wrong
            by_id = self._find("ext_id", body.get("ext_id"))
            by_email = self._find("email", body["email"])
            if by_id and by_id is not by_email:
                return _refused(400, "duplicate_parameter")
            if by_email and not body.get("updateEnabled"):
                return _refused(400, "duplicate_parameter")
            contact = by_email or self._new(body["email"])
            contact["ext_id"] = body.get("ext_id", contact["ext_id"])
            self._change(contact, body)
            return (
                Response(status_code=204)
                if by_email
                else JSONResponse({"id": contact["id"]}, status_code=201)
            )

    async def _update(self, request: Request) -> Response:
        body, identifier = await request.json(), request.path_params["identifier"]
        with self.lock:
            self.requests.append(("PUT", request.url.path, body))
            if not self._is_allowed(request):
                return _refused(401, "unauthorized")
            kind = request.query_params.get("identifierType")
            contact = self._find("ext_id" if kind == "ext_id" else "email", identifier)
            if contact is None:
                return _refused(404, "document_not_found")
            email = body.get("attributes", {}).pop("EMAIL", contact["email"])
            wrong = self._refusal(body, email)
            if wrong:
                return wrong
            if self._find("email", email) not in (contact, None):
                return _refused(400, "duplicate_parameter")
            contact["email"] = email.lower()
            self._change(contact, body)
            return Response(status_code=204)

    def _refusal(self, body: dict[str, Any], email: str) -> Response | None:
        if "@" not in email:
            return _refused(400, "invalid_parameter")
        if (
            not {*body.get("listIds", []), *body.get("unlinkListIds", [])}
            <= self._lists
        ):
            return _refused(400, "invalid_parameter")
        return None

    def _new(self, email: str) -> dict[str, Any]:
        contact: dict[str, Any] = {
            "id": len(self.contacts) + 1,
            "email": email.lower(),
            "ext_id": None,
            "emailBlacklisted": False,
            "modifiedAt": _NOW,
            "attributes": {},
            "listIds": set(),
        }
        self.contacts.append(contact)
        return contact

    def _change(self, contact: dict[str, Any], body: dict[str, Any]) -> None:
        known = {
            name: value
            for name, value in body.get("attributes", {}).items()
            if name in self.attributes
        }
        contact["attributes"] |= known
        contact["listIds"] |= set(body.get("listIds", []))
        contact["listIds"] -= set(body.get("unlinkListIds", []))
        contact["emailBlacklisted"] = body.get(
            "emailBlacklisted", contact["emailBlacklisted"]
        )

    def _find(self, key: str, value: str | None) -> dict[str, Any] | None:
        wanted = (value or "").lower() if key == "email" else value
        return next(
            (each for each in self.contacts if value and each[key] == wanted), None
        )

    def _is_allowed(self, request: Request) -> bool:
        return request.headers.get("api-key") == self._api_key


def _refused(status: int, code: str) -> Response:
    return refusal(status, {"code": code, "message": "not told"})
