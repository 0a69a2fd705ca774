"""Object storage against a server that speaks S3."""

import gzip

import pytest

from orchestration.lib.places import s3
from tests.places.conftest import Office
from tests.places.servers import ObjectStore, free_port

CONFIG = """
[places.crm]
type = "s3"
bucket = "exports"
prefix = "daily"
files = ["*.csv*"]
endpoint_url = "{url}"
region = "us-east-1"
key_env = "CRM_KEY"
secret_env = "CRM_SECRET"
attempts = 1
timeout_seconds = 5
"""


@pytest.fixture
def desk(office: Office, store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("CRM_KEY", "any")
    monkeypatch.setenv("CRM_SECRET", "s3cr3t-of-crm")
    office.config = CONFIG.format(url=store.url)
    return office


def put(store: ObjectStore, key: str, content: bytes) -> None:
    store.client.put_object(Bucket="exports", Key=key, Body=content)


def test_objects_below_the_prefix_arrive_as_they_are(
    desk: Office, store: ObjectStore
) -> None:
    packed = gzip.compress(b"id\n1\n")
    put(store, "daily/shop/orders_2026-10-31.csv.gz", packed)
    put(store, "daily/Клиенты 2026-10-31.csv", b"id\n2\n")
    put(store, "daily/readme.txt", b"not asked for")
    put(store, "daily/folder/", b"")
    put(store, "daily2/orders_2026-10-31.csv", b"of another prefix")

    outcome = desk.fetch()

    assert outcome.problems == []
    assert desk.landed() == {
        "crm/shop/orders_2026-10-31.csv.gz": packed,
        "crm/Клиенты 2026-10-31.csv": b"id\n2\n",
    }


def test_an_object_without_a_date_gets_that_of_its_upload(
    desk: Office, store: ObjectStore
) -> None:
    put(store, "daily/orders.csv", b"id\n1\n")
    at = store.client.head_object(Bucket="exports", Key="daily/orders.csv")

    assert desk.fetch().new == [f"crm/orders_{at['LastModified']:%Y-%m-%dT%H%M%SZ}.csv"]


def test_an_unchanged_object_is_not_fetched_again_and_a_changed_one_beside_it(
    desk: Office, store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(store, "daily/orders_2026-10-31.csv", b"id\n1\n")
    put(store, "daily/customers_2026-10-31.csv", b"id\n1\n")
    desk.fetch()
    asked: list[str] = []
    download = s3.S3Files.download

    def noted(self: s3.S3Files, file: s3.RemoteFile, *rest: object) -> s3.RemoteFile:
        asked.append(file.name)
        return download(self, file, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(s3.S3Files, "download", noted)
    put(store, "daily/orders_2026-10-31.csv", b"id\n1\n2\n")

    outcome = desk.fetch()

    assert asked == ["orders_2026-10-31.csv"]
    assert (outcome.new, outcome.unchanged) == (["crm/orders_2026-10-31~02.csv"], 1)
    assert desk.landed() == {
        "crm/customers_2026-10-31.csv": b"id\n1\n",
        "crm/orders_2026-10-31.csv": b"id\n1\n",
        "crm/orders_2026-10-31~02.csv": b"id\n1\n2\n",
    }


def test_keys_that_lead_elsewhere_are_refused_and_others_arrive(
    desk: Office, store: ObjectStore
) -> None:
    put(store, "daily/../../evil.csv", b"x")
    put(store, "daily//evil.csv", b"x")
    put(store, "daily/orders_2026-10-31.csv", b"id\n1\n")

    outcome = desk.fetch()

    assert len(outcome.problems) == 2
    assert all("leads out of the landing folder" in each for each in outcome.problems)
    assert list(desk.landed()) == ["crm/orders_2026-10-31.csv"]
    assert not list(desk.home.parent.rglob("*evil*"))


def test_wrong_keys_are_told_without_the_secret_and_right_ones_let_in(
    desk: Office, store: ObjectStore, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    put(store, "daily/orders_2026-10-31.csv", b"id\n1\n")
    key, secret = store.guard()
    caplog.set_level("DEBUG")

    (problem,) = desk.fetch().problems

    assert problem.startswith("s3://exports/daily: ")
    assert "see that endpoint, bucket and keys are right" in problem
    shown = "".join([*capfd.readouterr(), caplog.text, problem])
    assert "s3cr3t-of-crm" not in shown

    monkeypatch.setenv("CRM_KEY", key)
    monkeypatch.setenv("CRM_SECRET", secret)
    assert desk.fetch().new == ["crm/orders_2026-10-31.csv"]


def test_a_bucket_that_is_not_there_and_a_store_that_is_down_are_told(
    desk: Office, store: ObjectStore
) -> None:
    desk.config = CONFIG.format(url=store.url).replace('"exports"', '"export"')
    assert "NO_SUCH_BUCKET" in desk.fetch().problems[0]

    desk.config = CONFIG.format(url=f"http://127.0.0.1:{free_port()}")
    assert "NETWORK_CONNECTION" in desk.fetch().problems[0]


def test_a_dry_run_lists_and_fetches_nothing(desk: Office, store: ObjectStore) -> None:
    put(store, "daily/orders_2026-10-31.csv", b"id\n1\n")

    assert desk.fetch(dry_run=True).new == ["crm/orders_2026-10-31.csv"]

    assert desk.landed() == {}
    assert desk.fetch().new == ["crm/orders_2026-10-31.csv"]
