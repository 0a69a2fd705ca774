"""E-mail addresses and telephone numbers: a value, or the rule that says why not."""

from collections.abc import Callable, Iterator, Sequence

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestration.lib.quality import contacts
from orchestration.lib.quality.contacts import ContactClassifier, Verdict
from orchestration.settings import PROJECT

SEEDS = PROJECT / "seeds"
RUSSIA = ContactClassifier(SEEDS, "RU")


@pytest.fixture(scope="module")
def warehouse() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def classified(
    connection: duckdb.DuckDBPyConnection,
    classifier: ContactClassifier,
    *,
    emails: Sequence[str | None] = (),
    phones: Sequence[str | None] = (),
    version: str | None = None,
) -> tuple[dict[str, Verdict], dict[str, Verdict]]:
    """Classify texts as a run does; all verdicts, of addresses and of numbers."""
    if version is None:
        connection.execute("drop schema if exists quality cascade")
    contacts.create_tables(connection, version or "1")
    connection.execute("create or replace temp table delivered (e varchar, p varchar)")
    connection.executemany(
        "insert into delivered values (?, ?)",
        [
            *([text, None] for text in emails),
            *([None, text] for text in phones),
            [None] * 2,
        ],
    )
    contacts.classify(
        connection,
        classifier,
        rows="delivered",
        email_columns=["e"] if emails else [],
        phone_columns=["p"] if phones else [],
    )
    found = [
        {
            text: Verdict(*verdict)
            for text, *verdict in connection.execute(f"from quality.{table}").fetchall()
        }
        for table in ("email_addresses", "phone_numbers")
    ]
    return found[0], found[1]


# -- properties: one verdict, whichever way --------------------------------------------

LOCAL_PARTS = st.one_of(
    st.sampled_from(["anna", "a.b", "test", "x" * 64, "x" * 65, "ann\u0430", "анна"]),
    st.text("aB1._+-' ", min_size=1, max_size=8),
)
LABELS = st.one_of(
    st.sampled_from(["mail", "b" * 63, "b" * 64, "xn--80a1acny", "xn--q", "почта"]),
    st.text("aB1-", min_size=1, max_size=6),
)
ENDINGS = st.sampled_from(
    ["ru", "RU", "com", "c", "x1", "test", "local", "invalid", "arpa", "рф", "p" * 25]
)
DOMAINS = st.one_of(
    st.builds(
        lambda labels, ending: ".".join([*labels, ending]),
        st.lists(LABELS, min_size=0, max_size=3),
        ENDINGS,
    ),
    st.sampled_from(sorted(RUSSIA.domain_typos)),
    st.sampled_from(["gmail.com", "mail.ru", "m\u0430il.ru", "b." * 60 + "ru"]),
)
SPACES = st.sampled_from(["", "", "", " ", "\t", "\u00a0", "<"])
EMAILS = st.one_of(
    st.builds(
        lambda before, local, domain, after: f"{before}{local}@{domain}{after}",
        SPACES,
        LOCAL_PARTS,
        DOMAINS,
        SPACES,
    ),
    st.sampled_from(sorted(RUSSIA.placeholder_emails)).map(str.title),
    st.text("a@. \x00ж", max_size=8),
)


@st.composite
def spaced_numbers(draw: st.DrawFn) -> str:
    """A number with a prefix and punctuation, many of them Russian."""
    prefix = draw(
        st.sampled_from(
            ["+7", "7", "8", "+8", "'+7", "007", "+49", "49", "+1", "", "0"]
        )
    )
    digits = draw(
        st.one_of(
            st.text("0123456789", min_size=9, max_size=11).map(lambda text: "9" + text),
            st.text("90", min_size=10, max_size=10),
            st.sampled_from([text[1:] for text in sorted(RUSSIA.placeholder_phones)]),
            st.integers(0, 9).map(lambda digit: "9" + str(digit) * 9),
        )
    )
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(digits)))
        digits = digits[:at] + draw(st.sampled_from(list(" -()О0.+\t"))) + digits[at:]
    return prefix + digits


