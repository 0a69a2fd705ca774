"""Decisions about rows in quarantine: what they change, for how long, and what not."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from orchestration.lib.landing.lander import data_path
from orchestration.lib.quality import judge
from orchestration.lib.quality.overrides import new_override
from orchestration.lib.quality.workplace import (
    Selection,
    SelectionError,
    counted,
    found,
    masked,
    masked_subject,
    open_workplace,
)
from tests.unit.gate import COSTS, ORDERS, PEOPLE, RULES, Gate, gate_of

HEADER = "id,email,born,spent\n"


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Gate]:
    gate = gate_of(tmp_path, PEOPLE)
    yield gate
    gate.connection.close()


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[Gate]:
    gate = gate_of(tmp_path, ORDERS)
    yield gate
    gate.connection.close()


def lines(*rows: str) -> str:
    """An orders file of these rows."""
    return "\n".join(["name,id,sku,price", *rows, ""])


def statuses(gate: Gate) -> list[tuple[Any, ...]]:
    """Line, rule and status of all findings."""
    return gate.all(
        "select line, rule, status from quality.quarantine order by file_id, line, rule"
    )


def spent(gate: Gate) -> list[Any]:
    """What the models read as spent, in the order of landing."""
    return [
        text
        for [text] in gate.all(
            "select spent from crm.people anti join quality.held_rows"
            " using (_file_id, _line) order by _loaded_at, _line"
        )
    ]


# -- repair -------------------------------------------------------------------------


def test_a_repaired_row_flows_with_the_new_text(people: Gate) -> None:
    file_id = people.deliver("people.csv", HEADER + "1,,,1О\n2,,,5\n")
    people.judge()
    assert people.figures() == [(2, 1, 1, 0)]

    people.decide("repair", row_ids=(f"{file_id}:2",))
    assert people.judge() == [file_id]

    assert spent(people) == ["10", "5"]
    assert people.figures() == [(2, 2, 0, 0)]
    assert people.all("select value, status from quality.quarantine") == [
        ("1О", "repaired")
    ]


def test_what_was_landed_stays_as_it_was_delivered(people: Gate) -> None:
    people.deliver("people.csv", HEADER + "1,,,1О\n")
    people.judge()
    people.decide("repair", rule="letter_for_digit")
    people.judge()

    landed = parquet.read_table(data_path(people.folder / "raw", people.landed[0]))

    assert landed["spent"].to_pylist() == ["1О"]
    assert people.all("select spent from crm.people__delivered") == [("1О",)]


def test_the_same_defect_is_repaired_wherever_it_comes_again(people: Gate) -> None:
    people.deliver("people_1.csv", HEADER + "1,,,1О\n")
    people.judge()
    people.decide("repair", rule="letter_for_digit")
    people.judge()

    again = people.deliver("people_2.csv", HEADER + "2,,,7\n3,,,8\n1,,2000-01-01,1О\n")
    assert people.judge() == [again]

    assert spent(people) == ["10", "7", "8", "10"]
    assert people.figures() == [(1, 1, 0, 0), (3, 3, 0, 0)] or people.figures() == [
        (3, 3, 0, 0),
        (1, 1, 0, 0),
    ]


@pytest.mark.parametrize("row", ["1,,,2О", "2,,,1О", "1,,,"])
def test_another_text_or_another_person_is_another_matter(
    people: Gate, row: str
) -> None:
    people.deliver("people_1.csv", HEADER + "1,,,1О\n")
    people.judge()
    people.decide("repair", rule="letter_for_digit")
    people.deliver("people_2.csv", f"{HEADER}{row}\n")

    people.judge()

    assert spent(people) == ["10"]


def test_once_the_source_delivers_a_clean_text_that_one_is_read(people: Gate) -> None:
    people.deliver("people_1.csv", HEADER + "1,,,1О\n")
    people.judge()
    people.decide("repair", rule="letter_for_digit")
    people.deliver("people_2.csv", HEADER + "1,,,12\n")

    people.judge()

    assert spent(people) == ["10", "12"]


def test_without_a_key_the_whole_row_says_which_one_it_is(tmp_path: Path) -> None:
    costs = gate_of(tmp_path, COSTS)
    costs.deliver("costs_1.csv", "day,amount,email\n1,x,\n2,x,\n")
    costs.judge()
    first = costs.all("select min(row_id) from quality.quarantine")[0][0]
    costs.decide("repair", row_ids=(first,), text="10")

    costs.deliver("costs_2.csv", "amount,email,note,day\nx,,,2\nx,,,1\nx,,new,1\n")
    costs.judge()

    amounts = costs.all("select day, amount from ads.costs order by _loaded_at, _line")
    assert amounts == [("1", "10"), ("2", "x"), ("2", "x"), ("1", "10"), ("1", "x")]
    costs.connection.close()


def test_a_missing_cell_is_repaired_in_the_row_about_the_same_person(
    people: Gate,
) -> None:
    file_id = people.deliver("people_1.csv", HEADER + "1,,,\n2,,,\n")
    people.judge()
    people.decide("repair", row_ids=(f"{file_id}:2",), text="10")
    people.deliver("people_2.csv", HEADER + "2,,,\n1,,2000-01-01,\n")

    people.judge()

    assert spent(people) == ["10", "10"]


def test_a_repaired_address_is_the_one_that_counts(people: Gate) -> None:
    people.deliver("people.csv", HEADER + "1,аnna@mail.ru,,1\n2,nobody,,2\n")
    people.judge()
    people.decide("repair", rule="homoglyph")
    people.decide("repair", rule="invalid_contact", text="Boris@Mail.ru")

    people.judge()

    assert people.all(
        "select known.email from crm.people inner join quality.email_addresses as known"
        " on known.contact_text = people.email order by id"
    ) == [("anna@mail.ru",), ("boris@mail.ru",)]
    assert {status for *_, status in statuses(people)} == {"repaired"}


def test_a_repaired_text_is_judged_like_any_other(people: Gate) -> None:
    """As when a person mends the file by hand, or a rule becomes stricter."""
    people.deliver("people.csv", HEADER + "1,,31/12/2000,1О\n")
    people.judge()
    people.decisions.append(
        new_override(
            kind="repair", source="crm", export="people", rule="letter_for_digit",
            column="spent", subject="id=1", rows=1, delivered="1О", value="ten",
            by="anna", at="2026-03-20T09:00:00Z",
        )
    )  # fmt: skip

    people.judge()

    assert people.all(
        "select column_name, rule, value, status from quality.quarantine order by all"
    ) == [
        ("born", "foreign_date_format", "31/12/2000", "open"),
        ("spent", "invalid_number", "ten", "open"),
        ("spent", "letter_for_digit", "1О", "repaired"),
    ]
    assert people.figures() == [(1, 0, 1, 0)]

    people.decide("repair", rule="invalid_number", text="10", at="10:00")
    people.decide("repair", rule="foreign_date_format")
    people.judge()

    assert spent(people) == ["10"]
    assert people.decisions[-2].delivered == "1О"


def test_the_later_of_two_decisions_counts(people: Gate) -> None:
    file_id = people.deliver("people.csv", HEADER + "1,,,1О\n")
    people.judge()
    people.decide("repair", rule="letter_for_digit")
    people.judge()

    people.decide("repair", row_ids=(f"{file_id}:2",), text="110", at="10:00")
    people.judge()
    assert spent(people) == ["110"]
    people.decide("drop", row_ids=(f"{file_id}:2",), at="11:00")
    people.judge()

    assert statuses(people) == [(2, "letter_for_digit", "dropped")]
    assert people.figures() == [(1, 0, 1, 0)]


def test_a_decision_that_is_taken_back_leaves_no_trace(people: Gate) -> None:
    people.deliver("people.csv", HEADER + "1,,,1О\n2,,30/12/2000,5\n")
    people.judge()
    before = people.all("from quality.quarantine order by all")
    people.decide("repair", rule="letter_for_digit")
    people.decide("release", rule="foreign_date_format")
    people.judge()
    assert people.held() == {}

    people.decisions.clear()
    people.judge()

    assert people.all("from quality.quarantine order by all") == before
    assert people.all("select spent from crm.people order by id") == [("1О",), ("5",)]
    assert people.all("from quality.repairs") == []


def test_only_files_with_such_a_row_are_judged_again(people: Gate) -> None:
    first = people.deliver("people_1.csv", HEADER + "1,,,1О\n")
    people.deliver("people_2.csv", HEADER + "2,,,1О\n")
    third = people.deliver("people_3.csv", HEADER + "3,,,3\n1,,,1О\n")
    people.judge()

    people.decide("repair", row_ids=(f"{first}:2",))
    assert sorted(people.judge()) == sorted([first, third])
    assert people.judge() == []
    people.decisions.clear()

    assert sorted(people.judge()) == sorted([first, third])


def test_an_export_without_repairs_is_read_as_it_was_delivered(people: Gate) -> None:
    people.deliver("people.csv", HEADER + "1,,,1О\n")
    people.judge()
    [(plan,)] = people.all(
        "select sql from duckdb_views() where view_name = 'people' and not internal"
    )

    assert "repairs" not in plan


def test_exact_copies_are_copies_of_what_was_delivered(people: Gate) -> None:
    people.deliver("people.csv", HEADER + "1,,,1О\n1,,,10\n1,,,1О\n")
    people.judge()
    people.decide("repair", rule="letter_for_digit")

    people.judge()

    assert people.held() == {4: "duplicate"}
    assert people.figures() == [(3, 2, 0, 1)]


# -- release and drop ---------------------------------------------------------------


def test_a_released_row_flows_and_its_cell_stays_unread(people: Gate) -> None:
    people.deliver("people_1.csv", HEADER + "1,,soon,5\n")
    people.judge()
    people.decide("release", rule="unparsable_date")
    people.deliver("people_2.csv", HEADER + "2,,soon,6\n1,,soon,7\n1,,later,8\n")

    people.judge()

    assert spent(people) == ["5", "7"]
    assert people.all("select distinct born from crm.people where spent in (5, 7)") == [
        ("soon",)
    ]
    assert judge.unbalanced_files(people.connection) == []


def test_a_dropped_row_stays_out_and_is_no_longer_open(people: Gate) -> None:
    people.deliver("people_1.csv", HEADER + "1,,,x\n")
    people.deliver("people_2.csv", HEADER + "2,,,5\n3,,\n")
    people.judge()
    people.decide("drop", column="spent")
    people.decide("drop", rule="ragged_row")

    people.judge()

    assert {status for *_, status in statuses(people)} == {"dropped"}
    assert spent(people) == ["5"]
    assert sorted(people.figures()) == [(1, 0, 1, 0), (2, 1, 1, 0)]


def test_a_row_with_one_finding_dropped_and_one_mended_stays_out(people: Gate) -> None:
    people.deliver("people.csv", HEADER + "1,,31/12/2000,x\n")
    people.judge()
    people.decide("repair", rule="foreign_date_format")
    people.decide("drop", rule="invalid_number")

    people.judge()

    assert people.held() == {2: "quarantined"}
    assert statuses(people) == [
        (2, "foreign_date_format", "repaired"),
        (2, "invalid_number", "dropped"),
    ]


def test_a_released_warning_is_settled(
    people: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the cell may not be blank: its row flows without it already."""
    people.deliver("people.csv", HEADER + "1,nobody,,5\n")
    must = ("email", "missing", None, "critical")
    monkeypatch.setitem(RULES, "crm.people", [*RULES["crm.people"], must])
    people.judge()
    people.decide("release", rule="invalid_contact")

    people.judge()

    assert statuses(people) == [(2, "invalid_contact", "released")]
    assert people.figures() == [(1, 1, 0, 0)]


