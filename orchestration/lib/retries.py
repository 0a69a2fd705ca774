"""How long to wait before something is tried again."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MOST_PATIENCE_SECONDS = 60.0


def retry_after(header: str) -> float | None:
    """The seconds that a `Retry-After` header asks for, or None where it says nothing.

    At most `MOST_PATIENCE_SECONDS`: a run does not wait for hours.
    """
    if header.isdigit():
        return min(float(header), MOST_PATIENCE_SECONDS)
    try:
        at = parsedate_to_datetime(header)
    except ValueError:
        return None
    seconds: float = (at - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), MOST_PATIENCE_SECONDS)
