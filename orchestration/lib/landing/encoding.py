"""Which encoding a text has: by its marks, as declared, by its header or its words.

Statistics of letters are wrong often enough to spoil names. Words are better evidence:
read in the wrong encoding they mix alphabets, are in capitals where they should not be
(`иВАНОВ`), or hold letters that no one language has. Where two readings leave a doubt
the file is refused, and a person says what it is.
"""

import codecs
import re
from dataclasses import dataclass

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.csv_reader import best_header
from orchestration.lib.landing.header import MAX_HEADER_RECORD
from orchestration.lib.landing.inspection import (
    Delivered,
    NotText,
    Refused,
    check_encoding,
    find_encoding,
    head,
)

SAMPLE_BYTES = 4 * 1024**2
#: What the start of a file shows: marks, a header, what a document says of itself.
START_BYTES = 64 * 1024
#: Fewer distinct words that tell two encodings apart are chance.
MIN_WORDS = 5
MAX_WORDS = 5_000
#: Of all words beyond ASCII, so many make sense in the encoding that is found,
MIN_SHARE = 0.95
#: and against each that tells it from another, so few tell the other from it.
MAX_DOUBT = 0.02

_CYRILLIC = {
    "Russian and Bulgarian": "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "Ukrainian": "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "Belarusian": "абвгдеёжзійклмнопрстуўфхцчшыьэюя",
}
_WESTERN = {
    "German": "äöüß",
    "French": "àâæçèéêëîïôœùûüÿ",
    "Spanish": "áéíñóúü",
    "Portuguese": "àáâãçéêíóôõúü",
    "Italian": "àèéìíîòóùú",
    "Danish and Norwegian": "åæøé",
    "Swedish and Finnish": "åäöé",
    "Dutch": "áéëèïíóöüú",
}
_CENTRAL = {
    "Polish": "ąćęłńóśźż",
    "Czech": "áčďéěíňóřšťúůýž",
    "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Hungarian": "áéíóöőúüű",
    "Croatian": "čćđšž",
    "Romanian": "ăâîşţ",
    "German": "äöüß",
}
#: Letters of languages beside those of ASCII, by encoding. Only the accepted encodings
#: are ever found; the others can raise a doubt.
_ALPHABETS = {
    "cp1251": _CYRILLIC,
    "koi8-r": _CYRILLIC,
    "cp1252": _WESTERN,
    "koi8-u": _CYRILLIC,
    "cp866": _CYRILLIC,
    "iso8859-5": _CYRILLIC,
    "mac-cyrillic": _CYRILLIC,
    "kz1048": {"Kazakh, without borrowed words": "аәбғдежзийкқлмнңоөпрстуұүһшыі"},
    "cp850": _WESTERN,
    "mac-roman": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859-2": _CENTRAL,
    "cp1254": {"Turkish": "çğıöşüâîû"},
    "cp1257": {
        "Estonian": "äõöüšž",
        "Latvian": "āčēģīķļņšūž",
        "Lithuanian": "ąčęėįšųūž",
    },
}
ACCEPTED = ("cp1251", "koi8-r", "cp1252")
_ASCII_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")
_TOKEN = re.compile(rb"[A-Za-z\x80-\xff]{3,}")
_WORD = re.compile(r"[^\W\d_]+")
_PUNCTUATION = frozenset("«»“”„‘’–—…№\xa0")
_STATED = re.compile(
    rb"<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w-]+)|<meta[^>]{0,200}charset\s*=\s*"
    rb"[\"']?([\w-]+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class FoundEncoding:
    """The encoding of a file."""

    name: str
    #: How it was found, where a person should know.
    note: str | None = None


def tell_encoding(delivered: Delivered, contract: ExportContract) -> FoundEncoding:
    """The encoding of a text file.

    In this order: byte-order mark, the NULs of UTF-16, strict UTF-8, the contract, what
    an HTML or XML document says of itself, the header, the words.

    Raises:
        Refused: the file is empty, or none of this is beyond doubt.
    """
    start = head(delivered, START_BYTES)
    if wide := _utf16_without_mark(start):
        check_encoding(delivered, wide)
        return FoundEncoding(name=wide)
    try:
        return FoundEncoding(name=find_encoding(delivered, contract.encoding))
    except NotText as error:
        if contract.encoding is not None:
            raise
        found = _told(delivered, start, contract)
        if found is None:
            candidates = " or ".join(ACCEPTED)
            raise Refused(f"{error} (its words do not tell {candidates})") from error
    check_encoding(delivered, found.name)
    return found


def _told(
    delivered: Delivered, start: bytes, contract: ExportContract
) -> FoundEncoding | None:
    """The encoding by what the text itself shows."""
    stated = _stated(start)
    by_header = _by_header(start, contract)
    found = by_header or by_words(head(delivered, SAMPLE_BYTES))
    if stated is not None and found in (None, stated):
        return FoundEncoding(name=stated)
    if stated is not None:
        raise Refused(
            f"the file says it is {stated}, its words say {found}: declare the export's"
            " encoding in its contract"
        )
    if found is None:
        return None
    evidence = "header" if by_header else "words"
    return FoundEncoding(
        name=found,
        note=f"the encoding {found} is told by the {evidence} of the file; declare it"
        " in the contract to be sure",
    )


def _utf16_without_mark(start: bytes) -> str | None:
    if b"\0" not in start or start.startswith(
        (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    ):
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        text = start[: len(start) // 2 * 2].decode(encoding, errors="replace")
        # Bytes of another encoding, taken in pairs, are Chinese letters.
        sensible = sum(
            0 < ord(letter) < 0x530 or 0x2000 <= ord(letter) < 0x2150 for letter in text
        )
        if sensible > MIN_SHARE * len(text):
            return encoding
    return None


def _stated(start: bytes) -> str | None:
    """What an HTML or XML document says of itself, unless it is no encoding here."""
    if not start.lstrip().startswith(b"<") or not (found := _STATED.search(start)):
        return None
    try:
        name = codecs.lookup((found[1] or found[2]).decode()).name
    except LookupError:
        return None
    if name.startswith("utf"):
        return None
    # Browsers take the one for the other, and so do those who write the pages.
    return {"iso8859-1": "cp1252", "ascii": "cp1252"}.get(name, name)


def _by_header(start: bytes, contract: ExportContract) -> str | None:
    """The one encoding in which a header holds most of the contract's columns."""
    lines = start.splitlines()[:MAX_HEADER_RECORD]
    known = {}
    for encoding in ACCEPTED:
        headers = [
            best_header(line.decode(encoding, errors="replace"), contract)[1]
            for line in lines
        ]
        known[encoding] = max(
            (each.known(contract) for each in headers if not each.missing(contract)),
            default=0,
        )
    best, second = sorted(known, key=known.__getitem__, reverse=True)[:2]
    return best if known[best] > known[second] else None


def by_words(sample: bytes) -> str | None:
    """The one accepted encoding in which the words make sense, or None."""
    tokens = sorted({token for token in _TOKEN.findall(sample) if not token.isascii()})
    tokens = tokens[:: len(tokens) // MAX_WORDS + 1]
    readings = {
        (encoding, language): {
            token for token in tokens if _is_natural(token, encoding, letters)
        }
        for encoding, alphabets in _ALPHABETS.items()
        for language, letters in alphabets.items()
    }
    for (encoding, _), natural in readings.items():
        if (
            encoding in ACCEPTED
            and len(natural) >= max(MIN_WORDS, MIN_SHARE * len(tokens))
            and all(
                _is_beyond_doubt(natural, other)
                for (rival, _), other in readings.items()
                if _differ(tokens, encoding, rival)
            )
        ):
            return encoding
    return None


def _is_beyond_doubt(natural: set[bytes], other: set[bytes]) -> bool:
    speak_for, speak_against = len(natural - other), len(other - natural)
    return speak_for >= MIN_WORDS and speak_against <= MAX_DOUBT * speak_for


def _differ(tokens: list[bytes], encoding: str, rival: str) -> bool:
    """Whether the two encodings read any of the words differently."""
    return any(
        token.decode(encoding, "replace") != token.decode(rival, "replace")
        for token in tokens
    )


def _is_natural(token: bytes, encoding: str, letters: str) -> bool:
    """Whether all words of the token are of this alphabet and in a usual case."""
    try:
        text = token.decode(encoding)
    except UnicodeDecodeError:
        return False
    if not set(_WORD.sub("", text)) <= _PUNCTUATION:
        return False
    is_latin = not letters.startswith("а")
    alphabet = _ASCII_LETTERS | set(letters) if is_latin else set(letters)
    return all(
        word.isascii()
        or (
            set(word.lower()) <= alphabet
            and (word.islower() or word.isupper() or word[1:].islower())
        )
        for word in _WORD.findall(text)
    )
