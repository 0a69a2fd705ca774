"""Zip archives are folders: their members are deliveries like any other file.

Nothing is unpacked by name. A member's name only says which export expects it.
"""

import re
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import ZipFile, ZipInfo

from orchestration.lib.landing.inspection import ZIP_DAMAGE, Refused

ZIP_STARTS = (b"PK\x03\x04", b"PK\x05\x06")
OTHER_ARCHIVES = {
    b"7z\xbc\xaf": "a 7z archive is not looked into: pack it as zip",
    b"Rar!": "a RAR archive is not looked into: pack it as zip",
}
#: Members by which documents are told, which are zip archives too.
_DOCUMENT_MARKS = {"[content_types].xml": "xlsx", "mimetype": "ods"}
_MIXED_ALPHABETS = re.compile("[a-z][а-яё]|[а-яё][a-z]", re.IGNORECASE)
_UTF8_NAME = 0x800


def document_kind(file: IO[bytes]) -> str | None:
    """`xlsx` or `ods` where the zip archive is such a document.

    Raises:
        Refused: the archive is damaged.
    """
    names = {member.filename.lower() for member in _listed(file)}
    return next((kind for mark, kind in _DOCUMENT_MARKS.items() if mark in names), None)


def members(path: Path) -> dict[str, ZipInfo] | None:
    """What an archive holds, by name; None where the file is no archive.

    Raises:
        Refused: the archive is damaged, holds no files, or is no zip archive.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
            if start in OTHER_ARCHIVES:
                raise Refused(OTHER_ARCHIVES[start])
            if start not in ZIP_STARTS or document_kind(file):
                return None
            listed = _listed(file)
    except OSError:
        return None  # whoever reads it will say so
    named: dict[str, ZipInfo] = {}
    for member in listed:
        if not member.is_dir():
            named[_distinct(_name(member), named)] = member
    if not named:
        raise Refused("the zip archive holds no files: ask for it again")
    return named


def _listed(file: IO[bytes]) -> list[ZipInfo]:
    try:
        with ZipFile(file) as archive:
            return archive.infolist()
    except ZIP_DAMAGE as error:
        raise Refused(
            f"the zip archive is damaged ({error}): ask for it again"
        ) from error


def _name(member: ZipInfo) -> str:
    """The member's path as a name below the archive, never above it."""
    text = member.filename
    if not member.flag_bits & _UTF8_NAME:
        text = _russian(text)
    parts = [
        re.sub(r"[\x00-\x1f\x7f]", "_", part)
        for part in re.sub(r"^[a-zA-Z]:", "", text.replace("\\", "/")).split("/")
    ]
    return "/".join(part for part in parts if part not in ("", ".", "..")) or "_"


def _russian(text: str) -> str:
    """A name that was read as cp437, as Windows in Russian wrote it."""
    try:
        packed = text.encode("cp437")
    except UnicodeEncodeError:
        return text
    for encoding in ("utf-8", "cp866"):
        try:
            name = packed.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _MIXED_ALPHABETS.search(name):
            return name
    return text


def _distinct(name: str, taken: dict[str, ZipInfo]) -> str:
    """The name, numbered where the archive holds several files of it."""
    path, number, distinct = PurePosixPath(name), 1, name
    while distinct in taken:
        number += 1
        distinct = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
    return distinct
