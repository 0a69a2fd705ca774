"""Who a file is, and how its bytes become text."""

import codecs
import gzip
import hashlib
import io
from pathlib import Path

import pytest

from orchestration.lib.landing import inspection
from orchestration.lib.landing.inspection import (
    CutShort,
    Refused,
    as_file,
    chunks,
    find_encoding,
    head,
    identify,
    is_compressed,
    texts,
)

RUSSIAN = "Имя,Город\nАнна,Москва\nПётр,Казань\nМария,Екатеринбург\n"


def written(path: Path, content: bytes) -> Path:
    """The path, holding the content."""
    path.write_bytes(content)
    return path


def without_last(content: bytes, count: int) -> bytes:
    """The content cut at its end."""
    return content[:-count]


# -- identity -----------------------------------------------------------------------


def test_a_file_is_known_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    first = identify(written(tmp_path / "a.csv", b"id\n1\n"))
    copy = identify(written(tmp_path / "b.csv", b"id\n1\n"))
    other = identify(written(tmp_path / "c.csv", b"id\n2\n"))

    assert first.sha256 == hashlib.sha256(b"id\n1\n").hexdigest()
    assert first.file_id == copy.file_id == first.sha256[:16]
    assert other.file_id != first.file_id
    assert first.size == 5


def test_a_compressed_file_is_known_by_its_compressed_bytes(tmp_path: Path) -> None:
    content = gzip.compress(b"id\n1\n", mtime=0)

    delivered = identify(written(tmp_path / "a.csv.gz", content))

    assert delivered.sha256 == hashlib.sha256(content).hexdigest()
    assert delivered.size == len(content)


# -- compression --------------------------------------------------------------------


def test_gzip_is_told_by_the_bytes_and_not_by_the_name(tmp_path: Path) -> None:
    packed = written(tmp_path / "a.csv", gzip.compress(b"id\n1\n"))
    plain = written(tmp_path / "b.csv.gz", b"id\n1\n")

    assert is_compressed(identify(packed))
    assert not is_compressed(identify(plain))
    assert (
        b"".join(chunks(identify(packed)))
        == b"".join(chunks(identify(plain)))
        == b"id\n1\n"
    )


def test_several_gzip_streams_in_one_file_are_one_text(tmp_path: Path) -> None:
    path = written(tmp_path / "a.gz", gzip.compress(b"id\n") + gzip.compress(b"1\n"))

    assert b"".join(chunks(identify(path), 2)) == b"id\n1\n"


def test_all_that_lies_before_the_damage_is_had(tmp_path: Path) -> None:
    content = bytes(range(256)) * 400
    path = written(tmp_path / "a.gz", gzip.compress(content)[:-20])
    had = b""

    with pytest.raises(CutShort, match="the gzip stream is damaged"):
        for chunk in chunks(identify(path), 1000):
            had += chunk

    assert content.startswith(had)
    assert len(had) > len(content) / 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda packed: packed[:-4] + b"0000",  # a wrong length
        lambda packed: packed[:-8] + b"0000" + packed[-4:],  # a wrong checksum
        lambda packed: packed[:40] + b"\xff" * 8 + packed[48:],  # a wrong block
        lambda packed: packed + b"left over",
    ],
)
def test_damage_of_any_kind_is_a_cut(tmp_path: Path, damage: object) -> None:
    assert callable(damage)
    packed = damage(gzip.compress(RUSSIAN.encode() * 20))

    with pytest.raises(CutShort):
        list(chunks(identify(written(tmp_path / "a.gz", packed))))


# -- parts --------------------------------------------------------------------------


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_start_of_a_file_is_had_without_the_rest(
    tmp_path: Path, pack: type[bytes]
) -> None:
    delivered = identify(written(tmp_path / "a", pack(b"0123456789")))

    assert head(delivered, 4) == b"0123"
    assert head(delivered, 40) == b"0123456789"


def test_texts_are_decoded_over_the_ends_of_pieces(tmp_path: Path) -> None:
    delivered = identify(written(tmp_path / "a", RUSSIAN.encode()))

    assert "".join(texts(delivered, "utf-8", 3)) == RUSSIAN


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_document_is_a_file_to_seek_in(tmp_path: Path, pack: type[bytes]) -> None:
    delivered = identify(written(tmp_path / "a", pack(b"0123456789")))

    with as_file(delivered) as file:
        file.seek(-3, io.SEEK_END)
        assert file.read() == b"789"


