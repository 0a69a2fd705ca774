"""Digests of files that lie in the landing place as they did: not hashed again.

A delivery is known by its content. Most files of a landing place are those of the last
run, and to hash them all again would be most of what a run does with them. So, as git
does with a work tree, a digest is kept with what the file system says of its file, and
holds as long as all of that is the same. Neither copying nor restoring a file, nor
setting its modification time back, leaves all of it the same.
"""

import json
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from orchestration.lib.landing.inspection import Delivered, identify
from orchestration.lib.landing.landing_place import LandingFile

#: A file may be written twice without a change of its times if it is so young.
_TOO_YOUNG = timedelta(seconds=2)


class Digests:
    """The digests of the files of one export, by name; kept in a file of their own.

    The file may be deleted at any time: then all are hashed.
    """

    def __init__(self, path: Path, now: datetime) -> None:
        """Read what is kept.

        Args:
            now: files that were changed just before it are hashed again next time.
        """
        self._path = path
        self._young = int((now - _TOO_YOUNG).timestamp() * 1e9)
        self._known: dict[str, list[int | str]] = {}
        with suppress(FileNotFoundError, ValueError):
            self._known = json.loads(path.read_text(encoding="utf-8")) or {}
        self._seen: dict[str, list[int | str]] = {}

    def identify(self, file: LandingFile) -> Delivered:
        """Who the file is, hashed where it is not known.

        Raises: as `inspection.identify`.
        """
        status = file.path.stat()
        places = [status.st_dev, status.st_ino, status.st_size]
        times = [status.st_mtime_ns, status.st_ctime_ns]
        *known, sha256, size = self._known.get(file.name, ["", 0])
        if known == [*places, *times]:
            delivered = Delivered(
                path=file.path, member=file.member, sha256=str(sha256), size=int(size)
            )
        else:
            delivered = identify(file.path, file.member)
        if max(times) < self._young:
            self._seen[file.name] = [
                *places, *times, delivered.sha256, delivered.size,
            ]  # fmt: skip
        return delivered

    def save(self) -> None:
        """Keep the digests of the files that were seen, and no others."""
        if self._seen != self._known:
            temporary = self._path.with_name(f"{self._path.name}.new")
            temporary.write_text(json.dumps(self._seen), encoding="utf-8")
            temporary.replace(self._path)
