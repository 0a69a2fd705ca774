"""Lists in a store that speaks S3, behind a relay that breaks off uploads."""

import hashlib
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from orchestration.lib.activation.destinations.base import NotSent
from orchestration.lib.activation.destinations.s3 import S3Destination, S3Options
from tests.destinations.conftest import World
from tests.destinations.snapshot_conformance import (
    SnapshotConformance,
    SnapshotSubject,
)
from tests.destinations.test_files import first_names
from tests.places.servers import ObjectStore, free_port, running_s3


class Relay:
    """The way to the store, on which connections break off."""

    def __init__(self, url: str) -> None:
        self._there = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        #: Bytes that still get through; None for all.
        self.left: int | None = None
        #: Requests that hold this get through, and the connection ends after.
        self.mute: bytes | None = None
        self._is_mute = False
        #: How often a list was put.
        self.puts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @contextmanager
    def cut_after(self, uploaded: int) -> Iterator[None]:
        """No more than so many bytes get through."""
        self.left = uploaded
        yield
        self.left = None

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(
                    (self._there.hostname or "", self._there.port or 0)
                )
                for work in (self._ask, self._answer):
                    threading.Thread(
                        target=work, args=[client, server], daemon=True
                    ).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self.left is not None:
                    data, self.left = data[: self.left], self.left - len(data)
                self._is_mute |= self.mute is not None and self.mute in data.lower()
                self.puts += data.count(b"PUT /exports/lists/winback.csv")
                server.sendall(data)
                if self.left is not None and self.left <= 0:
                    self.left = 0
                    break
        _end(client, server)

    def _answer(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self._is_mute:
                    break
                client.sendall(data)
        _end(client, server)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with running_s3() as store:
        yield store


@pytest.fixture
def relay(store: ObjectStore) -> Iterator[Relay]:
    relay = Relay(store.url)
    yield relay
    relay.close()


def connected(url: str, key: str = "any", **options: Any) -> S3Destination:
    known = {
        "bucket": "exports",
        "prefix": "lists",
        "endpoint_url": url,
        "region": "us-east-1",
        "key_env": "THE_KEY",
        "secret_env": "THE_SECRET",
        "attempts": 1,
        "timeout_seconds": 5.0,
    }
    secrets = {"key_env": key, "secret_env": "s3cr3t-of-crm"}
    return S3Destination("bucket", S3Options(**known | options), secrets, Path())


def content_of(store: ObjectStore, key: str) -> bytes | None:
    try:
        found: bytes = store.client.get_object(Bucket="exports", Key=key)["Body"].read()
    except store.client.exceptions.NoSuchKey:
        return None
    return found


def names_in(store: ObjectStore, folder: Path, file_format: str) -> Any:
    content = content_of(store, f"lists/winback.{file_format}")
    if content is None:
        return None
    file = folder / f"found.{file_format}"
    file.write_bytes(content)
    return first_names(file)


class TestS3(SnapshotConformance):
    @pytest.fixture
    def subject(
        self, store: ObjectStore, relay: Relay, tmp_path: Path
    ) -> SnapshotSubject:
        key = "lists/winback.csv"
        return SnapshotSubject(
            connect=lambda: connected(relay.url),
            members=lambda: names_in(store, tmp_path, "csv"),
            revision=lambda: relay.puts,
            lose=lambda: store.client.delete_object(Bucket="exports", Key=key),
            failing=lambda: relay.cut_after(100),
            before_formulas="'",
        )


@pytest.mark.parametrize("file_format", ["csv", "jsonl", "parquet"])
def test_the_manifest_says_what_the_object_holds(
    world: World, store: ObjectStore, tmp_path: Path, file_format: str
) -> None:
    world.apply(connected(store.url, format=file_format))

    name = f"winback.{file_format}"
    content = content_of(store, f"lists/{name}") or b""
    assert json.loads(content_of(store, f"lists/{name}.manifest.json") or b"") == {
        "file": name,
        "members": 3,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert len(names_in(store, tmp_path, file_format)) == 3


def test_a_large_list_that_breaks_off_in_a_later_part_leaves_the_one_before(
    store: ObjectStore, relay: Relay, tmp_path: Path
) -> None:
    file = tmp_path / "members.csv"
    file.write_bytes(b"customer_id\n" * 2_000_000)
    destination = connected(relay.url)
    destination.put("winback", file, 2_000_000)
    before = content_of(store, "lists/winback.csv")
    assert before == file.read_bytes()

    file.write_bytes(b"another\n" * 3_000_000)
    with relay.cut_after(15_000_000), pytest.raises(NotSent):
        destination.put("winback", file, 3_000_000)

    assert content_of(store, "lists/winback.csv") == before


def test_a_list_whose_manifest_is_lost_is_put_again(
    world: World, store: ObjectStore
) -> None:
    world.apply(connected(store.url))
    manifest = "lists/winback.csv.manifest.json"
    store.client.delete_object(Bucket="exports", Key=manifest)

    world.apply(connected(store.url))

    assert content_of(store, manifest)


def test_a_list_that_may_have_been_replaced_is_in_doubt(
    world: World, store: ObjectStore, relay: Relay
) -> None:
    relay.mute = b"x-amz-copy-source"

    applied = world.apply(connected(relay.url))

    assert applied.unknown == 3
    assert world.held() == set()
    assert world.apply(connected(store.url)).acknowledged == 3


def test_pyarrow_publishes_half_of_an_upload_that_is_interrupted_and_we_do_not(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "members.csv"
    file.write_bytes(b"customer_id\n" * 2_000_000)

    def interrupted(source: Any, target: Any, length: int) -> None:
        target.write(source.read(length))
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copyfileobj", interrupted)
    with pytest.raises(KeyboardInterrupt):
        connected(store.url).put("winback", file, 2_000_000)

    assert content_of(store, "lists/winback.csv") is None


def test_nothing_but_list_and_manifest_is_left(
    world: World, store: ObjectStore
) -> None:
    world.apply(connected(store.url))

    found = store.client.list_objects_v2(Bucket="exports")["Contents"]
    assert {each["Key"] for each in found} - {"lists/"} == {
        "lists/winback.csv",
        "lists/winback.csv.manifest.json",
    }


def test_wrong_keys_are_told_without_the_secret_and_leave_no_doubt(
    world: World, store: ObjectStore
) -> None:
    store.guard()

    applied = world.apply(connected(store.url, key="AKIAWRONG"))

    assert "see that endpoint, bucket and keys are right" in (applied.problem or "")
    assert "s3cr3t-of-crm" not in (applied.problem or "")
    assert (applied.sent, applied.unknown) == (0, 0)


@pytest.mark.parametrize("bucket", ["absent", "exports"])
def test_a_store_that_takes_nothing_leaves_nobody_in_doubt(
    world: World, store: ObjectStore, bucket: str
) -> None:
    is_down = bucket == "exports"
    url = f"http://127.0.0.1:{free_port()}" if is_down else store.url

    applied = world.apply(connected(url, bucket=bucket))

    assert ("NETWORK_CONNECTION" if is_down else "NO_SUCH_BUCKET") in applied.problem
    assert applied.unknown == 0


def test_half_of_the_credentials_is_refused() -> None:
    with pytest.raises(ValueError, match="both needed"):
        S3Destination.capabilities(S3Options(bucket="b", key_env="K"))