def test_a_packed_document_that_is_cut_is_refused(tmp_path: Path) -> None:
    delivered = identify(written(tmp_path / "a", gzip.compress(b"0123" * 99)[:-9]))

    with pytest.raises(Refused, match="damaged"), as_file(delivered):
        pass


def test_a_packed_document_may_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspection, "MAX_UNPACKED_BYTES", 1000)
    delivered = identify(written(tmp_path / "a", gzip.compress(b"0" * 1001)))

    with (
        pytest.raises(Refused, match="unpacks to more than 1000 bytes: deliver it"),
        as_file(delivered),
    ):
        pass


# -- encodings ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (codecs.BOM_UTF8 + RUSSIAN.encode(), "utf-8-sig"),
        (RUSSIAN.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_LE + RUSSIAN.encode("utf-16-le"), "utf-16"),
        (codecs.BOM_UTF16_BE + RUSSIAN.encode("utf-16-be"), "utf-16"),
        (RUSSIAN.encode(), "utf-8"),
        (RUSSIAN.encode("cp1251"), "cp1251"),
        (b"id\n1\n", "utf-8"),
        (b"i", "utf-8"),
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_a_mark_decides_then_utf_8_then_what_is_declared(
    tmp_path: Path, content: bytes, encoding: str, pack: type[bytes]
) -> None:
    path = written(tmp_path / "a", pack(content))

    assert find_encoding(identify(path), "cp1251") == encoding


def test_nothing_is_guessed(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", RUSSIAN.encode("cp1251"))

    with pytest.raises(Refused) as refusal:
        find_encoding(identify(path), None)

    assert str(refusal.value) == (
        "line 1: the byte 0xC8 is not utf-8; declare the export's encoding in its"
        " contract"
    )


def test_a_refusal_names_the_line_and_the_byte(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", b"id,name\n1,a\n2,b\xffc\n3,d\n")

    with pytest.raises(Refused, match="line 3: the byte 0xFF is not utf-8"):
        find_encoding(identify(path), None)


def test_a_byte_that_the_declared_encoding_lacks_refuses(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", RUSSIAN.encode("cp1251") + b"1,\x98\n")

    with pytest.raises(Refused, match="line 5: the byte 0x98 is not cp1251"):
        find_encoding(identify(path), "cp1251")


def test_a_mark_binds_even_where_the_declared_encoding_would_fit(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "a.csv", codecs.BOM_UTF8 + RUSSIAN.encode("cp1251"))

    with pytest.raises(Refused, match="line 1: the byte 0xC8 is not utf-8-sig"):
        find_encoding(identify(path), "cp1251")


def test_characters_and_lines_are_followed_from_chunk_to_chunk(tmp_path: Path) -> None:
    lines = "эю\n" * 2_000_000  # ten million bytes: more than a chunk, and no multiple
    path = written(tmp_path / "a.csv", lines.encode() + b"\xff\n")

    with pytest.raises(Refused, match="line 2000001: the byte 0xFF"):
        find_encoding(identify(path), None)
    assert find_encoding(identify(written(path, lines.encode())), None) == "utf-8"


def test_a_file_that_ends_inside_a_character_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "a.csv", without_last("id\nж".encode(), 1))

    with pytest.raises(Refused, match="line 2: the byte 0xD0 is not utf-8"):
        find_encoding(identify(path), None)


def test_a_cut_gzip_stream_may_end_inside_a_character(tmp_path: Path) -> None:
    text = "".join(f"{number},Анна {number * 7919 % 997}\n" for number in range(200))
    packed = gzip.compress(text.encode())

    for count in range(1, 300):
        path = written(tmp_path / "a.gz", without_last(packed, count))

        assert find_encoding(identify(path), None) == "utf-8"


# -- nothing to read ----------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")], ids=["plain", "gzip"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Refused, match="the file is empty: ask for the export again"):
        find_encoding(identify(written(tmp_path / "a", content)), None)


@pytest.mark.parametrize("size", [2, 5, 10, 11])
def test_a_gzip_stream_cut_before_its_first_byte_is_refused(
    tmp_path: Path, size: int
) -> None:
    path = written(tmp_path / "a.gz", gzip.compress(b"id\n1\n")[:size])

    with pytest.raises(Refused, match=r"damaged \(.+\): ask for the export again"):
        find_encoding(identify(path), None)
