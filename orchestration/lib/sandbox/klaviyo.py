"""Klaviyo: profiles, lists, and bulk imports that take a while."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from orchestration.lib.sandbox.json_api import Call, JsonApi, RateLimit

_MEDIA_TYPE = "application/vnd.api+json"
_MOST_PROFILES, _MOST_BYTES, _MOST_BYTES_OF_ONE = 10_000, 5_000_000, 100_000
_MOST_REMOVED = 1000
_IDENTIFIERS = ("external_id", "email", "phone_number")
#: A job passes through these.
_STEPS = ("queued", "processing", "processing", "complete")
_SELF = {"self": "https://a.klaviyo.com/"}
_SUPPRESSED = re.compile(
    r"^greater-or-equal\(subscriptions\.email\.marketing\.suppression\.timestamp,"
    r"([^)]+)\)$"
)
_ANY = re.compile(r"^any\(external_id,(\[.*\])\)$")


@dataclass
class _Job:
    profiles: list[dict[str, Any]]
    lists: list[str]
    step: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)
    is_cancelled: bool = False

    @property
    def status(self) -> str:
        return "cancelled" if self.is_cancelled else _STEPS[self.step]


class Klaviyo(JsonApi):
    """One account.

    Args:
        key: the private key that lets in.
        lists: ids of its lists.
        limits: of requests.
    """

    name = "klaviyo"
    documentation = "https://developers.klaviyo.com/en/reference/bulk_import_profiles"

    def __init__(self, key: str, lists: Iterable[str], *limits: RateLimit) -> None:
        super().__init__(*limits)
        self.key = key
        #: Attributes by Klaviyo's own id, and the ids in each list.
        self.profiles: dict[str, dict[str, Any]] = {}
        self.members: dict[str, set[str]] = {each: set() for each in lists}
        self.jobs: dict[str, _Job] = {}
        #: Why addresses are written to no more, each with `reason` and `timestamp`.
        self.suppressions: dict[str, list[dict[str, str]]] = {}
        self._ids: dict[tuple[str, str], str] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """Imports, their errors, and who is in a list."""
        jobs = "/api/profile-bulk-import-jobs"
        return [
            self.route("POST", jobs, self._post_job),
            self.route("GET", f"{jobs}/{{job}}", self._get_job),
            self.route("GET", f"{jobs}/{{job}}/import-errors", self._get_errors),
            self.route("GET", "/api/profiles", self._get_profiles),
            self.route(
                "DELETE", "/api/lists/{list}/relationships/profiles", self._remove
            ),
        ]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The profiles of each list."""
        return {
            name: [self.profiles[each] for each in sorted(members)]
            for name, members in self.members.items()
        }

    def refuses(self, call: Call) -> Response | None:
        """Strangers, requests of no revision, and bodies of another kind."""
        if call.headers.get("authorization") != f"Klaviyo-API-Key {self.key}":
            return _error(401, "not_authenticated")
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", call.headers.get("revision", "")):
            return _error(400, "invalid_revision")
        if call.size and call.headers.get("content-type") != _MEDIA_TYPE:
            return _error(415, "unsupported_media_type")
        if call.size > _MOST_BYTES:
            return _error(413, "request_too_large")
        if call.names.get("list", next(iter(self.members))) not in self.members:
            return _error(404, "not_found")
        if "job" in call.names and call.names["job"] not in self.jobs:
            return _error(404, "not_found")
        return None

    def too_many(self) -> Response:
        """Klaviyo's way to say that a request came too soon."""
        return _error(429, "throttled")

    def time_passes(self) -> None:
        """Imports take their next step."""
        for job in self.jobs.values():
            if job.status in ("complete", "cancelled"):
                continue
            job.step += 1
            if job.status == "complete":
                for place, profile in enumerate(job.profiles):
                    self._import(job, place, profile)

    def _post_job(self, call: Call) -> Response:
        data = call.body["data"]
        profiles = [
            each["attributes"] for each in data["attributes"]["profiles"]["data"]
        ]
        lists = [each["id"] for each in data["relationships"]["lists"]["data"]]
        sizes = [
            len(json.dumps(each, ensure_ascii=False).encode()) for each in profiles
        ]
        if not 0 < len(profiles) <= _MOST_PROFILES or max(sizes) > _MOST_BYTES_OF_ONE:
            return _error(400, "invalid")
        if not self.members.keys() >= set(lists):
            return _error(404, "not_found")
        job_id = f"job{len(self.jobs)}"
        self.jobs[job_id] = _Job(profiles, lists)
        return _answer(self._shown(job_id), 202)

    def _get_job(self, call: Call) -> Response:
        return _answer(self._shown(call.names["job"]))

    def _shown(self, job_id: str) -> dict[str, Any]:
        job = self.jobs[job_id]
        is_complete = job.status == "complete"
        return {
            "type": "profile-bulk-import-job",
            "id": job_id,
            "attributes": {
                "status": job.status,
                "created_at": "2026-10-31T00:00:00+00:00",
                "total_count": len(job.profiles),
                "completed_count": len(job.profiles) if is_complete else 0,
                "failed_count": len(job.errors) if is_complete else None,
            },
            "links": _SELF,
        }

    def _import(self, job: _Job, place: int, profile: dict[str, Any]) -> None:
        known = self._known_as(profile)
        problem = _problem(profile) or ("duplicate_profile" if len(known) > 1 else None)
        if problem:
            code, _, attribute = problem.partition(":")
            pointer = f"/data/attributes/profiles/data/{place}/attributes/{attribute}"
            job.errors.append(
                {
                    "type": "import-error",
                    "id": f"{place}",
                    "attributes": {
                        "code": code,
                        "title": "Invalid input.",
                        "detail": "The profile was not imported.",
                        "source": {"pointer": pointer},
                        "original_payload": profile,
                    },
                }
            )
            return
        profile_id = known.pop() if known else f"01PROFILE{len(self.profiles)}"
        mine = self.profiles.setdefault(profile_id, {})
        # A null says nothing: it does not empty a field.
        for name, value in profile.items():
            if isinstance(value, dict):
                mine.setdefault(name, {}).update(
                    {key: each for key, each in value.items() if each is not None}
                )
            elif value is not None:
                mine[name] = value
        for name in _IDENTIFIERS:
            if name in mine:
                self._ids[name, mine[name]] = profile_id
        for name in job.lists:
            if profile_id not in self.members[name]:
                self.members[name].add(profile_id)
                self.happened(f"{name} welcomes {profile_id}")

    def _known_as(self, profile: dict[str, Any]) -> set[str]:
        """Profiles that have one of the identifiers: two are a contradiction."""
        known = {
            self._ids.get((name, profile[name]))
            for name in _IDENTIFIERS
            if profile.get(name) is not None
        }
        return {
            profile_id
            for profile_id in known
            # An address that a profile had before is nobody's.
            if profile_id is not None
            and any(
                self.profiles[profile_id].get(name) == profile.get(name)
                for name in _IDENTIFIERS
                if profile.get(name) is not None
            )
        }

    def _get_errors(self, call: Call) -> Response:
        errors = self.jobs[call.names["job"]].errors
        start = int(call.query.get("page[cursor]", 0))
        end = start + int(call.query.get("page[size]", 20))
        links = _links(call, end if end < len(errors) else None)
        return _answer(errors[start:end], links=links)

    def _get_profiles(self, call: Call) -> Response:
        wanted_filter = call.query.get("filter", "")
        if since := _SUPPRESSED.match(wanted_filter):
            return self._get_suppressed(call, datetime.fromisoformat(since[1]))
        found = _ANY.match(wanted_filter)
        if not found:
            return _error(400, "invalid_filter")
        wanted = json.loads(found[1])
        size = int(call.query.get("page[size]", 20))
        profiles = [
            {
                "type": "profile",
                "id": profile_id,
                "attributes": {"external_id": profile["external_id"]},
                "links": _SELF,
            }
            for profile_id, profile in sorted(self.profiles.items())
            if profile.get("external_id") in wanted
        ]
        return _answer(profiles[:size], links=_SELF)

    def _get_suppressed(self, call: Call, since: datetime) -> Response:
        start = int(call.query.get("page[cursor]", 0))
        end = start + int(call.query.get("page[size]", 20))
        found = [
            (profile_id, profile)
            for profile_id, profile in sorted(self.profiles.items())
            if any(
                datetime.fromisoformat(each["timestamp"]) >= since
                for each in self.suppressions.get(profile.get("email", ""), ())
            )
        ]
        data = [
            {
                "type": "profile",
                "id": profile_id,
                "attributes": {
                    "email": profile["email"],
                    "subscriptions": {
                        "email": {
                            "marketing": {
                                "can_receive_email_marketing": False,
                                "consent": "UNSUBSCRIBED",
                                "suppression": self.suppressions[profile["email"]],
                            }
                        }
                    },
                },
                "links": _SELF,
            }
            for profile_id, profile in found[start:end]
        ]
        return _answer(data, links=_links(call, end if end < len(found) else None))

    def _remove(self, call: Call) -> Response:
        if len(call.body["data"]) > _MOST_REMOVED:
            return _error(400, "invalid")
        self.members[call.names["list"]] -= {each["id"] for each in call.body["data"]}
        return Response(status_code=204)


def _problem(profile: dict[str, Any]) -> str | None:
    """Code of what is wrong with a profile, and its attribute."""
    email, phone = profile.get("email"), profile.get("phone_number")
    if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
        return "invalid:email"
    if phone is not None and not re.fullmatch(r"\+[1-9]\d{6,14}", phone):
        return "invalid:phone_number"
    return None


def _links(call: Call, cursor: int | None) -> dict[str, str]:
    if cursor is None:
        return _SELF
    following = f"https://a.klaviyo.com{call.path}?page%5Bcursor%5D={cursor}"
    return {**_SELF, "next": following}


def _answer(
    data: Any,  # noqa: ANN401 - any JSON
    status: int = 200,
    links: dict[str, str] | None = None,
) -> Response:
    document = {"data": data, "links": links or _SELF}
    return JSONResponse(document, status, media_type=_MEDIA_TYPE)


def _error(status: int, code: str) -> Response:
    error = {"id": "0", "code": code, "title": code, "detail": "See the reference."}
    return JSONResponse({"errors": [error]}, status, media_type=_MEDIA_TYPE)
