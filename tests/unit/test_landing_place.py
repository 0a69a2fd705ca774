"""Which files lie in the landing place, also inside archives, and whose they are."""

import os
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import Refused, identify
from orchestration.lib.landing.landing_place import (
    LandingFile,
    claimed,
    delivered_files,
)

ORDERS = ExportContract(
    source="shop",
    export="orders",
    description="",
    files=("shop/orders*.csv*", "orders_export*"),
    columns=("id",),
)
EVENTS = replace(ORDERS, source="mail", export="events", files=("events*.json*",))


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    """An archive at the path, holding these files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def with_bytes_as_name(path: Path, name: bytes) -> Path:
    """The archive with its one member renamed, as a program of another time did."""
    content = path.read_bytes()
    old = b"x" * len(name)
    assert content.count(old) == 2
    path.write_bytes(content.replace(old, name))
    return path


def names(landing: Path) -> list[str]:
    """Names of all deliveries, in order."""
    return [file.name for file in delivered_files(landing)]


def owners(landing: Path) -> dict[str, list[str]]:
    """Names of deliveries by export."""
    by_export, _ = claimed(delivered_files(landing), [ORDERS, EVENTS])
    return {key: [file.name for file in files] for key, files in by_export.items()}


def plain(name: str) -> LandingFile:
    """A file that nobody opens."""
    return LandingFile(name=name, path=Path(name))


# -- folders ------------------------------------------------------------------------


def test_files_are_delivered_in_the_order_of_the_dates_in_their_names(
    tmp_path: Path,
) -> None:
    expected = [
        "z/undated.csv",
        "b_2026-01-31.csv",
        "a_20260201.csv",
        "2026_02_02/c.csv",
        "2025-01-01/d_2026-03-01.csv",
    ]
    for number, name in enumerate(reversed(expected)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (number, number))

    assert names(tmp_path) == expected


def test_hidden_files_and_the_truth_of_a_simulation_are_no_deliveries(
    tmp_path: Path,
) -> None:
    for name in ("a.csv", "truth", "shop/.b.csv", ".git/c.csv", "truth/d.csv"):
        if name != "truth":
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()

    assert names(tmp_path) == ["a.csv"]


def test_an_absent_landing_place_holds_no_files(tmp_path: Path) -> None:
    assert names(tmp_path / "nowhere") == []


def test_each_file_belongs_to_the_one_export_that_claims_it() -> None:
    greedy = replace(ORDERS, export="returns", files=("shop/orders_returned*.csv",))
    files = [
        plain(name)
        for name in ("shop/orders.csv", "events.json", "shop/orders_returned.csv", "a")
    ]

    by_export, unclaimed = claimed(files, [ORDERS, EVENTS, greedy])

    assert by_export == {
        "shop.orders": [files[0]],
        "mail.events": [files[1]],
        "shop.returns": [],
    }
    assert unclaimed == {
        files[2]: (
            "the file name fits several exports (shop.orders, shop.returns): put it"
            " into the folder of its source"
        ),
        files[3]: (
            "no export expects a file of this name: rename it after one of the"
            " patterns in models/staging/*/*__sources.yml, or add a source"
        ),
    }


# -- archives -----------------------------------------------------------------------


def test_an_archive_is_a_folder(tmp_path: Path) -> None:
    zipped(
        tmp_path / "exports.zip",
        {"shop/orders.csv": b"id\n1\n", "mail/events.json": b"[]", "notes.txt": b"x"},
    )

    assert names(tmp_path) == [
        "exports.zip/mail/events.json",
        "exports.zip/notes.txt",
        "exports.zip/shop/orders.csv",
    ]
    assert owners(tmp_path) == {
        "shop.orders": ["exports.zip/shop/orders.csv"],
        "mail.events": ["exports.zip/mail/events.json"],
    }


def test_an_archive_in_the_folder_of_a_source_may_hold_its_files(
    tmp_path: Path,
) -> None:
    zipped(tmp_path / "shop/october.zip", {"orders.csv": b"id\n1\n", "x.csv": b"y"})

    assert owners(tmp_path)["shop.orders"] == ["shop/october.zip/orders.csv"]


def test_the_only_file_of_an_archive_may_go_by_the_name_of_the_archive(
    tmp_path: Path,
) -> None:
    zipped(tmp_path / "shop/orders-2026-10.zip", {"export.csv": b"id\n1\n"})
    zipped(tmp_path / "shop/orders-2026-11.zip", {"export.csv.gz": b"id\n1\n"})
    zipped(tmp_path / "shop/orders-2026-12.zip", {"a.csv": b"id\n", "b.csv": b"id\n"})

    assert owners(tmp_path)["shop.orders"] == [
        "shop/orders-2026-10.zip/export.csv",
        "shop/orders-2026-11.zip/export.csv.gz",
    ]


def test_the_own_name_of_a_file_counts_before_that_of_its_archive(
    tmp_path: Path,
) -> None:
    zipped(tmp_path / "shop/orders.zip", {"events.csv.json": b"[]"})

    assert owners(tmp_path)["mail.events"] == ["shop/orders.zip/events.csv.json"]


def test_a_date_in_the_name_of_an_archive_counts_for_members_without_one(
    tmp_path: Path,
) -> None:
    zipped(tmp_path / "b_2026-10-02.zip", {"a.csv": b"1", "b_2026-10-04.csv": b"2"})
    zipped(tmp_path / "a_2026-10-03.zip", {"a.csv": b"3"})

    assert names(tmp_path) == [
        "b_2026-10-02.zip/a.csv",
        "a_2026-10-03.zip/a.csv",
        "b_2026-10-02.zip/b_2026-10-04.csv",
    ]


def test_what_is_no_delivery_in_a_folder_is_none_in_an_archive(tmp_path: Path) -> None:
    zipped(
        tmp_path / "a.zip",
        {
            "shop/orders.csv": b"id\n",
            "truth/people.csv": b"id\n",
            "__MACOSX/shop/._orders.csv": b"x",
            ".DS_Store": b"x",
            "empty/": b"",
        },
    )

    assert names(tmp_path) == ["a.zip/shop/orders.csv"]


def test_a_workbook_is_no_archive(tmp_path: Path) -> None:
    zipped(tmp_path / "a.xlsx", {"[Content_Types].xml": b"", "xl/workbook.xml": b""})

    assert names(tmp_path) == ["a.xlsx"]


def test_a_zip_archive_is_told_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    zipped(tmp_path / "orders.csv", {"a.csv": b"id\n1\n"})
    (tmp_path / "plain.zip").write_bytes(b"id\n1\n")

    assert names(tmp_path) == ["orders.csv/a.csv", "plain.zip"]


@pytest.mark.parametrize(
    ("inner", "name"),
    [
        ("../../etc/orders.csv", "etc/orders.csv"),
        ("/orders.csv", "orders.csv"),
        ("C:\\exports\\orders.csv", "exports/orders.csv"),
        ("./a//orders.csv", "a/orders.csv"),
        ("or\nders.csv", "or_ders.csv"),
    ],
)
def test_the_name_of_a_member_leads_nowhere(
    tmp_path: Path, inner: str, name: str
) -> None:
    zipped(tmp_path / "a.zip", {inner: b"id\n1\n"})

    [file] = delivered_files(tmp_path)

    assert file.name == f"a.zip/{name}"
    assert identify(file.path, file.member).size == 5


@pytest.mark.parametrize(
    ("stored", "name"),
    [
        ("Контакты.csv".encode("cp866"), "Контакты.csv"),
        ("Контакты.csv".encode(), "Контакты.csv"),
        ("Käufer.csv".encode("cp437"), "Käufer.csv"),
    ],
)
def test_names_from_before_unicode_are_read(
    tmp_path: Path, stored: bytes, name: str
) -> None:
    path = zipped(tmp_path / "a.zip", {"x" * len(stored): b"id\n1\n"})
    with_bytes_as_name(path, stored)

    [file] = delivered_files(tmp_path)

    assert file.name == f"a.zip/{name}"
    assert identify(file.path, file.member).size == 5


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_files_of_one_name_in_one_archive_are_all_delivered(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("orders.csv", b"id\n1\n")
        archive.writestr("orders.csv", b"id\n2\n3\n")

    files = delivered_files(tmp_path)

    assert [file.name for file in files] == [
        "a.zip/orders (2).csv",
        "a.zip/orders.csv",
    ]
    assert [identify(file.path, file.member).size for file in files] == [7, 5]


# -- archives that cannot be read ---------------------------------------------------


def unreadable(landing: Path) -> list[tuple[str, str | None]]:
    """Names of deliveries and why they cannot be looked into."""
    return [(file.name, file.unreadable) for file in delivered_files(landing)]


def test_a_cut_archive_is_one_delivery_that_says_why(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"orders.csv": b"id\n1\n" * 100})
    path.write_bytes(path.read_bytes()[:-30])

    assert unreadable(tmp_path) == [
        (
            "a.zip",
            "the zip archive is damaged (File is not a zip file): ask for it again",
        )
    ]
    by_export, unclaimed = claimed(delivered_files(tmp_path), [ORDERS])
    assert by_export == {"shop.orders": []}
    assert list(unclaimed.values()) == [unreadable(tmp_path)[0][1]]


def test_an_empty_archive_says_so(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {})

    assert unreadable(tmp_path) == [
        ("a.zip", "the zip archive holds no files: ask for it again")
    ]


def test_an_archive_in_an_archive_is_not_looked_into(tmp_path: Path) -> None:
    inner = zipped(tmp_path / "inner.zip", {"orders.csv": b"id\n1\n"})
    zipped(tmp_path / "outer.zip", {"inner.zip": inner.read_bytes()})
    inner.unlink()

    assert unreadable(tmp_path) == [
        (
            "outer.zip/inner.zip",
            "an archive inside an archive is not looked into: unpack the outer one",
        )
    ]


def test_archives_of_other_kinds_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.7z").write_bytes(b"7z\xbc\xaf\x27\x1c\0\4")
    (tmp_path / "b.rar").write_bytes(b"Rar!\x1a\7\1\0")

    assert unreadable(tmp_path) == [
        ("a.7z", "a 7z archive is not looked into: pack it as zip"),
        ("b.rar", "a RAR archive is not looked into: pack it as zip"),
    ]


# -- identity of members ------------------------------------------------------------


def test_a_member_is_known_by_its_content_in_whatever_archive(tmp_path: Path) -> None:
    zipped(tmp_path / "a.zip", {"orders.csv": b"id\n1\n"})
    zipped(tmp_path / "b.zip", {"x/export.csv": b"id\n1\n", "y.csv": b"id\n2\n"})
    (tmp_path / "c.csv").write_bytes(b"id\n1\n")

    ids = [
        identify(each.path, each.member).file_id for each in delivered_files(tmp_path)
    ]

    assert ids[0] == ids[1] == ids[3] != ids[2]


def test_an_encrypted_member_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"orders.csv": b"id\n1\n"})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(content)
    [file] = delivered_files(tmp_path)

    with pytest.raises(Refused, match="it is encrypted: pack the archive again"):
        identify(file.path, file.member)


def test_a_member_packed_by_another_method_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("orders.csv", b"id\n1\n")
    [file] = delivered_files(tmp_path)

    with pytest.raises(Refused, match="uncommon method: pack it again as plain zip"):
        identify(file.path, file.member)


def test_a_damaged_member_is_refused_and_its_neighbour_is_not(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a.csv": b"id\n1\n" * 9, "b.csv": b"id\n2\n"})
    content = bytearray(path.read_bytes())
    start = 30 + struct.unpack("<H", content[26:28])[0]
    content[start + 2] ^= 0xFF
    path.write_bytes(content)
    damaged, whole = delivered_files(tmp_path)

    with pytest.raises(Refused, match=r"the zip archive is damaged \(.+\): ask for"):
        identify(damaged.path, damaged.member)
    assert identify(whole.path, whole.member).size == 5


@pytest.mark.parametrize("damage", [b"\xff", b"x"])
def test_a_member_whose_name_is_damaged_is_refused(
    tmp_path: Path, damage: bytes
) -> None:
    """Only in front of its content, so that the archive still lists it."""
    path = zipped(tmp_path / "a.zip", {"ж.csv": b"id\n1\n"})
    path.write_bytes(path.read_bytes().replace("ж".encode()[:1], damage, 1))
    [file] = delivered_files(tmp_path)

    with pytest.raises(Refused, match="the zip archive is damaged"):
        identify(file.path, file.member)
