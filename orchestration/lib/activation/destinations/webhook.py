"""Audiences over HTTP, after Standard Webhooks.

    POST <url>   webhook-id: <idempotency key>, webhook-timestamp, webhook-signature
    {"audience": "winback", "rows": [
        {"operation": "upsert", "customer_id": "c_...", "fields": {...}},
        {"operation": "remove", "customer_id": "c_..."}]}

    200 {"results": [{"customer_id": "c_...", "status": "ok"},
                     {"customer_id": "c_...", "status": "rejected", "code": "..."}]}

The receiver remembers `webhook-id` and answers a repetition without a second effect.
A member that the answer does not name was not answered; an answer that is not of this
form answers nobody.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx
import stamina
from standardwebhooks import Webhook

from orchestration.lib.activation.destinations.base import (
    Answer,
    Batch,
    DestinationUnavailable,
    Row,
)
from orchestration.lib.retries import MOST_PATIENCE_SECONDS, retry_after


class WebhookDestination:
    """A receiver of signed batches that answers member by member."""

    def __init__(
        self,
        url: str,
        *,
        secret: str | None,
        batch_rows: int,
        timeout_seconds: float,
        attempts: int,
    ) -> None:
        # Its hooks would log the address, which may hold credentials.
        stamina.instrumentation.set_on_retry_hooks([])
        self.batch_rows = batch_rows
        self._url, self._attempts = url, attempts
        self._timeout = httpx.Timeout(timeout_seconds)
        self._signer = Webhook(secret) if secret else None

    def send(self, batch: Batch) -> dict[str, Answer]:
        """Post the batch; transport errors, 429 and 5xx are tried again."""
        body = json.dumps(
            {"audience": batch.audience, "rows": [_row(row) for row in batch.rows]},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        try:
            response = self._post(batch.idempotency_key, body)
        except httpx.HTTPError as error:
            # Not the error's text, which may quote the address with its credentials.
            raise DestinationUnavailable(
                f"no answer after {self._attempts} attempts ({type(error).__name__})"
            ) from None
        if response.is_client_error:
            code = f"http_{response.status_code}"
            refused = Answer(outcome="rejected", error_code=code)
            return {row.key_hash: refused for row in batch.rows}
        return _answers(response, batch)

    def settle(self, audience: str, fields: Sequence[str], rows: Sequence[Row]) -> None:
        """The receiver keeps its own list."""

    def _post(self, key: str, body: str) -> httpx.Response:
        for attempt in stamina.retry_context(
            on=_wait_and_retry,
            attempts=self._attempts,
            timeout=None,
            wait_initial=0.2,
            wait_max=MOST_PATIENCE_SECONDS,
        ):
            with attempt:
                response = httpx.post(
                    self._url,
                    content=body.encode(),
                    headers=self._headers(key, body),
                    timeout=self._timeout,
                )
                if response.status_code == 429 or response.is_server_error:
                    response.raise_for_status()
                return response
        raise AssertionError("retry_context returns or raises")

    def _headers(self, key: str, body: str) -> dict[str, str]:
        now = datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": key,
            "webhook-timestamp": str(int(now.timestamp())),
        }
        if self._signer:
            headers["webhook-signature"] = self._signer.sign(key, now, body)
        return headers


def _row(row: Row) -> dict[str, object]:
    if row.operation == "remove":
        return {"operation": "remove", "customer_id": row.customer_id}
    return {
        "operation": "upsert",
        "customer_id": row.customer_id,
        "fields": row.fields,
    }


def _wait_and_retry(error: Exception) -> bool | float:
    """Whether to try again, or after how many seconds the server asks us to."""
    if isinstance(error, httpx.HTTPStatusError):
        seconds = retry_after(error.response.headers.get("retry-after", ""))
        return True if seconds is None else seconds
    return isinstance(error, httpx.TransportError)


def _answers(response: httpx.Response, batch: Batch) -> dict[str, Answer]:
    try:
        results = response.json()["results"]
        by_customer = {result["customer_id"]: result for result in results}
    except (ValueError, KeyError, TypeError) as error:
        raise DestinationUnavailable(
            f"http {response.status_code} without the results of the rows"
        ) from error
    answers = {}
    for row in batch.rows:
        result = by_customer.get(row.customer_id)
        if result is None:
            continue
        if result.get("status") == "ok":
            answers[row.key_hash] = Answer(outcome="acknowledged")
        else:
            code = str(result.get("code") or "rejected")
            answers[row.key_hash] = Answer(outcome="rejected", error_code=code)
    return answers
