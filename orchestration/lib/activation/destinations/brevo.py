"""Lists of contacts at Brevo.

    PUT  <base>/v3/contacts/<customer id>?identifierType=ext_id
         {"attributes": {"EMAIL": "...", "FIRSTNAME": "..."}, "listIds": [7]}
         {"unlinkListIds": [7]}                                   who leaves
    POST <base>/v3/contacts                                       who is not there yet
         {"email": "...", "ext_id": "<customer id>", "attributes": {...},
          "listIds": [7], "updateEnabled": true}
    GET  <base>/v3/contacts/attributes                            which there are
    GET  <base>/v3/contacts?modifiedSince=...                     who is blacklisted

A contact is known by our id of the customer, so that their address may change. Whether
they are blacklisted there is never touched: who has unsubscribed stays unsubscribed.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.lib.activation.destinations.api import (
    HttpDestination,
    iso,
    moment,
    reading,
)
from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    Answer,
    Answers,
    Batch,
    Capabilities,
    Kind,
    NotSent,
    Options,
    Rate,
    Withdrawal,
)

_RATES = (Rate(requests=10, seconds=1), Rate(requests=36_000, seconds=3600))
_KINDS: Mapping[str, Kind] = {
    "text": "text",
    "float": "number",
    "date": "date",
    "boolean": "boolean",
}


@dataclass(frozen=True, kw_only=True)
class BrevoOptions(Options):
    """Which audiences of ours are which lists."""

    #: The number of the list by audience of ours.
    lists: Mapping[str, Any]
    api_key_env: str
    base_url: str = "https://api.brevo.com"


class BrevoDestination(HttpDestination[BrevoOptions]):
    """The lists of one account."""

    options_type = BrevoOptions

    @classmethod
    def capabilities(cls, options: BrevoOptions) -> Capabilities:
        """One contact per request, so that each is answered."""
        return Capabilities(
            in_doubt_by="state",
            modes=("mirror", "upsert", "update", "create"),
            can_clear=False,
            batch_rows=1,
            rates=_RATES,
            required=("email",),
        )

    def prepare(self) -> None:
        """Make the client."""
        self._api = self.client(
            self.options.base_url,
            headers={"api-key": self.secrets["api_key_env"]},
            rates=_RATES,
            code=lambda document: document["code"],
        )

    def fields(self) -> Mapping[str, Kind] | None:
        """The attributes of contacts; Brevo ignores any other without a word."""
        document = self._api.ask("/v3/contacts/attributes")
        with reading(NotSent):
            found = {
                each["name"]: _KINDS[each["type"]]
                for each in document["attributes"]
                if each["category"] == "normal" and each.get("type") in _KINDS
            }
        return {"email": "text", **found}

    def withdrawals(self, since: datetime) -> Iterator[Withdrawal]:
        """Contacts whose address is blacklisted, for whatever reason.

        Brevo does not say when; it was not after their last change.
        """
        contacts = self._api.ask_for_all(
            "/v3/contacts",
            lambda answer: answer["contacts"],
            size=1000,
            sort="asc",
            modifiedSince=iso(since),
        )
        for each in contacts:
            with reading(NotSent):
                if each["emailBlacklisted"] and each["email"]:
                    yield Withdrawal(
                        contact=each["email"],
                        reason="unsubscribed",
                        at=moment(each["modifiedAt"]),
                    )

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Put the batch's only member into the audience's list, or take them out."""
        if batch.audience not in self.options.lists:
            raise NotSent(f"no list is configured for {batch.audience}")
        (row,) = batch.rows
        member_of = [int(self.options.lists[batch.audience])]
        if row.fields is None:
            self._put(row.customer_id, {"unlinkListIds": member_of})
            return {row.remote_key: ACKNOWLEDGED}
        email = row.fields["email"]
        attributes = {k: v for k, v in row.fields.items() if k != "email"}
        is_there = self._put(
            row.customer_id,
            {"attributes": {"EMAIL": email, **attributes}, "listIds": member_of},
        )
        if not is_there and row.operation == "update":
            return {row.remote_key: Answer(outcome="absent")}
        if not is_there:
            self._api.call(
                "POST",
                "/v3/contacts",
                json={
                    "email": email,
                    "ext_id": row.customer_id,
                    "attributes": attributes,
                    "listIds": member_of,
                    "updateEnabled": True,
                },
            )
        return {row.remote_key: ACKNOWLEDGED}

    def _put(self, customer_id: str, changes: dict[str, Any]) -> bool:
        """Change a contact; whether there is one."""
        status, document = self._api.call(
            "PUT",
            f"/v3/contacts/{customer_id}",
            params={"identifierType": "ext_id"},
            json=changes,
            also=(404,),
        )
        if status != 404:
            return True
        if not isinstance(document, dict) or document.get("code") != (
            "document_not_found"
        ):
            raise NotSent("http 404, there is no such address")
        return False
