"""Messages one by one through a gateway: SMS, push, messengers.

    POST <url>  {"to": "+79161234567", "text": "...", "id": "<idempotency key>"}

    200 {"status": "accepted"}                  it is on its way, as any answer of 2xx
                                                that has no body
    200 {"status": "quiet"}                     not at this hour: a later run sends it
    200 or 4xx {"status": "invalid"}            there is no such number
    200 or 4xx {"status": "unsubscribed"}       nobody may write to it
    200 or 4xx {"status": "...", "code": ...}   refused for another reason

The names of the fields and of the statuses are options. A gateway that takes an id of
ours remembers it, so that a request may be repeated. Of one that does not, nobody knows
whether an unanswered message was sent: it is never sent again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from orchestration.lib.activation.destinations.api import HttpDestination
from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    Answer,
    Answers,
    Batch,
    Capabilities,
    Feedback,
    InDoubt,
    Options,
    Rate,
)
from orchestration.lib.activation.destinations.hashing import E164


@dataclass(frozen=True, kw_only=True)
class GatewayOptions(Options):
    """Where to post, and what the gateway calls things."""

    url: str
    #: The environment variable with the token, and what stands before it.
    token_env: str = ""
    token_scheme: str = "Bearer"
    per_second: int = 10
    to_field: str = "to"
    text_field: str = "text"
    #: The field for an id of ours, where the gateway remembers it; else none.
    id_field: str = ""
    status_field: str = "status"
    accepted: tuple[str, ...] = ("accepted", "queued", "sent", "ok")
    invalid: tuple[str, ...] = ("invalid",)
    unsubscribed: tuple[str, ...] = ("unsubscribed",)


class GatewayDestination(HttpDestination[GatewayOptions]):
    """A gateway for messages; what was sent cannot be taken back."""

    options_type = GatewayOptions

    @classmethod
    def capabilities(cls, options: GatewayOptions) -> Capabilities:
        """One message per request, to numbers in E.164."""
        return Capabilities(
            key="sha256({to})",
            in_doubt_by="key" if options.id_field else "none",
            modes=("create", "append"),
            can_remove=False,
            can_clear=False,
            batch_rows=1,
            rates=(Rate(requests=options.per_second, seconds=1),),
            required=("to", "text"),
            transforms={"to": E164},
        )

    def prepare(self) -> None:
        """Make the client."""
        token = self.secrets.get("token_env")
        authorization = f"{self.options.token_scheme} {token}".strip()
        self._api = self.client(
            # The address as it is: a base would end in a slash.
            "",
            headers={"authorization": authorization} if token else {},
            rates=self.capabilities(self.options).rates,
            is_repeatable=bool(self.options.id_field),
        )
        self._feedback: dict[str, Feedback] = {
            **dict.fromkeys(self.options.invalid, "invalid"),
            **dict.fromkeys(self.options.unsubscribed, "unsubscribed"),
        }

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Send the message of the batch's only member."""
        (row,) = batch.rows
        assert row.fields is not None, "nobody is removed here"
        options = self.options
        message = {
            **{k: v for k, v in row.fields.items() if k not in ("to", "text")},
            options.to_field: row.fields["to"],
            options.text_field: row.fields["text"],
        }
        if options.id_field:
            message[options.id_field] = row.idempotency_key
        status, document = self._api.call(
            "POST", options.url, json=message, also=(400, 422)
        )
        return {row.remote_key: self._answer(status, document)}

    def _answer(self, status: int, document: Any) -> Answer:  # noqa: ANN401 - any JSON
        is_taken = status < 300
        if is_taken and document is None:
            return ACKNOWLEDGED
        if not isinstance(document, dict):
            document = {}
        told = document.get(self.options.status_field)
        if is_taken and told in self.options.accepted:
            return ACKNOWLEDGED
        if is_taken and told is None:
            raise InDoubt("an answer without a status")
        return Answer(
            outcome="rejected",
            error_code=str(document.get("code", told)) if told else f"http_{status}",
            feedback=self._feedback.get(str(told)),
        )
