"""Audiences in a list of SendGrid's Marketing Campaigns.

Members go as a job of up to 30,000 contacts, which is asked for until it ends. A
contact carries the hash of its address as `external_id`, by which it is looked up when
it leaves; the removal is asked for until the list has lost it.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestration.lib.activation.destinations.api import (
    HttpDestination,
    after_an_effect,
    reading,
)
from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    Answer,
    Answers,
    Batch,
    Capabilities,
    Feedback,
    Kind,
    NotSent,
    Row,
    Withdrawal,
)
from orchestration.lib.activation.destinations.jobs import JobOptions, wait_for

_FIELDS = (
    "email",
    "first_name",
    "last_name",
    "address_line_1",
    "address_line_2",
    "city",
    "state_province_region",
    "postal_code",
    "country",
)
_KINDS: dict[str, Kind] = {"Text": "text", "Number": "number", "Date": "date"}
_CONTACTS = "/v3/marketing/contacts"
#: SendGrid's lists of whom it writes to no more.
_WITHDRAWN: dict[str, Feedback] = {
    "unsubscribes": "unsubscribed",
    "bounces": "bounced",
    "spam_reports": "complained",
    "invalid_emails": "invalid",
}
#: Of one search, and of one removal, whose ids stand in the address.
_MOST_SOUGHT = 100

_KEY = re.compile(r"\b[0-9a-f]{64}\b")
_ADDRESS = re.compile(r"[^\s\"',;<>]+@[^\s\"',;<>]+")


@dataclass(frozen=True, kw_only=True)
class SendgridOptions(JobOptions):
    """Which list, and how to reach it."""

    list_id: str
    #: The environment variable with an API key that may write Marketing and read
    #: Suppressions.
    key_env: str
    base_url: str = "https://api.sendgrid.com"


class SendgridDestination(HttpDestination[SendgridOptions]):
    """A list whose contacts are known by the SHA-256 of their address."""

    options_type = SendgridOptions

    @classmethod
    def capabilities(cls, options: SendgridOptions) -> Capabilities:
        """What is left out stays as it was, and nothing is documented to empty it."""
        return Capabilities(
            key="sha256({email})",
            in_doubt_by="job",
            can_clear=False,
            batch_rows=30_000,
            batch_bytes=5_900_000,
            required=("email",),
            transforms={"email": "lower(trim({value}))"},
        )

    def prepare(self) -> None:
        """Make the client."""
        self._custom: dict[str, tuple[str, Kind]] | None = None
        self._api = self.client(
            self.options.base_url,
            headers={
                "authorization": f"Bearer {self.secrets['key_env']}",
                "accept": "application/json",
            },
        )
        # Files of errors lie at a signed address elsewhere: no key goes there.
        self._files = self.client("", headers={})

    def fields(self) -> Mapping[str, Kind]:
        """SendGrid's own fields and the account's custom ones, by their names."""
        own: dict[str, Kind] = dict.fromkeys(_FIELDS, "text")
        return own | {name: kind for name, (_, kind) in self._custom_fields().items()}

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Upsert contacts into the list, or take them out of it."""
        if batch.rows[0].operation == "remove":
            self._remove([row.remote_key for row in batch.rows])
            return {row.remote_key: ACKNOWLEDGED for row in batch.rows}
        custom = self._custom_fields()
        contacts = [_contact(row, custom) for row in batch.rows]
        _, answer = self._api.call(
            "PUT",
            _CONTACTS,
            json={"list_ids": [self.options.list_id], "contacts": contacts},
        )
        with reading():
            job = str(answer["job_id"])
        remember_job(job)
        return self.recover(job, batch)

    def recover(self, job: str, batch: Batch) -> Answers:
        """Wait for the end of a job, and read whom its file of errors names.

        The form of that file is not documented: whoever's hash or address is in it was
        not imported. Where these are not as many as the job counts, the others may be
        meant, and are not answered.
        """
        with after_an_effect():
            ended = wait_for(lambda: self._ended(job), self.options)
            with reading():
                failed = int(ended["results"].get("errored_count", 0))
                file = ended["results"].get("errors_url")
            named = self._named(file) if failed and file else set()
        keys = {row.remote_key for row in batch.rows}
        if ended["status"] == "failed":
            named, failed = keys, len(keys)
        refused = Answer(outcome="rejected", error_code="not_imported")
        answers = dict.fromkeys(named & keys, refused)
        if len(named) == failed:
            answers |= dict.fromkeys(keys - named, ACKNOWLEDGED)
        return answers

    def withdrawals(self, since: datetime) -> Iterator[Withdrawal]:
        """Whom the account writes to no more, whatever the list."""
        start = int(since.replace(tzinfo=UTC).timestamp())
        for name, reason in _WITHDRAWN.items():
            found = self._api.ask_for_all(
                f"/v3/suppression/{name}", list, size=500, start_time=start
            )
            for each in found:
                with reading(NotSent):
                    at = datetime.fromtimestamp(each["created"], UTC)
                    yield Withdrawal(
                        contact=each["email"], reason=reason, at=at.replace(tzinfo=None)
                    )

    def _custom_fields(self) -> dict[str, tuple[str, Kind]]:
        """Id and kind of the account's fields, asked for once."""
        if self._custom is None:
            answer = self._api.ask("/v3/marketing/field_definitions")
            with reading(NotSent):
                self._custom = {
                    each["name"]: (each["id"], _KINDS[each["field_type"]])
                    for each in answer.get("custom_fields") or ()
                }
        return self._custom

    def _ended(self, job: str) -> dict[str, Any] | None:
        answer: dict[str, Any] = self._api.ask(f"{_CONTACTS}/imports/{job}")
        with reading():
            return None if answer["status"] == "pending" else answer

    def _named(self, file: str) -> set[str]:
        _, text = self._files.call("GET", file, is_json=False)
        return set(_KEY.findall(text)) | {
            hashlib.sha256(address.lower().encode()).hexdigest()
            for address in _ADDRESS.findall(text)
        }

    def _remove(self, keys: Sequence[str]) -> None:
        """Take contacts from the list; one that is not there need not be."""
        found = self._in_list(keys)
        ids = sorted(found.values())
        for start in range(0, len(ids), _MOST_SOUGHT):
            with after_an_effect() if start else nullcontext():
                self._api.call(
                    "DELETE",
                    f"/v3/marketing/lists/{self.options.list_id}/contacts",
                    params={"contact_ids": ",".join(ids[start : start + _MOST_SOUGHT])},
                )
        if ids:
            with after_an_effect():
                wait_for(
                    lambda: None if self._in_list([*found]) else True, self.options
                )

    def _in_list(self, keys: Sequence[str]) -> dict[str, str]:
        """SendGrid's ids of those who are in the list, by key."""
        found = {}
        for start in range(0, len(keys), _MOST_SOUGHT):
            status, answer = self._api.call(
                "POST",
                f"{_CONTACTS}/search/identifiers/external_id",
                json={"identifiers": list(keys[start : start + _MOST_SOUGHT])},
                also=(404,),
            )
            with reading():
                for key, each in (answer["result"] if status != 404 else {}).items():
                    contact = each.get("contact") or {}
                    if self.options.list_id in contact.get("list_ids", ()):
                        found[key] = str(contact["id"])
        return found


def _contact(row: Row, custom: Mapping[str, tuple[str, Kind]]) -> dict[str, Any]:
    """A contact; custom fields go by the ids that the account gave them."""
    fields = row.fields or {}
    contact = {name: value for name, value in fields.items() if name in _FIELDS}
    others = {
        custom[name][0]: value for name, value in fields.items() if name in custom
    }
    return {
        **contact,
        "external_id": row.remote_key,
        **({"custom_fields": others} if others else {}),
    }
