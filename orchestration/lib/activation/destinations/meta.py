"""Customer lists of Meta: Custom Audiences of the Marketing API.

    POST   <base>/v25.0/<custom audience>/users     who is in it from now on
    DELETE <base>/v25.0/<custom audience>/users     who is not
    {"payload": {"schema": ["EMAIL", "PHONE"], "data": [["<sha256>", ""], ...]},
     "session": {"session_id": ..., "batch_seq": 1, "last_batch_flag": true, ...}}

    200 {"num_received": 2, "num_invalid_entries": 0, "invalid_entry_samples": []}

Everything sent is hashed, and is what a member is known by: a removal names all that
Meta could have matched them by. A request is a session of its own, under a number that
is the same when it is repeated. Meta tells the entries that it cannot read by samples;
how many of the others matched an account, it tells nobody.
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.lib.activation.destinations.api import HttpDestination, reading
from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    Answer,
    Answers,
    Batch,
    Capabilities,
    InDoubt,
    Kind,
    NotSent,
    Options,
)
from orchestration.lib.activation.destinations.hashing import (
    META,
    identifiers,
    known_by,
)

VERSION = "v25.0"

#: Codes that come with http 400 and have nothing to do with the rows.
_CLOSED = {
    4: "the app has reached its limit",
    10: "the credentials may not do this",
    17: "the user has reached their limit",
    32: "the page has reached its limit",
    102: "it refuses the credentials",
    190: "it refuses the credentials",
    200: "the credentials may not do this, or terms were not accepted",
    368: "the account is blocked",
    613: "too many requests",
    2635: f"{VERSION} is no version any more",
    2650: "the audience is being updated",
    80003: "the ad account has reached its limit",
}
#: The audience was flagged (operation_status 471) and takes no changes.
_FLAGGED = 1713230


@dataclass(frozen=True, kw_only=True)
class MetaOptions(Options):
    """Which audiences of ours are which customer lists."""

    #: The id of the Custom Audience by audience of ours.
    audiences: Mapping[str, Any]
    #: The environment variables with the access token, and with the app's secret where
    #: the app asks for proofs.
    access_token_env: str
    app_secret_env: str = ""
    #: The fields that are sent, as Meta names them; the mapping fills them all.
    identifiers: tuple[str, ...] = ("EMAIL",)
    base_url: str = "https://graph.facebook.com"


class MetaDestination(HttpDestination[MetaOptions]):
    """Custom Audiences of one ad account."""

    options_type = MetaOptions

    @classmethod
    def capabilities(cls, options: MetaOptions) -> Capabilities:
        """Absolute sets of hashes, 10,000 at a time."""
        unknown = sorted(set(options.identifiers) - set(META))
        if unknown:
            raise ValueError(
                f"identifiers are {', '.join(META)}, not {', '.join(unknown)}"
            )
        return Capabilities(
            key=known_by(options.identifiers),
            in_doubt_by="state",
            can_clear=False,
            batch_rows=10_000,
            transforms=META,
        )

    def prepare(self) -> None:
        """Make the client."""
        token, secret = (
            self.secrets["access_token_env"],
            self.secrets.get("app_secret_env"),
        )
        self._proof = (
            hmac.new(secret.encode(), token.encode(), hashlib.sha256).hexdigest()
            if secret
            else None
        )
        self._api = self.client(
            self.options.base_url,
            headers={"authorization": f"Bearer {token}"},
            code=_code,
            closed=_closed,
        )

    def fields(self) -> Mapping[str, Kind] | None:
        """The identifiers, so that nothing is sent that a removal would not name."""
        return {
            name: "date" if name.startswith("DOB") else "text"
            for name in self.options.identifiers
        }

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Add the members of the batch, or remove them."""
        if batch.audience not in self.options.audiences:
            raise NotSent(f"no Custom Audience is configured for {batch.audience}")
        method = "DELETE" if batch.rows[0].operation == "remove" else "POST"
        _, document = self._api.call(
            method,
            f"/{VERSION}/{self.options.audiences[batch.audience]}/users",
            json=self._body(batch),
        )
        return _answers(document, batch)

    def _body(self, batch: Batch) -> dict[str, Any]:
        names = self.options.identifiers
        known = [identifiers(row.remote_key, names) for row in batch.rows]
        body: dict[str, Any] = {
            "payload": {
                "schema": list(names),
                "data": [[each.get(name, "") for name in names] for each in known],
            },
            "session": {
                "session_id": int(batch.idempotency_key[:15], 16),
                "batch_seq": 1,
                "last_batch_flag": True,
                "estimated_num_total": len(known),
            },
        }
        return {**body, "appsecret_proof": self._proof} if self._proof else body


def _answers(document: Any, batch: Batch) -> Answers:  # noqa: ANN401 - any JSON
    with reading():
        received, invalid = document["num_received"], document["num_invalid_entries"]
        samples = json.dumps(document.get("invalid_entry_samples"))
        is_whole, is_nobody = received >= len(batch.rows), invalid >= len(batch.rows)
    if not is_whole:
        raise InDoubt("it received fewer than were sent")
    return {
        row.remote_key: (
            Answer(outcome="rejected", error_code="invalid_entry")
            if is_nobody or any(v and v in samples for v in row.remote_key.split(","))
            else ACKNOWLEDGED
        )
        for row in batch.rows
    }


def _code(document: Any) -> str:  # noqa: ANN401 - any JSON
    error = document["error"]
    return "_".join(
        str(error[key]) for key in ("code", "error_subcode") if key in error
    )


def _closed(document: Any) -> str | None:  # noqa: ANN401 - any JSON
    error = document["error"]
    if error.get("error_subcode") == _FLAGGED:
        return "the audience is flagged: see its restrictions in the Audience Manager"
    why = _CLOSED.get(error["code"])
    return f"{why} (code {error['code']})" if why else None