def test_a_warning_is_released_beside_a_row_that_cannot_be(
    people: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [
        ("email", "missing", None, "critical"),
        ("email", "invalid_contact", "email_address", "critical"),
        ("email", "homoglyph", "email_address", "warning"),
    ]
    monkeypatch.setitem(RULES, "crm.people", rules)
    file_id = people.deliver("people.csv", HEADER + "1,аnna@mail.ru,,1\n2,nobody,,2\n")
    people.judge()

    choice = people.decide("release", column="email")

    assert [override.subject for override in choice.overrides] == ["id=1"]
    assert list(choice.refused.values()) == [[f"{file_id}:3"]]


def test_a_row_is_released_where_a_blank_cell_is_only_warned_of(
    people: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    warned = ("born", "missing", None, "warning")
    monkeypatch.setitem(RULES, "crm.people", [*RULES["crm.people"], warned])
    people.deliver("people.csv", HEADER + "1,,soon,1\n")
    people.judge()

    assert people.decide("release", rule="unparsable_date").refused == {}


def test_of_a_row_that_is_named_what_is_open_is_decided(people: Gate) -> None:
    file_id = people.deliver("people.csv", HEADER + "1,nobody,soon,1\n")
    people.judge()
    people.decide("release", rule="invalid_contact")
    people.judge()

    choice = people.decide("drop", row_ids=(f"{file_id}:2",))

    assert [override.rule for override in choice.overrides] == ["unparsable_date"]
    assert choice.refused == {}


@pytest.mark.parametrize("kind", [None, "release", "drop"])
def test_a_repaired_address_of_a_row_that_is_not_mended_may_have_opted_out(
    tmp_path: Path, kind: Any
) -> None:
    people = gate_of(tmp_path, replace(PEOPLE, carries_consent=True))
    people.deliver("people.csv", HEADER + "1,nobody,soon,1\n2,nobody,,2\n")
    people.judge()
    people.decide("repair", rule="invalid_contact", text="boris@mail.ru")
    if kind:
        people.decide(kind, rule="unparsable_date")

    people.judge()

    held = people.all("select contact_text from quality.held_contact_texts order by 1")
    assert held == [("boris@mail.ru",), ("nobody",)]
    people.decide("repair", rule="unparsable_date", text="2000-01-01", at="10:00",
                  row_ids=tuple(row for [row] in people.all(
                      "select row_id from quality.quarantine"
                      " where rule = 'unparsable_date'")))  # fmt: skip
    people.judge()
    assert people.all("from quality.held_contact_texts") == []
    people.connection.close()


# -- orders of several rows ---------------------------------------------------------


def test_an_order_follows_the_row_that_held_it(orders: Gate) -> None:
    file_id = orders.deliver("orders.csv", lines("#1,11,a,1", "#1,,b,1О", "#1,,c,1"))
    orders.judge()
    assert orders.figures() == [(3, 0, 3, 0)]
    orders.decide("repair", row_ids=(f"{file_id}:3",))

    orders.judge()

    assert statuses(orders) == [(3, "letter_for_digit", "repaired")]
    assert orders.figures() == [(3, 3, 0, 0)]


def test_an_order_is_dropped_with_its_row_once_no_other_waits(orders: Gate) -> None:
    file_id = orders.deliver("orders.csv", lines("#1,11,a,1", "#1,,b,x", "#1,,c,y"))
    orders.judge()
    orders.decide("drop", row_ids=(f"{file_id}:3",))
    orders.judge()
    assert statuses(orders)[0] == (2, "held_with_its_group", "open")
    assert orders.all("select reason from quality.quarantine where line = 2") == [
        (f"held with row {file_id}:4 of the same group: see there",)
    ]
    orders.decide("drop", row_ids=(f"{file_id}:4",))

    orders.judge()

    assert [status for *_, status in statuses(orders)] == ["dropped"] * 3
    assert orders.figures() == [(3, 0, 3, 0)]


@pytest.mark.parametrize("kind", ["repair", "release", "drop"])
def test_of_a_row_that_waits_for_its_order_the_cause_is_named(
    orders: Gate, kind: Any
) -> None:
    file_id = orders.deliver("orders.csv", lines("#1,11,a,1", "#1,,b,x"))
    orders.judge()

    text = "#2" if kind == "repair" else None
    choice = orders.decide(kind, row_ids=(f"{file_id}:2",), text=text)

    assert choice.overrides == []
    assert choice.refused == {
        f"held with row {file_id}:3 of the same group: see there": [f"{file_id}:2"]
    }


def test_an_order_without_its_first_row_is_dropped_whole_and_again(
    orders: Gate,
) -> None:
    first = orders.deliver("orders_1.csv", lines("#1,,a,1", "#1,,b,1", "#2,12,a,1"))
    orders.judge()
    assert not orders.decide("release", row_ids=(f"{first}:2",)).overrides
    orders.decide("drop", row_ids=(f"{first}:2",))
    orders.deliver("orders_2.csv", lines("#1,,a,1", "#1,,b,2", "#1,,c,3"))

    orders.judge()

    assert {status for *_, status in statuses(orders)} == {"dropped"}
    assert len(statuses(orders)) == 5


def test_of_lines_with_the_same_wrong_text_the_one_that_is_meant_is_repaired(
    orders: Gate,
) -> None:
    first = orders.deliver("orders_1.csv", lines("#1,11,a,x", "#1,,b,x"))
    orders.judge()
    orders.decide("repair", row_ids=(f"{first}:3",), text="20")
    orders.deliver("orders_2.csv", lines("#1,,b,x", "#1,11,a,x", "#1,,c,x"))

    orders.judge()

    prices = orders.all("select sku, price from shop.orders order by _loaded_at, _line")
    assert prices == [("a", "x"), ("b", "20"), ("b", "20"), ("a", "x"), ("c", "x")]


def test_a_decision_on_all_lines_that_say_the_same_survives_a_change_beside(
    orders: Gate,
) -> None:
    first = orders.deliver("orders_1.csv", lines("#1,11,a,1О", "#1,,b,1О"))
    orders.judge()
    orders.decide("repair", row_ids=(f"{first}:2", f"{first}:3"))
    orders.deliver("orders_2.csv", lines("#1,11,A,1О", "#1,,B,1О"))

    orders.judge()

    assert len(orders.decisions) == 1
    assert orders.all("select distinct price from shop.orders") == [("10",)]


def test_where_more_lines_fit_than_were_decided_on_none_is_touched(
    orders: Gate,
) -> None:
    orders.deliver("orders_1.csv", lines("#1,11,a,x", "#1,,b,2"))
    orders.judge()
    orders.decide("repair", rule="invalid_number", text="10")
    second = orders.deliver("orders_2.csv", lines("#1,11,a,x", "#1,,b,2", "#1,,c,x"))

    orders.judge()

    assert orders.all(
        "select line, status from quality.quarantine"
        f" where file_id = '{second}' order by line"
    ) == [(2, "open"), (3, "open"), (4, "open")]


def test_a_later_line_without_the_orders_name_belongs_to_the_order_above(
    orders: Gate,
) -> None:
    orders.deliver("orders_1.csv", lines("#1,11,a,1", ",,b,x", "#2,12,a,1"))
    orders.judge()
    orders.decide("repair", rule="invalid_number", text="10")
    orders.deliver("orders_2.csv", lines("#2,12,a,1", ",,b,x", "#1,11,a,1", ",,c,x"))

    orders.judge()

    prices = orders.all("select sku, price from shop.orders order by _loaded_at, _line")
    assert [price for sku, price in prices if sku in "bc"] == ["10", "x", "10"]


def test_like_lines_of_two_orders_are_told_apart_without_a_key(tmp_path: Path) -> None:
    orders = gate_of(tmp_path, replace(ORDERS, row_key=()))
    file_id = orders.deliver(
        "orders.csv", lines("#1,11,a,1", ",,b,x", "#2,12,a,1", ",,b,x")
    )
    orders.judge()
    orders.decide("repair", row_ids=(f"{file_id}:5",), text="10")

    orders.judge()

    prices = orders.all("select price from shop.orders order by _line")
    assert prices == [("1",), ("x",), ("1",), ("10",)]
    orders.connection.close()


def test_a_first_line_without_a_name_is_of_no_order_above_it(orders: Gate) -> None:
    orders.deliver("orders_1.csv", lines("#1,11,a,1", ",12,b,x"))
    orders.judge()
    orders.decide("repair", rule="invalid_number", text="10")
    orders.deliver("orders_2.csv", lines("#1,11,a,1", ",13,b,x"))

    orders.judge()

    prices = orders.all(
        "select id, price from shop.orders where id <> '11' order by id"
    )
    assert prices == [("12", "10"), ("13", "x")]


# -- what is refused ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "kind", "text", "reason"),
    [
        ("1,,,1О", "repair", "1O", "the new text would still break letter_for_digit"),
        ("1,,,1О", "repair", "ten", "the new text would still break invalid_number"),
        ("1,nobody,,1", "repair", "no@body", "would still break invalid_contact"),
        ("1,nobody,,1", "repair", "аnna@mail.ru", "would still break homoglyph"),
        ("1,,,x", "repair", None, "there is no safe suggestion for it"),
        ("1,,,x", "release", None, "a row without it is held back too"),
        (",,,1", "release", None, "a row without it is held back too"),
        ("1,,", "release", None, "the line fits no record: drop it, or deliver a"),
        ("1,,", "repair", "1", "the line fits no record: drop it, or deliver a"),
        ("1,nobody,,1", "drop", None, "its row flows, and only the cell is left out"),
    ],
)
def test_what_would_not_help_is_refused_with_the_reason(
    people: Gate, row: str, kind: Any, text: str | None, reason: str
) -> None:
    file_id = people.deliver("people.csv", f"{HEADER}{row}\n")
    people.judge()

    choice = people.decide(kind, row_ids=(f"{file_id}:2",), text=text)

    assert choice.overrides == []
    [(said, row_ids)] = choice.refused.items()
    assert reason in said
    assert row_ids == [f"{file_id}:2"]


def test_of_many_the_sound_ones_are_decided_and_the_others_told(people: Gate) -> None:
    file_id = people.deliver(
        "people.csv", HEADER + "1,,,1О\n2,,,x\n3,,,2О\n4,,soon,1\n"
    )
    people.judge()

    choice = people.decide("repair", export="crm.people")

    assert choice.settled == {("crm.people", "letter_for_digit", "spent"): 2}
    assert [override.value for override in choice.overrides] == ["10", "20"]
    assert list(choice.refused.values()) == [[f"{file_id}:3", f"{file_id}:5"]]


def test_one_text_is_not_given_to_cells_that_differ(people: Gate) -> None:
    people.deliver("people.csv", HEADER + "1,,,x\n2,,,y\n3,,,x\n")
    people.judge()

    with pytest.raises(SelectionError, match="these 2 differ"):
        people.decide("repair", rule="invalid_number", text="10")


def test_a_row_without_a_finding_is_named(people: Gate) -> None:
    file_id = people.deliver("people.csv", HEADER + "1,,,1\n")
    people.judge()

    with pytest.raises(SelectionError, match=f"nothing was found in row {file_id}:2"):
        people.decide("drop", row_ids=(f"{file_id}:2",))


def test_the_same_defect_in_several_files_is_one_decision(people: Gate) -> None:
    people.deliver("people_1.csv", HEADER + "1,,,1О\n")
    people.deliver("people_2.csv", HEADER + "2,,,1\n1,,2000-01-01,1О\n")
    people.judge()

    assert len(people.decide("repair", rule="letter_for_digit").overrides) == 1


def test_a_text_that_the_models_would_read_all_the_same_is_not_released(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A currency that is none has the form of one, and the parser gives it."""
    rule = ("currency", "unknown_currency", "parse_currency", "critical")
    monkeypatch.setitem(RULES, "crm.people", [rule])
    columns = ("id", "currency")
    payers = gate_of(tmp_path, replace(PEOPLE, columns=columns, email_columns=()))
    payers.deliver("people.csv", "id,currency\n1,XXX\n2,roubles\n")
    payers.judge()

    choice = payers.decide("release", rule="unknown_currency")

    assert [override.subject for override in choice.overrides] == ["id=2"]
    assert "the models would read its text as it is" in next(iter(choice.refused))
    payers.connection.close()


# -- what is seen -------------------------------------------------------------------


def test_findings_are_counted_by_what_is_asked_for(people: Gate) -> None:
    people.deliver("people_1.csv", HEADER + "1,nobody,,1О\n2,,,2О\n")
    people.deliver("people_2.csv", HEADER + "3,,,x\n")
    people.judge()
    people.decide("repair", row_ids=tuple(
        row for [row] in people.all(
            "select row_id from quality.quarantine where value = '2О'"
        )
    ))  # fmt: skip

    with people.workplace() as connection:
        all_of_them = counted(connection, Selection(), None)
        by_file = counted(connection, Selection(file="people_1*"), "file")
        undecided = counted(connection, Selection(is_undecided=True), "export")

    assert [(each["rule"], each["findings"]) for each in all_of_them] == [
        ("letter_for_digit", 2), ("invalid_contact", 1), ("invalid_number", 1),
    ]  # fmt: skip
    assert by_file == [
        {
            "file_name": "people_1.csv", "findings": 3, "rows": 2, "suggestions": 2,
            "decided": 1,
        }
    ]  # fmt: skip
    assert [each["findings"] for each in undecided] == [3]


def test_a_finding_says_where_it_is_and_what_was_decided(people: Gate) -> None:
    file_id = people.deliver("people.csv", HEADER + "1,,,1О\n")
    people.judge()
    [override] = people.decide("repair", rule="letter_for_digit").overrides
    with people.workplace() as connection:
        [waiting] = found(connection, Selection(row_ids=(f"{file_id}:2",)), 9)
    people.judge()

    with people.workplace() as connection:
        [settled] = found(connection, Selection(), 9)

    assert (waiting.status, waiting.waits_for) == ("open", "repair")
    assert (settled.status, settled.waits_for) == ("repaired", None)
    assert (settled.file_name, settled.line) == ("people.csv", 2)
    assert (settled.delivered, settled.repaired_text) == ("1О", "10")
    assert (settled.override_id, settled.decided_by) == (override.id, "anna")


def test_a_warehouse_that_was_never_judged_says_what_to_do(tmp_path: Path) -> None:
    gate_of(tmp_path, PEOPLE).connection.execute("drop schema quality cascade")

    with (
        pytest.raises(FileNotFoundError, match="run `crm360 run` first"),
        open_workplace(tmp_path / "warehouse.duckdb", []),
    ):
        pass


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ivan.petrov@mail.example.ru", "i***@m***.ru"),
        (" a@b.ru ", "a***@b***.ru"),
        ("+79104277034", "+***"),
        ("two@addresses.ru and more", "t***"),
        ("10", "***"),
        ("", ""),
        (None, None),
    ],
)
def test_a_masked_text_is_recognised_by_who_knows_it(
    text: str | None, shown: str | None
) -> None:
    assert masked(text) == shown


def test_what_a_row_is_about_is_masked_whole() -> None:
    assert masked_subject("email=ivan@mail.ru; name=Ivan") == "email=i***"
    assert masked_subject("id=1042") == "id=1***"
    assert masked_subject(None) is None
