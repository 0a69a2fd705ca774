"""Audiences in a Mailchimp list, or as a tag in it.

Members go 500 at a time with `status_if_new`, never with `status`: whoever is in the
list keeps the standing that they gave themselves. Who leaves is archived, or loses the
tag, in a batch operation that is named by the MD5 of the lowercase address.
"""

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestration.lib.activation.destinations.api import (
    HttpDestination,
    after_an_effect,
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
    Feedback,
    Kind,
    NotSent,
    Row,
    Withdrawal,
)
from orchestration.lib.activation.destinations.jobs import JobOptions, wait_for

_KINDS: dict[str, Kind] = {"number": "number", "date": "date"}
#: Standings of who may not be written to.
_WITHDRAWN: dict[str, Feedback] = {
    "unsubscribed": "unsubscribed",
    "cleaned": "bounced",
}
#: What the standing of a member says; another one is what was asked for.
_STANDINGS: dict[str, Feedback | None] = {
    **_WITHDRAWN,
    "transactional": None,
    "archived": None,
}
#: Mailchimp has one code for all refusals of members, and tells them apart in English.
_REASONS: tuple[tuple[str, str, Feedback | None], ...] = (
    ("compliance state", "compliance_state", "unsubscribed"),
    ("permanently deleted", "forgotten", "unsubscribed"),
    ("fake or invalid", "invalid_address", "invalid"),
    ("valid email address", "invalid_address", "invalid"),
    ("signed up to a lot of lists", "too_many_signups", None),
)


@dataclass(frozen=True, kw_only=True)
class MailchimpOptions(JobOptions):
    """Which list, and whether an audience is the list or a tag in it."""

    list_id: str
    #: The environment variable with the API key.
    key_env: str
    #: A tag with the audience's name instead of the list as a whole.
    by_tag: bool = False
    #: Only for tests; otherwise the key says where its account is.
    base_url: str = ""


class MailchimpDestination(HttpDestination[MailchimpOptions]):
    """A list whose members are known by the MD5 of their address."""

    options_type = MailchimpOptions

    @classmethod
    def capabilities(cls, options: MailchimpOptions) -> Capabilities:
        """Repeating a request of members or of removals changes nothing."""
        return Capabilities(
            key="md5({email_address})",
            in_doubt_by="state",
            batch_rows=500,
            required=("email_address",),
            transforms={"email_address": "lower(trim({value}))"},
        )

    def prepare(self) -> None:
        """Make the client."""
        key = self.secrets["key_env"]
        data_center = key.rpartition("-")[2]
        basic = b64encode(f"crm360:{key}".encode()).decode()
        self._list = f"/lists/{self.options.list_id}"
        self._api = self.client(
            self.options.base_url or f"https://{data_center}.api.mailchimp.com/3.0",
            headers={"authorization": f"Basic {basic}"},
            code=lambda problem: str(problem["title"]).lower().replace(" ", "_"),
        )

    def fields(self) -> Mapping[str, Kind]:
        """The address and the list's merge fields; postal addresses are no text."""
        answer = self._api.ask(
            f"{self._list}/merge-fields",
            params={"count": 1000, "fields": "merge_fields.tag,merge_fields.type"},
        )
        with reading(NotSent):
            kinds: dict[str, Kind] = {
                each["tag"]: _KINDS.get(each["type"], "text")
                for each in answer["merge_fields"]
                if each["type"] != "address"
            }
        return {"email_address": "text", **kinds}

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Add and change members at once, or remove them by a batch operation."""
        if batch.rows[0].operation == "remove":
            operations = [self._removal(row, batch.audience) for row in batch.rows]
            _, job = self._api.call("POST", "/batches", json={"operations": operations})
            with reading():
                job_id = job["id"]
            remember_job(job_id)
            return self.recover(job_id, batch)
        members = [self._member(row, batch.audience) for row in batch.rows]
        _, answer = self._api.call(
            "POST", self._list, json={"members": members, "update_existing": True}
        )
        with reading():
            return _answers(answer, batch.rows)

    def recover(self, job: str, batch: Batch) -> Answers:
        """Wait for the end of a batch operation, and look after what went wrong."""
        with after_an_effect():
            errors = wait_for(lambda: self._errors(job), self.options)
            return {
                row.remote_key: ACKNOWLEDGED
                if not errors or self._is_gone(row, batch.audience)
                else Answer(outcome="rejected", error_code="not_removed")
                for row in batch.rows
            }

    def withdrawals(self, since: datetime) -> Iterator[Withdrawal]:
        """Members who unsubscribed from the list, or were cleaned as they bounced."""
        for status in _WITHDRAWN:
            members = self._api.ask_for_all(
                f"{self._list}/members",
                lambda answer: answer["members"],
                limit="count",
                size=1000,
                status=status,
                fields="members.email_address,members.last_changed",
                since_last_changed=iso(since),
            )
            for member in members:
                with reading(NotSent):
                    yield Withdrawal(
                        contact=member["email_address"],
                        reason=_WITHDRAWN[status],
                        at=moment(member["last_changed"]),
                    )

    def _member(self, row: Row, audience: str) -> dict[str, Any]:
        fields = dict(row.fields or {})
        return {
            "email_address": fields.pop("email_address"),
            "status_if_new": "subscribed",
            # An empty text is how a merge field is emptied.
            "merge_fields": {
                name: "" if value is None else value for name, value in fields.items()
            },
            **({"tags": [audience]} if self.options.by_tag else {}),
        }

    def _removal(self, row: Row, audience: str) -> dict[str, str]:
        member = f"{self._list}/members/{row.remote_key}"
        if not self.options.by_tag:
            return {"method": "DELETE", "path": member}
        tags = {"tags": [{"name": audience, "status": "inactive"}]}
        return {"method": "POST", "path": f"{member}/tags", "body": json.dumps(tags)}

    def _errors(self, job: str) -> int | None:
        batch = self._api.ask(f"/batches/{job}")
        with reading():
            ended = batch["status"] == "finished"
            return int(batch["errored_operations"]) if ended else None

    def _is_gone(self, row: Row, audience: str) -> bool:
        """Whether a member is not there, whose removal may have been an error."""
        status, member = self._api.call(
            "GET",
            f"{self._list}/members/{row.remote_key}",
            params={"fields": "status,tags"},
            also=(404,),
        )
        if status == 404:
            return True
        with reading():
            if self.options.by_tag:
                return audience not in [tag["name"] for tag in member["tags"]]
            return member["status"] in ("archived", "unsubscribed", "cleaned")


def _answers(answer: Any, rows: Sequence[Row]) -> Answers:  # noqa: ANN401 - any JSON
    keys = {(row.fields or {})["email_address"]: row.remote_key for row in rows}
    answers = {
        member["id"]: _standing(member["status"])
        for member in [*answer["new_members"], *answer["updated_members"]]
    }
    for error in answer["errors"]:
        key = keys.get(error["email_address"].strip(' "').lower())
        if key is not None:
            answers[key] = _refusal(error)
    return answers


def _standing(status: str) -> Answer:
    if status not in _STANDINGS:
        return ACKNOWLEDGED
    return Answer(outcome="rejected", error_code=status, feedback=_STANDINGS[status])


def _refusal(error: Mapping[str, str]) -> Answer:
    for phrase, code, feedback in _REASONS:
        if phrase in error["error"]:
            return Answer(outcome="rejected", error_code=code, feedback=feedback)
    code = error.get("error_code") or "ERROR_GENERIC"
    return Answer(outcome="rejected", error_code=code.lower())
