"""Audiences as a static list of contacts in HubSpot.

Contacts are upserted 100 at a time by a property that is unique there and holds the
customer's id, and put into the list by HubSpot's own ids. A contact that HubSpot had
before under the same address is given the id. Who leaves is taken from the list.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestration.lib.activation.destinations.api import (
    HttpDestination,
    after_an_effect,
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
    Row,
    Withdrawal,
)

_CONTACTS = "/crm/v3/objects/contacts/batch"
_CHANGED, _OPTED_OUT = "lastmodifieddate", "hs_email_optout"
_BOUNCED = "hs_email_hard_bounce_reason_enum"
#: Searches have a limit of their own, and find no more than this.
_SEARCHES, _MOST_FOUND = Rate(requests=5, seconds=1), 10_000
#: Times of day are left out: they would need a zone, which a column does not say.
_KINDS: dict[str, Kind] = {
    "string": "text",
    "enumeration": "text",
    "phone_number": "text",
    "number": "number",
    "bool": "boolean",
    "date": "date",
}


@dataclass(frozen=True, kw_only=True)
class HubspotOptions(Options):
    """Which list, and which property says who is who."""

    list_id: str
    #: The environment variable with a private app's token.
    token_env: str
    #: A contact property with unique values for the customer's id.
    id_property: str = "crm360_id"
    base_url: str = "https://api.hubapi.com"


class HubspotDestination(HttpDestination[HubspotOptions]):
    """A static list whose contacts carry the customer's id in a property."""

    options_type = HubspotOptions

    @classmethod
    def capabilities(cls, options: HubspotOptions) -> Capabilities:
        """Upserting, adding and removing again change nothing."""
        return Capabilities(
            in_doubt_by="state",
            batch_rows=100,
            rates=(Rate(requests=100, seconds=10),),
            required=("email",),
            transforms={"email": "lower(trim({value}))"},
        )

    def prepare(self) -> None:
        """Make the client."""
        self._list = f"/crm/v3/lists/{self.options.list_id}"
        headers = {"authorization": f"Bearer {self.secrets['token_env']}"}
        self._api, self._searcher = (
            self.client(self.options.base_url, headers=headers, rates=rates, code=_code)
            for rates in (self.capabilities(self.options).rates, (_SEARCHES,))
        )

    def fields(self) -> Mapping[str, Kind]:
        """The contact properties that can be written.

        Raises:
            NotSent: it cannot be asked, the list fills itself, or the property for the
                customer's id is not there or not unique.
        """
        its_list = self._api.ask(self._list)
        answer = self._api.ask("/crm/v3/properties/contacts")
        with reading(NotSent):
            is_dynamic = its_list["list"]["processingType"] == "DYNAMIC"
            properties = {each["name"]: each for each in answer["results"]}
            id_property = properties.pop(self.options.id_property, {})
            kinds = {
                name: _KINDS[each["type"]]
                for name, each in properties.items()
                if each["type"] in _KINDS
                and not each.get("modificationMetadata", {}).get("readOnlyValue")
            }
        if is_dynamic:
            raise NotSent(f"list {self.options.list_id} is dynamic, and fills itself")
        if not id_property.get("hasUniqueValue"):
            raise NotSent(f"no contact property {self.options.id_property} is unique")
        return kinds

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Upsert contacts and put them into the list, or take them out of it."""
        if batch.rows[0].operation == "remove":
            self._remove(batch.rows)
            return {row.remote_key: ACKNOWLEDGED for row in batch.rows}
        ids, answers = self._upsert(batch.rows, self.options.id_property)
        with after_an_effect():
            known = [
                row
                for row in batch.rows
                if row.remote_key in answers
                and answers[row.remote_key].error_code == "conflict"
            ]
            if known:
                more_ids, more_answers = self._upsert(known, "email")
                ids, answers = ids | more_ids, answers | more_answers
            return answers | self._add(ids)

    def withdrawals(self, since: datetime) -> Iterator[Withdrawal]:
        """Contacts who opted out of all e-mail, or whose address bounced for good.

        HubSpot does not say when; it was not after their last change.
        """
        begin, after = since, "0"
        while after:
            page = self._searcher.ask(
                "/crm/v3/objects/contacts/search",
                method="POST",
                json=_withdrawn(begin, after),
            )
            with reading(NotSent):
                last = begin
                for each in page["results"]:
                    about = each["properties"]
                    last = moment(about[_CHANGED])
                    has_left = about[_OPTED_OUT] == "true"
                    if about["email"]:
                        yield Withdrawal(
                            contact=about["email"],
                            reason="unsubscribed" if has_left else "bounced",
                            at=last,
                        )
                after = page.get("paging", {}).get("next", {}).get("after", "")
            if after and int(after) >= _MOST_FOUND:
                # A search has an end; another one begins where it was.
                if last == begin:
                    raise NotSent("more contacts changed at once than a search finds")
                begin, after = last, "0"

    def _upsert(
        self, rows: Sequence[Row], id_property: str
    ) -> tuple[dict[str, str], Answers]:
        """HubSpot's ids of the contacts that were written, and why others were not."""
        inputs = [self._input(row, id_property) for row in rows]
        # 207 is an answer of which some went wrong.
        _, document = self._api.call(
            "POST", f"{_CONTACTS}/upsert", json={"inputs": inputs}
        )
        with reading():
            ids = {
                each["objectWriteTraceId"]: str(each["id"])
                for each in document["results"]
            }
            answers = {
                key: _refusal(error)
                for error in document.get("errors") or ()
                for key in error.get("context", {}).get("objectWriteTraceId", ())
            }
        return ids, answers

    def _input(self, row: Row, id_property: str) -> dict[str, Any]:
        fields = row.fields or {}
        own = {self.options.id_property: row.customer_id}
        return {
            "idProperty": id_property,
            "id": row.customer_id if id_property in own else fields[id_property],
            # What ties an error to its row; it makes nothing happen only once.
            "objectWriteTraceId": row.remote_key,
            "properties": own | {name: _text(value) for name, value in fields.items()},
        }

    def _add(self, ids: Mapping[str, str]) -> Answers:
        if not ids:
            return {}
        _, answer = self._api.call(
            "PUT", f"{self._list}/memberships/add", json=sorted(ids.values())
        )
        with reading():
            missing = {str(each) for each in answer["recordIdsMissing"]}
        return {
            key: Answer(outcome="rejected", error_code="not_in_list")
            if record in missing
            else ACKNOWLEDGED
            for key, record in ids.items()
        }

    def _remove(self, rows: Sequence[Row]) -> None:
        """Take contacts from the list; one that is not there need not be."""
        _, document = self._api.call(
            "POST",
            f"{_CONTACTS}/read",
            json={
                "idProperty": self.options.id_property,
                "inputs": [{"id": row.customer_id} for row in rows],
                "properties": [self.options.id_property],
            },
        )
        with reading():
            ids = sorted(str(each["id"]) for each in document["results"])
        if ids:
            self._api.call("PUT", f"{self._list}/memberships/remove", json=ids)


