"""Mailchimp: lists, their members, tags, and batch operations that take a while."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from orchestration.lib.sandbox.json_api import Call, JsonApi

_MOST_MEMBERS = 500
_MEMBER = re.compile(r"^/lists/(?P<list>[^/]+)/members/(?P<hash>[0-9a-f]{32})(/tags)?$")
#: A batch operation passes through these.
_STEPS = ("pending", "preprocessing", "started", "finalizing", "finished")
#: When nothing else is said, everything happens then.
_NOW, _EVER = "2026-11-01T00:00:00+00:00", "2000-01-01T00:00:00+00:00"
_OF_MERGE_FIELDS = ("text", "number", "date", "address")
_COMPLIANCE = (
    "{} is in a compliance state due to unsubscribe, bounce, or compliance review and"
    " cannot be subscribed."
)


@dataclass
class _Member:
    email: str
    status: str
    merge_fields: dict[str, Any] = field(default_factory=dict)
    tags: set[str] = field(default_factory=set)
    #: They left by themselves or bounced: nobody can subscribe them again but they.
    is_compliance_state: bool = False
    last_changed: str = _NOW


@dataclass
class _Batch:
    operations: list[dict[str, Any]]
    step: int = 0
    errors: int = 0


class Mailchimp(JsonApi):
    """One account.

    Args:
        key: the API key that lets in.
        lists: ids of its lists.
        merge_fields: of every list: type by tag.
    """

    name = "mailchimp"
    documentation = "https://mailchimp.com/developer/marketing/api/lists/"

    def __init__(
        self,
        key: str,
        lists: Iterable[str],
        merge_fields: dict[str, str],
    ) -> None:
        super().__init__()
        unknown = set(merge_fields.values()) - set(_OF_MERGE_FIELDS)
        assert not unknown, f"merge fields of types {unknown}"
        self.key, self.merge_fields = key, merge_fields
        #: By list and by the MD5 of the lowercase address.
        self.members: dict[str, dict[str, _Member]] = {each: {} for each in lists}
        #: Addresses that were deleted for ever, by their MD5.
        self.forgotten: set[str] = set()
        self._batches: dict[str, _Batch] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """What is needed to keep a list in step with an audience."""
        return [
            self.route("POST", "/3.0/lists/{list}", self._post_members),
            self.route("GET", "/3.0/lists/{list}/merge-fields", self._get_merge_fields),
            self.route("GET", "/3.0/lists/{list}/members", self._get_members),
            self.route("GET", "/3.0/lists/{list}/members/{hash}", self._get_member),
            self.route("POST", "/3.0/batches", self._post_batch),
            self.route("GET", "/3.0/batches/{batch}", self._get_batch),
        ]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The members of each list who may be written to."""
        return {
            name: [
                {
                    "email_address": member.email,
                    "tags": sorted(member.tags),
                    **member.merge_fields,
                }
                for _, member in sorted(members.items())
                if member.status == "subscribed"
            ]
            for name, members in self.members.items()
        }

    def leaves(
        self, name: str, email: str, status: str = "unsubscribed", at: str = _NOW
    ) -> None:
        """A member of a list unsubscribes, or is cleaned after a bounce."""
        member = self.members[name].setdefault(_hash(email), _Member(email, status))
        member.status, member.is_compliance_state = status, True
        member.last_changed = at

    def refuses(self, call: Call) -> Response | None:
        """Whoever has another key, and lists that there are not."""
        scheme, _, credentials = call.headers.get("authorization", "").partition(" ")
        try:
            key = base64.b64decode(credentials).decode().rpartition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            key = ""
        if scheme.lower() != "basic" or key != self.key:
            return _problem(401, "API Key Invalid")
        if call.names.get("list", next(iter(self.members))) not in self.members:
            return _problem(404, "Resource Not Found")
        return None

    def too_many(self) -> Response:
        """Mailchimp's way to say it; it counts connections, which tests do not need."""
        return _problem(429, "Too Many Requests")

    def time_passes(self) -> None:
        """Batch operations take their next step."""
        for batch in self._batches.values():
            if batch.step == len(_STEPS) - 1:
                continue
            batch.step += 1
            if _STEPS[batch.step] == "finished":
                batch.errors = sum(not self._operate(each) for each in batch.operations)

    def _post_members(self, call: Call) -> Response:
        body = call.body
        if not isinstance(body, dict) or not isinstance(body.get("members"), list):
            return _problem(400, "Invalid Resource")
        if len(body["members"]) > _MOST_MEMBERS:
            return _problem(400, "Invalid Resource")
        created: list[str] = []
        updated: list[str] = []
        errors: list[dict[str, str]] = []
        seen: set[str] = set()
        for wanted in body["members"]:
            email = wanted.get("email_address", "")
            key = _hash(email)
            member = self.members[call.names["list"]].get(key)
            is_new = member is None or member.status == "archived"
            error = "is there twice" if key in seen else self._error(wanted, member)
            seen.add(key)
            if not error and not is_new and not body.get("update_existing"):
                errors.append(_error(email, "is there already", "ERROR_CONTACT_EXISTS"))
            elif error:
                errors.append(_error(email, error))
            else:
                self._put(call.names["list"], key, wanted, is_new=is_new)
                (created if is_new else updated).append(key)
        members = self.members[call.names["list"]]
        return JSONResponse(
            {
                "new_members": [_shown(key, members[key]) for key in created],
                "updated_members": [_shown(key, members[key]) for key in updated],
                "errors": errors,
                "total_created": len(created),
                "total_updated": len(updated),
                "error_count": len(errors),
            }
        )

    def _error(self, wanted: dict[str, Any], member: _Member | None) -> str | None:
        """Why a member cannot be put as wanted."""
        email = str(wanted.get("email_address", ""))
        if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
            return "Please provide a valid email address."
        if email.lower().endswith("@example.com"):
            return f"{email} looks fake or invalid, please enter a real email address."
        if _hash(email) in self.forgotten:
            return f"{email} was permanently deleted and cannot be re-imported."
        is_there = member is not None and member.status != "archived"
        status = wanted.get("status", None if is_there else wanted.get("status_if_new"))
        if status is None and not is_there:
            return "A status is needed for a new member."
        if status == "subscribed" and member is not None and member.is_compliance_state:
            return _COMPLIANCE.format(email)
        for tag, value in wanted.get("merge_fields", {}).items():
            kind = self.merge_fields.get(tag)
            if kind == "number" and value != "" and not isinstance(value, int | float):
                return f"Your merge fields were invalid: {tag}."
        return None

    def _put(
        self, name: str, key: str, wanted: dict[str, Any], *, is_new: bool
    ) -> None:
        member = self.members[name].setdefault(
            key, _Member(email=wanted["email_address"], status="")
        )
        if is_new:
            self.happened(f"{name} welcomes {key}")
        status = wanted.get("status", wanted.get("status_if_new") if is_new else None)
        member.status = status or member.status
        # What is no merge field of the list is passed over without a word.
        member.merge_fields |= {
            tag: value
            for tag, value in wanted.get("merge_fields", {}).items()
            if tag in self.merge_fields
        }
        member.tags |= set(wanted.get("tags", ()))

    def _get_merge_fields(self, call: Call) -> Response:
        count = int(call.query.get("count", 10))
        fields = [
            {"tag": tag, "name": tag.title(), "type": kind}
            for tag, kind in self.merge_fields.items()
        ]
        return JSONResponse(
            {"merge_fields": fields[:count], "total_items": len(fields)}
        )

    def _get_members(self, call: Call) -> Response:
        first = int(call.query.get("offset", 0))
        count = min(int(call.query.get("count", 10)), 1000)
        since = call.query.get("since_last_changed", _EVER)
        found = [
            _shown(key, member)
            for key, member in sorted(self.members[call.names["list"]].items())
            if call.query.get("status", member.status) == member.status
            and datetime.fromisoformat(member.last_changed)
            >= datetime.fromisoformat(since)
        ]
        return JSONResponse({"members": found[first : first + count]})

    def _get_member(self, call: Call) -> Response:
        member = self.members[call.names["list"]].get(call.names["hash"])
        if member is None:
            return _problem(404, "Resource Not Found")
        return JSONResponse(_shown(call.names["hash"], member))

    def _post_batch(self, call: Call) -> Response:
        operations = (call.body or {}).get("operations")
        if not operations:
            return _problem(400, "Invalid Resource")
        batch_id = f"batch{len(self._batches)}"
        self._batches[batch_id] = _Batch(operations)
        return JSONResponse(self._status(batch_id))

    def _get_batch(self, call: Call) -> Response:
        batch = self._batches.get(call.names["batch"])
        if batch is None:
            return _problem(404, "Resource Not Found")
        return JSONResponse(self._status(call.names["batch"]))

    def _status(self, batch_id: str) -> dict[str, Any]:
        batch = self._batches[batch_id]
        is_finished = _STEPS[batch.step] == "finished"
        return {
            "id": batch_id,
            "status": _STEPS[batch.step],
            "total_operations": len(batch.operations),
            "finished_operations": len(batch.operations) if is_finished else 0,
            "errored_operations": batch.errors,
        }

    def _operate(self, operation: dict[str, Any]) -> bool:
        """Do one operation of a batch; whether it went well."""
        found = _MEMBER.match(operation["path"])
        member = (
            self.members.get(found["list"], {}).get(found["hash"]) if found else None
        )
        if member is None:
            return False
        if operation["method"] == "DELETE":
            # Who is archived or has left cannot be archived.
            is_well = member.status in ("subscribed", "pending", "transactional")
            member.status = "archived" if is_well else member.status
            return is_well
        for tag in json.loads(operation["body"])["tags"]:
            (member.tags.add if tag["status"] == "active" else member.tags.discard)(
                tag["name"]
            )
        return True


def _hash(email: str) -> str:
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def _shown(key: str, member: _Member) -> dict[str, Any]:
    return {
        "id": key,
        "email_address": member.email,
        "status": member.status,
        "merge_fields": member.merge_fields,
        "last_changed": member.last_changed,
        "tags": [{"id": 1, "name": tag} for tag in sorted(member.tags)],
    }


def _error(email: str, text: str, code: str = "ERROR_GENERIC") -> dict[str, str]:
    return {"email_address": email, "error": text, "error_code": code}


def _problem(status: int, title: str) -> Response:
    document = {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": title,
        "status": status,
        "detail": "See the documentation.",
        "instance": "sandbox",
    }
    return JSONResponse(document, status, media_type="application/problem+json")
