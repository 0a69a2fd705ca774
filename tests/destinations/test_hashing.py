"""Normalisation and hashing, against the examples that the platforms publish."""

import hashlib
from collections.abc import Mapping

import duckdb
import pytest

from orchestration.lib.activation.destinations.hashing import (
    E164,
    GOOGLE,
    MAILCHIMP_SUBSCRIBER,
    META,
    YANDEX,
    identifiers,
    known_by,
)

#: developers.facebook.com/docs/marketing-api/conversions-api/parameters/
#: customer-information-parameters
META_PARAMETERS = [
    (
        "EMAIL",
        "John_Smith@gmail.com",
        "62a14e44f765419d10fea99367361a727c12365e2520f32218d505ed9aa0f62f",
    ),
    (
        "PHONE",
        "+1 (650)555-1212",
        "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176",
    ),
    (
        "FN",
        "Mary",
        "6915771be1c5aa0c886870b6951b03d7eafc121fea0e80a5ea83beb7c449f4ec",
    ),
    ("FN", "정", "8fa8cd9c440be61d0151429310034083132b35975c4bea67fdd74158eb51db14"),
    (
        "FN",
        "Valéry",
        "08e1996b5dd49e62a4b4c010d44e4345592a863bb9f8e3976219bac29417149c",
    ),
]

#: developers.facebook.com/docs/marketing-api/audiences/guides/custom-audiences
META_AUDIENCES = [
    (
        "EMAIL",
        "mary@example.com",
        "f1904cf1a9d73a55fa5de0ac823c4403ded71afd4c3248d00bdcd0866552bb79",
    ),
    (
        "PHONE",
        "+15559876543",
        "1ef970831d7963307784fa8688e8fce101a15685d62aa765fed23f3a2c576a4e",
    ),
]

#: developers.google.com/data-manager/api/devguides/audiences/send-audience-members
GOOGLE_SAMPLES = [
    (
        "dana@example.com",
        "07e2f1394b0ea80e2adca010ea8318df697001a005ba7452720edda4b0ce57b3",
    ),
    (
        "DanaM@example.com",
        "1df6b43bc68dd38eca94e6a65b4f466ae537b796c81a526918b40ac4a7b906c7",
    ),
]

#: developers.google.com/data-manager/api/devguides/concepts/formatting
GOOGLE_FORMATS = [
    ("email", "cloudy.sanfrancisco+shopping@gmail.com", "cloudysanfrancisco@gmail.com"),
    ("email", "user.name+NYC@Example.com", "user.name+nyc@example.com"),
    ("phone", "+1 (800)555-0100", "+18005550100"),
]

#: yandex.com/support/audience/en/file
YANDEX_FORMATS = [
    ("phone", "+7 (999) 555-11-11", "79995551111"),
    ("email", "Mail@yandex.ru", "mail@yandex.ru"),
]

#: What each rule makes of other values, before it is hashed; None: the identifier is
#: left out.
META_RULES: list[tuple[str, str, str | None]] = [
    ("EMAIL", "  a@b.ru\t", "a@b.ru"),
    ("EMAIL", "no address", None),
    ("FN", " Mary-Ann O'Neil ", "maryannoneil"),
    ("FN", "Юлия", "юлия"),
    ("FN", "Vale\u0301ry", "valéry"),
    ("LN", "-", None),
    ("GEN", "Female", "f"),
    ("GEN", "unknown", None),
    ("CT", "São Paulo", "saopaulo"),
    ("CT", "Москва", None),
    ("ST", "CA", "ca"),
    ("ZIP", "94035-1234", "94035"),
    ("ZIP", "M1 1AE", "m11"),
    ("ZIP", "SW1A 1AA", "sw1a1"),
    ("ZIP", "101 000", "101000"),
    ("COUNTRY", "RU", "ru"),
    ("COUNTRY", "Russia", None),
    ("DOBY", "1997-02-16", "1997"),
    ("DOBM", "1997-02-16", "02"),
    ("DOBD", "1997-02-16", "16"),
    ("DOBY", "16 February", None),
]


def evaluated(expression: str, value: str | None) -> str | None:
    row = duckdb.execute(
        f"select {expression.format(value='given')} from (select ?::varchar as given)",
        [value],
    ).fetchone()
    assert row is not None
    return None if row[0] is None else str(row[0])


