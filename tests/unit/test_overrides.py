"""The file of decisions: it grows, can be read and mended by hand, and is private."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.quality.overrides import (
    Override,
    OverridesError,
    add_overrides,
    new_override,
    read_overrides,
    undo_override,
)

REPAIR: dict[str, Any] = {
    "kind": "repair", "source": "shop", "export": "orders", "rule": "letter_for_digit",
    "column": "price", "subject": "name=#1", "rows": 1, "delivered": "1О.50",
    "value": "10.50", "by": "anna", "at": "2026-03-20T09:00:00Z",
}  # fmt: skip


def repair(**fields: Any) -> Override:
    return new_override(**{**REPAIR, **fields})


def test_decisions_are_read_back_in_the_order_in_which_they_were_made(
    tmp_path: Path,
) -> None:
    path = tmp_path / "home" / "overrides.jsonl"
    first, second, third = (repair(value=value) for value in ("3", "1", "2"))

    add_overrides(path, [first, second])
    add_overrides(path, [third])

    assert read_overrides(path) == [first, second, third]


def test_texts_are_kept_whatever_is_in_them(tmp_path: Path) -> None:
    """Some ends of lines are none to JSON."""
    path = tmp_path / "overrides.jsonl"
    odd = repair(delivered='a\u2028b\x85c\nd"\\e')

    add_overrides(path, [odd, repair()])

    assert read_overrides(path) == [odd, repair()]


def test_a_decision_that_is_kept_twice_is_one(tmp_path: Path) -> None:
    path = tmp_path / "overrides.jsonl"

    add_overrides(path, [repair()])
    add_overrides(path, [repair()])

    assert read_overrides(path) == [repair()]


def test_where_nothing_was_decided_there_are_no_decisions(tmp_path: Path) -> None:
    assert read_overrides(tmp_path / "overrides.jsonl") == []


def test_another_decision_has_another_id_and_the_same_the_same() -> None:
    assert repair().id == repair().id
    assert repair().id != repair(note="as on the invoice").id


def test_the_file_is_its_owners_alone_even_if_a_checkout_opened_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "overrides.jsonl"
    add_overrides(path, [repair()])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600

    path.chmod(0o644)
    add_overrides(path, [repair(value="10.60")])

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_undo_takes_one_decision_back_and_the_file_keeps_both_lines(
    tmp_path: Path,
) -> None:
    path = tmp_path / "overrides.jsonl"
    wrong, right = repair(), repair(value="100.50")
    add_overrides(path, [wrong, right])

    undo_override(path, wrong.id, by="boris", at="2026-03-21T09:00:00Z", note="typo")

    assert read_overrides(path) == [right]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["repair", "repair", "undo"]
    assert lines[2]["undoes"] == wrong.id
    assert (lines[2]["by"], lines[2]["note"]) == ("boris", "typo")


def test_what_is_not_in_force_cannot_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "overrides.jsonl"
    add_overrides(path, [repair()])
    undo_override(path, repair().id, by="anna", at="later", note=None)

    with pytest.raises(OverridesError, match=f"no decision {repair().id} is in force"):
        undo_override(path, repair().id, by="anna", at="later", note=None)


def test_deleting_the_line_takes_a_decision_back_too(tmp_path: Path) -> None:
    path = tmp_path / "overrides.jsonl"
    first, second = repair(), repair(value="100.50")
    add_overrides(path, [first, second])

    path.write_text(second.to_json())  # nor does the last line need an end
    assert read_overrides(path) == [second]
    add_overrides(path, [first])

    assert read_overrides(path) == [second, first]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "no decision as JSON"),
        ('["repair"]', "no decision as JSON"),
        ('{"kind": "undo"}', "no decision as JSON"),
        ('{"kind": "mend"}', "kind is none of repair, release, drop and undo"),
        (json.dumps({**REPAIR, "id": "1", "valeu": "1"}), "no decision as JSON"),
        (json.dumps({**REPAIR, "id": "1", "value": 10.5}), "value is no str"),
        (json.dumps({**REPAIR, "id": "1", "rows": "1"}), "rows is no int"),
        (json.dumps({**REPAIR, "id": "1", "value": ""}), "nothing else, has a value"),
        (
            json.dumps({**REPAIR, "id": "1", "kind": "drop"}),
            "nothing else, has a value",
        ),
        (json.dumps({**REPAIR, "id": "1", "subject": None}), "neither subject nor"),
        (
            json.dumps({**REPAIR, "id": "1", "rule": "ragged_row"}),
            "repair is not possible for ragged_row",
        ),
        (
            json.dumps({**REPAIR, "id": "1", "rule": "held_with_its_group"}),
            "repair is not possible for held_with_its_group",
        ),
        (
            repair(value="9").to_json().replace('"9"', '"8"'),
            "its id stands there twice",
        ),
        ("\udcff", "no decision as JSON"),
    ],
)
def test_a_line_that_is_no_decision_is_named_without_its_values(
    tmp_path: Path, line: str, problem: str
) -> None:
    path = tmp_path / "overrides.jsonl"
    text = f"{repair(value='9').to_json()}\n\n{line}\n"
    path.write_bytes(text.encode(errors="surrogateescape"))

    with pytest.raises(OverridesError) as error:
        read_overrides(path)

    assert str(error.value).startswith(f"{path}: line 3: ")
    assert problem in str(error.value)
    assert "1О.50" not in str(error.value)
