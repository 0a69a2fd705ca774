"""The file of decisions: read by people, refused by line where it makes no sense."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.lib.identity.decisions import (
    DecisionsRefused,
    RecordKey,
    read_decisions,
    write_decision,
)
from tests.identity.world import decision


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "identity_decisions.jsonl"


def test_what_is_written_is_read_and_a_deleted_line_is_gone(path: Path) -> None:
    one, other = decision("pin", "a", "b"), decision("veto", "a", "c")
    write_decision(path, one)
    write_decision(path, replace(other, note="father and son"))

    assert read_decisions(path) == [one, replace(other, note="father and son")]

    path.write_text("\n".join(path.read_text().splitlines()[1:]))
    assert [each.kind for each in read_decisions(path)] == ["veto"]


def test_without_a_file_nothing_is_decided(path: Path) -> None:
    assert read_decisions(path) == []


def test_a_record_id_may_hold_a_colon() -> None:
    key = RecordKey.parse("crm.contacts:a:b.c")

    assert key == RecordKey("crm", "contacts", "a:b.c")
    assert str(key) == "crm.contacts:a:b.c"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: "),
        ('{"decision": "maybe"}', "line 2: the decision is none of pin, veto"),
        (
            '{"decision": "pin", "left": "crm:1", "right": "crm.contacts:2"}',
            "write source.export:record_id",
        ),
        (
            '{"decision": "pin", "left": "crm.contacts:1", "right": "crm.contacts:1",'
            ' "by": "anna", "at": "2026-01-01T00:00:00Z"}',
            "both records are the same",
        ),
    ],
)
def test_a_line_that_is_no_decision_is_named(path: Path, line: str, said: str) -> None:
    write_decision(path, decision("pin", "a", "b"))
    path.write_text(f"{path.read_text()}{line}\n")

    with pytest.raises(DecisionsRefused, match=said.replace(".", "[.]")):
        read_decisions(path)


def test_a_pin_and_a_veto_of_one_pair_are_refused_whichever_way_round(
    path: Path,
) -> None:
    write_decision(path, decision("pin", "a", "b"))
    with pytest.raises(DecisionsRefused, match="has a pin of"):
        write_decision(path, decision("veto", "b", "a"))

    path.write_text(path.read_text() + decision("veto", "b", "a").to_json())
    with pytest.raises(DecisionsRefused, match="line 2: a veto of the records"):
        read_decisions(path)
