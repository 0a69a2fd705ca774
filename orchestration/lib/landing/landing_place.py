"""What lies in the landing place, and which export expects it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from zipfile import ZipInfo

from orchestration.lib.landing.archives import members
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import Refused

#: Folders of a landing place that are not deliveries.
IGNORED_FOLDERS = frozenset({"truth", "__MACOSX"})
_DATE_IN_NAME = re.compile(r"(20\d\d)[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])")
_ARCHIVE_SUFFIX = re.compile(r"\.(zip|7z|rar|tar|tgz)$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class LandingFile:
    """A file in the landing place, or a member of a zip archive there."""

    #: The path below the landing place; an archive counts as a folder.
    name: str
    path: Path
    member: ZipInfo | None = None
    #: Names that an export may know a member by; later ones where none knows earlier.
    known_as: tuple[tuple[str, ...], ...] = ()
    #: Why an archive cannot be looked into.
    unreadable: str | None = None


def delivered_files(landing: Path) -> list[LandingFile]:
    """All files below the landing place, in the order in which they count as delivered.

    By the date in the name where there is one, then by name: never by modification
    time, which copying changes.
    """
    found = [
        file
        for path in landing.rglob("*")
        if path.is_file() and _is_delivery(name := path.relative_to(landing).as_posix())
        for file in _files_of(name, path)
    ]
    return sorted(found, key=lambda file: (_date_in(file.name), file.name))


def _is_delivery(name: str) -> bool:
    parts = name.split("/")
    is_hidden = any(part.startswith(".") for part in parts)
    return not is_hidden and not IGNORED_FOLDERS & set(parts[:-1])


def _files_of(name: str, path: Path) -> Iterator[LandingFile]:
    """The file itself, or what it holds where it is an archive."""
    try:
        held = members(path)
    except Refused as refusal:
        yield LandingFile(name=name, path=path, unreadable=str(refusal))
        return
    if held is None:
        yield LandingFile(name=name, path=path)
        return
    held = {inner: member for inner, member in held.items() if _is_delivery(inner)}
    for inner, member in held.items():
        folder = PurePosixPath(name).parent
        names = (inner, str(folder / inner))
        yield LandingFile(
            name=f"{name}/{inner}",
            path=path,
            member=member,
            known_as=(names, (_only_name(name, inner),))
            if len(held) == 1
            else (names,),
            unreadable=(
                "an archive inside an archive is not looked into: unpack the outer one"
                if _ARCHIVE_SUFFIX.search(inner)
                else None
            ),
        )


def _only_name(archive: str, inner: str) -> str:
    """The archive's own name with the suffix of the one file in it."""
    suffixes = PurePosixPath(inner).suffixes
    kept = suffixes[-2:] if suffixes[-1:] == [".gz"] else suffixes[-1:]
    return _ARCHIVE_SUFFIX.sub("", archive) + "".join(kept)


def _date_in(name: str) -> str:
    found = _DATE_IN_NAME.findall(name)
    return "".join(found[-1]) if found else ""


def delivered_at(name: str, now: datetime) -> datetime:
    """When a file counts as delivered: the last date in its name, or now."""
    date = _date_in(name)
    return datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC) if date else now


def is_dated(name: str) -> bool:
    """Whether the name says which day the file is about."""
    return bool(_date_in(name))


def claimed(
    files: Sequence[LandingFile], contracts: Sequence[ExportContract]
) -> tuple[dict[str, list[LandingFile]], dict[LandingFile, str]]:
    """Which export each file belongs to, and why some belong to none.

    Returns: files by export key, and reasons by file.
    """
    by_export: dict[str, list[LandingFile]] = {
        contract.key: [] for contract in contracts
    }
    unclaimed: dict[LandingFile, str] = {}
    for file in files:
        keys = _claimants(file, contracts)
        if len(keys) == 1:
            by_export[keys[0]].append(file)
        elif keys:
            unclaimed[file] = (
                f"the file name fits several exports ({', '.join(keys)}): put it into"
                " the folder of its source"
            )
        else:
            unclaimed[file] = file.unreadable or (
                "no export expects a file of this name: rename it after one of the"
                " patterns in models/staging/*/*__sources.yml, or add a source"
            )
    return by_export, unclaimed


def _claimants(file: LandingFile, contracts: Sequence[ExportContract]) -> list[str]:
    for names in file.known_as or ((file.name,),):
        if keys := [
            contract.key
            for contract in contracts
            if any(contract.claims(name) for name in names)
        ]:
            return keys
    return []
