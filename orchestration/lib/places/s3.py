"""Objects of a storage that speaks S3."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from pyarrow import ArrowInvalid
from pyarrow.fs import FileInfo, FileSelector, FileType

from orchestration.lib.object_storage import object_storage
from orchestration.lib.places.remote import FileRefused, PlaceUnreachable, RemoteFile

_COPY_BYTES = 8 * 1024 * 1024
#: How pyarrow's messages call what concerns the connection, not an object.
_CONNECTION_ERRORS = ("NETWORK_CONNECTION", "REQUEST_TIMEOUT", "curlCode")


class S3Files:
    """Objects below a prefix of a bucket.

    Args:
        endpoint_url: empty for Amazon itself.
        key, secret: None for what AWS's own tools would use.
    """

    def __init__(
        self,
        bucket: str,
        prefix: str,
        *,
        endpoint_url: str,
        region: str,
        key: str | None,
        secret: str | None,
        attempts: int,
        timeout_seconds: float,
    ) -> None:
        self._root = f"{bucket}/{prefix}".strip("/")
        try:
            self._storage = object_storage(
                endpoint_url=endpoint_url,
                region=region,
                key=key,
                secret=secret,
                attempts=attempts,
                timeout_seconds=timeout_seconds,
            )
        except (OSError, ArrowInvalid) as error:
            raise PlaceUnreachable(self._told(error)) from error

    def files(self) -> Sequence[RemoteFile]:
        """Every object below the prefix."""
        # Allowing what is not found would take a missing bucket for an empty one.
        selector = FileSelector(self._root, recursive=True, allow_not_found=False)
        try:
            listed = self._storage.get_file_info(selector)
        except FileNotFoundError:
            return []
        except (OSError, ArrowInvalid) as error:
            raise PlaceUnreachable(self._told(error)) from error
        return [self._file(info) for info in listed if info.type is FileType.File]

    def download(self, file: RemoteFile, to: Path, known: str | None) -> RemoteFile:
        """Write an object; one that is replaced meanwhile is read again."""
        path = f"{self._root}/{file.key}"
        try:
            before = self._storage.get_file_info(path)
            # Told not to unpack, or it would do so by the ending of the name.
            with (
                self._storage.open_input_stream(path, compression=None) as stream,
                to.open("wb") as target,
            ):
                shutil.copyfileobj(stream, target, _COPY_BYTES)
            after = self._storage.get_file_info(path)
        except (OSError, ArrowInvalid) as error:
            if any(word in str(error) for word in _CONNECTION_ERRORS):
                raise PlaceUnreachable(self._told(error)) from error
            raise FileRefused(self._told(error)) from error
        if self._file(before) != self._file(after):
            raise FileRefused("it changes while it is fetched", may_pass=True)
        return self._file(after)

    def close(self) -> None:
        """Connections end with the process."""

    def _file(self, info: FileInfo) -> RemoteFile:
        key = info.path.removeprefix(f"{self._root}/")
        return RemoteFile(
            key=key,
            name=key,
            version=f"{info.size} {info.mtime}",
            modified_at=info.mtime,
        )

    def _told(self, error: Exception) -> str:
        first_line = str(error).splitlines()[0]
        return (
            f"s3://{self._root}: {first_line}; see that endpoint, bucket and keys are"
            " right, and that they may list and read"
        )