PHONES = st.one_of(
    spaced_numbers(),
    st.sampled_from(sorted(RUSSIA.placeholder_phones)),
    st.text("0123456789+-() 'OО８x#", max_size=16),
)


#: Texts as plain as can be that the library or the seeds know better.
TRICKY_EMAILS = [
    "anna@shop.test", "anna@a.invalid", "anna@printer.local", "anna@in-addr.arpa",
    "anna@ma--il.ru", "anna@xn--q.ru", f"anna@{'b' * 64}.ru", f"anna@{'b.' * 126}ru",
    f"{'x' * 65}@mail.ru", "Test@Test.com", "anna@Gmial.com", "anna@mail.ru",
]  # fmt: skip
TRICKY_PHONES = [
    "+7 912 345-67-89", "8 912 345-67-89", "89123456789", "+79999999999",
    "8 (999) 999-99-99", "7 933 333-33-33", "89161234567", "9161234567",
    "'79161234567", "+89161234567",
]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(EMAILS, min_size=1, max_size=30))
@example(texts=TRICKY_EMAILS)
def test_plain_addresses_judged_in_sql_get_the_verdict_of_the_library(
    warehouse: duckdb.DuckDBPyConnection, texts: list[str]
) -> None:
    found, _ = classified(warehouse, RUSSIA, emails=texts)

    assert found == {text: RUSSIA.email(text) for text in texts}
    assert all(
        (each.value is None) == (each.rule is not None) for each in found.values()
    )


@settings(max_examples=40, deadline=None)
@given(
    texts=st.lists(PHONES, min_size=1, max_size=30),
    region=st.sampled_from(["RU", "RU", "DE", "US"]),
)
@example(texts=TRICKY_PHONES, region="RU")
@example(texts=TRICKY_PHONES, region="DE")
def test_plain_numbers_judged_in_sql_get_the_verdict_of_the_library(
    warehouse: duckdb.DuckDBPyConnection, texts: list[str], region: str
) -> None:
    classifier = ContactClassifier(SEEDS, region)

    _, found = classified(warehouse, classifier, phones=texts)

    assert found == {text: classifier.phone(text) for text in texts}
    assert all(
        (each.value is None) == (each.rule is not None) for each in found.values()
    )


@given(
    text=st.one_of(st.text(max_size=40), EMAILS, PHONES, st.just("9" * 100_000)),
)
def test_any_text_gets_either_a_value_or_a_rule(text: str) -> None:
    for verdict in (RUSSIA.email(text), RUSSIA.phone(text)):
        assert (verdict.value is None) == (verdict.rule is not None)
        assert verdict.value is None or verdict.suggestion is None


@given(text=EMAILS)
def test_a_suggested_address_is_a_valid_one(text: str) -> None:
    suggestion = RUSSIA.email(text).suggestion

    assert suggestion is None or RUSSIA.email(suggestion) == Verdict(suggestion)


# -- addresses ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "email"),
    [
        ("Anna.Ivanova@Mail.RU", "anna.ivanova@mail.ru"),
        ("  anna@mail.ru ", "anna@mail.ru"),
        ("<anna@mail.ru>", "anna@mail.ru"),
        ("anna+shop@sub.mail.co.uk", "anna+shop@sub.mail.co.uk"),
        ("anna@почта.рф", "anna@xn--80a1acny.xn--p1ai"),
        ("anna@XN--80A1ACNY.xn--p1ai", "anna@xn--80a1acny.xn--p1ai"),
        ("анна@почта.рф", "анна@почта.рф"),
        ("anna@example.com", "anna@example.com"),
    ],
)
def test_an_address_is_kept_in_lower_case_with_an_ascii_domain(
    text: str, email: str
) -> None:
    assert RUSSIA.email(text) == Verdict(email)


@pytest.mark.parametrize(
    "text",
    [
        "anna", "@mail.ru", "anna@", "anna@mail", "anna@@mail.ru", "anna@mail..ru",
        "an na@mail.ru", "anna.@mail.ru", "anna@-mail.ru", "anna@ma--il.ru",
        "anna@shop.test", "anna@printer.local", "+79161234567", "-", "",
        f"{'x' * 250}@mail.ru", f"anna@{'x' * 64}.ru", "anna@[127.0.0.1]",
    ],
)  # fmt: skip
def test_what_nobody_could_be_written_to_is_no_address(text: str) -> None:
    assert RUSSIA.email(text) == Verdict(None, "invalid_contact")


