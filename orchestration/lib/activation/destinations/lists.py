"""What places for files have in common: formats, names, and the manifest of a list.

    winback.csv                 the members
    winback.csv.manifest.json   {"bytes": 1234, "file": "winback.csv", "members": 20,
                                 "sha256": "..."}

The manifest is written last: a reader who finds that it fits the file has all of it.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from orchestration.lib.activation.destinations.base import (
    Capabilities,
    NotSent,
    Options,
    SnapshotDestination,
)

FORMATS = ("csv", "jsonl", "parquet")

ListOptionsT = TypeVar("ListOptionsT", bound="ListOptions")


@dataclass(frozen=True, kw_only=True)
class ListOptions(Options):
    """Which format a list has."""

    #: csv, jsonl or parquet.
    format: str = "csv"


class ListDestination(SnapshotDestination[ListOptionsT]):
    """A place for files, one for each audience."""

    @property
    def file_format(self) -> str:
        """As configured."""
        return self.options.format


def list_capabilities(file_format: str) -> Capabilities:
    """All members at once, as often as one likes.

    Raises:
        ValueError: it is no known format.
    """
    if file_format not in FORMATS:
        raise ValueError(f"format is {file_format!r}: {', '.join(FORMATS)}")
    return Capabilities(in_doubt_by="state", modes=("mirror",))


def manifest_name(name: str) -> str:
    """The name of the manifest of a file."""
    return f"{name}.manifest.json"


def manifest(name: str, file: Path, members: int) -> bytes:
    """The manifest of a file that is to have this name; the same for the same file."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    about = {
        "file": name,
        "members": members,
        "bytes": file.stat().st_size,
        "sha256": digest,
    }
    return json.dumps(about, sort_keys=True).encode() + b"\n"


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A file beside the target to write to, which replaces it after the block.

    Raises:
        NotSent: it cannot be written, and the target is as it was.
    """
    temporary = target.with_name(f".{target.name}.tmp")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(target)
    except OSError as error:
        raise NotSent(f"cannot write {target}: {error.strerror}") from None
