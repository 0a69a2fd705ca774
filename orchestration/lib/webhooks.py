"""Requests after Standard Webhooks: named, dated and signed."""

from datetime import UTC, datetime

from standardwebhooks import Webhook


def signed_headers(key: str, body: str, signer: Webhook | None) -> dict[str, str]:
    """The headers of a request that is made now.

    Args:
        key: the same whenever the same is sent again.
        signer: with the secret that the receiver shares, if there is one.
    """
    at = datetime.now(UTC)
    headers = {"webhook-id": key, "webhook-timestamp": str(int(at.timestamp()))}
    if signer:
        headers["webhook-signature"] = signer.sign(key, at, body)
    return headers