@pytest.mark.parametrize("text", ["test@test.com", "NoReply@Example.com", " a@a.ru"])
def test_a_placeholder_is_nobody_s_address(text: str) -> None:
    assert RUSSIA.email(text) == Verdict(None, "placeholder")


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("Anna@gmial.com", "anna@gmail.com"),
        ("anna@yandx.ru", "anna@yandex.ru"),
        ("an na@gmial.com", None),
        ("test@gmial.com", None),
    ],
)
def test_a_misspelt_provider_is_repaired_where_the_rest_is_an_address(
    text: str, suggestion: str | None
) -> None:
    assert RUSSIA.email(text) == Verdict(None, "email_domain_typo", suggestion)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("аnna@mail.ru", "anna@mail.ru"),
        ("anna@mаil.ru", "anna@mail.ru"),
        ("АNNA@MAIL.RU", "anna@mail.ru"),
        ("сера@mail.ru", "cepa@mail.ru"),
        ("аnna", None),
    ],
)
def test_a_cyrillic_look_alike_is_suggested_as_its_latin_twin(
    text: str, suggestion: str | None
) -> None:
    assert not text.isascii()
    assert RUSSIA.email(text) == Verdict(None, "homoglyph", suggestion)


def test_a_cyrillic_name_without_a_latin_twin_is_an_address() -> None:
    assert RUSSIA.email("женя@mail.ru") == Verdict("женя@mail.ru")


# -- numbers ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "+79161234567", "79161234567", "89161234567", "9161234567",
        "+7 916 123-45-67", "8 (916) 123-45-67", "'+79161234567", " 8-916-123-45-67 ",
        "007 916 123-45-67", "00 7 (916) 1234567", "810 7 916 123 45 67",
        "８９１６１２３４５６７",
    ],
)  # fmt: skip
def test_a_russian_number_is_one_number_however_it_is_spelt(text: str) -> None:
    assert RUSSIA.phone(text) == Verdict("+79161234567")


@pytest.mark.parametrize(
    ("text", "region", "phone"),
    [
        ("+49 30 1234567", "RU", "+49301234567"),
        ("0049 30 1234567", "RU", "+49301234567"),
        ("49 1512 3456789", "RU", "+4915123456789"),
        ("030 1234567", "DE", "+49301234567"),
        ("0049 30 1234567", "DE", "+49301234567"),
        ("+1 (212) 736-5000", "RU", "+12127365000"),
        ("1-212-736-5000", "RU", "+12127365000"),
        ("(212) 736-5000", "US", "+12127365000"),
        ("12127365000", "US", "+12127365000"),
        ("+7 916 123-45-67", "DE", "+79161234567"),
        ("+375 29 123 45 67", "RU", "+375291234567"),
        ("8 (495) 123-45-67", "RU", "+74951234567"),
    ],
)
def test_a_number_of_another_country_needs_its_country(
    text: str, region: str, phone: str
) -> None:
    assert ContactClassifier(SEEDS, region).phone(text) == Verdict(phone)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("+7 9О5 123-45-67", "+79051234567"),  # TV-6: a Cyrillic letter
        ("+7 9O5 123-45-67", "+79051234567"),
        ("8 (9о5) 123-45-67", "+79051234567"),
        ("+4930123456O", "+49301234560"),
    ],
)
def test_an_o_for_a_zero_is_suggested_as_a_zero(text: str, suggestion: str) -> None:
    assert RUSSIA.phone(text) == Verdict(None, "letter_for_digit", suggestion)


@pytest.mark.parametrize(
    "text",
    ["0000000000", "+7 (999) 999-99-99", "1111111111", "8 800 000-00-00", "1234567890"],
)
def test_a_number_typed_to_get_past_a_form_is_a_placeholder(text: str) -> None:
    assert RUSSIA.phone(text) == Verdict(None, "placeholder")


