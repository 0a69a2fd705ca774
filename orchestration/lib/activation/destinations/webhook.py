"""Audiences over HTTP, after Standard Webhooks.

    POST <url>   webhook-id: <idempotency key>, webhook-timestamp, webhook-signature
    {"audience": "winback", "mode": "mirror", "rows": [
        {"operation": "upsert", "key": "...", "customer_id": "c_...", "fields": {...}},
        {"operation": "remove", "key": "...", "customer_id": "c_..."}]}

    200 {"results": [{"customer_id": "c_...", "status": "ok"},
                     {"customer_id": "c_...", "status": "absent"},
                     {"customer_id": "c_...", "status": "rejected", "code": "...",
                      "reason": "unsubscribed"}]}

The receiver remembers `webhook-id`, and each row's `key`: a repetition has no second
effect. A member that the answer does not name was not answered; an answer that is not
of this form answers nobody. A request that is refused as a whole (400 or 422, with a
`code`) had no effect, and comes again in halves. `reason` (unsubscribed, bounced,
complained, invalid) is for a contact that nobody should write to any more.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from standardwebhooks import Webhook

from orchestration.lib.activation.destinations.api import HttpDestination
from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    MODES,
    Answer,
    Answers,
    Batch,
    Capabilities,
    InDoubt,
    Options,
    Row,
)
from orchestration.lib.webhooks import signed_headers

_FEEDBACK = ("unsubscribed", "bounced", "complained", "invalid")


@dataclass(frozen=True, kw_only=True)
class WebhookOptions(Options):
    """Where to post, and what signs it."""

    url: str
    #: The environment variable with the signing secret, as `whsec_...`.
    secret_env: str = ""
    batch_rows: int = 500
    #: Requests on their way at once.
    parallel: int = 8


class WebhookDestination(HttpDestination[WebhookOptions]):
    """A receiver of signed batches that answers member by member."""

    options_type = WebhookOptions

    @classmethod
    def capabilities(cls, options: WebhookOptions) -> Capabilities:
        """Whatever the receiver makes of it."""
        return Capabilities(
            in_doubt_by="key",
            modes=MODES,
            batch_rows=options.batch_rows,
            parallel=options.parallel,
        )

    def prepare(self) -> None:
        """Make the client."""
        secret = self.secrets.get("secret_env")
        self._signer = Webhook(secret) if secret else None
        self._api = self.client(
            # The address as it is: a base would end in a slash.
            "",
            headers={"content-type": "application/json"},
            code=lambda document: document["code"],
        )

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Post the batch."""
        body = json.dumps(
            {
                "audience": batch.audience,
                "mode": batch.mode,
                "rows": [_row(row) for row in batch.rows],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )
        _, document = self._api.call(
            "POST",
            self.options.url,
            content=body.encode(),
            headers=signed_headers(batch.idempotency_key, body, self._signer),
        )
        return _answers(document, batch)


def _row(row: Row) -> dict[str, object]:
    is_there = row.operation in ("add", "change")
    about: dict[str, object] = {
        "operation": "upsert" if is_there else row.operation,
        "key": row.idempotency_key,
        "customer_id": row.customer_id,
    }
    return about if row.fields is None else {**about, "fields": row.fields}


def _answers(document: Any, batch: Batch) -> Answers:  # noqa: ANN401 - any JSON
    try:
        results = {each["customer_id"]: each for each in document["results"]}
    except (KeyError, TypeError):
        raise InDoubt("an answer without the results of the rows") from None
    return {
        row.remote_key: _answer(results[row.customer_id])
        for row in batch.rows
        if row.customer_id in results
    }


def _answer(result: dict[str, Any]) -> Answer:
    if result.get("status") == "ok":
        return ACKNOWLEDGED
    if result.get("status") == "absent":
        return Answer(outcome="absent")
    reason = result.get("reason")
    return Answer(
        outcome="rejected",
        error_code=str(result.get("code") or "rejected"),
        feedback=reason if reason in _FEEDBACK else None,
    )
