"""Sample rows that can be kept in a repository: the shapes stay, the people go."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

from orchestration.lib.quality.contacts import ContactClassifier
from orchestration.scaffold.profile import Column

_LATIN, _CYRILLIC = "abcdefghiklmnoprstuvwyz", "абвгдежзиклмнопрстуфхшэюя"
#: Values that so few share one of are names; those that many share are words.
_ROWS_PER_WORD = 10
#: Digits of a telephone number that tell its owner.
_OWN_DIGITS = 7


def masked(
    rows: Iterable[dict[str, str | None]],
    columns: Sequence[Column],
    row_count: int,
    contacts: ContactClassifier,
) -> list[dict[str, str | None]]:
    """The rows with everything that may name a person replaced.

    Dates, amounts, flags, currencies and words of a small list stay. The same value is
    always replaced by the same other one, so that rows still join.
    """
    by_name = {column.name: column for column in columns}
    return [
        {
            name: None
            if cell is None
            else _mask(cell, by_name[name], row_count, contacts)
            for name, cell in row.items()
        }
        for row in rows
    ]


def _mask(
    cell: str, column: Column, row_count: int, contacts: ContactClassifier
) -> str:
    if column.parser == "email_address":
        return f"person.{_digits(cell, 4)}@mail.example.net"
    if column.parser == "phone_number":
        return _phone(cell, contacts)
    is_word = column.distinct * _ROWS_PER_WORD <= row_count
    if (column.parser and column.parser != "parse_id") or is_word:
        return cell
    return _shaped(cell)


def _phone(cell: str, contacts: ContactClassifier) -> str:
    """Another number of the same shape, valid where the delivered one was."""
    was_valid = contacts.phone(cell).value is not None
    for attempt in range(100):
        digits = iter(_digits(f"{attempt}{cell}", _OWN_DIGITS))
        replaced = 0
        characters = list(cell)
        for index in reversed(range(len(characters))):
            if characters[index].isdigit() and replaced < _OWN_DIGITS:
                characters[index] = next(digits)
                replaced += 1
        number = "".join(characters)
        if not was_valid or contacts.phone(number).value is not None:
            return number
    return ""


def _shaped(cell: str) -> str:
    """Other letters and digits of the same kinds, in the same places."""
    stream = hashlib.shake_256(cell.encode()).digest(len(cell))
    return "".join(
        _like(character, byte) for character, byte in zip(cell, stream, strict=True)
    )


def _like(character: str, byte: int) -> str:
    if character.isdigit():
        return str(byte % 10)
    if not character.isalpha():
        return character
    is_latin = unicodedata.name(character, "").startswith("LATIN")
    alphabet = _LATIN if is_latin else _CYRILLIC
    letter = alphabet[byte % len(alphabet)]
    return letter.upper() if character.isupper() else letter


def _digits(text: str, count: int) -> str:
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return str(number % 10**count).zfill(count)
