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
    connection.execute(
        "create table both as select 1 as left_record, 2 as right_record"
    )
    create_compared(connection, IDENTITY_MACROS, NAMES, pairs="both")
    create_scored_pairs(connection, IDENTITY_MACROS, default_model())
    cursor = connection.execute(
        "from scored_pairs inner join compared using (left_record)"
    )
    columns = [column[0] for column in cursor.description or []]
    (found,) = cursor.fetchall()
    return dict(zip(columns, found, strict=True))


@pytest.mark.parametrize(
    ("attribute", "left", "right", "level"),
    [
        ("first_name", {"first_name": "Юлия"}, {"first_name": "Yulia"}, "same"),
        ("first_name", {"first_name": "Саша"}, {"first_name": "Александра"}, "short form"),
        ("first_name", {"first_name": "Bill"}, {"first_name": "William"}, "short form"),
        ("first_name", {"first_name": "J."}, {"first_name": "John"}, "initial"),
        ("first_name", {"first_name": "Micheal"}, {"first_name": "Michael"}, "typo"),
        ("first_name", {"first_name": "Anna"}, {"first_name": "Robert"}, "differs"),
        ("first_name", {"first_name": "Anna"}, {}, None),
        (
            "first_name",
            {"first_name": "Kelly", "last_name": "Grace"},
            {"first_name": "Grace", "last_name": "Kelly"},
            "elsewhere",
        ),
        ("last_name", {"last_name": "Иванова"}, {"last_name": "Ivanova"}, "same"),
        ("last_name", {"last_name": "Allen"}, {"last_name": "Alen"}, "same"),
        ("last_name", {"last_name": "Collyer"}, {"last_name": "Colyar"}, "typo"),
        (
            "last_name",
            {"last_name": "Smith-Jones"},
            {"last_name": "Jones"},
            "elsewhere",
        ),
        ("birth_date", {"birth_date": "1980-03-12"}, {"birth_date": "12.03.1980"}, "same"),
        ("birth_date", {"birth_date": "1980-03-12"}, {"birth_date": "1980"}, "partly"),
        ("birth_date", {"birth_date": "1980-03-12"}, {"birth_date": "1980-12-03"}, "turned"),
        ("birth_date", {"birth_date": "1980-03-12"}, {"birth_date": "1908-03-12"}, "typo"),
        ("birth_date", {"birth_date": "1980-03-12"}, {"birth_date": "1980-03-25"}, "two parts"),
        ("birth_date", {"birth_date": "1980-03-12"}, {"birth_date": "1980-11-25"}, "same year"),
        ("birth_date", {"birth_date": "1980-03-12"}, {"birth_date": "1944-11-25"}, "differs"),
        ("email", {"email": "A@B.ru"}, {"email": "a+shop@b.ru"}, "same"),
        ("email", {"email": "anna16@b.ru"}, {"email": "anna39@b.ru"}, "similar"),
        ("email", {"email": "anna16@b.ru"}, {"email": "anna16@mail.com"}, "same box"),
        ("phone", {"phone": "+7 910 427-70-34"}, {"phone": "8(910)4277034"}, "same"),
        ("phone", {"phone": "+7 777 777-77-77"}, {"phone": "8(777)7777777"}, None),
        ("address", {"address": "7 Wallaby Place"}, {"address": "7, wallabi place"}, "typo"),
        ("address", {"address": "7 Wallaby Place"}, {"address": "9 Wallaby Place"}, "same street"),
        ("city", {"city": "Devon"}, {"city": "West Devon"}, "similar"),
        ("city", {"city": "Москва"}, {"city": "Moskva"}, "same"),
        ("postcode", {"postcode": "TQ13 8DF"}, {"postcode": "tq138df"}, "same"),
        ("postcode", {"postcode": "TQ13 8DF"}, {"postcode": "tq13 8hu"}, "same area"),
        ("occupation", {"occupation": "Painter"}, {"occupation": "painter "}, "same"),
    ],
)  # fmt: skip
def test_a_level_says_how_alike_two_values_are(
    attribute: str, left: Person, right: Person, level: str | None
) -> None:
    assert compared(left, right)[attribute] == level


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
        "create table both as select * from (values (11, 12), (13, 14))"
        " as t(left_record, right_record)"
    )
    create_compared(connection, IDENTITY_MACROS, NAMES, pairs="both")
    create_scored_pairs(connection, IDENTITY_MACROS, default_model())

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
