"""E-mail addresses and telephone numbers, judged once per distinct text.

Normalising belongs to libraries that know the world's domains and numbering plans,
and those are slow: so every distinct text is looked at once, plain cases in SQL and
only the rest one by one. The result is two tables that staging models join, the
rules read and every later run adds to:

    quality.email_addresses (contact_text, email, rule, suggestion)
    quality.phone_numbers   (contact_text, phone, rule, suggestion)

`email` and `phone` are null exactly where `rule` says why.
"""

import csv
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import phonenumbers
import pyarrow as pa
from email_validator import (
    SPECIAL_USE_DOMAIN_NAMES,
    EmailNotValidError,
    validate_email,
)

from orchestration.lib.warehouse import literal, quoted

#: Cyrillic letters that pass for Latin ones in an address.
_HOMOGLYPHS = str.maketrans("аеорсухкАЕОРСУХКМНТВі", "aeopcyxkAEOPCYXKMHTBi")
_LETTERS_FOR_ZERO = str.maketrans("OОoо", "0000")

_PLAIN_EMAIL = r"[a-z0-9_+-]+([.][a-z0-9_+-]+)*@([a-z0-9]+(-[a-z0-9]+)*[.])+[a-z]{2,24}"
#: So long a whole address may be, and its two parts need not be measured.
_MAX_PLAIN_EMAIL = 64
#: Texts are unique, as `classify` adds what is not there; an index that says so would
#: cost more than everything else that is done with them. To try all compressions costs
#: twice as much as the one that is then taken.
_TABLES = """
create schema if not exists quality;
create table if not exists quality.email_addresses (
    contact_text varchar not null using compression fsst,
    email varchar using compression fsst,
    rule varchar,
    suggestion varchar
);
create table if not exists quality.phone_numbers (
    contact_text varchar not null using compression fsst,
    phone varchar using compression fsst,
    rule varchar,
    suggestion varchar
);
create table if not exists quality.contact_rules (version varchar);
"""


@dataclass(frozen=True)
class Verdict:
    """What a contact text is: a value, or the rule it breaks and maybe a repair."""

    value: str | None
    rule: str | None = None
    suggestion: str | None = None


