"""The levels of likeness and their weights."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.identity.attributes import ATTRIBUTES
from orchestration.lib.identity.features import COLUMNS, create_features
from orchestration.lib.identity.model import default_model
from orchestration.lib.identity.scoring import (
    IdentityMacros,
    create_compared,
    create_rare_features,
    create_scored_pairs,
    read_sizes,
)
from orchestration.settings import MACROS
from tests.identity.people import Person, connection_with, rows

IDENTITY_MACROS = IdentityMacros(MACROS)
NAMES = [attribute.name for attribute in ATTRIBUTES]


def compared(left: Person, right: Person) -> dict[str, object]:
    """Level by attribute, and `weight`, `is_vetoed` by the default model."""
    connection = connection_with([left, right])
    create_features(connection, "people")
    create_rare_features(connection, NAMES)
    connection.execute("create table two as select 1 as left_record, 2 as right_record")
    create_compared(connection, IDENTITY_MACROS, NAMES, pairs="two")
    create_scored_pairs(
        connection, IDENTITY_MACROS, default_model(), sizes=read_sizes(connection)
    )
    cursor = connection.execute("from scored_pairs join compared using (left_record)")
    columns = [column[0] for column in cursor.description or []]
    (found,) = cursor.fetchall()
    return dict(zip(columns, found, strict=True))


@pytest.mark.parametrize(
    ("attribute", "left", "right", "level"),
    [
        ("first_name", "Юлия", "Yulia", "same"),
        ("first_name", "Саша", "Александра", "short form"),
        ("first_name", "Bill", "William", "short form"),
        ("first_name", "J.", "John", "initial"),
        ("first_name", "Micheal", "Michael", "typo"),
        ("first_name", "Мария", "Дарья", "differs"),
        ("first_name", "Aleksandr", "Александра", "differs"),
        ("first_name", "Johannes", "Johanna", "differs"),
        ("first_name", "Anna", "Robert", "differs"),
        ("first_name", "Anna", None, None),
        ("last_name", "Иванова", "Ivanova", "same"),
        ("last_name", "Allen", "Alen", "same"),
        ("last_name", "Johanson", "Johansen", "typo"),
        ("last_name", "Smith-Jones", "Jones", "elsewhere"),
        ("birth_date", "1980-03-12", "12.03.1980", "same"),
        ("birth_date", "1980-03-12", "1980", "partly"),
        ("birth_date", "1980-03-12", "1980-12-03", "turned"),
        ("birth_date", "1980-03-12", "1908-03-12", "typo"),
        ("birth_date", "1980-03-12", "1980-03-25", "two parts"),
        ("birth_date", "1980-03-12", "1980-11-25", "same year"),
        ("birth_date", "1980-03-12", "1944-11-25", "differs"),
        ("email", "A@B.ru", "a+shop@b.ru", "same"),
        ("email", "anna16@b.ru", "anna39@b.ru", "similar"),
        ("email", "anna16@b.ru", "anna16@mail.com", "same box"),
        ("phone", "+7 910 427-70-34", "8(910)4277034", "same"),
        ("phone", "+7 777 777-77-77", "8(777)7777777", None),
        ("address", "7 Wallaby Place", "7, wallabi place", "typo"),
        ("address", "7 Wallaby Place", "9 Wallaby Place", "same street"),
        ("city", "Devon", "West Devon", "similar"),
        ("city", "Москва", "Moskva", "same"),
        ("postcode", "TQ13 8DF", "tq138df", "same"),
        ("postcode", "TQ13 8DF", "tq13 8hu", "same area"),
        ("occupation", "Painter", "painter ", "same"),
    ],
)
def test_a_level_says_how_alike_two_values_are(
    attribute: str, left: str | None, right: str | None, level: str | None
) -> None:
    assert compared({attribute: left}, {attribute: right})[attribute] == level


def test_names_that_changed_places_are_found_elsewhere() -> None:
    levels = compared(
        {"first_name": "Kelly", "last_name": "Grace"},
        {"first_name": "Grace", "last_name": "Kelly"},
    )

    assert (levels["first_name"], levels["last_name"]) == ("elsewhere", "elsewhere")


VALUES = {
    "first_name": st.sampled_from(
        ["Anna", "Аня", "A.", "Robert", "Kelly Ann", "Grace"]
    ),
    "last_name": st.sampled_from(["Kelly", "Grace", "Keli", "Smith-Jones", "Jones"]),
    "full_name": st.sampled_from(["Grace Kelly", "Kelly, Grace", "Петров Иван Ильич"]),
    "birth_date": st.sampled_from(["1980-03-12", "12.03.1980", "1980", "1980-12-03"]),
    "email": st.sampled_from(["a16@b.ru", "a39@b.ru", "a16@c.com", "anna.k16@b.ru"]),
    "phone": st.sampled_from(["+79104277034", "89104277035", "12345"]),
    "address": st.sampled_from(["7 Wallaby Pl", "9 Wallaby Pl", "7 High St"]),
    "city": st.sampled_from(["Devon", "West Devon", "Leeds"]),
    "postcode": st.sampled_from(["TQ13 8DF", "TQ13 8HU", "2119"]),
    "occupation": st.sampled_from(["painter", "paintre", "judge"]),
}
PEOPLE = st.fixed_dictionaries(
    {column: st.none() | VALUES[column] for column in COLUMNS}
)


@settings(max_examples=40, deadline=None)
@given(PEOPLE, PEOPLE)
def test_it_does_not_matter_which_of_two_records_comes_first(
    left: Person, right: Person
) -> None:
    one, other = compared(left, right), compared(right, left)

    assert one == other


@settings(max_examples=40, deadline=None)
@given(PEOPLE, PEOPLE)
def test_every_level_is_one_of_its_attribute(left: Person, right: Person) -> None:
    levels = compared(left, right)

    for attribute in ATTRIBUTES:
        assert levels[attribute.name] in {None, *attribute.prior}


def test_a_shared_rare_name_weighs_more_than_a_common_one() -> None:
    crowd = [{"last_name": "Smith", "first_name": name} for name in "ABCDEFGHIJ"]
    pairs: list[Person] = [
        {"last_name": "Smith"}, {"last_name": "Smith"},
        {"last_name": "Preindlsberger"}, {"last_name": "Preindlsberger"},
    ]  # fmt: skip
    connection = connection_with([*crowd, *pairs])
    create_features(connection, "people")
    create_rare_features(connection, NAMES)
    connection.execute(
        "create table two as select * from (values (11, 12), (13, 14))"
        " as t(left_record, right_record)"
    )
    create_compared(connection, IDENTITY_MACROS, NAMES, pairs="two")
    create_scored_pairs(
        connection, IDENTITY_MACROS, default_model(), sizes=read_sizes(connection)
    )

    (common,), (rare,) = rows(
        connection, "select weight from scored_pairs order by left_record"
    )

    assert rare > common  # type: ignore[operator]


def test_other_first_names_and_birth_dates_are_vetoed() -> None:
    anna = {"first_name": "Anna", "last_name": "Bauer", "email": "bauer@mail.de"}

    assert compared(anna, {**anna, "first_name": "Robert"})["is_vetoed"]
    assert not compared(anna, {**anna, "first_name": "Ann"})["is_vetoed"]
    assert compared(
        {**anna, "birth_date": "1980-03-12"}, {**anna, "birth_date": "1951-07-30"}
    )["is_vetoed"]
    assert not compared(
        {**anna, "birth_date": "1980-03-12"}, {**anna, "birth_date": "1980-12-03"}
    )["is_vetoed"]
