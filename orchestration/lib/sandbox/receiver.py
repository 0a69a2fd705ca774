"""A receiver of webhooks, after the form that destinations/webhook.py describes."""

import json
from collections.abc import Sequence
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from orchestration.lib.sandbox.vendor import Vendor, refusal


class WebhookReceiver(Vendor):
    """Members by audience; a repeated row has no second effect.

    Args:
        secret: signatures are required if there is one.
    """

    name = "webhook"
    documentation = "https://www.standardwebhooks.com"

    def __init__(self, secret: str | None = None) -> None:
        super().__init__()
        self._verifier = Webhook(secret) if secret else None
        self.members: dict[str, dict[str, dict[str, Any]]] = {}
        #: Members who are refused, with the code.
        self.refuses: dict[str, str] = {}
        #: Members because of whom a whole request is refused.
        self.poison: set[str] = set()
        self._results: dict[str, dict[str, Any]] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """One address for all audiences."""
        return [Route("/audiences", self._take, methods=["POST"])]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The members of each audience."""
        return {
            audience: [
                {"customer_id": customer, **fields}
                for customer, fields in sorted(members.items())
            ]
            for audience, members in self.members.items()
        }

    async def _take(self, request: Request) -> Response:
        body = await request.body()
        return await run_in_threadpool(self._answer, dict(request.headers), body)

    def _answer(self, headers: dict[str, str], body: bytes) -> Response:
        if self._verifier:
            try:
                self._verifier.verify(body.decode(), headers)
            except WebhookVerificationError:
                return refusal(401, {"code": "bad_signature"})
        status, answer = self.take(json.loads(body))
        return JSONResponse(answer, status_code=status)

    def take(self, document: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Apply a batch; the status of the answer, and what it says."""
        with self.lock:
            self.requests.append(("POST", "/audiences", document))
            if self.poison & {row["customer_id"] for row in document["rows"]}:
                return 422, {"code": "bad_row"}
            members = self.members.setdefault(document["audience"], {})
            return 200, {
                "results": [self._row(row, members) for row in document["rows"]]
            }

    def _row(
        self, row: dict[str, Any], members: dict[str, dict[str, Any]]
    ) -> dict[str, Any]:
        customer = row["customer_id"]
        if row["key"] in self._results:
            return self._results[row["key"]]
        result = {"customer_id": customer, "status": "ok"}
        if customer in self.refuses:
            code = self.refuses[customer]
            return {**result, "status": "rejected", "code": code, "reason": code}
        if row["operation"] == "update" and customer not in members:
            return {**result, "status": "absent"}
        if row["operation"] == "remove":
            members.pop(customer, None)
        else:
            members.setdefault(customer, {}).update(row["fields"])
        self.happened(row["key"])
        self._results[row["key"]] = result
        return result
