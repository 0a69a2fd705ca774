"""Audiences in a Klaviyo list, by its bulk imports.

Members go as a job of up to 10,000 profiles, which is asked for until it ends, and
then for the errors of single profiles. Who leaves is looked up by `external_id`, the
customer's id here, and taken from the list. Neither touches anybody's consent there.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any
from urllib.parse import parse_qs, urlsplit

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
    NotSent,
    Rate,
    Row,
    Withdrawal,
)
from orchestration.lib.activation.destinations.jobs import JobOptions, wait_for

#: The revision of the API that this is written for; another one may mean another.
REVISION = "2026-07-15"

_ATTRIBUTES = (
    "email",
    "phone_number",
    "first_name",
    "last_name",
    "organization",
    "locale",
    "title",
    "image",
)
_JOBS = "/api/profile-bulk-import-jobs"
_MOST_SOUGHT, _MOST_REMOVED = 100, 1000
_SUPPRESSION = "subscriptions.email.marketing.suppression"
_WITHDRAWN: dict[str, Feedback] = {
    "HARD_BOUNCE": "bounced",
    "INVALID_EMAIL": "invalid",
    "SPAM_COMPLAINT": "complained",
}


@dataclass(frozen=True, kw_only=True)
class KlaviyoOptions(JobOptions):
    """Which list, and how to reach it."""

    list_id: str
    #: The environment variable with the private API key.
    key_env: str
    base_url: str = "https://a.klaviyo.com"


class KlaviyoDestination(HttpDestination[KlaviyoOptions]):
    """A list whose profiles carry the customer's id as their `external_id`."""

    options_type = KlaviyoOptions

    @classmethod
    def capabilities(cls, options: KlaviyoOptions) -> Capabilities:
        """An import cannot empty a field: a null is passed over there."""
        return Capabilities(
            in_doubt_by="job",
            can_clear=False,
            batch_rows=10_000,
            # 5 MB, and room for what surrounds the fields of a profile.
            batch_bytes=4_500_000,
            rates=(Rate(requests=10, seconds=1), Rate(requests=150, seconds=60)),
            transforms={"email": "lower(trim({value}))"},
        )

    def prepare(self) -> None:
        """Make the client."""
        self._api = self.client(
            self.options.base_url,
            headers={
                "authorization": f"Klaviyo-API-Key {self.secrets['key_env']}",
                "revision": REVISION,
                "content-type": "application/vnd.api+json",
            },
            rates=self.capabilities(self.options).rates,
            code=lambda document: str(document["errors"][0]["code"]),
        )

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Import profiles into the list, or take them out of it."""
        if batch.rows[0].operation == "remove":
            self._remove([row.customer_id for row in batch.rows])
            return {row.remote_key: ACKNOWLEDGED for row in batch.rows}
        _, answer = self._api.call("POST", _JOBS, content=self._import_of(batch.rows))
        with reading():
            job = str(answer["data"]["id"])
        remember_job(job)
        return self.recover(job, batch)

    def recover(self, job: str, batch: Batch) -> Answers:
        """Wait for the end of an import; who has no error was imported.

        Where not every error names its profile, the others may be meant: nobody but
        the named is answered then.
        """
        with after_an_effect():
            status, failed = wait_for(lambda: self._ended(job), self.options)
            if status == "cancelled":
                return {}
            errors = dict(self._errors(job)) if failed else {}
        others = ACKNOWLEDGED if len(errors) == failed else None
        answers = {
            row.remote_key: errors.get(row.customer_id, others) for row in batch.rows
        }
        return {key: answer for key, answer in answers.items() if answer}

    def _import_of(self, rows: Sequence[Row]) -> bytes:
        lists = [{"type": "list", "id": self.options.list_id}]
        return _json(
            {
                "type": "profile-bulk-import-job",
                "attributes": {"profiles": {"data": [_profile(row) for row in rows]}},
                "relationships": {"lists": {"data": lists}},
            }
        )

    def _ended(self, job: str) -> tuple[str, int] | None:
        document = self._api.ask(f"{_JOBS}/{job}")
        with reading():
            attributes = document["data"]["attributes"]
            if attributes["status"] not in ("complete", "cancelled"):
                return None
            return attributes["status"], int(attributes["failed_count"] or 0)

    def withdrawals(self, since: datetime) -> Iterator[Withdrawal]:
        """Profiles that are suppressed for marketing by e-mail, whatever the list."""
        timestamp = f"{_SUPPRESSION}.timestamp"
        profiles = self._all(
            "/api/profiles",
            **{
                "filter": f"greater-or-equal({timestamp},{iso(since)})",
                "sort": timestamp,
                "additional-fields[profile]": "subscriptions",
                "fields[profile]": f"email,{_SUPPRESSION}",
            },
        )
        for profile in profiles:
            with reading(NotSent):
                about = profile["attributes"]
                marketing = about["subscriptions"]["email"]["marketing"]
                for each in marketing["suppression"] if about["email"] else ():
                    yield Withdrawal(
                        contact=about["email"],
                        reason=_WITHDRAWN.get(each["reason"], "unsubscribed"),
                        at=moment(each["timestamp"]),
                    )

    def _errors(self, job: str) -> Iterator[tuple[str, Answer]]:
        """Customers who were not imported."""
        for error in self._all(f"{_JOBS}/{job}/import-errors"):
            with reading():
                profile = error["attributes"].get("original_payload") or {}
                profile = profile.get("attributes", profile)
                if "external_id" in profile:
                    yield profile["external_id"], _refusal(error["attributes"])

    def _all(self, path: str, **params: str) -> Iterator[Any]:
        """What is there, page by page."""
        page: dict[str, str | int] = {"page[size]": 100}
        while page:
            document = self._api.ask(path, params={**params, **page})
            with reading(NotSent):
                yield from document["data"]
                following = (document.get("links") or {}).get("next")
                cursor = parse_qs(urlsplit(following or "").query).get("page[cursor]")
            page = page | {"page[cursor]": cursor[0]} if cursor else {}

    def _remove(self, customers: Sequence[str]) -> None:
        """Take profiles from the list; one that is not there need not be."""
        found: list[dict[str, str]] = []
        remaining = iter(customers)
        while sought := list(islice(remaining, _MOST_SOUGHT)):
            document = self._api.ask(
                "/api/profiles",
                params={
                    "filter": f"any(external_id,{json.dumps(sought)})",
                    "fields[profile]": "external_id",
                    "page[size]": _MOST_SOUGHT,
                },
            )
            with reading():
                found += [
                    {"type": "profile", "id": each["id"]} for each in document["data"]
                ]
        for start in range(0, len(found), _MOST_REMOVED):
            with after_an_effect() if start else nullcontext():
                self._api.call(
                    "DELETE",
                    f"/api/lists/{self.options.list_id}/relationships/profiles",
                    content=_json(found[start : start + _MOST_REMOVED]),
                )


def _profile(row: Row) -> dict[str, Any]:
    """A profile; a field that Klaviyo has no attribute for is a custom property."""
    attributes: dict[str, Any] = {"external_id": row.customer_id}
    for name, value in (row.fields or {}).items():
        if name in _ATTRIBUTES:
            attributes[name] = value
        elif name.startswith("location."):
            attributes.setdefault("location", {})[name.partition(".")[2]] = value
        else:
            attributes.setdefault("properties", {})[name] = value
    return {"type": "profile", "attributes": attributes}


def _refusal(error: Mapping[str, Any]) -> Answer:
    pointer = str((error.get("source") or {}).get("pointer") or "")
    is_email = pointer.endswith("/email")
    return Answer(
        outcome="rejected",
        error_code=f"{error['code']}_email" if is_email else str(error["code"]),
        feedback="invalid" if is_email else None,
    )


def _json(data: Any) -> bytes:  # noqa: ANN401 - any JSON
    return json.dumps(
        {"data": data}, ensure_ascii=False, separators=(",", ":")
    ).encode()
