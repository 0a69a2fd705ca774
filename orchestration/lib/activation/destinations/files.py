"""Audiences as files in a folder: `<folder>/<audience>/members.csv` and the like."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from orchestration.lib.activation.destinations.base import Capabilities
from orchestration.lib.activation.destinations.lists import (
    ListDestination,
    ListOptions,
    list_capabilities,
    replacing,
)


@dataclass(frozen=True, kw_only=True)
class FileOptions(ListOptions):
    """Which folder, and which format."""

    #: Below the home folder unless absolute.
    folder: str = "outbox"


class FileDestination(ListDestination[FileOptions]):
    """A folder that holds the members of each audience in one file."""

    options_type = FileOptions

    @classmethod
    def capabilities(cls, options: FileOptions) -> Capabilities:
        """All members at once, as often as one likes."""
        return list_capabilities(options.format)

    def holds(self, audience: str) -> bool:
        """Whether the file is there."""
        return self._target(audience).exists()

    def put(self, audience: str, file: Path, members: int) -> None:
        """Replace the file, so that a reader sees the old one or the new one."""
        with replacing(self._target(audience)) as temporary:
            shutil.copyfile(file, temporary)

    def _target(self, audience: str) -> Path:
        name = f"members.{self.options.format}"
        return self.home / self.options.folder / audience / name
