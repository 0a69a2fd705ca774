"""SendGrid: contacts, lists, and imports and removals that take a while."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from orchestration.lib.sandbox.json_api import Call, JsonApi, RateLimit

_MOST_CONTACTS, _MOST_BYTES, _MOST_SOUGHT = 30_000, 6_000_000, 100
_MOST_SUPPRESSED = 500
_IDENTIFIERS = ("email", "external_id", "phone_number_id", "anonymous_id")
_LONGEST = {
    "first_name": 50,
    "last_name": 50,
    "address_line_1": 100,
    "address_line_2": 100,
    "city": 60,
    "state_province_region": 50,
    "country": 50,
    "postal_code": 254,
}
#: Requests after which a job ends.
_PATIENCE = 3


@dataclass
class _Job:
    contacts: list[dict[str, Any]]
    lists: list[str]
    age: int = 0
    created: int = 0
    errors: list[str] = field(default_factory=list)


@dataclass
class _Removal:
    name: str
    contacts: set[str]
    age: int = 0


class Sendgrid(JsonApi):
    """One account.

    Args:
        key: the API key that lets in.
        lists: ids of its lists.
        custom_fields: type of each custom field by its name: Text, Number or Date.
        limits: of requests.
    """

    name = "sendgrid"
    documentation = "https://www.twilio.com/docs/sendgrid/api-reference/contacts"

    def __init__(
        self,
        key: str,
        lists: Iterable[str],
        custom_fields: Mapping[str, str],
        *limits: RateLimit,
    ) -> None:
        super().__init__(*limits)
        self.key = key
        #: Id and type of each custom field by its name.
        self.custom_fields = {
            name: (f"e{number}_{kind[0]}", kind)
            for number, (name, kind) in enumerate(custom_fields.items(), 1)
        }
        #: Contacts by SendGrid's own id, and the ids in each list.
        self.contacts: dict[str, dict[str, Any]] = {}
        self.members: dict[str, set[str]] = {each: set() for each in lists}
        self.jobs: dict[str, _Job] = {}
        #: Addresses that are written to no more, with a Unix time, by why.
        self.suppressed: dict[str, list[tuple[str, int]]] = {
            each: []
            for each in ("unsubscribes", "bounces", "spam_reports", "invalid_emails")
        }
        self._ids: dict[tuple[str, str], str] = {}
        self._removals: list[_Removal] = []

    def routes(self) -> Sequence[BaseRoute]:
        """Contacts, what became of them, and who is in a list."""
        contacts = "/v3/marketing/contacts"
        search = f"{contacts}/search/identifiers/external_id"
        return [
            self.route("PUT", contacts, self._put),
            self.route("GET", f"{contacts}/imports/{{job}}", self._get_job),
            self.route("POST", search, self._search),
            self.route("GET", "/v3/marketing/field_definitions", self._get_fields),
            self.route("DELETE", "/v3/marketing/lists/{list}/contacts", self._remove),
            self.route("GET", "/v3/suppression/{suppression}", self._get_suppressed),
            self.route("GET", "/files/{file}", self._get_file),
        ]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The contacts of each list."""
        return {
            name: [self.contacts[each] for each in sorted(members)]
            for name, members in self.members.items()
        }

    def refuses(self, call: Call) -> Response | None:
        """Strangers, lists and jobs that there are not, and keys at signed files."""
        authorization = call.headers.get("authorization")
        if "file" in call.names:
            return _refusal(400) if authorization else None
        if authorization != f"Bearer {self.key}":
            return _refusal(401)
        if call.size > _MOST_BYTES:
            return _refusal(413)
        if call.names.get("list", next(iter(self.members))) not in self.members:
            return _refusal(404)
        if "job" in call.names and call.names["job"] not in self.jobs:
            return _refusal(404)
        return None

    def too_many(self) -> Response:
        """SendGrid's way to say that a request came too soon."""
        return _refusal(429)

    def time_passes(self) -> None:
        """Imports and removals come to their end."""
        for job in self.jobs.values():
            job.age += 1
            if job.age == _PATIENCE:
                for contact in job.contacts:
                    self._import(job, contact)
        for removal in self._removals:
            removal.age += 1
            if removal.age == _PATIENCE:
                self.members[removal.name] -= removal.contacts

    def _put(self, call: Call) -> Response:
        contacts, lists = call.body["contacts"], call.body.get("list_ids", [])
        if not 0 < len(contacts) <= _MOST_CONTACTS:
            return _refusal(400)
        if not self.members.keys() >= set(lists):
            return _refusal(404)
        if any(self._is_odd(each) for each in contacts):
            return _refusal(400)
        job_id = f"job{len(self.jobs)}"
        self.jobs[job_id] = _Job(contacts, lists)
        return JSONResponse({"job_id": job_id}, 202)

    def _is_odd(self, contact: dict[str, Any]) -> bool:
        """Whether a contact has what a request must not have."""
        ids = {field_id for field_id, _ in self.custom_fields.values()}
        return (
            not contact.keys() & set(_IDENTIFIERS)
            or not contact.keys() <= {*_IDENTIFIERS, *_LONGEST, "custom_fields"}
            or not contact.get("custom_fields", {}).keys() <= ids
            or any(len(contact.get(name, "")) > most for name, most in _LONGEST.items())
        )

    def _get_job(self, call: Call) -> Response:
        job = self.jobs[call.names["job"]]
        if job.age < _PATIENCE:
            status = "pending"
        elif len(job.errors) == len(job.contacts):
            status = "failed"
        else:
            status = "errored" if job.errors else "completed"
        results: dict[str, Any] = {"requested_count": len(job.contacts)}
        if status != "pending":
            imported = len(job.contacts) - len(job.errors)
            results |= {
                "created_count": job.created,
                "updated_count": imported - job.created,
                "errored_count": len(job.errors),
            }
        if job.errors:
            host = call.headers["host"]
            file = f"http://{host}/{self.name}/files/{call.names['job']}"
            results["errors_url"] = file
        return JSONResponse(
            {
                "id": call.names["job"],
                "status": status,
                "job_type": "upsert",
                "results": results,
            }
        )

    def _import(self, job: _Job, contact: dict[str, Any]) -> None:
        contact = contact | {"email": contact.get("email", "").lower()}
        known = {
            self._ids[name, contact[name]]
            for name in _IDENTIFIERS
            if (name, contact.get(name)) in self._ids
        }
        # All identifiers that a contact has must be said, and be its own.
        is_other = any(
            self.contacts[each].get(name) not in (None, contact.get(name))
            for each in known
            for name in _IDENTIFIERS
        )
        is_address = re.fullmatch(r"[^@\s]+@[^@\s]+\.\w+", contact["email"])
        if len(known) > 1 or is_other or not is_address:
            job.errors.append(f'"{contact["email"]}","the contact is not valid"')
            return
        contact_id = known.pop() if known else f"contact{len(self.contacts)}"
        job.created += contact_id not in self.contacts
        mine = self.contacts.setdefault(contact_id, {})
        fields = mine.get("custom_fields", {}) | contact.get("custom_fields", {})
        mine |= contact | {"custom_fields": fields}
        for name in _IDENTIFIERS:
            if name in mine:
                self._ids[name, mine[name]] = contact_id
        for name in job.lists:
            if contact_id not in self.members[name]:
                self.members[name].add(contact_id)
                self.happened(f"{name} is joined by {contact_id}")

    def _search(self, call: Call) -> Response:
        if len(call.body["identifiers"]) > _MOST_SOUGHT:
            return _refusal(400)
        result: dict[str, Any] = {
            identifier: {"contact": self._shown(self._ids["external_id", identifier])}
            if ("external_id", identifier) in self._ids
            else {"error": "contact not found"}
            for identifier in call.body["identifiers"]
        }
        is_any = any("contact" in each for each in result.values())
        return JSONResponse({"result": result}) if is_any else _refusal(404)

    def _shown(self, contact_id: str) -> dict[str, Any]:
        lists = [
            name for name, members in self.members.items() if contact_id in members
        ]
        return {
            **self.contacts[contact_id],
            "id": contact_id,
            "list_ids": lists,
            "segment_ids": [],
            "created_at": "2026-10-31T00:00:00Z",
            "updated_at": "2026-10-31T00:00:00Z",
        }

    def _get_fields(self, call: Call) -> Response:
        fields = [
            {"id": field_id, "name": name, "field_type": kind}
            for name, (field_id, kind) in self.custom_fields.items()
        ]
        return JSONResponse({"custom_fields": fields, "reserved_fields": []})

    def _remove(self, call: Call) -> Response:
        ids = call.query.get("contact_ids", "").split(",")
        if not self.contacts.keys() >= set(ids):
            return _refusal(404)
        self._removals.append(_Removal(call.names["list"], set(ids)))
        return JSONResponse({"job_id": "removal"}, 202)

    def _get_suppressed(self, call: Call) -> Response:
        first = int(call.query.get("offset", 0))
        limit = min(int(call.query.get("limit", _MOST_SUPPRESSED)), _MOST_SUPPRESSED)
        found = [
            {"created": at, "email": email, "reason": "", "status": "", "ip": ""}
            for email, at in self.suppressed[call.names["suppression"]]
            if at >= int(call.query.get("start_time", 0))
        ]
        return JSONResponse(found[first : first + limit])

    def _get_file(self, call: Call) -> Response:
        errors = self.jobs[call.names["file"]].errors
        return PlainTextResponse("\n".join(["email,error", *errors]))


def _refusal(status: int) -> Response:
    return JSONResponse({"errors": [{"message": "See the documentation."}]}, status)
