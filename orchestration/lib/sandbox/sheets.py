"""Spreadsheets of Google's Sheets API v4, and the tokens of its service accounts."""

import copy
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from orchestration.lib.sandbox.vendor import Vendor, refusal

_ACCOUNT = "crm360@sandbox.iam.gserviceaccount.com"
_TOKEN = "ya29.sandbox"
_MOST_CELLS = 10_000_000
_REQUESTS_PER_MINUTE = 60

Cell = str | float | bool | None


@dataclass
class Tab:
    """One sheet of a spreadsheet, with the grid that a new one has."""

    sheet_id: int
    rows: int = 1000
    columns: int = 26
    cells: dict[tuple[int, int], Cell] = field(default_factory=dict)

    def values(self) -> list[list[Cell]]:
        """The rows down to the last one that is not empty."""
        width = max((column for _, column in self.cells), default=-1) + 1
        height = max((row for row, _ in self.cells), default=-1) + 1
        return [
            [self.cells.get((row, column)) for column in range(width)]
            for row in range(height)
        ]


class _Invalid(Exception):
    """A request that nothing comes of, as all that come with it."""


class Sheets(Vendor):
    """Spreadsheets with their tabs; the requests of a batch are done all or none.

    Args:
        spreadsheets: ids of those that the account may write to.
    """

    name = "sheets"
    documentation = "https://developers.google.com/workspace/sheets/api/reference/rest"

    def __init__(self, spreadsheets: Sequence[str] = ("sandbox",)) -> None:
        super().__init__()
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.spreadsheets: dict[str, dict[str, Tab]] = {
            each: {"Sheet1": Tab(0)} for each in spreadsheets
        }
        #: When the requests of the last minute came.
        self._minute: deque[float] = deque()

    def key_file(self, url: str) -> dict[str, str]:
        """The content of the key file of the service account.

        Args:
            url: of the sandbox.
        """
        return {
            "type": "service_account",
            "client_email": _ACCOUNT,
            "private_key_id": "1",
            "private_key": self._key.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
            ).decode(),
            "token_uri": f"{url}/sheets/token",
        }

    def routes(self) -> Sequence[BaseRoute]:
        """Tokens, a spreadsheet's tabs, and changes of it."""
        one = "/v4/spreadsheets/{spreadsheet}"
        return [
            Route("/token", self._grant, methods=["POST"]),
            Route(f"{one}:batchUpdate", self._update, methods=["POST"]),
            Route(one, self._show, methods=["GET"]),
        ]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The rows of each tab under the names of its first row."""
        return {
            f"{spreadsheet}/{title}": [
                dict(zip(map(str, header), row, strict=True)) for row in rows
            ]
            for spreadsheet, tabs in self.spreadsheets.items()
            for title, tab in tabs.items()
            for header, *rows in [tab.values() or [[]]]
        }

    async def _grant(self, request: Request) -> Response:
        form = (await request.body()).decode()
        assertion = form.partition("assertion=")[2].partition("&")[0]
        public = self._key.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        try:
            jwt.decode(assertion, certs=public)  # type: ignore[no-untyped-call]
        except (GoogleAuthError, ValueError):
            return refusal(400, {"error": "invalid_grant"})
        return JSONResponse({"access_token": _TOKEN, "expires_in": 3599})

    async def _show(self, request: Request) -> Response:
        with self.lock:
            tabs = self._allowed(request, None)
            if isinstance(tabs, Response):
                return tabs
            about = [
                {"properties": {"sheetId": tab.sheet_id, "title": title}}
                for title, tab in tabs.items()
            ]
            return JSONResponse({"sheets": about} if about else {})

    async def _update(self, request: Request) -> Response:
        document = await request.json()
        with self.lock:
            tabs = self._allowed(request, document)
            if isinstance(tabs, Response):
                return tabs
            changed = copy.deepcopy(tabs)
            try:
                for each in document["requests"]:
                    ((kind, change),) = each.items()
                    _CHANGES[kind](changed, change)
            except (_Invalid, KeyError, TypeError, ValueError):
                return _error(400, "INVALID_ARGUMENT")
            if sum(tab.rows * tab.columns for tab in changed.values()) > _MOST_CELLS:
                return _error(400, "INVALID_ARGUMENT")
            self.spreadsheets[request.path_params["spreadsheet"]] = changed
            return JSONResponse({"replies": [{} for _ in document["requests"]]})

    def _allowed(
        self, request: Request, document: object
    ) -> dict[str, Tab] | JSONResponse:
        self.requests.append((request.method, request.url.path, document))
        if request.headers.get("authorization") != f"Bearer {_TOKEN}":
            return _error(401, "UNAUTHENTICATED")
        now = time.monotonic()
        while self._minute and self._minute[0] < now - 60:
            self._minute.popleft()
        if len(self._minute) >= _REQUESTS_PER_MINUTE:
            return _error(429, "RESOURCE_EXHAUSTED")
        self._minute.append(now)
        tabs = self.spreadsheets.get(request.path_params["spreadsheet"])
        return _error(404, "NOT_FOUND") if tabs is None else tabs


def _add(tabs: dict[str, Tab], change: dict[str, Any]) -> None:
    title = change["properties"]["title"]
    sheet_id = change["properties"]["sheetId"]
    if title in tabs or sheet_id in {tab.sheet_id for tab in tabs.values()}:
        raise _Invalid
    tabs[title] = Tab(sheet_id)


def _resize(tabs: dict[str, Tab], change: dict[str, Any]) -> None:
    if change["fields"] != "gridProperties(rowCount,columnCount)":
        raise _Invalid
    tab = _tab(tabs, change["properties"]["sheetId"])
    grid = change["properties"]["gridProperties"]
    tab.rows, tab.columns = grid["rowCount"], grid["columnCount"]
    if min(tab.rows, tab.columns) < 1:
        raise _Invalid
    tab.cells = {
        (row, column): value
        for (row, column), value in tab.cells.items()
        if row < tab.rows and column < tab.columns
    }


def _write(tabs: dict[str, Tab], change: dict[str, Any]) -> None:
    """What the rows do not reach of the range is emptied."""
    if change["fields"] != "userEnteredValue":
        raise _Invalid
    tab = _tab(tabs, change["range"]["sheetId"])
    tab.cells = {}
    for row, line in enumerate(change.get("rows", [])):
        for column, cell in enumerate(line.get("values", [])):
            if row >= tab.rows or column >= tab.columns:
                raise _Invalid
            if value := cell.get("userEnteredValue"):
                ((kind, entered),) = value.items()
                if kind not in ("stringValue", "numberValue", "boolValue"):
                    raise _Invalid
                tab.cells[row, column] = entered


_CHANGES = {
    "addSheet": _add,
    "updateSheetProperties": _resize,
    "updateCells": _write,
}


def _tab(tabs: dict[str, Tab], sheet_id: int) -> Tab:
    for tab in tabs.values():
        if tab.sheet_id == sheet_id:
            return tab
    raise _Invalid


def _error(status: int, code: str) -> JSONResponse:
    return refusal(status, {"error": {"code": status, "status": code}})
