"""Names of fetched files: where they land, whatever a place calls them."""

import fnmatch
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import count
from pathlib import PurePosixPath

from orchestration.lib.places.remote import FileRefused

#: File systems take 255 bytes; a landed name may become longer than the remote one.
_LONGEST_PART_BYTES = 200
_VERSION = re.compile(r"~(\d\d+)(?=(?:\.\w+){0,2}$)")
_WRAPPERS = frozenset({".gz", ".zip"})
#: Control characters, halves of surrogate pairs, ends of lines and paragraphs.
_NO_NAME_HOLDS = frozenset({"Cc", "Cs", "Zl", "Zp"})
#: Servers without modification times say 1970.
_FIRST_YEAR = 2000


def is_wanted(name: str, patterns: Sequence[str]) -> bool:
    """Whether a file fits a pattern, by its path or its last part, and is not hidden.

    What is hidden is no delivery: half uploads and bookkeeping are called so.
    """
    path = PurePosixPath(name.lower())
    if any(part.startswith(".") and part != ".." for part in path.parts):
        return False
    return any(
        fnmatch.fnmatchcase(str(path), pattern.lower())
        or fnmatch.fnmatchcase(path.name, pattern.lower())
        for pattern in patterns
    )


def checked(name: str) -> str:
    """The name, if it is a plain path that stays below the folder it is joined to.

    Raises:
        FileRefused: it is not.
    """
    parts = name.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise FileRefused("its name leads out of the landing folder")
    if "\\" in name or any(unicodedata.category(c) in _NO_NAME_HOLDS for c in name):
        raise FileRefused(
            "its name holds a backslash, a control character or no UTF-8: rename it"
            " over there"
        )
    if any(len(part.encode()) > _LONGEST_PART_BYTES for part in parts):
        raise FileRefused(f"its name is longer than {_LONGEST_PART_BYTES} bytes")
    return name


def dated(
    name: str,
    modified_at: datetime | None,
    now: datetime,
    date_in: Callable[[str], str],
) -> str:
    """The name with a date in it: its own, else when the file was modified, else now.

    A place shows today's content under yesterday's name; the landing folder keeps
    both and tells them apart by date.

    Args:
        date_in: finds the date that a file name says, or an empty text.
    """
    if date_in(name):
        return name
    at = modified_at if modified_at and modified_at.year >= _FIRST_YEAR else now
    return _with_suffix(name, f"_{stamp(at)}")


def stamp(at: datetime) -> str:
    """A moment in a file name, given in UTC; no part of its time looks like a date."""
    return f"{at:%Y-%m-%dT%H%M%SZ}"


def versions(name: str, last: str | None) -> Iterator[str]:
    """Names that a file may get, in order of preference.

    The next version of a file that came under this name before is marked `~02`, for the
    lander takes it for a correction. Where the name belongs to another file, the mark
    is `_2`, which says nothing.

    Args:
        last: the name that this file got when it came last, if it did.
    """
    number = 1 if last == name else None
    if last is not None and (marked := _VERSION.search(last)):
        number = int(marked[1]) if _with_suffix(name, marked[0]) == last else None
    if number is None:
        yield name
        yield from (_with_suffix(name, f"_{each}") for each in count(2))
    else:
        yield from (_with_suffix(name, f"~{each:02}") for each in count(number + 1))


def _with_suffix(name: str, suffix: str) -> str:
    path = PurePosixPath(name)
    ending = path.suffix
    if ending.lower() in _WRAPPERS:
        ending = PurePosixPath(path.stem).suffix + ending
    return str(path.with_name(f"{path.name.removesuffix(ending)}{suffix}{ending}"))
