"""Audiences as objects: `<prefix>/<audience>.csv` in a bucket, with a manifest.

An object is uploaded under a hidden name and copied within the store, which happens at
once. Uploaded in place, half a list would be published when this process is
interrupted: pyarrow ends an upload that an error breaks off as if it were complete.
"""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pyarrow import ArrowInvalid
from pyarrow.fs import FileType, S3FileSystem

from orchestration.lib.activation.destinations.base import (
    Capabilities,
    InDoubt,
    NotSent,
)
from orchestration.lib.activation.destinations.lists import (
    ListDestination,
    ListOptions,
    list_capabilities,
    manifest,
    manifest_name,
)
from orchestration.lib.object_storage import object_storage

_COPY_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class S3Options(ListOptions):
    """Which bucket, and below which prefix."""

    bucket: str
    prefix: str = ""
    #: Empty for Amazon itself.
    endpoint_url: str = ""
    region: str = ""
    #: Both, or neither: then as AWS's own tools find them.
    key_env: str = ""
    secret_env: str = ""


class S3Destination(ListDestination[S3Options]):
    """A bucket that holds the members of each audience in one object."""

    options_type = S3Options

    @classmethod
    def capabilities(cls, options: S3Options) -> Capabilities:
        """All members at once, as often as one likes."""
        if bool(options.key_env) != bool(options.secret_env):
            raise ValueError("key_env and secret_env are both needed, or neither")
        return list_capabilities(options.format)

    def holds(self, audience: str) -> bool:
        """Whether the object and its manifest are there."""
        target = self._target(audience)
        try:
            found = self._storage.get_file_info([target, manifest_name(target)])
        except (OSError, ArrowInvalid) as error:
            raise NotSent(self._told(error)) from None
        return all(info.type is FileType.File for info in found)

    def put(self, audience: str, file: Path, members: int) -> None:
        """Replace the object, then its manifest."""
        target = self._target(audience)
        name = f"{audience}.{self.options.format}"
        temporary = self._target(f".{audience}")
        about = manifest(name, file, members)
        is_replacing = False
        try:
            # Told not to pack, or it would do so by the ending of the name.
            with (
                file.open("rb") as content,
                self._storage.open_output_stream(temporary, compression=None) as there,
            ):
                shutil.copyfileobj(content, there, _COPY_BYTES)
            is_replacing = True
            self._storage.move(temporary, target)
            with self._storage.open_output_stream(manifest_name(target)) as there:
                there.write(about)
        except (OSError, ArrowInvalid) as error:
            raise (InDoubt if is_replacing else NotSent)(self._told(error)) from None

    @cached_property
    def _storage(self) -> S3FileSystem:
        return object_storage(
            endpoint_url=self.options.endpoint_url,
            region=self.options.region,
            key=self.secrets.get("key_env"),
            secret=self.secrets.get("secret_env"),
            attempts=self.options.attempts,
            timeout_seconds=self.options.timeout_seconds,
        )

    def _target(self, audience: str) -> str:
        folder = f"{self.options.bucket}/{self.options.prefix}".rstrip("/")
        return f"{folder}/{audience}.{self.options.format}"

    def _told(self, error: Exception) -> str:
        first_line = str(error).splitlines()[0]
        return (
            f"s3://{self.options.bucket}: {first_line}; see that endpoint, bucket and"
            " keys are right, and that they may read, write and delete"
        )
