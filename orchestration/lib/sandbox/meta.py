"""Custom Audiences of Meta's Marketing API, as far as customer lists go."""

import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from orchestration.lib.sandbox.vendor import Vendor, refusal

_KEYS = {
    "EMAIL", "PHONE", "GEN", "DOBY", "DOBM", "DOBD", "LN", "FN", "FI", "CT", "ST",
    "ZIP", "COUNTRY",
}  # fmt: skip


class Meta(Vendor):
    """Entries by Custom Audience; each is the hashes that a person may be matched by.

    A person who was matched by a key stays until a removal names it.

    Args:
        app_secret: proofs are required if there is one.
    """

    name = "meta"
    documentation = (
        "https://developers.facebook.com/docs/marketing-api/audiences/guides/"
        "custom-audiences"
    )

    def __init__(self, token: str = "sandbox", app_secret: str | None = None) -> None:
        super().__init__()
        self._token, self._secret = token, app_secret
        self.entries: dict[str, set[frozenset[tuple[str, str]]]] = {}
        #: Audiences whose operation_status is 471.
        self.flagged: set[str] = set()
        #: Hashes that it cannot read.
        self.unreadable: set[str] = set()
        #: The error of every request, such as a limit that was reached.
        self.error: dict[str, Any] | None = None

    def routes(self) -> Sequence[BaseRoute]:
        """One address per Custom Audience."""
        return [
            Route("/v25.0/{audience}/users", self._change, methods=["POST", "DELETE"])
        ]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The entries of each audience."""
        return {
            audience: [dict(sorted(entry)) for entry in sorted(entries, key=sorted)]
            for audience, entries in self.entries.items()
        }

    async def _change(self, request: Request) -> Response:
        audience, body = request.path_params["audience"], await request.json()
        with self.lock:
            self.requests.append((request.method, request.url.path, body))
            wrong = self._refusal(request, body, audience)
            if wrong:
                return refusal(400, {"error": {"message": "not told", **wrong}})
            return self._answer(request.method, audience, body)

    def _refusal(
        self, request: Request, body: dict[str, Any], audience: str
    ) -> dict[str, Any] | None:
        if request.headers.get("authorization") != f"Bearer {self._token}":
            return {"type": "OAuthException", "code": 190}
        if self._secret and body.get("appsecret_proof") != _proof(
            self._secret, self._token
        ):
            return {"type": "GraphMethodException", "code": 100}
        if self.error:
            return self.error
        if audience in self.flagged:
            return {"code": 100, "error_subcode": 1713230}
        payload, session = body["payload"], body.get("session", {})
        if request.method == "POST" and not (
            0 < session.get("session_id", 0) < 2**63
            and session.get("batch_seq") == 1
            and session.get("last_batch_flag") is True
        ):
            return {"code": 100}
        schema, rows = payload["schema"], payload["data"]
        is_table = all(len(row) == len(schema) for row in rows)
        if not is_table or not set(schema) <= _KEYS or not 0 < len(rows) <= 10_000:
            return {"code": 100}
        return None

    def _answer(self, method: str, audience: str, body: dict[str, Any]) -> Response:
        entries = self.entries.setdefault(audience, set())
        payload = body["payload"]
        samples = []
        for row in payload["data"]:
            keys = {
                (name, value)
                for name, value in zip(payload["schema"], row, strict=True)
                if value
            }
            if not keys or not all(self._is_readable(value) for _, value in keys):
                samples.append(json.dumps(row))
            elif method == "POST":
                entries.add(frozenset(keys))
            else:
                entries -= {entry for entry in entries if entry <= keys}
        self.entries[audience] = entries
        return JSONResponse(
            {
                "audience_id": audience,
                "session_id": body.get("session", {}).get("session_id"),
                "num_received": len(payload["data"]),
                "num_invalid_entries": len(samples),
                "invalid_entry_samples": samples[:100],
            }
        )

    def _is_readable(self, value: str) -> bool:
        return bool(re.fullmatch("[0-9a-f]{64}", value)) and (
            value not in self.unreadable
        )


def _proof(secret: str, token: str) -> str:
    return hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()
