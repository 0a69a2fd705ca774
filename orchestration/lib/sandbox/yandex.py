"""Segments of Yandex Audience that are made of files with contacts."""

import csv
import io
import re
from collections.abc import Sequence
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from orchestration.lib.sandbox.vendor import Vendor, refusal

_COLUMNS = {"email", "phone", "external_id"}

Line = tuple[str, ...]


class Yandex(Vendor):
    """Lines by segment; every file of a segment has the columns of its first."""

    name = "yandex"
    documentation = (
        "https://yandex.com/dev/audience/en/ref/openapi/segments/uploadCsvFile"
    )

    def __init__(self, token: str = "sandbox") -> None:
        super().__init__()
        self._token = token
        self.segments: dict[int, dict[str, Any]] = {}
        self.lines: dict[int, set[Line]] = {}
        self._columns: dict[int, Line] = {}

    def routes(self) -> Sequence[BaseRoute]:
        """Segments and their files."""
        base = "/v1/management"
        return [
            Route(f"{base}/segments", self._list, methods=["GET"]),
            Route(f"{base}/segments/upload_csv_file", self._upload, methods=["POST"]),
            Route(
                f"{base}/segment/{{id:int}}/confirm", self._confirm, methods=["POST"]
            ),
            Route(
                f"{base}/segment/{{id:int}}/modify_data", self._modify, methods=["POST"]
            ),
        ]

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        """The lines of each segment that has a name."""
        return {
            segment["name"]: [
                dict(zip(self._columns[number], line, strict=True))
                for line in sorted(self.lines[number])
            ]
            for number, segment in self.segments.items()
            if "name" in segment
        }

    async def _list(self, request: Request) -> Response:
        if not self._is_allowed(request):
            return _refused(403, "access_denied")
        named = [each for each in self.segments.values() if "name" in each]
        return JSONResponse({"segments": named})

    async def _upload(self, request: Request) -> Response:
        columns, lines = await self._file(request)
        with self.lock:
            if not self._is_allowed(request):
                return _refused(403, "access_denied")
            if not {"email", "phone"} & set(columns) or not set(columns) <= _COLUMNS:
                return _refused(400, "invalid_file")
            number = len(self.segments) + 1
            self.segments[number] = {"id": number, "status": "uploaded"}
            self._columns[number], self.lines[number] = columns, lines
            return JSONResponse({"segment": self.segments[number]})

    async def _confirm(self, request: Request) -> Response:
        number, body = request.path_params["id"], await request.json()
        about, least = body["segment"], self._least(request)
        with self.lock:
            self.requests.append(("POST", request.url.path, body))
            if not self._is_allowed(request):
                return _refused(403, "access_denied")
            if number not in self.segments:
                return _refused(404, "not_found")
            if "name" in self.segments[number] or len(self.lines[number]) < least:
                return _refused(400, "invalid_parameter")
            values = [value for line in self.lines[number] for value in line if value]
            is_sha256 = all(re.fullmatch("[0-9a-f]{64}", value) for value in values)
            if about["hashed"] and not (about["hashing_alg"] == "SHA256" and is_sha256):
                return _refused(400, "invalid_parameter")
            self.segments[number] |= {
                "type": "uploading",
                "name": about["name"],
                "hashed": about["hashed"],
                "content_type": about["content_type"],
                "status": "is_processed",
            }
            return JSONResponse({"segment": self.segments[number]})

    async def _modify(self, request: Request) -> Response:
        number, (columns, lines) = request.path_params["id"], await self._file(request)
        kind = request.query_params.get("modification_type")
        with self.lock:
            if not self._is_allowed(request):
                return _refused(403, "access_denied")
            if number not in self.segments:
                return _refused(404, "not_found")
            if columns != self._columns[number] or len(lines) < self._least(request):
                return _refused(400, "invalid_parameter")
            if kind == "addition":
                self.lines[number] |= lines
            elif kind == "subtraction":
                self.lines[number] -= lines
            else:
                return _refused(400, "invalid_parameter")
            is_small = len(self.lines[number]) < 100
            self.segments[number]["status"] = "few_data" if is_small else "is_updated"
            return JSONResponse({"segment": self.segments[number]})

    async def _file(self, request: Request) -> tuple[Line, set[Line]]:
        """The columns and lines of a form's only file."""
        head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
        form = BytesParser(policy=HTTP).parsebytes(head + await request.body())
        (part,) = form.iter_parts()
        text: str = part.get_content()
        self.requests.append(("POST", request.url.path, text))
        columns, *lines = [tuple(line) for line in csv.reader(io.StringIO(text))]
        return columns, set(lines)

    def _least(self, request: Request) -> int:
        return 1 if request.query_params.get("check_size") == "false" else 100

    def _is_allowed(self, request: Request) -> bool:
        return request.headers.get("authorization") == f"OAuth {self._token}"


def _refused(status: int, error_type: str) -> Response:
    errors = [{"error_type": error_type, "message": "not told"}]
    return refusal(status, {"errors": errors, "code": status})
