"""Customer Match lists of Google, through the Data Manager API.

    POST <base>/v1/audienceMembers:ingest     who is in the list from now on
    POST <base>/v1/audienceMembers:remove     who is not
    {"destinations": [{"operatingAccount": {...}, "productDestinationId": "<list>"}],
     "encoding": "HEX", "consent": {...}, "termsOfService": {...},
     "audienceMembers": [{"userData": {"userIdentifiers": [
         {"emailAddress": "<sha256>"}, {"phoneNumber": "<sha256>"}]}}]}

    200 {"requestId": "..."}                  it will be looked at
    GET  <base>/v1/requestStatus:retrieve?requestId=...
    200 {"requestStatusPerDestination": [{"requestStatus": "SUCCESS"}]}

A member who is malformed refuses the whole request at once. What comes of the rest is
known half an hour later, and for the request as a whole: of a partial success Google
tells reasons and counts but no members, so that nobody of it is acknowledged.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.lib.activation.destinations.api import (
    Api,
    HttpDestination,
    after_an_effect,
    reading,
)
from orchestration.lib.activation.destinations.base import (
    ACKNOWLEDGED,
    Answer,
    Answers,
    Batch,
    BatchRefused,
    Capabilities,
    InDoubt,
    Kind,
    NotSent,
    Rate,
)
from orchestration.lib.activation.destinations.hashing import (
    GOOGLE,
    identifiers,
    known_by,
)
from orchestration.lib.activation.destinations.jobs import JobOptions, wait_for

_RATES = (Rate(requests=300, seconds=60),)
_MOST_IDENTIFIERS = 10
_REFUSED_CREDENTIALS = ("invalid_client", "invalid_grant", "unauthorized_client")


@dataclass(frozen=True, kw_only=True)
class GoogleOptions(JobOptions):
    """Which audiences of ours are which lists of an account, and by whose consent."""

    #: The id of the Customer Match list by audience of ours.
    audiences: Mapping[str, Any]
    account_id: str
    account_type: str = "GOOGLE_ADS"
    #: The account that the credentials are for, where that is a manager's.
    login_account_id: str = ""
    login_account_type: str = "GOOGLE_ADS"
    #: An OAuth client and a token of its user's, with the scope `datamanager`.
    client_id: str
    client_secret_env: str
    refresh_token_env: str
    #: The fields that are sent: `email`, `phone`, and others that begin like these.
    identifiers: tuple[str, ...] = ("email",)
    #: Whether somebody who may do so has accepted the terms of Customer Match.
    are_terms_accepted: bool = False
    #: Whether the audience's consent covers these uses: Google asks for it in Europe.
    has_ad_user_data_consent: bool = False
    has_ad_personalization_consent: bool = False
    #: Google says what came of a request after half an hour.
    poll_seconds: float = 60.0
    most_polls: int = 60
    base_url: str = "https://datamanager.googleapis.com"
    token_url: str = "https://oauth2.googleapis.com/token"


class GoogleDestination(HttpDestination[GoogleOptions]):
    """Customer Match lists of one account."""

    options_type = GoogleOptions

    @classmethod
    def capabilities(cls, options: GoogleOptions) -> Capabilities:
        """Absolute sets of hashes, 10,000 at a time, as jobs."""
        kinds = {name: name.partition("_")[0] for name in options.identifiers}
        unknown = sorted(name for name, kind in kinds.items() if kind not in GOOGLE)
        if unknown:
            raise ValueError(
                f"identifiers are email, phone and the like, not {', '.join(unknown)}"
            )
        if len(kinds) > _MOST_IDENTIFIERS:
            raise ValueError(f"a member has at most {_MOST_IDENTIFIERS} identifiers")
        if not options.are_terms_accepted:
            raise ValueError("Google takes nobody before are_terms_accepted is true")
        return Capabilities(
            key=known_by(options.identifiers),
            in_doubt_by="job",
            can_clear=False,
            batch_rows=10_000,
            rates=_RATES,
            transforms={name: GOOGLE[kind] for name, kind in kinds.items()},
        )

    def prepare(self) -> None:
        """Make the client."""
        self._account = _Account(
            self.client(
                self.options.base_url,
                headers={},
                rates=_RATES,
                code=_code,
                closed=_closed,
            ),
            # The address as it is: a base would end in a slash.
            self.client("", headers={}, closed=_refused_credentials),
            self.options,
            self.secrets,
        )

    def fields(self) -> Mapping[str, Kind] | None:
        """The identifiers, so that nothing is sent that a removal would not name."""
        return dict.fromkeys(self.options.identifiers, "text")

    def send(self, batch: Batch, remember_job: Callable[[str], None]) -> Answers:
        """Add the members of the batch or remove them; wait for what comes of it."""
        if batch.audience not in self.options.audiences:
            raise NotSent(f"no Customer Match list is configured for {batch.audience}")
        method = "remove" if batch.rows[0].operation == "remove" else "ingest"
        document = self._account.call(
            "POST", f"/v1/audienceMembers:{method}", json=self._body(batch, method)
        )
        with reading():
            job = str(document["requestId"])
        remember_job(job)
        with after_an_effect():
            return wait_for(lambda: self._outcome(job, batch), self.options)

    def recover(self, job: str, batch: Batch) -> Answers | None:
        """What came of a request; None while it is looked at, or if it is forgotten."""
        try:
            return self._outcome(job, batch)
        except BatchRefused:
            return None

    def _outcome(self, job: str, batch: Batch) -> Answers | None:
        document = self._account.call(
            "GET", "/v1/requestStatus:retrieve", params={"requestId": job}
        )
        with reading():
            (status,) = document["requestStatusPerDestination"]
            outcome = status["requestStatus"]
        if outcome == "SUCCESS":
            return {row.remote_key: ACKNOWLEDGED for row in batch.rows}
        if outcome == "FAILED":
            refused = Answer(outcome="rejected", error_code=_reason(status))
            return {row.remote_key: refused for row in batch.rows}
        return {} if outcome == "PARTIAL_SUCCESS" else None

    def _body(self, batch: Batch, method: str) -> dict[str, Any]:
        options = self.options
        destination: dict[str, Any] = {
            "operatingAccount": {
                "accountType": options.account_type,
                "accountId": options.account_id,
            },
            "productDestinationId": str(options.audiences[batch.audience]),
        }
        if options.login_account_id:
            destination["loginAccount"] = {
                "accountType": options.login_account_type,
                "accountId": options.login_account_id,
            }
        known = [identifiers(row.remote_key, options.identifiers) for row in batch.rows]
        body: dict[str, Any] = {
            "destinations": [destination],
            "encoding": "HEX",
            "audienceMembers": [_member(each) for each in known],
        }
        if method == "remove":
            return body
        consents = {
            "adUserData": options.has_ad_user_data_consent,
            "adPersonalization": options.has_ad_personalization_consent,
        }
        return {
            **body,
            "consent": {use: "CONSENT_GRANTED" for use in consents if consents[use]},
            "termsOfService": {"customerMatchTermsOfServiceStatus": "ACCEPTED"},
        }


class _Account:
    """Calls of the API, each with a token of that moment: there are long waits."""

    def __init__(
        self, api: Api, tokens: Api, options: GoogleOptions, secrets: Mapping[str, str]
    ) -> None:
        self._api, self._tokens = api, tokens
        self._token_url = options.token_url
        self._grant = {
            "grant_type": "refresh_token",
            "client_id": options.client_id,
            "client_secret": secrets["client_secret_env"],
            "refresh_token": secrets["refresh_token_env"],
        }

    def call(self, method: str, path: str, **request: Any) -> Any:  # noqa: ANN401
        """The answer of the API.

        Raises:
            InDoubt, NotSent, BatchRefused: as they say.
        """
        try:
            _, granted = self._tokens.call("POST", self._token_url, data=self._grant)
            token = granted["access_token"]
        except (BatchRefused, InDoubt, KeyError, TypeError) as error:
            raise NotSent(f"no access token ({type(error).__name__})") from None
        headers = {"authorization": f"Bearer {token}"}
        return self._api.call(method, path, headers=headers, **request)[1]


def _member(known: dict[str, str]) -> dict[str, Any]:
    return {
        "userData": {
            "userIdentifiers": [
                {"emailAddress" if name.startswith("email") else "phoneNumber": value}
                for name, value in known.items()
            ]
        }
    }


def _refused_credentials(document: Any) -> str | None:  # noqa: ANN401 - any JSON
    refused = document["error"] in _REFUSED_CREDENTIALS
    return "it refuses the credentials" if refused else None


def _reason(status: dict[str, Any]) -> str:
    try:
        return str(status["errorInfo"]["errorCounts"][0]["reason"]).lower()
    except (IndexError, KeyError, TypeError):
        return "failed"


def _code(document: Any) -> str:  # noqa: ANN401 - any JSON
    """The reason of the first thing that is wrong, else of the refusal."""
    details = document["error"]["details"]
    found = [each["reason"] for detail in details for each in _violations(detail)]
    return str((found + [each["reason"] for each in details if "reason" in each])[0])


def _closed(document: Any) -> str | None:  # noqa: ANN401 - any JSON
    """What is wrong with a request, unless it is a member."""
    if document["error"]["code"] != 400:
        return None
    violations = [v for each in document["error"]["details"] for v in _violations(each)]
    if any(each["field"].startswith("audience_members") for each in violations):
        return None
    return f"it refuses the request ({_code(document)})"


def _violations(detail: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = detail.get("fieldViolations", [])
    return found
