"""Who a delivered file is (content hash) and how its bytes become text."""

import codecs
import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

CHUNK_BYTES = 8 * 1024 * 1024
#: A packed document, which is read from a temporary copy, may be this large.
MAX_UNPACKED_BYTES = 2 * 1024**3

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_GZIP_MAGIC = b"\x1f\x8b"
#: What reading a damaged zip archive may raise.
ZIP_DAMAGE = (BadZipFile, EOFError, RuntimeError, ValueError, zlib.error)


class Refused(Exception):
    """A file that cannot be read whole; the message is the reason kept with it."""


class NotText(Refused):
    """A file whose bytes are no text in the encodings that were tried."""


class CutShort(Exception):
    """A file that ends, or is damaged, before its content does."""


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """The identity of a file, or of a member of a zip archive; no row is read yet."""

    path: Path
    #: What the archive at `path` holds, where it is not the whole file.
    member: ZipInfo | None = None
    sha256: str
    size: int

    @property
    def file_id(self) -> str:
        """The first 16 hex digits of the content hash, enough to be unique here."""
        return self.sha256[:16]


def identify(path: Path, member: ZipInfo | None = None) -> Delivered:
    """Hash the bytes as delivered: packed where they are gzip, a member's unpacked.

    A member is thus the same delivery in whatever archive it comes.

    Raises:
        Refused: the member cannot be unpacked whole.
        OSError: the file cannot be opened.
    """
    with _opened(path, member) as file:
        digest = hashlib.file_digest(file, "sha256")
        size = file.tell()
    return Delivered(path=path, member=member, sha256=digest.hexdigest(), size=size)


@contextmanager
def _opened(path: Path, member: ZipInfo | None) -> Iterator[BufferedIOBase]:
    """The bytes of a file, or of a member of the archive that it is."""
    if member is None:
        with path.open("rb") as file:
            yield file
        return
    if member.flag_bits & 1:
        raise Refused("it is encrypted: pack the archive again without a password")
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise Refused("it is packed by an uncommon method: pack it again as plain zip")
    try:
        with ZipFile(path) as archive, archive.open(member) as file:
            yield cast("BufferedIOBase", file)
    except ZIP_DAMAGE as error:
        raise Refused(
            f"the zip archive is damaged ({error}): ask for it again"
        ) from error


def is_compressed(delivered: Delivered) -> bool:
    """Whether the content starts like a gzip stream, whatever its name says."""
    with _opened(delivered.path, delivered.member) as file:
        return file.read(2) == _GZIP_MAGIC


def chunks(delivered: Delivered, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The content in order, decompressed where it is gzip.

    Raises:
        CutShort: after the last byte that could be had from a damaged gzip stream.
    """
    with _opened(delivered.path, delivered.member) as file:
        if file.read(2) != _GZIP_MAGIC:
            file.seek(0)
            while chunk := file.read(size):
                yield chunk
            return
        file.seek(0)
        with gzip.open(file) as plain:
            while True:
                try:
                    # read1 hands out everything before the damage; read loses it.
                    chunk = plain.read1(size)
                except (EOFError, zlib.error, gzip.BadGzipFile) as error:
                    raise CutShort(f"the gzip stream is damaged ({error})") from error
                if not chunk:
                    return
                yield chunk


def texts(
    delivered: Delivered, encoding: str, size: int = CHUNK_BYTES
) -> Iterator[str]:
    """The content as text, in pieces of about this many bytes.

    Raises:
        CutShort: as `chunks`.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    for chunk in chunks(delivered, size):
        yield decoder.decode(chunk)


@contextmanager
def as_file(delivered: Delivered) -> Iterator[IO[bytes]]:
    """The content as a file to seek in: a temporary one where it is packed.

    Raises:
        Refused: a packed document is damaged, or too large to be unpacked.
    """
    if delivered.member is None and not is_compressed(delivered):
        with delivered.path.open("rb") as file:
            yield file
        return
    with TemporaryFile() as copy:
        try:
            for chunk in chunks(delivered):
                copy.write(chunk)
                if copy.tell() > MAX_UNPACKED_BYTES:
                    raise Refused(
                        f"it unpacks to more than {MAX_UNPACKED_BYTES} bytes: deliver"
                        " it unpacked, or in parts"
                    )
        except CutShort as error:
            raise Refused(f"{error}: ask for the export again") from error
        copy.seek(0)
        yield copy


def head(delivered: Delivered, size: int) -> bytes:
    """The first bytes of the content, at most `size`.

    Raises:
        Refused: not one byte can be unpacked.
    """
    start = b""
    try:
        for chunk in chunks(delivered, size):
            start += chunk
            if len(start) >= size:
                break
    except CutShort as error:
        if not start:
            raise Refused(f"{error}: ask for the export again") from error
    return start[:size]


def find_encoding(delivered: Delivered, declared: str | None) -> str:
    """The encoding of a file: byte-order mark, else strict UTF-8, else as declared.

    Raises:
        Refused: the file is empty.
        NotText: it is valid neither as UTF-8 nor as declared.
    """
    start = head(delivered, 4)
    if not start:
        raise Refused("the file is empty: ask for the export again")
    marked = next(
        (name for mark, name in _BYTE_ORDER_MARKS.items() if start.startswith(mark)),
        None,
    )
    candidates = [marked] if marked else ["utf-8", *([declared] if declared else [])]
    for candidate in candidates[:-1]:
        try:
            check_encoding(delivered, candidate)
        except NotText:
            continue
        return candidate
    check_encoding(delivered, candidates[-1])
    return candidates[-1]


def check_encoding(delivered: Delivered, encoding: str) -> None:
    """Decode the whole file.

    Raises:
        NotText: at the first byte that the encoding does not know.
    """
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    line = 1
    try:
        for chunk in chunks(delivered):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                raise NotText(_not_text(error, line, encoding)) from error
            line += chunk.count(b"\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise NotText(_not_text(error, line, encoding)) from error
    except CutShort:
        pass  # the reader lands the rows before the damage and says where it is


def _not_text(error: UnicodeDecodeError, line: int, encoding: str) -> str:
    line += error.object[: error.start].count(b"\n")
    byte = error.object[error.start : error.start + 1].hex().upper()
    return (
        f"line {line}: the byte 0x{byte} is not {encoding}; declare the export's"
        " encoding in its contract"
    )