class ContactClassifier:
    """Knows placeholders and misspelt domains; turns texts into verdicts."""

    def __init__(self, seeds: Path, phone_region: str) -> None:
        """Read the seeds.

        Args:
            seeds: folder with `placeholder_values.csv` and `email_domain_typos.csv`.
            phone_region: ISO 3166 country of numbers written without one.
        """
        placeholders = _rows(seeds / "placeholder_values.csv")
        self.placeholder_emails = _values(placeholders, "email")
        self.placeholder_phones = _values(placeholders, "phone")
        self.domain_typos = {
            row["typo"]: row["domain"]
            for row in _rows(seeds / "email_domain_typos.csv")
        }
        self.phone_region = phone_region

    def email(self, text: str) -> Verdict:
        """Judge one text as an e-mail address; the value is lower case.

        Domains in other alphabets become their ASCII (IDNA) form where the rest
        of the address is ASCII.
        """
        address = text.strip().strip("<>").lower()
        if address in self.placeholder_emails:
            return Verdict(None, "placeholder")
        local, _, domain = address.rpartition("@")
        if domain in self.domain_typos:
            repaired = self.email(f"{local}@{self.domain_typos[domain]}")
            return Verdict(None, "email_domain_typo", repaired.value)
        latin = address.translate(_HOMOGLYPHS)
        if latin != address and latin.isascii():
            return Verdict(None, "homoglyph", self.email(latin).value)
        try:
            valid = validate_email(address, check_deliverability=False)
        except EmailNotValidError:
            return Verdict(None, "invalid_contact")
        return Verdict((valid.ascii_email or valid.normalized).lower())

    def phone(self, text: str) -> Verdict:
        """Judge one text as a telephone number; the value is E.164."""
        digits = re.sub(r"\D", "", text)
        if digits in self.placeholder_phones or len(set(digits[-9:])) == 1:
            return Verdict(None, "placeholder")
        number = self._e164(text)
        if number:
            return Verdict(number)
        repaired = self._e164(text.translate(_LETTERS_FOR_ZERO))
        if repaired and text.translate(_LETTERS_FOR_ZERO) != text:
            return Verdict(None, "letter_for_digit", repaired)
        return Verdict(None, "invalid_contact")

    def _e164(self, text: str) -> str | None:
        """The number as written for the region, else with a + put in for 00 or none."""
        if re.search(r"[^\W\d_]", text):  # letters would be read as keypad digits
            return None
        digits = re.sub(r"\D", "", text)
        for spelling in (text, "+" + digits.removeprefix("00")):
            try:
                number = phonenumbers.parse(spelling, self.phone_region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_valid_number(number):
                return phonenumbers.format_number(
                    number, phonenumbers.PhoneNumberFormat.E164
                )
        return None


def create_tables(connection: duckdb.DuckDBPyConnection, rules_version: str) -> None:
    """Create the two tables; forget what was judged under other rules."""
    connection.execute(_TABLES)
    version = connection.execute("select version from quality.contact_rules").fetchone()
    if version != (rules_version,):
        for table in ("email_addresses", "phone_numbers", "contact_rules"):
            connection.execute(f"delete from quality.{table}")
        connection.execute(
            "insert into quality.contact_rules values (?)", [rules_version]
        )


def classify(
    connection: duckdb.DuckDBPyConnection,
    classifier: ContactClassifier,
    *,
    rows: str,
    email_columns: Sequence[str],
    phone_columns: Sequence[str],
) -> None:
    """Judge the contact texts among some raw rows that were never seen before.

    Args:
        rows: relation of the rows, as SQL.
    """
    if email_columns:
        texts = _new_texts(rows, email_columns, "quality.email_addresses")
        plain = _plain_emails(classifier, texts)
        _classify(connection, plain, "quality.email_addresses", classifier.email)
    if phone_columns:
        texts = _new_texts(rows, phone_columns, "quality.phone_numbers")
        plain = _plain_phones(classifier, texts)
        _classify(connection, plain, "quality.phone_numbers", classifier.phone)


def _new_texts(rows: str, columns: Sequence[str], table: str) -> str:
    texts = " union all ".join(
        f"select {quoted(column)} as contact_text from {rows}" for column in columns
    )
    return (
        f"select distinct texts.contact_text from ({texts}) as texts"
        " where texts.contact_text is not null and not exists (select 1"
        f" from {table} as known where known.contact_text = texts.contact_text)"
    )


def _plain_emails(classifier: ContactClassifier, texts: str) -> str:
    """SQL of the texts with the address that each plainly is, or null.

    ASCII addresses without anything odd need no library; it would agree.
    """
    placeholders = _in_list(classifier.placeholder_emails)
    typos = _in_list(classifier.domain_typos)
    reserved = _in_list(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)
    return f"""
        select
            contact_text,
            case
                when
                    regexp_full_match(address, '{_PLAIN_EMAIL}')
                    and length(address) <= {_MAX_PLAIN_EMAIL}
                    and split_part(address, '.', -1) not in ({reserved})
                    and address not in ({placeholders})
                    and split_part(address, '@', 2) not in ({typos})
                    then address
            end as plain
        from (select contact_text, lower(trim(contact_text)) as address from ({texts}))
    """


def _plain_phones(classifier: ContactClassifier, texts: str) -> str:
    """SQL of the texts with the number that each plainly is, or null.

    Russian mobile numbers, however spaced, need no library.
    """
    if classifier.phone_region != "RU":
        return f"select contact_text, null as plain from ({texts})"
    placeholders = _in_list(classifier.placeholder_phones)
    repeated = _in_list(9 * digit for digit in "0123456789")
    return f"""
        select
            contact_text,
            case
                when
                    regexp_full_match(digits, '([+]7|7|8)9[0-9]{{9}}')
                    and ltrim(digits, '+') not in ({placeholders})
                    and right(digits, 9) not in ({repeated})
                    then '+7' || right(digits, 10)
            end as plain
        from (
            select
                contact_text,
                regexp_replace(ltrim(contact_text, ''''), '[ ()-]', '', 'g') as digits
            from ({texts})
        )
    """


def _classify(
    connection: duckdb.DuckDBPyConnection,
    plain: str,
    table: str,
    judge: Callable[[str], Verdict],
) -> None:
    """Write down the plain texts as they are, and what the library says of the rest."""
    connection.execute(f"create or replace temp table new_contacts as {plain}")
    connection.execute(
        f"insert into {table} select contact_text, plain, null, null"
        " from new_contacts where plain is not null"
    )
    rest = [
        row[0]
        for row in connection.execute(
            "select contact_text from new_contacts where plain is null order by all"
        ).fetchall()
    ]
    connection.execute("drop table new_contacts")
    if not rest:
        return
    verdicts = [judge(text) for text in rest]
    judged = pa.table(
        {
            "contact_text": pa.array(rest, pa.string()),
            "value": pa.array([each.value for each in verdicts], pa.string()),
            "rule": pa.array([each.rule for each in verdicts], pa.string()),
            "suggestion": pa.array([each.suggestion for each in verdicts], pa.string()),
        }
    )
    connection.register("judged", judged)
    connection.execute(f"insert into {table} select * from judged")
    connection.unregister("judged")


def _in_list(values: Iterable[str]) -> str:
    return ", ".join(literal(value) for value in sorted(values)) or "''"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _values(rows: list[dict[str, str]], kind: str) -> frozenset[str]:
    return frozenset(row["value"] for row in rows if row["kind"] == kind)
