"""Audiences as tabs of a Google spreadsheet, one named after each audience.

    GET  <base>/v4/spreadsheets/<id>               which tabs there are
    POST <base>/v4/spreadsheets/<id>:batchUpdate   {"requests": [
        {"updateSheetProperties": {...}},          as many rows and columns as it takes
        {"updateCells": {...}}]}                   all values; the rest is emptied

The requests of one `batchUpdate` are done all or none, so that nobody sees half a list.
Values are sent as texts, numbers and booleans, never as what somebody enters: a text
that begins with `=` stays a text.
"""

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from google.auth.exceptions import GoogleAuthError, RefreshError
from google.auth.transport.requests import Request
from google.oauth2.service_account import Credentials

from orchestration.lib.activation.destinations.api import Api
from orchestration.lib.activation.destinations.base import (
    BatchRefused,
    Capabilities,
    InDoubt,
    NotSent,
    Options,
    Rate,
    SnapshotDestination,
)

_SCOPE = "https://www.googleapis.com/auth/spreadsheets"
_RATES = (Rate(requests=60, seconds=60),)
#: Larger whole numbers are not exact there, and ids would change.
_LARGEST_NUMBER = 2**53


@dataclass(frozen=True, kw_only=True)
class SheetsOptions(Options):
    """Which spreadsheet, and whose key opens it."""

    #: As its address has it: docs.google.com/spreadsheets/d/<id>/edit.
    spreadsheet_id: str
    #: The environment variable that says where the service account's key file lies.
    key_file_env: str
    #: More members are not sent: it is one request, and people look at it.
    most_members: int = 50_000
    #: Google takes its time over large lists.
    timeout_seconds: float = 180.0
    base_url: str = "https://sheets.googleapis.com"


class SheetsDestination(SnapshotDestination[SheetsOptions]):
    """A spreadsheet that holds the members of each audience in one tab."""

    options_type = SheetsOptions
    _api: Api | None = None

    @classmethod
    def capabilities(cls, options: SheetsOptions) -> Capabilities:
        """All members at once."""
        return Capabilities(in_doubt_by="state", modes=("mirror",), rates=_RATES)

    @property
    def file_format(self) -> str:
        """Parquet, which names the columns of an empty list too."""
        return "parquet"

    def holds(self, audience: str) -> bool:
        """Whether the tab is there."""
        try:
            return audience in self._tabs()
        except InDoubt as error:
            raise NotSent(str(error)) from None

    def put(self, audience: str, file: Path, members: int) -> None:
        """Replace all values of the tab."""
        if members > self.options.most_members:
            raise NotSent(
                f"{members:,} members are more than a sheet should have (most_members ="
                f" {self.options.most_members:,}): put them into files"
            )
        table = pq.read_table(file)
        columns = [table[name].to_pylist() for name in table.column_names]
        rows = [table.column_names, *zip(*columns, strict=True)]
        try:
            tab = self._tab(audience)
        except InDoubt as error:
            # Of the list nothing was sent yet.
            raise NotSent(str(error)) from None
        # One row more, as frozen rows must not be all that there are.
        size = {"rowCount": len(rows) + 1, "columnCount": len(columns)}
        self._update(
            {
                "updateSheetProperties": {
                    "properties": {"sheetId": tab, "gridProperties": size},
                    "fields": "gridProperties(rowCount,columnCount)",
                }
            },
            {
                "updateCells": {
                    "range": {"sheetId": tab},
                    "rows": [{"values": [_cell(each) for each in row]} for row in rows],
                    "fields": "userEnteredValue",
                }
            },
        )

    def close(self) -> None:
        """End the connections."""
        if self._api:
            self._api.close()

    def _tab(self, audience: str) -> int:
        """The id of the audience's tab, which is made if there is none."""
        tabs = self._tabs()
        if audience not in tabs:
            new = zlib.crc32(audience.encode()) >> 1
            while new in tabs.values():
                new += 1
            self._update(
                {"addSheet": {"properties": {"title": audience, "sheetId": new}}},
                # It is there already, if this is sent twice.
                also=(400,),
            )
            tabs = self._tabs()
        if audience not in tabs:
            raise NotSent("the spreadsheet takes no new tab")
        return tabs[audience]

    def _tabs(self) -> dict[str, int]:
        _, document = self._call("GET", "", params={"fields": "sheets.properties"})
        try:
            each = [sheet["properties"] for sheet in (document or {}).get("sheets", [])]
            return {about["title"]: about["sheetId"] for about in each}
        except (AttributeError, KeyError, TypeError):
            raise NotSent("an answer without the tabs of the spreadsheet") from None

    def _update(self, *requests: Mapping[str, Any], also: tuple[int, ...] = ()) -> None:
        status, document = self._call(
            "POST", ":batchUpdate", json={"requests": requests}, also=also
        )
        if status not in also and "replies" not in (document or {}):
            raise InDoubt("an answer without the replies to what was asked")

    def _call(
        self,
        method: str,
        path: str,
        **request: Any,  # noqa: ANN401 - as Api.call
    ) -> tuple[int, Any]:
        if self._api is None:
            self._api = Api(
                f"{self.options.base_url}/v4/spreadsheets",
                headers={"authorization": f"Bearer {self._token()}"},
                rates=_RATES,
                timeout_seconds=self.options.timeout_seconds,
                attempts=self.options.attempts,
                code=lambda document: document["error"]["status"],
            )
        try:
            return self._api.call(
                method, f"/{self.options.spreadsheet_id}{path}", **request
            )
        except BatchRefused as error:
            raise NotSent(f"it refuses the list: {error.code}") from None

    def _token(self) -> str:
        """A token of the service account, good for an hour."""
        path = Path(self.secrets.get("key_file_env", "")).expanduser()
        try:
            credentials = Credentials.from_service_account_info(  # type: ignore[no-untyped-call]
                json.loads(path.read_text()), scopes=[_SCOPE]
            )
            credentials.refresh(
                partial(Request(), timeout=self.options.timeout_seconds)
            )
        except (OSError, ValueError, KeyError):
            raise NotSent(f"{path} holds no key of a service account") from None
        except RefreshError:
            raise NotSent("Google refuses the credentials") from None
        except GoogleAuthError as error:
            raise NotSent(f"no token ({type(error).__name__})") from None
        return str(credentials.token)


def _cell(value: object) -> dict[str, Any]:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"userEnteredValue": {"boolValue": value}}
    if isinstance(value, int | float | Decimal):
        number = float(value)
        if abs(number) < _LARGEST_NUMBER:
            return {"userEnteredValue": {"numberValue": number}}
    return {"userEnteredValue": {"stringValue": str(value)}}
