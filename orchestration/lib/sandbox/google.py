"""Customer Match lists of Google's Data Manager API, and the tokens that it takes."""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from orchestration.lib.sandbox.vendor import Vendor, refusal

Violation = dict[str, str]


class Google(Vendor):
    """Identifiers by list; every request is a job that ends when it is asked about.

    Args:
        refresh_token: of the only user.
        lists: the ids of the lists of the account.
    """

    name = "google"
    documentation = (
        "https://developers.google.com/data-manager/api/reference/rest/v1/"
        "audienceMembers"
    )

    def __init__(
        self, refresh_token: str = "sandbox", lists: Sequence[str] = ("1",)
    ) -> None:
        super().__init__()
        self._refresh_token = refresh_token
        self.identifiers: dict[str, set[tuple[str, str]]] = {
            each: set() for each in lists
        }
        #: Identifiers that fail when they are looked at.
        self.failing: set[str] = set()
        #: The access token that the API takes.
        self.token = "ya29.sandbox"
        #: How often a request is still looked at when it is asked about.
        self.delay = 0
        self._jobs: dict[str, dict[str, Any]] = {}
        self._asked: dict[str, int] = {}

    def forget(self) -> None:
        """Know of no request any more."""
        self._jobs.clear()

    def routes(self) -> Sequence[BaseRoute]:
        """Tokens, members and jobs."""
        return [
            Route("/token", self._grant, methods=["POST"]),
            Route("/v1/audienceMembers:ingest", self._ingest, methods=["POST"]),
            Route("/v1/audienceMembers:remove", self._remove, methods=["POST"]),
            Route("/v1/requestStatus:retrieve", self._status, methods=["GET"]),
        ]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The identifiers in each list."""
        return {
            each: [{kind: value} for kind, value in sorted(found)]
            for each, found in self.identifiers.items()
        }

    async def _grant(self, request: Request) -> Response:
        grant = parse_qs((await request.body()).decode())
        if grant.get("refresh_token") != [self._refresh_token]:
            return refusal(400, {"error": "invalid_grant"})
        return JSONResponse({"access_token": "ya29.sandbox", "expires_in": 3599})

    async def _ingest(self, request: Request) -> Response:
        return self._take(request, await request.json(), is_removal=False)

    async def _remove(self, request: Request) -> Response:
        return self._take(request, await request.json(), is_removal=True)

    def _take(
        self, request: Request, body: dict[str, Any], *, is_removal: bool
    ) -> Response:
        with self.lock:
            self.requests.append(("POST", request.url.path, body))
            if request.headers.get("authorization") != f"Bearer {self.token}":
                return _refused(401, "UNAUTHENTICATED", [])
            violations = [*self._violations(body, is_removal=is_removal)]
            if violations:
                return _refused(400, "INVALID_ARGUMENT", violations)
            return JSONResponse({"requestId": self._begin(body, is_removal=is_removal)})

    def _violations(
        self, body: dict[str, Any], *, is_removal: bool
    ) -> Iterator[Violation]:
        if body.get("encoding") != "HEX":
            yield {"field": "encoding", "reason": "REQUIRED_FIELD_MISSING"}
        for number, each in enumerate(body["destinations"]):
            if each["productDestinationId"] not in self.identifiers:
                yield {
                    "field": f"destinations[{number}]",
                    "reason": "INVALID_USER_LIST_ID",
                }
        terms = body.get("termsOfService", {}).get("customerMatchTermsOfServiceStatus")
        if not is_removal and terms != "ACCEPTED":
            yield {
                "field": "terms_of_service",
                "reason": "TERMS_AND_CONDITIONS_NOT_SIGNED",
            }
        if len(body["audienceMembers"]) > 10_000:
            yield {"field": "audience_members", "reason": "TOO_MANY_AUDIENCE_MEMBERS"}
        for number, member in enumerate(body["audienceMembers"]):
            found = member["userData"]["userIdentifiers"]
            field = f"audience_members.audience_members[{number}]"
            if not 0 < len(found) <= 10:
                yield {"field": field, "reason": "TOO_MANY_USER_IDENTIFIERS"}
            for value in (value for each in found for value in each.values()):
                if not re.fullmatch("[0-9a-f]{64}", value):
                    yield {"field": field, "reason": "INVALID_SHA256_FORMAT"}

    def _begin(self, body: dict[str, Any], *, is_removal: bool) -> str:
        members = [
            {
                pair
                for each in member["userData"]["userIdentifiers"]
                for pair in each.items()
            }
            for member in body["audienceMembers"]
        ]
        good = [
            each for each in members if not {value for _, value in each} & self.failing
        ]
        found = self.identifiers[body["destinations"][0]["productDestinationId"]]
        for each in good:
            if is_removal:
                found -= each
            else:
                found |= each
        failed = len(members) - len(good)
        status: dict[str, Any] = {
            "destination": body["destinations"][0],
            "requestStatus": "SUCCESS",
        }
        if failed:
            reason = "PROCESSING_ERROR_REASON_INTERNAL_ERROR"
            counts = [{"recordCount": str(failed), "reason": reason}]
            status["errorInfo"] = {"errorCounts": counts}
            status["requestStatus"] = "PARTIAL_SUCCESS" if good else "FAILED"
        job = f"request-{len(self.requests)}"
        self._jobs[job] = status
        return job

    async def _status(self, request: Request) -> Response:
        job = request.query_params.get("requestId", "")
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _refused(401, "UNAUTHENTICATED", [])
        if job not in self._jobs:
            return _refused(400, "INVALID_ARGUMENT", [])
        with self.lock:
            self._asked[job] = self._asked.get(job, 0) + 1
            status = self._jobs[job]
            if self._asked[job] <= self.delay:
                status = {
                    "destination": status["destination"],
                    "requestStatus": "PROCESSING",
                }
        return JSONResponse({"requestStatusPerDestination": [status]})


def _refused(http: int, status: str, violations: list[Violation]) -> Response:
    details: list[dict[str, Any]] = [{"reason": status}]
    if violations:
        details.append({"fieldViolations": violations})
    return refusal(
        http, {"error": {"code": http, "status": status, "details": details}}
    )
