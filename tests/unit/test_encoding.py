"""Encodings are told by evidence, and where there is none, by a person."""

import codecs
import gzip
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.encoding import by_words, tell_encoding
from orchestration.lib.landing.inspection import Refused, identify
from tests.unit.landed import CONTRACT, land
from tests.unit.texts_of_languages import sample

NAMES = "id,name\n" + "".join(
    f"{number},{name}\n"
    for number, name in enumerate(
        ["Анна Иванова", "Пётр Щербаков", "Мария Кузнецова", "Юлия Фёдорова"]
    )
)
FEW = "id,name\n1,Анна Иванова\n"


def told(
    folder: Path, content: bytes, contract: ExportContract = CONTRACT
) -> tuple[str, str | None]:
    """The encoding of a file with this content, and the note about it."""
    path = folder / "a"
    path.write_bytes(content)
    found = tell_encoding(identify(path), contract)
    return found.name, found.note


def refusal(folder: Path, content: bytes, contract: ExportContract = CONTRACT) -> str:
    """Why a file with this content is refused."""
    with pytest.raises(Refused) as refused:
        told(folder, content, contract)
    return str(refused.value)


# -- marks --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (NAMES.encode(), "utf-8"),
        (codecs.BOM_UTF8 + NAMES.encode(), "utf-8-sig"),
        (NAMES.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + NAMES.encode("utf-16-be"), "utf-16"),
        (NAMES.encode("utf-16-le"), "utf-16-le"),
        (NAMES.encode("utf-16-be"), "utf-16-be"),
        (b"id\n1\n", "utf-8"),
        ("id\n1\n".encode("utf-16-le"), "utf-16-le"),
        ("id,note\n1,№ 5 — «a» €\n".encode("utf-16-be"), "utf-16-be"),
        (gzip.compress(NAMES.encode("utf-16-le")), "utf-16-le"),
    ],
)
def test_what_is_beyond_doubt_is_not_noted(
    tmp_path: Path, content: bytes, encoding: str
) -> None:
    assert told(tmp_path, content) == (encoding, None)


@pytest.mark.parametrize(
    "content",
    [
        b"id,name\n1,a\0b\n2,c\n",
        b"id,name\n1,ab\0\n2,c\n",
        b"id,name\n" + b"\0\0" * 2 + b"1,a\n",
        NAMES.encode().replace(b"1", b"\0"),
    ],
)
def test_nul_bytes_here_and_there_are_not_utf_16(
    tmp_path: Path, content: bytes
) -> None:
    assert told(tmp_path, content) == ("utf-8", None)


def test_utf_16_without_a_mark_lands(tmp_path: Path) -> None:
    landed = land(tmp_path, NAMES.encode("utf-16-le"))

    assert landed.ledger.encoding == "utf-16-le"
    assert landed.cells[0] == (2, "0", "Анна Иванова")


def test_what_the_contract_declares_counts_before_words(tmp_path: Path) -> None:
    contract = replace(CONTRACT, encoding="koi8-r")

    assert told(tmp_path, NAMES.encode("cp1251"), contract) == ("koi8-r", None)
    assert told(tmp_path, NAMES.encode(), contract) == ("utf-8", None)


def test_a_byte_that_the_declared_encoding_lacks_is_no_reason_to_guess(
    tmp_path: Path,
) -> None:
    contract = replace(CONTRACT, encoding="cp1251")

    reason = refusal(tmp_path, NAMES.encode("cp1251") + b"\x98", contract)

    assert reason.startswith("line 6: the byte 0x98 is not cp1251")


# -- words --------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
def test_words_tell_russian_encodings(tmp_path: Path, encoding: str) -> None:
    landed = land(tmp_path, NAMES.encode(encoding))

    assert landed.ledger.encoding == encoding
    assert landed.column("name")[1] == "Пётр Щербаков"
    assert landed.ledger.reason == (
        f"the encoding {encoding} is told by the words of the file; declare it in the"
        " contract to be sure"
    )


def test_words_tell_western_names(tmp_path: Path) -> None:
    text = "Müller Schäfer Köhler Jörg Bärbel Weiß Krüger Günther Böhm Kühn Strauß"

    assert told(tmp_path, text.encode("cp1252"))[0] == "cp1252"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (FEW.encode("cp1251"), "too few words"),
        (NAMES.lower().encode("cp1251"), "small letters only: capitals in koi8-r"),
        (NAMES.upper().encode("koi8-r"), "capitals only: small letters in cp1251"),
        (NAMES.encode("cp866"), "an encoding that is not told"),
        (NAMES.encode("iso8859-5"), "an encoding that is not told"),
        (NAMES.encode("mac-cyrillic"), "nearly cp1251"),
        (NAMES.encode("cp1251") + NAMES.encode("koi8-r"), "two encodings"),
        (NAMES.encode("cp1251") + NAMES.encode(), "two encodings"),
        (NAMES.encode() * 9 + b"\xff\n", "UTF-8 with a broken byte"),
        ("id,name\n1,Müller\n".encode("cp1252"), "too few words"),
        (b"id,name\n" + bytes(range(128, 256)) * 9, "no words at all"),
    ],
)
def test_a_doubt_refuses_with_place_candidates_and_remedy(
    tmp_path: Path, content: bytes, why: str
) -> None:
    reason = refusal(tmp_path, content)

    assert "is not utf-8; declare the export's encoding in its contract" in reason, why
    assert reason.endswith("(its words do not tell cp1251 or koi8-r or cp1252)")


