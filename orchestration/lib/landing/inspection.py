"""Who a delivered file is (content hash) and how its bytes become text."""

import codecs
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from charset_normalizer import from_bytes

CHUNK_BYTES = 8 * 1024 * 1024

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_GZIP_MAGIC = b"\x1f\x8b"


class Refused(Exception):
    """A file that cannot be read whole; the message is the reason kept with it."""


class CutShort(Exception):
    """A compressed file that ends, or is damaged, before its stream does."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A file's identity: nothing of its rows has been read yet."""

    path: Path
    sha256: str
    size: int

    @property
    def file_id(self) -> str:
        """The first 16 hex digits of the content hash, enough to be unique here."""
        return self.sha256[:16]


def identify(path: Path) -> Delivered:
    """Hash the bytes as delivered (still compressed where they are)."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Delivered(path=path, sha256=digest.hexdigest(), size=path.stat().st_size)


def is_compressed(path: Path) -> bool:
    """Whether the file starts like a gzip stream, whatever its name says."""
    with path.open("rb") as file:
        return file.read(2) == _GZIP_MAGIC


def chunks(path: Path, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The file's bytes in order, decompressed where they are gzip.

    Raises:
        CutShort: after the last byte that could be had from a damaged gzip stream.
    """
    if not is_compressed(path):
        with path.open("rb") as file:
            while chunk := file.read(size):
                yield chunk
        return
    with gzip.open(path) as plain:
        while True:
            try:
                # read1 hands out everything before the damage; read would lose it.
                chunk = plain.read1(size)
            except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                raise CutShort(f"the gzip stream is damaged ({error})") from error
            if not chunk:
                return
            yield chunk


def find_encoding(path: Path, declared: str | None) -> str:
    """The encoding of a file: byte-order mark, else strict UTF-8, else as declared.

    Never a statistical guess, which is wrong often enough to spoil names; a guess
    only helps the message say what to declare.

    Raises:
        Refused: the file is empty, or valid neither as UTF-8 nor as declared.
    """
    head = _first_bytes(path)
    if not head:
        raise Refused("the file is empty: ask for the export again")
    marked = next(
        (name for mark, name in _BYTE_ORDER_MARKS.items() if head.startswith(mark)),
        None,
    )
    candidates = [marked] if marked else ["utf-8", *([declared] if declared else [])]
    for candidate in candidates[:-1]:
        try:
            _check(path, candidate)
        except Refused:
            continue
        return candidate
    _check(path, candidates[-1])
    return candidates[-1]


def _first_bytes(path: Path) -> bytes:
    """The first bytes of the text, at most as many as the longest mark needs."""
    try:
        return next(chunks(path, 4), b"")
    except CutShort as error:
        raise Refused(f"{error}: ask for the export again") from error


def _check(path: Path, encoding: str) -> None:
    """Decode the whole file; refuse it at the first byte that does not."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    line = 1
    try:
        for chunk in chunks(path):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                raise Refused(_not_text(error, line, encoding, chunk)) from error
            line += chunk.count(b"\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise Refused(_not_text(error, line, encoding, b"")) from error
    except CutShort:
        pass  # the reader lands the rows before the damage and says where it is


def _not_text(error: UnicodeDecodeError, line: int, encoding: str, chunk: bytes) -> str:
    line += error.object[: error.start].count(b"\n")
    byte = error.object[error.start : error.start + 1].hex().upper()
    guess = from_bytes(chunk[error.start : error.start + 65536]).best()
    hint = f" (it looks like {guess.encoding})" if guess else ""
    return (
        f"line {line}: the byte 0x{byte} is not {encoding}; declare the export's"
        f" encoding in its contract{hint}"
    )
