"""Verdicts of the gate: what flows, what waits and why, and that it all adds up."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing.lander import LedgerRow, data_path, rejects_path
from orchestration.lib.quality import contacts, judge
from orchestration.lib.quality.suites import SuiteError
from orchestration.settings import SEEDS
from tests.unit.gate import COSTS, ORDERS, RULES, Gate, gate_of

#: What a finding says, without what decisions recognise it by.
VERDICTS = (
    "select * exclude (subject, fingerprint, override_id) from quality.quarantine"
)


@pytest.fixture
def costs(tmp_path: Path) -> Iterator[Gate]:
    gate = gate_of(tmp_path, COSTS)
    yield gate
    gate.connection.close()


@pytest.fixture
def orders(tmp_path: Path) -> Iterator[Gate]:
    gate = gate_of(tmp_path, ORDERS)
    yield gate
    gate.connection.close()


# -- rows ---------------------------------------------------------------------------


def test_a_broken_rule_is_in_quarantine_with_reason_and_repair(costs: Gate) -> None:
    file_id = costs.deliver("costs.csv", "day,amount,email\n2026-03-01,1О.5,a\n")

    costs.judge()

    assert costs.all(VERDICTS) == [
        (
            f"{file_id}:2", "ads", "costs", file_id, 2, "letter_for_digit", "critical",
            "amount", "1О.5", "the letter O stands for a zero", "10.5", "open",
        )
    ]  # fmt: skip


def test_no_finding_of_a_very_bad_file_is_lost(costs: Gate) -> None:
    bad_rows = [f"2026-03-01,x{number},\n" for number in range(130_000)]
    costs.deliver("costs.csv", "".join(["day,amount,email\n", *bad_rows]))

    costs.judge()

    assert costs.all("select count(*) from quality.quarantine") == [(130_000,)]


def test_a_critical_finding_holds_its_row_and_a_warning_does_not(costs: Gate) -> None:
    costs.deliver(
        "costs.csv",
        "day,amount,email\n"
        "2026-03-01,1,anna@mail.ru\n"
        "2026-03-01,x,anna@mail.ru\n"
        "15/03/2026,2,test@test.com\n",
    )

    costs.judge()

    assert costs.quarantine() == [
        (3, "invalid_number", "amount", "x"),
        (4, "foreign_date_format", "day", "15/03/2026"),
        (4, "placeholder", "email", "test@test.com"),
    ]
    assert costs.held() == {3: "quarantined"}
    assert costs.figures() == [(3, 2, 1, 0)]


def test_a_row_with_several_findings_is_one_held_row(costs: Gate) -> None:
    costs.deliver("costs.csv", "day,amount,email\n ,x,аnna@mail.ru\n")

    costs.judge()

    assert [rule for _, rule, *_ in costs.quarantine()] == [
        "homoglyph", "invalid_number", "missing",
    ]  # fmt: skip
    assert costs.held() == {2: "quarantined"}
    assert costs.figures() == [(1, 0, 1, 0)]


def test_a_line_that_fits_no_record_is_held_with_its_text(costs: Gate) -> None:
    file_id = costs.deliver("costs.csv", "day,amount,email\n2026-03-01,1\n")

    costs.judge()

    assert costs.all(VERDICTS) == [
        (
            f"{file_id}:2", "ads", "costs", file_id, 2, "ragged_row", "critical", None,
            "2026-03-01,1", "2 fields where the header has 3", None, "open",
        )
    ]  # fmt: skip
    assert costs.held() == {2: "quarantined"}
    assert costs.figures() == [(1, 0, 1, 0)]


def test_a_column_that_was_not_delivered_is_not_judged(costs: Gate) -> None:
    costs.deliver("costs.csv", "day\n2026-03-01\n")

    costs.judge()

    assert costs.quarantine() == []


def test_the_suggested_repair_of_a_contact_is_that_of_its_text(costs: Gate) -> None:
    """A column called `email` was taken for the column of the known addresses."""
    costs.deliver("costs.csv", "day,amount,email\n2026-03-01,1,аnna@mail.ru\n")

    costs.judge()

    assert costs.all("select rule, suggestion from quality.quarantine") == [
        ("homoglyph", "anna@mail.ru")
    ]


def test_a_clean_file_has_no_verdicts_and_adds_up(costs: Gate) -> None:
    costs.deliver("costs.csv", "day,amount,email\n2026-03-01,1,\n2026-03-02,2,\n")

    costs.judge()

    assert (costs.quarantine(), costs.held()) == ([], {})
    assert costs.figures() == [(2, 2, 0, 0)]


# -- exact copies -------------------------------------------------------------------


def test_an_exact_copy_is_dropped_and_its_first_row_flows(costs: Gate) -> None:
    text = "day,amount,email\n1,1,\n2,2,\n1,1,\n1,1,\n1,1.0,\n"
    file_id = costs.deliver("costs.csv", text)

    costs.judge()

    assert costs.all("from quality.duplicates order by line") == [
        ("ads", "costs", file_id, 4, 2, True),
        ("ads", "costs", file_id, 5, 2, True),
    ]
    assert costs.held() == {4: "duplicate", 5: "duplicate"}
    assert costs.figures() == [(5, 3, 0, 2)]


def test_nothing_of_a_dropped_copy_is_in_quarantine(costs: Gate) -> None:
    costs.deliver("costs.csv", "day,amount,email\n1,x,\n1,x,\n")

    costs.judge()

    assert costs.quarantine() == [(2, "invalid_number", "amount", "x")]
    assert costs.held() == {2: "quarantined", 3: "duplicate"}
    assert costs.figures() == [(2, 0, 1, 1)]


def test_where_copies_are_second_facts_they_flow_and_are_judged(tmp_path: Path) -> None:
    costs = gate_of(tmp_path, replace(COSTS, duplicates="keep"))
    file_id = costs.deliver("costs.csv", "day,amount,email\n1,1,\n1,1,\n1,x,\n1,x,\n")

    costs.judge()

    assert costs.all("from quality.duplicates order by line") == [
        ("ads", "costs", file_id, 3, 2, False),
        ("ads", "costs", file_id, 5, 4, False),
    ]
    assert [line for line, *_ in costs.quarantine()] == [4, 5]
    assert costs.held() == {4: "quarantined", 5: "quarantined"}
    assert costs.figures() == [(4, 1, 1, 2)]
    assert judge.unbalanced_files(costs.connection) == []


def test_a_row_that_comes_again_in_another_file_is_no_copy(costs: Gate) -> None:
    first = costs.deliver("costs_a.csv", "day,amount,email\n1,1,\n1,1,\n3,3,\n")
    second = costs.deliver("costs_b.csv", "day,amount,email\n3,3,\n1,1,\n1,1,\n")

    costs.judge()

    copies = costs.all("select file_id, line, first_line from quality.duplicates")
    assert sorted(copies) == sorted([(first, 3, 2), (second, 4, 3)])


def test_rows_that_differ_in_a_column_beyond_the_contract_are_no_copies(
    costs: Gate,
) -> None:
    costs.deliver("costs.csv", "day,amount,email,note\n1,1,,a\n1,1,,b\n1,1,,a\n")

    costs.judge()

    assert [line for [line] in costs.all("select line from quality.duplicates")] == [4]


def test_a_like_row_of_another_order_is_no_copy(tmp_path: Path) -> None:
    """Where only the first row of an order names it, the like lines of all later
    orders were dropped."""
    orders = gate_of(tmp_path, ORDERS)
    orders.deliver(
        "orders.csv", lines("#1,11,a,1", ",,b,1", "#2,12,a,1", ",,b,1", ",,b,1")
    )

    orders.judge()

    assert orders.all("select line, first_line from quality.duplicates") == [(6, 5)]
    orders.connection.close()


# -- whole orders -------------------------------------------------------------------


def lines(*rows: str) -> str:
    """An orders file of these rows."""
    return "\n".join(["name,id,sku,price", *rows, ""])


def test_an_order_with_one_bad_line_is_held_whole(orders: Gate) -> None:
    orders.deliver(
        "orders.csv",
        lines("#1,11,a,1", "#1,,b,x", "#1,,c,1", "#2,12,a,1", "#2,,b,1"),
    )

    orders.judge()

    assert orders.quarantine() == [
        (2, "held_with_its_group", "name", "#1"),
        (3, "invalid_number", "price", "x"),
        (4, "held_with_its_group", "name", "#1"),
    ]
    assert orders.held() == dict.fromkeys([2, 3, 4], "quarantined")
    assert orders.figures() == [(5, 2, 3, 0)]


def test_an_order_named_on_its_first_row_only_is_held_whole(orders: Gate) -> None:
    orders.deliver(
        "orders.csv", lines("#1,11,a,1", ",,b,1", ",,c,x", "#2,12,a,1", ",,b,1")
    )

    orders.judge()

    assert orders.held() == dict.fromkeys([2, 3, 4], "quarantined")


def test_an_order_whose_rows_lie_apart_is_held_whole(orders: Gate) -> None:
    orders.deliver("orders.csv", lines("#1,11,a,1", "#2,12,a,1", "#1,,b,x"))

    orders.judge()

    assert orders.held() == dict.fromkeys([2, 4], "quarantined")


def test_an_order_without_its_first_row_is_held_whole(orders: Gate) -> None:
    orders.deliver("orders.csv", lines("#1,,a,1", "#1,,b,1", "#2,12,a,1"))

    orders.judge()

    assert orders.quarantine() == [
        (2, "group_without_header", "name", "#1"),
        (3, "group_without_header", "name", "#1"),
    ]
    assert orders.held() == dict.fromkeys([2, 3], "quarantined")


def test_an_order_with_a_line_that_fits_no_record_is_held_whole(orders: Gate) -> None:
    orders.deliver("orders.csv", lines("#1,11,a,1", "#1,,b", "#1,,c,1", "#2,12,a,1"))

    orders.judge()

    assert orders.quarantine() == [
        (2, "held_with_its_group", "name", "#1"),
        (3, "ragged_row", None, "#1,,b"),
        (4, "held_with_its_group", "name", "#1"),
    ]
    assert orders.figures() == [(4, 1, 3, 0)]


def test_the_order_above_a_line_that_fits_no_record_is_held_too(orders: Gate) -> None:
    orders.deliver(
        "orders.csv",
        lines("#0,10,a,1", "#1,11,a,1", "#2,12,a", "#2,,b,1", "#3,13,a,1"),
    )

    orders.judge()

    assert orders.quarantine() == [
        (3, "held_with_its_group", "name", "#1"),
        (4, "ragged_row", None, "#2,12,a"),
        (5, "group_without_header", "name", "#2"),
    ]
    assert orders.held() == dict.fromkeys([3, 4, 5], "quarantined")


def test_a_line_that_fits_no_record_above_all_orders_holds_none(orders: Gate) -> None:
    orders.deliver("orders.csv", lines("#1,11,a", "#2,12,a,1"))

    orders.judge()

    assert orders.held() == {2: "quarantined"}


def test_a_copy_dropped_from_a_held_order_stays_a_copy(orders: Gate) -> None:
    orders.deliver("orders.csv", lines("#1,11,a,1", "#1,,b,x", "#1,,b,x", "#1,11,a,1"))

    orders.judge()

    assert [line for line, *_ in orders.quarantine()] == [2, 3]
    assert orders.held() == {
        2: "quarantined", 3: "quarantined", 4: "duplicate", 5: "duplicate",
    }  # fmt: skip
    assert orders.figures() == [(4, 0, 2, 2)]


def test_orders_of_the_same_name_in_two_files_are_two(orders: Gate) -> None:
    orders.deliver("orders_a.csv", lines("#1,11,a,1", "#1,,b,x"))
    second = orders.deliver("orders_b.csv", lines("#1,11,a,1", "#1,,b,2"))

    orders.judge()

    assert orders.all(
        f"select count(*) from quality.held_rows where _file_id = '{second}'"
    ) == [(0,)]


# -- the balance --------------------------------------------------------------------

ORDER_ROWS = st.builds(
    lambda name, number, sku, price: f"{name},{number},{sku},{price}",
    st.sampled_from(["#1", "#2", "#3", "#3", ""]),
    st.sampled_from(["", "", "11"]),
    st.sampled_from("ab"),
    st.sampled_from(["1", "1", "1", "x", "1О"]),
)
ORDER_LINES = st.one_of(
    ORDER_ROWS,
    ORDER_ROWS,
    ORDER_ROWS,
    st.sampled_from(["#1,11", '#2,"11,a,1', "", '#1,,"a\nb",1', "a,b,c,d,e"]),
)


@settings(max_examples=20, deadline=None)
@given(files=st.lists(st.lists(ORDER_LINES, max_size=12), min_size=1, max_size=2))
def test_every_delivered_row_is_accepted_or_waits_or_is_a_copy_and_orders_are_whole(
    tmp_path_factory: pytest.TempPathFactory, files: Sequence[list[str]]
) -> None:
    gate = gate_of(tmp_path_factory.mktemp("orders"), ORDERS)
    for number, rows in enumerate(files):
        gate.deliver(f"orders_{number}.csv", lines(f"#0,10,a,{number}", *rows))

    gate.judge()

    assert judge.unbalanced_files(gate.connection) == []
    assert len(gate.figures()) == len(files)
    rejected = sum(row.rows_rejected for row in gate.landed)
    assert gate.all("select count(*) from shop.orders") == [
        (sum(row.rows_delivered for row in gate.landed) - rejected,)
    ]
    split = gate.all(
        """
        with placed as (
            select
                orders.*,
                last_value(name ignore nulls) over (
                    partition by orders._file_id order by orders._line
                ) as order_name,
                held_rows.verdict
            from shop.orders
            left join quality.held_rows
                on held_rows._file_id = orders._file_id
                and held_rows._line = orders._line
        )
        select order_name
        from placed
        where verdict is distinct from 'duplicate'
        group by _file_id, order_name
        having count(verdict) not in (0, count(*))
            or (count(verdict) = 0 and not bool_or(id is not null))
        """
    )
    assert split == []
    gate.connection.close()


def lose_a_row(gate: Gate, file: LedgerRow) -> None:
    """Rewrite a landed file without its last row."""
    path = data_path(gate.folder / "raw", file)
    table = parquet.read_table(path)
    parquet.write_table(table.slice(0, table.num_rows - 1), path)


def double_a_row(gate: Gate, file: LedgerRow) -> None:
    """Rewrite a landed file with its first row twice."""
    path = data_path(gate.folder / "raw", file)
    table = parquet.read_table(path)
    parquet.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)


def forget_a_reject(gate: Gate, file: LedgerRow) -> None:
    """Delete the verdict on a line that fits no record."""
    gate.connection.execute("delete from quality.quarantine where rule = 'ragged_row'")


@pytest.mark.parametrize("harm", [lose_a_row, double_a_row, forget_a_reject])
def test_a_row_that_is_lost_or_doubled_after_landing_is_noticed(
    costs: Gate, harm: Any
) -> None:
    costs.deliver("costs_a.csv", "day,amount,email\n1,1,\n2,x,\n3\n4,4,\n")
    costs.deliver("costs_b.csv", "day,amount,email\n1,1,\n")
    costs.judge()
    assert judge.unbalanced_files(costs.connection) == []

    harm(costs, costs.landed[0])
    judge.reconcile(costs.connection, [costs.export])

    assert judge.unbalanced_files(costs.connection) == [
        f"ads.costs {costs.landed[0].file_id}"
    ]


def test_a_file_that_the_ledger_does_not_know_is_noticed(costs: Gate) -> None:
    file_id = costs.deliver("costs.csv", "day,amount,email\n1,1,\n")
    costs.judge()
    costs.connection.execute("delete from ops.file_ledger")

    judge.reconcile(costs.connection, [costs.export])

    assert judge.unbalanced_files(costs.connection) == [f"ads.costs {file_id}"]


def test_reconciling_without_exports_leaves_empty_tables(costs: Gate) -> None:
    judge.reconcile(costs.connection, [])

    assert costs.figures() == []
    assert costs.held() == {}


# -- judging again ------------------------------------------------------------------


def test_a_file_is_judged_once_under_the_same_rules(costs: Gate) -> None:
    first = costs.deliver("costs_a.csv", "day,amount,email\n1,x,\n")
    assert costs.judge() == [first]
    costs.connection.execute("update quality.quarantine set status = 'released'")

    second = costs.deliver("costs_b.csv", "day,amount,email\n2,y,\n")

    assert costs.judge() == [second]
    assert costs.judge() == []
    assert costs.all("select value, status from quality.quarantine order by value") == [
        ("x", "released"),
        ("y", "open"),
    ]


def test_other_rules_replace_the_verdicts(
    costs: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_id = costs.deliver("costs.csv", "day,amount,email\n1,x,\n1,x,\n2\n")
    costs.judge()
    before = costs.quarantine()
    assert len(before) == 2

    assert costs.judge("2") == [file_id]
    assert costs.quarantine() == before
    monkeypatch.setitem(RULES, "ads.costs", [("day", "missing", None, "critical")])
    assert costs.judge("3") == [file_id]

    assert [rule for _, rule, *_ in costs.quarantine()] == ["ragged_row"]
    assert costs.all("select count(*) from quality.duplicates") == [(1,)]
    assert costs.all("select rules_version from quality.judged_files") == [("3",)]
    assert costs.judge("3") == []


def test_a_judgement_that_fails_leaves_the_verdicts_as_they_were(
    costs: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    costs.deliver("costs.csv", "day,amount,email\n1,x,\n")
    costs.judge()
    before = costs.quarantine()
    without_parser = ("amount", "invalid_number", None, "critical")
    monkeypatch.setitem(RULES, "ads.costs", [without_parser])

    with pytest.raises(SuiteError):
        costs.judge("2")

    assert costs.quarantine() == before
    assert costs.all("select rules_version from quality.judged_files") == [("1",)]


def test_verdicts_on_one_export_leave_those_on_another(tmp_path: Path) -> None:
    costs = gate_of(tmp_path, COSTS)
    costs.deliver("costs.csv", "day,amount,email\n1,x,\n")
    costs.judge()
    orders = Gate(tmp_path, costs.connection, ORDERS)
    orders.deliver("orders.csv", lines("#1,11,a,x"))

    orders.judge()
    judge.reconcile(costs.connection, [costs.export, orders.export])

    assert [value for *_, value in costs.quarantine()].count("x") == 2
    assert sorted(costs.figures()) == [(1, 0, 1, 0), (1, 0, 1, 0)]
    costs.connection.close()


def test_rows_judged_leave_out_dropped_copies_alone(costs: Gate) -> None:
    costs.deliver("costs.csv", "day,amount,email\n1,x,\n1,x,\n2,2,\n")
    costs.judge()

    judged = costs.all(f"select _line from ({costs.export.judged_rows}) order by all")

    assert judged == [(2,), (4,)]


# -- addresses that may have opted out ----------------------------------------------


def test_addresses_of_rows_that_nobody_mended_are_held_where_rows_can_withdraw_consent(
    tmp_path: Path,
) -> None:
    texts = "select contact_text from quality.held_contact_texts order by 1"
    delivered = (
        "day,amount,email\n2026-03-01,1O,Held@Mail.ru\n2026-03-02,5,flows@mail.ru\n"
        "ragged,Torn@Mail.ru\n"
    )
    for carries_consent, held in (
        (True, [("Held@Mail.ru",), ("Torn@Mail.ru",)]),
        (False, []),
    ):
        folder = tmp_path / str(carries_consent)
        folder.mkdir()
        gate = gate_of(folder, replace(COSTS, carries_consent=carries_consent))
        gate.deliver("costs.csv", delivered)
        gate.judge()

        assert gate.all(texts) == held
        gate.connection.execute("update quality.quarantine set status = 'dropped'")
        judge.reconcile(gate.connection, [gate.export])
        assert gate.all(texts) == held, "a dropped row was not read either"
        gate.connection.execute(
            "update quality.quarantine set status = 'repaired'"
            " where rule <> 'ragged_row'"
        )
        judge.reconcile(gate.connection, [gate.export])
        assert gate.all(texts) == held[1:]
        gate.connection.close()


def test_numbers_in_lines_that_fit_no_record_are_held_where_rows_can_withdraw_consent(
    tmp_path: Path,
) -> None:
    texts = "select contact_text from quality.held_phone_texts order by 1"
    delivered = (
        "day,amount,email\n2026-03-01,5,8 905 000-00-01\n"
        "ragged,8 (905) 000-00-05\nragged;+79O5OOOOOO6;2026-03-14 09:14\n"
    )
    contract = replace(COSTS, carries_consent=True, phone_columns=("email",))
    for carries_consent in (True, False):
        folder = tmp_path / str(carries_consent)
        folder.mkdir()
        gate = gate_of(folder, replace(contract, carries_consent=carries_consent))
        gate.deliver("costs.csv", delivered)
        gate.judge()
        paths = [rejects_path(folder / "raw", row) for row in gate.landed]
        contacts.classify(
            gate.connection,
            contacts.ContactClassifier(SEEDS, "RU"),
            rows=judge.numbers_in_rejects(paths),
            email_columns=(),
            phone_columns=("contact_text",),
        )

        held = gate.all(
            "select coalesce(phone, suggestion) from quality.held_phone_texts"
            " inner join quality.phone_numbers using (contact_text)"
            " where coalesce(phone, suggestion) is not null order by 1"
        )
        assert held == [("+79050000005",), ("+79050000006",)] * carries_consent
        assert bool(gate.all(texts)) == carries_consent
        gate.connection.close()
