"""Names of people: one key for the spellings of a name, and its parts.

Keys are for comparing, never for showing: Щербаков, Shcherbakov and Scherbakov have
one key, so have Юлия, Yulia, Julia and Iuliia. All functions work on one value; call
them on distinct values only.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from anyascii import anyascii

_CYRILLIC = str.maketrans(
    dict(zip("абвгдезийклмнопрстуфыэіґ", "abvgdeziiklmnoprstufieig", strict=True))
    | {
        "ё": "e", "ж": "zh", "х": "h", "ц": "ts", "ч": "ch", "ш": "sh", "щ": "sh",
        "ъ": "", "ь": "", "ю": "iu", "я": "ia", "є": "ie", "ї": "i", "ў": "u",
        # Letters of Latin schemes whose base letter alone would mislead.
        "š": "sh", "č": "ch", "ž": "zh", "ŝ": "sh", "ĉ": "ch", "ĵ": "zh",
        "ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "a", "ø": "oe", "æ": "ae",
    }
)  # fmt: skip

#: Spellings of one sound, in this order.
_SOUNDS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"s[hc]?h?ch|sch", "sh"),
        (r"tch", "ch"),
        (r"dzh|dj", "j"),
        (r"(?<=[bcdfghklmnpqrstvwxz])[yj]o", "e"),  # Fyodor, Alyona
        (r"[yj]e", "e"),  # Yelena, Andreyev
        (r"ks|cks", "x"),
        (r"tz|cz", "ts"),
        (r"kh", "h"),
        (r"ck|q", "k"),
        (r"ph", "f"),
        (r"th", "t"),
        (r"w", "v"),
        (r"c(?=[eiy])", "s"),
        (r"c(?!h)", "k"),
        (r"x", "ks"),
        (r"[yj]", "i"),
        (r"(.)\1+", r"\1"),
    )
)
_PARTS = re.compile(r"[^\W\d_]+(?:['’ʹʼ`][^\W\d_]+)*|\d+(?:st|nd|rd|th)")
_PATRONYMIC = re.compile(r"[a-z]{2,}(ovich|evich|ovna|evna|inichna)|oglu|ogli|kizi")


@dataclass(frozen=True)
class Name:
    """The keys of a person's name; a part that is not there is null."""

    first: str | None
    last: str | None
    #: What stands between, or a patronymic; keys with spaces between.
    middle: str | None
    #: Every key of the name, sorted, for parts that changed places.
    parts: tuple[str, ...]


def name_key(text: str) -> str:
    """The key of one part of a name, in Latin letters; empty if it has none.

    Transliteration schemes of Russian meet in it, and so do doubled letters. Two
    different names may share a key: what it says is "may be the same".
    """
    lowered = unicodedata.normalize("NFKC", text).lower()
    latin = anyascii(unicodedata.normalize("NFC", lowered).translate(_CYRILLIC))
    key = re.sub(r"[^a-z]", "", latin.lower())
    for pattern, replacement in _SOUNDS:
        key = pattern.sub(replacement, key)
    return key


@cache
def full_forms() -> dict[str, frozenset[str]]:
    """By key of a name: the keys of every full name that it may be short for.

    Саша is short for Александр and Александра; a full name stands for itself.
    """
    found: dict[str, set[str]] = {}
    for row in _rows("diminutives.csv"):
        full = name_key(row["name"])
        for form in (row["name"], *row["short_forms"].split()):
            found.setdefault(name_key(form), set()).add(full)
    return {key: frozenset(names) for key, names in found.items()}


@cache
def russian_names() -> frozenset[str]:
    """The keys of the full names that are written in Cyrillic letters."""
    return frozenset(
        name_key(row["name"])
        for row in _rows("diminutives.csv")
        if "а" <= row["name"][-1].lower() <= "я"
    )


def parse_first(text: str) -> Name:
    """The name in a column of first names: `Иван`, `Анна Мария`, `Иван Петрович`."""
    return _arranged([], *_keys(text))


def parse_last(text: str) -> Name:
    """The name in a column of last names: `Петров`, `van der Berg`, `Smith-Jones`."""
    keys, _ = _keys(text)
    return Name(
        first=None,
        last="".join(keys) or None,
        middle=None,
        parts=tuple(sorted(set(keys))),
    )


def parse_full(text: str) -> Name:
    """The name in a column of full names, in either order.

    `Ivan Petrov`, `Petrov, Ivan`, `Петров Иван Сергеевич`, `Dr. J. R. Smith jr.`
    """
    before, _, after = text.partition(",")
    surname, _ = _keys(before)
    given, given_patronymics = _keys(after)
    if len(surname) == 1 and given and _tokens(after)[0] not in _word_kinds():
        return _arranged(surname, given, given_patronymics)
    keys, patronymics = _keys(text)
    # Петров Иван Сергеевич, but Иван Сергеевич Петров and Роман Абрамович.
    if len(keys) == 1 and patronymics and not patronymics[0].endswith("na"):
        return _arranged(patronymics, keys, [])
    if len(keys) > 1 and patronymics and _tokens(text)[-1] == patronymics[-1]:
        return _arranged(keys[:1], keys[1:], patronymics)
    if len(keys) > 1:
        return _arranged(keys[-1:], keys[:-1], patronymics)
    return _arranged([], keys, patronymics)


def _arranged(last: list[str], rest: list[str], patronymics: list[str]) -> Name:
    middle = " ".join([*rest[1:], *patronymics])
    return Name(
        first=rest[0] if rest else None,
        last="".join(last) or None,
        middle=middle or None,
        parts=tuple(sorted({*last, *rest, *patronymics})),
    )


def _keys(text: str) -> tuple[list[str], list[str]]:
    """Keys of the parts of a name, without titles; and its patronymics."""
    kinds = _word_kinds()
    words = _tokens(text)
    keys = [word for word in words if word not in kinds] or words
    # Nobody's name begins with a patronymic: Абрамович Роман.
    patronymics = [key for key in keys[1:] if _is_patronymic(key)]
    return [key for key in keys if key not in patronymics], patronymics


def _tokens(text: str) -> list[str]:
    kinds = _word_kinds()
    found = []
    for match in _PARTS.finditer(unicodedata.normalize("NFKC", text).lower()):
        word = match.group()
        key = word if word in kinds else name_key(word)
        if key:
            found.append(key)
    return found


def _is_patronymic(key: str) -> bool:
    return bool(_PATRONYMIC.fullmatch(key))


@cache
def _word_kinds() -> dict[str, str]:
    return {row["word"]: row["kind"] for row in _rows("name_words.csv")}


def _rows(name: str) -> Iterable[dict[str, str]]:
    file = resources.files("orchestration.lib.identity") / "lists" / name
    yield from csv.DictReader(file.read_text(encoding="utf-8").splitlines())