def test_a_refusal_names_the_line_and_the_byte(tmp_path: Path) -> None:
    assert refusal(tmp_path, FEW.encode("cp1251")).startswith(
        "line 2: the byte 0xC0 is not utf-8"
    )


def test_words_of_a_large_file_are_told_by_its_start_and_held_by_all_of_it(
    tmp_path: Path,
) -> None:
    content = NAMES.encode("cp1251") * 60_000

    assert told(tmp_path, content)[0] == "cp1251"
    assert "the byte 0x98 is not cp1251" in refusal(tmp_path, content + b"\x98")


def test_of_files_in_many_languages_and_encodings_none_is_told_wrong() -> None:
    """By seeds 0 to 29,999: 1,950 right, 27,990 refused, none wrong. Most of them are
    of encodings that are never told, or have one row, or one case of letters."""
    results: Counter[str] = Counter()

    for seed in range(300):
        file = sample(seed)
        encoding = by_words(file.content)
        if encoding is None:
            results["refused"] += 1
        elif file.content.decode(encoding) == file.text:
            results["right"] += 1
        else:
            results[f"{file.language} in {file.encoding} as {encoding}"] += 1

    assert set(results) == {"refused", "right"}
    assert results["right"] >= 15


# -- headers ------------------------------------------------------------------------

RUSSIAN = replace(
    CONTRACT,
    columns=("id", "imya", "telefon"),
    required=frozenset({"id", "imya"}),
    optional=frozenset({"telefon"}),
)


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r"])
@pytest.mark.parametrize("preamble", ["", "Отчёт за март\n\n"])
def test_a_header_in_russian_tells_its_encoding(
    tmp_path: Path, encoding: str, preamble: str
) -> None:
    content = f"{preamble}ID;Имя;Телефон\n1;анна;1\n".encode(encoding)

    landed = land(tmp_path, content, RUSSIAN)

    assert landed.column("imya") == ["анна"]
    assert landed.ledger.encoding == encoding
    assert landed.ledger.reason == (
        f"the encoding {encoding} is told by the header of the file; declare it in the"
        " contract to be sure"
    )


def test_an_alias_tells_the_encoding_too(tmp_path: Path) -> None:
    contract = replace(CONTRACT, aliases={"id": ("Номер заказа",)})

    landed = land(tmp_path, "Номер заказа\n1\n".encode("koi8-r"), contract)

    assert landed.cells == [(2, "1")]
    assert landed.ledger.encoding == "koi8-r"


def test_a_header_that_lacks_a_required_column_tells_nothing(tmp_path: Path) -> None:
    assert "its words do not tell" in refusal(
        tmp_path, "Номер;Имя\n1;анна\n".encode("cp1251"), RUSSIAN
    )


# -- what documents say of themselves -----------------------------------------------


def page(charset: str, text: str) -> str:
    return f"<meta charset={charset}><table><tr><td>id<td>name{text}</table>"


def test_a_document_may_say_its_encoding(tmp_path: Path) -> None:
    content = page("windows-1251", "<tr><td>1<td>анна").encode("cp1251")

    assert told(tmp_path, content) == ("cp1251", None)


def test_a_document_whose_words_say_otherwise_is_refused(tmp_path: Path) -> None:
    rows = NAMES.replace("\n", "<tr><td>").replace(",", "<td>")

    reason = refusal(tmp_path, page("iso-8859-1", rows).encode("cp1251"))

    assert reason == (
        "the file says it is cp1252, its words say cp1251: declare the export's"
        " encoding in its contract"
    )


@pytest.mark.parametrize("charset", ["x-unknown", "utf-8", "utf-16"])
def test_a_document_that_says_nothing_of_use_is_told_by_its_words(
    tmp_path: Path, charset: str
) -> None:
    rows = NAMES.replace("\n", "<tr><td>").replace(",", "<td>")

    assert told(tmp_path, page(charset, rows).encode("cp1251"))[0] == "cp1251"


def test_an_encoding_that_a_table_speaks_of_is_not_its_own(tmp_path: Path) -> None:
    text = NAMES + "9,<meta charset=koi8-r>\n"

    assert told(tmp_path, text.encode("cp1251"))[0] == "cp1251"
