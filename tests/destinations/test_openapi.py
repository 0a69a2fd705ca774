"""Requests that a vendor's document does not allow are found out."""

import pytest

from tests.destinations.openapi import Document

DOCUMENT = Document(
    {
        "openapi": "3.0.1",
        "paths": {
            "/lists/{id}": {
                "post": {
                    "parameters": [
                        {
                            "in": "header",
                            "name": "revision",
                            "required": True,
                            "schema": {"type": "string"},
                        },
                        {"in": "query", "name": "count", "schema": {"maximum": 9}},
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Member"}
                            }
                        },
                    },
                    "responses": {
                        "200": {
                            "content": {
                                "application/json": {"schema": {"required": ["id"]}}
                            }
                        }
                    },
                }
            }
        },
        "components": {
            "schemas": {
                "Member": {
                    "required": ["email"],
                    "properties": {"email": {"type": "string", "nullable": True}},
                }
            }
        },
    }
)
HEADERS = {"Revision": "1", "content-type": "application/json"}


def test_a_request_that_is_as_documented_has_no_problems() -> None:
    assert [
        *DOCUMENT.problems("POST", "/lists/a", {}, HEADERS, b'{"email": null}')
    ] == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"method": "PUT"}, "is not documented"),
        ({"path": "/lists/a/b"}, "is not documented"),
        ({"query": {"size": "1"}}, "has a query size that is not documented"),
        (
            {"headers": {"content-type": "application/json"}},
            "lacks the header revision",
        ),
        ({"headers": {"revision": "1", "content-type": "text/csv"}}, "is text/csv"),
        ({"body": b""}, "lacks its body"),
        ({"body": b"{}"}, "$: not required ['email']"),
        ({"body": b'{"email": 1}'}, "$.email: not type string"),
    ],
)
def test_what_is_not_as_documented_is_a_problem(
    change: dict[str, object], problem: str
) -> None:
    request: dict[str, object] = {
        "method": "POST",
        "path": "/lists/a",
        "query": {},
        "headers": HEADERS,
        "body": b'{"email": "x"}',
    }

    assert [*DOCUMENT.problems(**request | change)] == [problem]  # type: ignore[arg-type]


def test_an_answer_of_the_sandbox_that_is_not_as_documented_is_a_problem() -> None:
    assert [*DOCUMENT.answer_problems("POST", "/lists/a", 200, b"{}")] == [
        "$: not required ['id']"
    ]
    assert [*DOCUMENT.answer_problems("POST", "/lists/a", 202, b"{}")] == [
        "answers 202, which is not documented"
    ]