def sha256(text: str | None) -> str | None:
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(("field", "value", "digest"), META_PARAMETERS + META_AUDIENCES)
def test_meta_hashes_as_meta_publishes_it(field: str, value: str, digest: str) -> None:
    assert evaluated(META[field], value) == digest


@pytest.mark.parametrize(("field", "value", "normalised"), META_RULES)
def test_meta_is_sent_what_it_can_match_or_nothing(
    field: str, value: str, normalised: str | None
) -> None:
    assert evaluated(META[field], value) == sha256(normalised)


@pytest.mark.parametrize(("value", "digest"), GOOGLE_SAMPLES)
def test_google_hashes_as_google_publishes_it(value: str, digest: str) -> None:
    assert evaluated(GOOGLE["email"], value) == digest


@pytest.mark.parametrize(("field", "value", "normalised"), GOOGLE_FORMATS)
def test_google_formats_as_google_publishes_it(
    field: str, value: str, normalised: str
) -> None:
    """google-ads-java#898: Gmail's dots and tags, and phones without their plus."""
    assert evaluated(GOOGLE[field], value) == sha256(normalised)


@pytest.mark.parametrize(
    ("value", "normalised"),
    [
        (" A . b+c @GoogleMail.com ", "ab@googlemail.com"),
        ("a.b@gmail.com.ru", "a.b@gmail.com.ru"),
        ("+tag@gmail.com", None),
    ],
)
def test_gmail_is_told_from_what_looks_like_it(
    value: str, normalised: str | None
) -> None:
    assert evaluated(GOOGLE["email"], value) == sha256(normalised)


@pytest.mark.parametrize(("field", "value", "normalised"), YANDEX_FORMATS)
def test_yandex_formats_as_yandex_publishes_it(
    field: str, value: str, normalised: str
) -> None:
    assert evaluated(YANDEX[field], value) == sha256(normalised)


def test_mailchimp_knows_a_subscriber_as_mailchimp_publishes_it() -> None:
    """mailchimp.com/developer/marketing/docs/methods-parameters/#path-parameters"""
    assert (
        evaluated(MAILCHIMP_SUBSCRIBER, "Urist.McVankab@freddiesjokes.com")
        == "62eeb292278cc15f5817cb78f7790b08"
    )


@pytest.mark.parametrize(
    "expression", [META["PHONE"], GOOGLE["phone"], YANDEX["phone"], E164]
)
@pytest.mark.parametrize(
    "phone", ["+0000000000", "+123", "89161234567", "+7916123456O", "+1" * 9, "", None]
)
def test_a_bad_phone_is_no_phone(expression: str, phone: str | None) -> None:
    """A peer's whole batch failed because of +0000000000."""
    assert evaluated(expression, phone) is None


@pytest.mark.parametrize("rules", [META, GOOGLE, YANDEX])
def test_what_is_a_hash_is_not_hashed_again(rules: Mapping[str, str]) -> None:
    digest = sha256("anna@mail.ru")
    assert digest is not None

    for expression in rules.values():
        assert evaluated(expression, digest) == digest
        assert evaluated(expression, f" {digest.upper()}") == digest


def test_hashes_are_equal_for_every_spelling_of_a_contact() -> None:
    """Multiwoven's client for Facebook, drt's masking: SHA-256 of the raw value."""
    assert len({evaluated(META["EMAIL"], v) for v in ("A@b.ru", " a@B.RU")}) == 1
    assert len({evaluated(E164, v) for v in ("+79161234567", "+7 916 123-45-67")}) == 1


def test_a_member_is_known_by_their_identifiers_and_taken_apart_again() -> None:
    fields = ("EMAIL", "PHONE", "FN")
    key = known_by(fields)

    def known(**values: str | None) -> str | None:
        names = {name: f"${number}" for number, name in enumerate(fields, start=1)}
        row = duckdb.execute(
            f"select {key.format_map(names)}", [values.get(name) for name in fields]
        ).fetchone()
        assert row is not None
        return row[0]

    assert known() is None
    assert identifiers(known(PHONE="p") or "", fields) == {"PHONE": "p"}
    assert identifiers(known(EMAIL="e", FN="f") or "", fields) == {
        "EMAIL": "e",
        "FN": "f",
    }