@pytest.mark.parametrize(
    "text",
    [
        "", "-", "123", "+7 916 123-45-6", "+7 916 123-45-678", "anna@mail.ru",
        "+7 916 123-45-67 доб. 5", "call me", "OOO", "+999 12345678", "0 916 123-45-67",
    ],
)  # fmt: skip
def test_what_nobody_could_be_called_by_is_no_number(text: str) -> None:
    assert RUSSIA.phone(text) == Verdict(None, "invalid_contact")


# -- the two tables -----------------------------------------------------------------


class Counting(ContactClassifier):
    """Remembers which texts had to be looked at one by one."""

    def __init__(self) -> None:
        super().__init__(SEEDS, "RU")
        self.seen: list[str] = []

    def email(self, text: str) -> Verdict:
        self.seen.append(text)
        return super().email(text)

    def phone(self, text: str) -> Verdict:
        self.seen.append(text)
        return super().phone(text)


def test_plain_contacts_need_no_library(warehouse: duckdb.DuckDBPyConnection) -> None:
    classifier = Counting()

    emails, phones = classified(
        warehouse,
        classifier,
        emails=["Anna@Mail.ru ", "a.b+c_d@sub-domain.example.com", "анна@mail.ru"],
        phones=["8 (916) 123-45-67", "'+79161234567", "+74951234567"],
    )

    assert sorted(classifier.seen) == ["+74951234567", "анна@mail.ru"]
    assert emails["Anna@Mail.ru "] == Verdict("anna@mail.ru")
    assert phones["8 (916) 123-45-67"] == Verdict("+79161234567")


def test_a_text_is_judged_once(warehouse: duckdb.DuckDBPyConnection) -> None:
    classifier = Counting()

    for emails in (["анна@mail.ru"] * 3, ["анна@mail.ru", "женя@mail.ru", None]):
        found, _ = classified(warehouse, classifier, emails=emails, version="once")

    assert classifier.seen == ["анна@mail.ru", "женя@mail.ru"]
    assert set(found) == {"анна@mail.ru", "женя@mail.ru"}


def test_a_text_has_one_row_whether_plain_or_odd(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    """Staging joins them: a second row would double every customer with the text."""
    texts = ["anna@mail.ru", "анна@mail.ru", "x"]

    for emails in (texts, [*texts, "boris@mail.ru"]):
        classified(warehouse, Counting(), emails=emails, version="unique")

    assert warehouse.execute(
        "select contact_text, count(*) from quality.email_addresses"
        " group by contact_text order by contact_text"
    ).fetchall() == [(text, 1) for text in sorted([*texts, "boris@mail.ru"])]


def test_other_rules_judge_anew(warehouse: duckdb.DuckDBPyConnection) -> None:
    classifier = Counting()

    for version in ("first", "first", "second"):
        classified(warehouse, classifier, emails=["x"], phones=["y"], version=version)

    assert sorted(classifier.seen) == ["x", "x", "y", "y"]


def test_several_columns_share_one_table(warehouse: duckdb.DuckDBPyConnection) -> None:
    contacts.create_tables(warehouse, "several")
    warehouse.execute(
        "create or replace temp table delivered as"
        " select '8 916 123-45-67' as phone, '+79161234567' as mobile"
        " union all select '+79161234567', null"
    )

    contacts.classify(
        warehouse,
        RUSSIA,
        rows="delivered",
        email_columns=[],
        phone_columns=["phone", "mobile"],
    )

    assert warehouse.execute(
        "select contact_text, phone from quality.phone_numbers order by all"
    ).fetchall() == [
        ("+79161234567", "+79161234567"),
        ("8 916 123-45-67", "+79161234567"),
    ]


@pytest.mark.parametrize(
    "judge", [RUSSIA.email, RUSSIA.phone], ids=["e-mail", "telephone"]
)
def test_a_huge_text_is_judged_at_once(judge: Callable[[str], Verdict]) -> None:
    assert judge("x@" + "a12 " * 100_000).rule == "invalid_contact"