def _withdrawn(since: datetime, after: str) -> dict[str, Any]:
    """A search for whom HubSpot writes to no more, the first changed first."""
    changed = {"propertyName": _CHANGED, "operator": "GTE", "value": _millis(since)}
    opted_out = {"propertyName": _OPTED_OUT, "operator": "EQ", "value": "true"}
    bounced = {"propertyName": _BOUNCED, "operator": "HAS_PROPERTY"}
    return {
        "filterGroups": [
            {"filters": [changed, opted_out]},
            {"filters": [changed, bounced]},
        ],
        "properties": ["email", _CHANGED, _OPTED_OUT],
        "sorts": [{"propertyName": _CHANGED, "direction": "ASCENDING"}],
        "limit": 200,
        "after": after,
    }


def _millis(at: datetime) -> str:
    return str(round(at.replace(tzinfo=UTC).timestamp() * 1000))


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    """A value as a property takes it; an empty text empties it."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _code(error: Mapping[str, Any]) -> str:
    """The most exact code of an error."""
    inner = [each["code"] for each in error.get("errors") or () if each.get("code")]
    return str([*inner, error["category"]][0]).lower()


def _refusal(error: Mapping[str, Any]) -> Answer:
    code = _code(error)
    return Answer(
        outcome="rejected",
        error_code=code,
        feedback="invalid" if code == "invalid_email" else None,
    )
