"""Which pairs are compared, and what the gate keeps from being compared."""

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.identity.blocking import (
    RULES,
    Changes,
    Gate,
    Rule,
    create_candidates,
)
from orchestration.lib.identity.features import create_features
from tests.identity.people import Person, add_people, connection_with, rows

BY_PHONE = (Rule("phone", ("phone",)),)
CANDIDATES = "select left_record, right_record from candidates order by all"


def people_with_phones(*phones: str | None) -> list[Person]:
    return [{"phone": phone} for phone in phones]


def test_records_with_a_shared_key_are_a_pair_once() -> None:
    connection = connection_with(
        [
            {"phone": "9104277034", "email": "a@b.ru"},
            {"phone": "9104277034", "email": "a@b.ru"},
            {"phone": None, "email": None},
            {"phone": None, "email": None},
        ]
    )
    create_features(connection, "people")

    create_candidates(connection)

    assert rows(connection, CANDIDATES) == [(1, 2)]


def test_a_block_that_is_too_large_is_dropped_and_the_rule_goes_on() -> None:
    connection = connection_with(
        people_with_phones("9104277034", "9104277034", *["9161234567"] * 5)
    )
    create_features(connection, "people")

    (report,) = create_candidates(
        connection, rules=BY_PHONE, gate=Gate(largest_block=4)
    )

    assert rows(connection, CANDIDATES) == [(1, 2)]
    assert (report.pairs, report.largest_block, report.dropped_blocks) == (1, 5, 1)
    assert not report.is_skipped


def test_a_rule_with_too_many_pairs_is_skipped_before_it_runs() -> None:
    connection = connection_with(people_with_phones(*["9161234567"] * 5))
    create_features(connection, "people")

    (report,) = create_candidates(
        connection, rules=BY_PHONE, gate=Gate(pairs_per_record=1)
    )

    assert report.is_skipped
    assert report.pairs == 10
    assert rows(connection, CANDIDATES) == []


PHONES = st.sampled_from([None, "9104277034", "9161234567"])
PEOPLE = st.lists(
    st.builds(
        lambda name, phone: {"first_name": name, "phone": phone},
        st.sampled_from([None, "anna", "boris"]),
        PHONES,
    ),
    min_size=8,
    max_size=8,
)


@given(before=PEOPLE, after=PEOPLE, changed=st.sets(st.integers(0, 7), max_size=3))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_pairs_of_changed_records_bring_the_candidates_up_to_date(
    before: list[Person], after: list[Person], changed: set[int]
) -> None:
    gate = Gate(largest_block=3)
    now = [after[n] if n in changed else each for n, each in enumerate(before)]
    connection = connection_with(before)
    create_features(connection, "people")
    create_candidates(connection, rules=BY_PHONE, gate=gate)
    had = set(rows(connection, CANDIDATES))
    connection.execute("create table former as from features")
    connection.execute("drop table people")
    add_people(connection, enumerate(now, start=1))
    create_features(connection, "people")
    create_candidates(connection, rules=BY_PHONE, gate=gate)
    expected = set(rows(connection, CANDIDATES))
    connection.execute(
        "create table differing as select record from"
        " (from former except from features) union"
        " select record from (from features except from former)"
    )
    connection.execute(
        "delete from former where record not in (select record from differing)"
    )
    connection.execute("create table paired as from differing")

    create_candidates(
        connection,
        changes=Changes("differing", former="former", paired="paired"),
        rules=BY_PHONE,
        gate=gate,
    )

    made = set(rows(connection, CANDIDATES))
    anew = {record for (record,) in rows(connection, "from paired")}
    assert expected == made | {pair for pair in had if not anew & set(pair)}


def test_links_are_compared_whatever_blocking_says() -> None:
    connection = connection_with(people_with_phones("9104277034", "9161234567"))
    create_features(connection, "people")
    connection.execute(
        "create table links as"
        " select 1 as left_record, 2 as right_record, 'phone' as attribute"
    )

    create_candidates(connection, links="links")

    assert rows(connection, CANDIDATES) == [(1, 2)]


def test_copies_are_compared_with_the_first_however_many_there_are() -> None:
    copy: Person = {"first_name": "Anna", "last_name": "Abel", "phone": "9161234567"}
    connection = connection_with([copy] * 5)
    create_features(connection, "people")

    create_candidates(connection, rules=BY_PHONE, gate=Gate(largest_block=4))

    assert rows(connection, CANDIDATES) == [(1, n) for n in range(2, 6)]


def test_no_rule_is_one_name_alone() -> None:
    for rule in RULES:
        assert set(rule.expressions) - {"first_name", "last_name"}, rule.name
