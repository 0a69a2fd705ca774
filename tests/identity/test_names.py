"""One key for the spellings of a name, and the parts of a name."""

import pytest

from orchestration.lib.identity.names import (
    full_forms,
    name_key,
    parse_first,
    parse_full,
    parse_last,
)


@pytest.mark.parametrize(
    "spellings",
    [
        "Щербаков Shcherbakov Scherbakov Ščerbakov ЩЕРБАКОВ",
        "Юлия Yulia Julia Iuliia Yuliya",
        "Фёдор Федор Fyodor Fedor Fjodor",
        "Алексей Alexey Aleksei Alexei Aleksej",
        "Дмитрий Dmitriy Dmitry Dmitri",
        "Наталья Наталия Natalia Natalya Natal'ya",
        "Ксения Kseniya Xenia",
        "Евгений Evgeny Yevgeniy",
        "Mueller Müller",
    ],
)
def test_spellings_of_a_name_have_one_key(spellings: str) -> None:
    assert len({name_key(spelling) for spelling in spellings.split()}) == 1


def test_different_names_have_different_keys() -> None:
    names = [
        "Анна",
        "Мария",
        "Иван",
        "Пётр",
        "Павел",
        "Ирина",
        "Марина",
        "Jane",
        "John",
        "Mark",
        "Smith",
        "Schmidt",
    ]

    assert len({name_key(name) for name in names}) == len(names)


def test_a_text_without_letters_has_no_key() -> None:
    assert name_key("-42") == ""


@pytest.mark.parametrize(
    ("short", "full"),
    [("Саша", "Александр"), ("Sasha", "Александра"), ("Bill", "William"),
     ("Катя", "Ekaterina"), ("Fritz", "Friedrich")],
)  # fmt: skip
def test_a_short_form_leads_to_its_full_names(short: str, full: str) -> None:
    assert name_key(full) in full_forms()[name_key(short)]


@pytest.mark.parametrize(
    ("text", "first", "last", "middle"),
    [
        ("Ivan Petrov", "ivan", "petrov", None),
        ("Petrov, Ivan", "ivan", "petrov", None),
        ("Петров Иван Сергеевич", "ivan", "petrov", "sergevich"),
        ("Иван Сергеевич Петров", "ivan", "petrov", "sergevich"),
        ("Роман Абрамович", "roman", "abramovich", None),
        ("Абрамович Роман", "abramovich", "roman", None),
        ("Мария Ивановна", "maria", None, "ivanovna"),
        ("Dr. J. R. Smith jr.", "i", "smit", "r"),
        ("Sir John Smith, 2nd Baronet", "iohn", "smit", None),
        ("Ludwig van Beethoven", "ludvig", "betoven", None),
        ("smyth", "smit", None, None),
        ("Sir", "sir", None, None),
    ],
)
def test_a_full_name_is_taken_apart(
    text: str, first: str | None, last: str | None, middle: str | None
) -> None:
    name = parse_full(text)

    assert (name.first, name.last, name.middle) == (first, last, middle)


def test_a_patronymic_in_a_column_of_first_names_is_no_first_name() -> None:
    name = parse_first("Иван Петрович")

    assert (name.first, name.middle) == ("ivan", "petrovich")


def test_parts_of_a_double_surname_are_known_apart() -> None:
    name = parse_last("Smith-Jones")

    assert (name.last, name.parts) == ("smitiones", ("iones", "smit"))
