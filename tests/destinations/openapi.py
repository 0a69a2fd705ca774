"""Requests held against the OpenAPI document of the vendor they are meant for.

    checked = Checked(application([vendor], faults), document("x.json"), "/mailchimp")
    with running(checked) as url: ...
    assert checked.problems == []

The schemas are checked by openapi-schema-validator, which comes with moto (its
`OAS30Validator` knows `nullable`); finding the operation of a request is forty lines
here, where openapi-core would be another dependency and as many lines of adapters. A
document is read once per session.
"""

import functools
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl

from openapi_schema_validator import OAS30Validator, OAS31Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.support import shared


class Document:
    """An OpenAPI document."""

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self._validators: dict[int, Any] = {}
        is_30 = self.content["openapi"].startswith("3.0")
        self._validator = OAS30Validator if is_30 else OAS31Validator
        self._registry = Registry().with_resource(
            "urn:document", DRAFT202012.create_resource(self.content)
        )
        self._paths = [
            (re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), path)
            for path in sorted(self.content["paths"], key=lambda each: each.count("{"))
        ]

    def knows(self, method: str, path: str) -> bool:
        """Whether there is such an operation."""
        return self._operation(method, path)[0] is not None

    def problems(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> Iterator[str]:
        """What is wrong with a request; never a value of it."""
        operation, shared_parameters = self._operation(method, path)
        if operation is None:
            yield "is not documented"
            return
        parameters = {
            (each["in"], each["name"].lower()): each
            for each in map(
                self._resolved, [*shared_parameters, *operation.get("parameters", ())]
            )
        }
        for (place, name), parameter in parameters.items():
            given = {"query": query, "header": headers}.get(place, {})
            values = {key.lower(): value for key, value in given.items()}
            if place != "path" and parameter.get("required") and name not in values:
                yield f"lacks the {place} {name}"
            if place in ("query", "header") and name in values:
                yield from self._parameter(parameter, values[name])
        for name in query:
            if ("query", name.lower()) not in parameters:
                yield f"has a query {name} that is not documented"
        yield from self._body(operation, headers, body)

    def answer_problems(
        self, method: str, path: str, status: int, body: bytes
    ) -> Iterator[str]:
        """What is wrong with an answer: the sandbox would mislead."""
        operation, _ = self._operation(method, path)
        responses = (operation or {}).get("responses", {})
        response = self._resolved(responses.get(str(status), responses.get("default")))
        if response is None:
            yield f"answers {status}, which is not documented"
            return
        for content in list((response.get("content") or {}).values())[:1]:
            yield from self._schema(content.get("schema", {}), json.loads(body))

    def _operation(
        self, method: str, path: str
    ) -> tuple[dict[str, Any] | None, list[Any]]:
        for pattern, name in self._paths:
            item = self.content["paths"][name]
            if pattern.match(path) and method.lower() in item:
                return item[method.lower()], item.get("parameters", [])
        return None, []

    def _resolved(self, node: Any) -> Any:
        while isinstance(node, dict) and "$ref" in node:
            found: Any = self.content
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part.replace("~1", "/").replace("~0", "~")]
            node = found
        return node

    def _parameter(self, parameter: dict[str, Any], text: str) -> Iterator[str]:
        schema = parameter["schema"]
        value: Any = text
        kind = self._resolved(schema).get("type")
        if kind == "array":
            value = text.split(",")
        elif kind in ("integer", "number", "boolean"):
            value = json.loads(text)
        for problem in self._schema(schema, value):
            yield f"{parameter['name']} {problem}"

    def _body(
        self, operation: dict[str, Any], headers: Mapping[str, str], body: bytes
    ) -> Iterator[str]:
        wanted = self._resolved(operation.get("requestBody"))
        if wanted is None:
            if body:
                yield "has a body where none is documented"
            return
        if not body:
            if wanted.get("required"):
                yield "lacks its body"
            return
        media_type = headers.get("content-type", "").partition(";")[0]
        if media_type not in wanted["content"]:
            yield f"is {media_type}"
            return
        schema = wanted["content"][media_type].get("schema", {})
        yield from self._schema(schema, json.loads(body))

    def _schema(self, schema: dict[str, Any], value: Any) -> Iterator[str]:
        # By its identity: schemas live as long as their document.
        if id(schema) not in self._validators:
            self._validators[id(schema)] = self._validator(
                _anchored(schema), registry=self._registry
            )
        for error in self._validators[id(schema)].iter_errors(value):
            yield f"{error.json_path}: not {error.validator} {error.validator_value}"


class Checked:
    """The sandbox, with every request and answer of one vendor held to its document.

    Args:
        prefix: of the vendor's addresses, which the document's paths do not have.
        except_for: beginnings of addresses that are in none of the documents.
    """

    def __init__(
        self,
        app: ASGIApp,
        *documents: Document,
        prefix: str,
        except_for: Collection[str] = (),
    ) -> None:
        self._app, self._documents = app, documents
        self._prefix, self._except_for = prefix, except_for
        self.problems: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(self._prefix)
        if scope["type"] != "http" or path.startswith(tuple(self._except_for)):
            await self._app(scope, receive, send)
            return
        asked, answered, started = b"", bytearray(), []
        is_more = True
        while is_more:
            message = await receive()
            asked += message.get("body", b"")
            is_more = message.get("more_body", False)

        async def received() -> Message:
            return {"type": "http.request", "body": asked, "more_body": False}

        async def sent(message: Message) -> None:
            started.append(message)
            answered.extend(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, received, sent)
        finally:
            self._check(scope, path, asked, started[0], bytes(answered))

    def _check(
        self, scope: Scope, path: str, asked: bytes, start: Message, answered: bytes
    ) -> None:
        method = scope["method"]
        headers = {key.decode(): value.decode() for key, value in scope["headers"]}
        query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        fitting = [each for each in self._documents if each.knows(method, path)]
        if not fitting:
            self.problems.append(f"{method} {path} is not documented")
            return
        found = [*fitting[0].problems(method, path, query, headers, asked)]
        answer_type = dict(start["headers"]).get(b"content-type", b"")
        if start["status"] < 300 and b"json" in answer_type and answered:
            answer = fitting[0].answer_problems(method, path, start["status"], answered)
            found += [f"answered: {what}" for what in answer]
        self.problems += [f"{method} {path} {what}" for what in found]


@functools.cache
def document(name: str) -> Document:
    """A document of `shared/data/api_specs`; skips the test where there is none."""
    path = shared("api_specs") / name
    return Document(json.loads(path.read_text(encoding="utf-8")))


def _anchored(node: Any) -> Any:
    """The schema with references that say which document they are into."""
    if isinstance(node, dict):
        return {
            key: f"urn:document{value}" if key == "$ref" else _anchored(value)
            for key, value in node.items()
        }
    return [_anchored(each) for each in node] if isinstance(node, list) else node
