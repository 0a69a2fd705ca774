"""Damaged deliveries, made from good ones.

What mail servers, spreadsheets, full disks and hand-written exporters do to files. A
seed names a mutant: it is the same bytes every time.

A new layout is one more `Base`; one that is bytes gets the damage that bytes can take.
"""

import csv
import gzip
import io
import json
import random
from dataclasses import dataclass, replace

from orchestration.lib.landing.contract import ExportContract

ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "cp1251")
DELIMITERS = ",;\t|"
LINE_ENDS = ("\n", "\r\n", "\r", "\n\r", "\x0b", "\x85", "\u2028", "")
MAGICS = (
    b"PK\x03\x04", b"\x1f\x8b", b"\x1f\x8b\x08\0", b"\xff\xfe\0\0", b"%PDF-",
    b"PAR1", b"\xd0\xcf\x11\xe0", b"<?xml ", b"<html>", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
ODD_CHARACTERS = "\\\x1a\x1c\x85\u2028\xa0\u200b😀{}[]:"
ODD_VALUES = (
    "NaN", "-Infinity", "1e999", "9" * 5000, '"\\ud800"', "undefined", "null", "[]",
    "{}", '{"id": 1, "id": 2}', "''", "=1+1",
)  # fmt: skip
GIANT_FILLERS = ("x", "ж", "😀", "y, ", '"', ",", "\n", "\\", "[", "a\nb")
MEGABYTE = 1_000_000

CONTRACT = ExportContract(
    source="shop",
    export="purchases",
    description="",
    format="csv",
    files=("*",),
    columns=("id", "day", "name", "email", "amount", "comment"),
    required=frozenset({"id"}),
    email_columns=("email",),
)
RECORDS = [
    {
        "id": f"id-{number}",
        "day": f"2026-03-{number % 28 + 1:02}",
        "name": ("Анна", "Пётр «Жук»", 'ООО "Ромашка"', "Smith; Sons")[number % 4],
        "email": f"user{number}@example.com",
        "amount": f"{number * 7919 % 100_000 / 100:.2f}",
        "comment": ("", "после 18, звонить", "две\nстроки", 'он сказал ""')[
            number // 4 % 4
        ],
    }
    for number in range(40)
]


@dataclass(frozen=True, kw_only=True)
class Base:
    """A good file of `RECORDS` in one layout; text becomes bytes in any encoding."""

    name: str
    content: str | bytes
    contract: ExportContract


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """A damaged file, and what was done to it."""

    seed: int
    name: str
    content: bytes
    contract: ExportContract
    story: str


def _csv(delimiter: str, line_end: str, quoting: int) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(
        text,
        CONTRACT.columns,
        delimiter=delimiter,
        lineterminator=line_end,
        quoting=quoting,
    )
    writer.writeheader()
    writer.writerows(RECORDS)
    return text.getvalue()


def _json(separator: str) -> str:
    return separator.join(json.dumps(each, ensure_ascii=False) for each in RECORDS)


_JSON = replace(CONTRACT, format="json")
BASES = (
    Base(
        name="orders.csv",
        content=_csv(",", "\n", csv.QUOTE_MINIMAL),
        contract=CONTRACT,
    ),
    Base(
        name="quoted.csv", content=_csv(";", "\r\n", csv.QUOTE_ALL), contract=CONTRACT
    ),
    Base(name="array.json", content="[\n" + _json(",\n") + "\n]\n", contract=_JSON),
    Base(name="lines.jsonl", content=_json("\n") + "\n", contract=_JSON),
)


def mutant(seed: int) -> Mutant:
    """The damaged file of this seed.

    Successive seeds take all layouts in turn, and for each layout all kinds of damage;
    encoding, compression and further damage are drawn.
    """
    draw = random.Random(seed)
    base = BASES[seed % len(BASES)]
    kinds = [*BYTE_DAMAGE, *(TEXT_DAMAGE if isinstance(base.content, str) else ())]
    damages = [kinds[seed // len(BASES) % len(kinds)]]
    light = [kind for kind in kinds if kind not in HEAVY]
    damages += draw.sample(light, draw.choice((0, 0, 1, 2)))
    story = [base.name, *(damage.__name__ for damage in damages)]

    content, contract = base.content, base.contract
    if isinstance(content, str):
        for damage in damages:
            if damage in TEXT_DAMAGE:
                content = damage(draw, content)
        encoding = draw.choice(ENCODINGS)
        content = content.encode(encoding, "replace")
        contract = replace(contract, encoding=draw.choice((None, "cp1251")))
        story.append(f"{encoding} where {contract.encoding} is declared")
    is_compressed = draw.random() < 0.3
    is_compressed_last = draw.random() < 0.5
    if is_compressed and not is_compressed_last:
        content = gzip.compress(content, 1, mtime=0)
        story.append("gzip")
    for damage in damages:
        if damage in BYTE_DAMAGE:
            content = damage(draw, content)
    if is_compressed and is_compressed_last:
        content = gzip.compress(content, 1, mtime=0)
        story.append("in gzip")
    return Mutant(
        seed=seed,
        name=f"shop/{base.name}",
        content=content,
        contract=contract,
        story=", ".join(story),
    )


# -- damage to bytes ----------------------------------------------------------------


def untouched(draw: random.Random, content: bytes) -> bytes:
    return content


def truncated(draw: random.Random, content: bytes) -> bytes:
    return content[: draw.randrange(len(content) + 1)]


def emptied(draw: random.Random, content: bytes) -> bytes:
    return b""


def bits_flipped(draw: random.Random, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(draw.randint(1, 8) if damaged else 0):
        damaged[draw.randrange(len(damaged))] ^= 1 << draw.randrange(8)
    return bytes(damaged)


def range_deleted(draw: random.Random, content: bytes) -> bytes:
    start, end = _range(draw, content)
    return content[:start] + content[end:]


def range_repeated(draw: random.Random, content: bytes) -> bytes:
    start, end = _range(draw, content)
    return content[:end] + content[start:]


def range_zeroed(draw: random.Random, content: bytes) -> bytes:
    """A disk block that was never written."""
    start, end = _range(draw, content)
    return content[:start] + bytes(end - start) + content[end:]


def ranges_shuffled(draw: random.Random, content: bytes) -> bytes:
    size = draw.randint(1, max(1, len(content)))
    parts = [content[at : at + size] for at in range(0, len(content), size)]
    draw.shuffle(parts)
    return b"".join(parts)


def half_re_encoded(draw: random.Random, content: bytes) -> bytes:
    """As by a program that appended to a file in an encoding of its own."""
    at = draw.randrange(len(content) + 1)
    text = content[at:].decode(draw.choice(("utf-8", "cp1251")), "replace")
    return content[:at] + text.encode(draw.choice(ENCODINGS), "replace")


def decoded_wrongly(draw: random.Random, content: bytes) -> bytes:
    return content.decode("latin-1").encode()


def doubled(draw: random.Random, content: bytes) -> bytes:
    return content + content


def joined_to_another(draw: random.Random, content: bytes) -> bytes:
    other = draw.choice(BASES).content
    other = other.encode(draw.choice(ENCODINGS)) if isinstance(other, str) else other
    return draw.choice((content + other, other + content))


def headed_like_another_kind(draw: random.Random, content: bytes) -> bytes:
    return draw.choice(MAGICS) + content


def packed_twice(draw: random.Random, content: bytes) -> bytes:
    return gzip.compress(gzip.compress(content, mtime=0), mtime=0)


def _range(draw: random.Random, content: bytes) -> tuple[int, int]:
    start = draw.randrange(len(content) + 1)
    return start, min(len(content), start + 2 ** draw.randrange(12))


# -- damage to text -----------------------------------------------------------------


def header_alone(draw: random.Random, text: str) -> str:
    return "".join(text.splitlines(keepends=True)[:1])


def redelimited(draw: random.Random, text: str) -> str:
    old, new = draw.sample(DELIMITERS, 2)
    lines = text.split("\n")
    share = draw.random()
    return "\n".join(
        line.replace(old, new) if draw.random() < share else line for line in lines
    )


def line_ends_mixed(draw: random.Random, text: str) -> str:
    lines = text.split("\n")
    share = draw.random() / 2
    return "".join(
        line + (draw.choice(LINE_ENDS) if draw.random() < share else "\n")
        for line in lines
    )


def lines_shuffled(draw: random.Random, text: str) -> str:
    lines = text.split("\n")
    draw.shuffle(lines)
    return "\n".join(lines)


def nuls_injected(draw: random.Random, text: str) -> str:
    return _scattered(draw, text, "\0")


def quotes_strayed(draw: random.Random, text: str) -> str:
    return _scattered(draw, text, '"')


def marks_in_the_middle(draw: random.Random, text: str) -> str:
    return _scattered(draw, text, "\ufeff")


def odd_characters(draw: random.Random, text: str) -> str:
    return _scattered(draw, text, draw.choice(ODD_CHARACTERS))


def odd_values(draw: random.Random, text: str) -> str:
    """What JSON writers put where a value should stand, and CSV writers too."""
    before = draw.choice((":", ",", '"'))
    parts = text.split(before)
    at = draw.randrange(len(parts)) + 1
    return before.join([*parts[:at], draw.choice(ODD_VALUES), *parts[at:]])


def blank_lines(draw: random.Random, text: str) -> str:
    return _scattered(draw, text, draw.choice(("\n", "\n\n\n", "\r\n\r\n", "\n \n")))


def nested_deeply(draw: random.Random, text: str) -> str:
    depth = 10 ** draw.randint(1, 6)
    opening, closing = draw.choice((("[", "]"), ('{"a":', "}")))
    nest = opening * depth + "1" + closing * draw.choice((depth, depth, 0, depth - 1))
    return _inserted(draw, text, nest)


def thousands_of_columns(draw: random.Random, text: str) -> str:
    count = draw.randint(1000, 5000)
    if text[:1] in "[{":
        keys = "".join(f'"key {number}": {number}, ' for number in range(count))
        return text.replace("{", "{" + keys, draw.choice((1, len(RECORDS))))
    lines = text.split("\n")
    for index in draw.choice((range(1), range(len(lines)), range(5, 6))):
        lines[index : index + 1] = [
            line + draw.choice(DELIMITERS[:2]) * count
            for line in lines[index : index + 1]
        ]
    return "\n".join(lines)


def field_made_giant(draw: random.Random, text: str) -> str:
    """1 to 100 MB in one place, of letters or of what readers care about."""
    size = int(MEGABYTE * 100 ** draw.random())
    filler = draw.choice(GIANT_FILLERS)
    return _inserted(draw, text, filler * (size // len(filler.encode())))


def line_without_end(draw: random.Random, text: str) -> str:
    """10 MB in one line: the whole file, over and over."""
    line = text.replace("\r", "").replace("\n", " ")
    return text + line * (10 * MEGABYTE // max(1, len(line)))


def _scattered(draw: random.Random, text: str, what: str) -> str:
    places = sorted(
        draw.randrange(len(text) + 1) for _ in range(draw.choice((1, 1, 2, 5, 30)))
    )
    parts = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    return what.join(parts)


def _inserted(draw: random.Random, text: str, what: str) -> str:
    at = draw.randrange(len(text) + 1)
    return text[:at] + what + text[at:]


BYTE_DAMAGE = (
    untouched, truncated, emptied, bits_flipped, range_deleted, range_repeated,
    range_zeroed, ranges_shuffled, half_re_encoded, decoded_wrongly, doubled,
    joined_to_another, headed_like_another_kind, packed_twice,
)  # fmt: skip
TEXT_DAMAGE = (
    header_alone, redelimited, line_ends_mixed, lines_shuffled, nuls_injected,
    quotes_strayed, marks_in_the_middle, odd_characters, odd_values, blank_lines,
    nested_deeply, thousands_of_columns, field_made_giant, line_without_end,
)  # fmt: skip
#: Makes megabytes, and therefore comes in its turn and no more.
HEAVY = (nested_deeply, thousands_of_columns, field_made_giant, line_without_end)
