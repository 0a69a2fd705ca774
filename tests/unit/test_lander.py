"""Files become Parquet: nothing delivered is lost, nothing refused leaves a trace."""

import gzip
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing import (
    csv_reader,
    digests,
    json_reader,
    lander,
    records,
)
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import Delivered, identify
from orchestration.lib.landing.lander import (
    LedgerRow,
    data_path,
    land_export,
    land_file,
    landed_rows,
    rejects_path,
    unclaimed_row,
)
from orchestration.lib.landing.landing_place import LandingFile, delivered_files

NOW = datetime(2026, 3, 14, 6, 30, tzinfo=UTC)
ORDERS = ExportContract(
    source="shop",
    export="orders",
    description="",
    files=("orders*.csv*",),
    columns=("id", "name", "note", "tip"),
    required=frozenset({"id"}),
    optional=frozenset({"tip"}),
)
EVENTS = ExportContract(
    source="mail",
    export="events",
    description="",
    files=("events*.json*",),
    columns=("id", "kind"),
    required=frozenset({"id"}),
)
RUSSIAN = "id,name,note\n" + "".join(f"{n},Анна,{n * 7919 % 997}\n" for n in range(40))


def land(
    folder: Path,
    content: str | bytes,
    *,
    name: str = "orders.csv",
    contract: ExportContract = ORDERS,
) -> LedgerRow:
    """Deliver one file below the folder and land it into `raw` there."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return land_file(name, identify(path), contract, folder / "raw", NOW)


def land_all(
    folder: Path,
    names: Sequence[str],
    known: Sequence[LedgerRow] = (),
    *,
    now: datetime = NOW,
) -> list[LedgerRow]:
    """One run over delivered files; the ledger rows that it would record."""
    files = [LandingFile(name=name, path=folder / name) for name in names]
    return list(land_export(ORDERS, files, raw=folder / "raw", known=known, now=now))


def files_below(folder: Path) -> list[str]:
    """All files below a folder, hidden ones too."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def rows(folder: Path, row: LedgerRow) -> list[dict[str, Any]]:
    """The landed records of a file, without what they have in common."""
    records = parquet.read_table(data_path(folder / "raw", row)).to_pylist()
    for record in records:
        assert record.pop("_file_id") == row.file_id
        assert record.pop("_loaded_at") == row.landed_at.replace(tzinfo=None)
    return records


def rejects(folder: Path, row: LedgerRow) -> list[dict[str, Any]]:
    """The rows of a file that fit no record."""
    return parquet.read_table(rejects_path(folder / "raw", row)).to_pylist()


# -- one file -----------------------------------------------------------------------


def test_a_landed_file_has_every_row_as_text_with_its_line(tmp_path: Path) -> None:
    row = land(tmp_path, 'Id,Name,Note\n1,"a\nb",2.50\n2,,x\n')

    assert rows(tmp_path, row) == [
        {"id": "1", "name": "a\nb", "note": "2.50", "_line": 2},
        {"id": "2", "name": None, "note": "x", "_line": 4},
    ]
    assert rejects(tmp_path, row) == []
    assert row == LedgerRow(
        file_id=identify(tmp_path / "orders.csv").file_id,
        source="shop",
        export="orders",
        file_name="orders.csv",
        bytes=31,
        rows_delivered=2,
        encoding="utf-8",
        dialect="csv; delimiter ','; line end LF; 3 columns",
        outcome="landed",
        reason=None,
        landed_at=NOW,
        delivered_at=NOW,
        columns=("id", "name", "note"),
    )


def test_rows_delivered_are_rows_landed_and_rows_rejected(tmp_path: Path) -> None:
    row = land(tmp_path, 'id,name,note\n1,a,b\n2,c\n\n3,"d,e\n4,f,g\n')

    assert (row.rows_delivered, row.rows_rejected) == (4, 2)
    assert [each["_line"] for each in rows(tmp_path, row)] == [2, 6]
    assert rejects(tmp_path, row) == [
        {"line": 3, "reason": "2 fields where the header has 3", "text": "2,c"},
        {"line": 5, "reason": "a quote is opened and never closed", "text": '3,"d,e'},
    ]
    assert row.outcome == "landed"
    assert row.reason == "2 rows fit no record: see quarantine"


def test_only_the_data_file_and_its_rejects_are_left(tmp_path: Path) -> None:
    row = land(tmp_path, "id\n1\n")

    assert files_below(tmp_path / "raw") == [
        f"{row.file_id}.parquet",
        f"{row.file_id}.rejects.parquet",
    ]


def test_blocks_are_gathered_to_row_groups_and_rejects_of_all_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    defaults = csv_reader.CsvReading.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "chunk_bytes", 64)
    monkeypatch.setattr(lander, "ROW_GROUP_BYTES", 2_000)
    text = "id\n" + "".join(f"{n}\n" if n % 7 else "1,2\n" for n in range(500))

    row = land(tmp_path, text)

    groups = parquet.read_metadata(data_path(tmp_path / "raw", row)).num_row_groups
    assert 5 < groups < 20
    lines = [each["_line"] for each in rows(tmp_path, row)]
    assert lines == [n + 2 for n in range(500) if n % 7]
    assert [each["line"] for each in rejects(tmp_path, row)] == list(range(2, 502, 7))
    assert row.rows_rejected == 72


def test_a_file_refused_for_its_rejects_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_REJECTS", 3)

    row = land(tmp_path, "id,name\n" + "1,a\n" * 3 + "1\n" * 9)

    assert row.outcome == "refused"
    assert row.reason is not None
    assert row.reason.startswith("orders.csv: more than ")
    assert files_below(tmp_path / "raw") == []


def test_an_extra_column_lands_and_is_named(tmp_path: Path) -> None:
    row = land(tmp_path, "id,name,note,Loyalty Card\n1,a,b,c\n")

    assert row.outcome == "landed"
    assert row.columns_extra == ("loyalty_card",)
    assert rows(tmp_path, row)[0]["loyalty_card"] == "c"


def test_a_missing_column_is_named_unless_it_is_optional(tmp_path: Path) -> None:
    row = land(tmp_path, "id,name\n1,a\n")

    assert row.outcome == "landed"
    assert row.columns_missing == ("note",)


def test_a_compressed_file_lands_like_a_plain_one(tmp_path: Path) -> None:
    row = land(tmp_path, gzip.compress(b"id,name,note\n1,a,b\n"))

    assert row.outcome == "landed"
    assert row.dialect == "csv; delimiter ','; line end LF; 3 columns; gzip"
    assert len(rows(tmp_path, row)) == 1


def test_the_declared_encoding_is_tried_after_utf_8(tmp_path: Path) -> None:
    contract = replace(ORDERS, encoding="cp1251")

    row = land(tmp_path, RUSSIAN.encode("cp1251"), contract=contract)

    assert row.encoding == "cp1251"
    assert rows(tmp_path, row)[0]["name"] == "Анна"


@pytest.mark.parametrize("content", ["id,name,note\n", "id,name,note"])
def test_a_header_without_rows_lands_and_says_so(tmp_path: Path, content: str) -> None:
    row = land(tmp_path, content)

    assert (row.outcome, row.rows_delivered) == ("landed", 0)
    assert row.reason == "the file holds a header and no rows"
    assert rows(tmp_path, row) == []


# -- refusals -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "orders.csv: the file is empty: ask for the export again"),
        (
            gzip.compress(b""),
            "orders.csv: the file is empty: ask for the export again",
        ),
        (
            b"\n\n",
            "orders.csv: the file holds no header line: ask for the export again",
        ),
        (
            b"id:name:note\n1:a:b\n",
            "orders.csv: line 1: the header lacks the column id (found: id_name_note);"
            " export the file with it, or name it among the column's aliases in the"
            " contract",
        ),
        (
            b"name,note\na,b\n",
            "orders.csv: line 1: the header lacks the column id (found: name, note);"
            " export the file with it, or name it among the column's aliases in the"
            " contract",
        ),
        (
            "id,name\n1,Анна Иванова\n2,Пётр из Казани\n".encode("cp1251"),
            "orders.csv: line 2: the byte 0xC0 is not utf-8; declare the export's"
            " encoding in its contract (its words do not tell cp1251 or koi8-r or"
            " cp1252)",
        ),
        (
            b'id,"name\n1,a\n',
            "orders.csv: line 1: a quote in the header is opened and never closed;"
            " ask for the export again",
        ),
        (
            gzip.compress(RUSSIAN.encode())[:8],
            "orders.csv: the gzip stream is damaged (Compressed file ended before the"
            " end-of-stream marker was reached): ask for the export again",
        ),
        (
            b"\x1f\x8bno stream at all",
            "orders.csv: the gzip stream is damaged (Unknown compression method):"
            " ask for the export again",
        ),
    ],
    ids=[
        "empty", "empty gzip", "blank", "delimiter", "column", "encoding", "quote",
        "cut gzip", "broken gzip",
    ],
)  # fmt: skip
def test_an_unreadable_file_is_refused_with_place_and_remedy_and_leaves_nothing(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    row = land(tmp_path, content)

    assert (row.outcome, row.reason) == ("refused", reason)
    assert (row.rows_delivered, row.rows_rejected) == (0, 0)
    assert files_below(tmp_path / "raw") == []


def test_a_file_refused_in_its_middle_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(delivered: Delivered, size: int) -> Iterator[bytes]:
        yield b"id,name,note\n1,a,b\n"
        raise OSError("the disk has gone")

    monkeypatch.setattr(csv_reader, "chunks", failing)

    row = land(tmp_path, "id,name,note\n1,a,b\n")

    assert (row.outcome, row.reason) == ("refused", "orders.csv: the disk has gone")
    assert files_below(tmp_path / "raw") == []


def test_events_that_never_have_a_required_key_are_refused(tmp_path: Path) -> None:
    row = land(tmp_path, '[{"kind": "open"}]', name="events.json", contract=EVENTS)

    assert row.outcome == "refused"
    assert row.reason == (
        "events.json: no row has the column id (found: kind); export the file with it"
    )
    assert files_below(tmp_path / "raw") == []


def test_no_events_at_all_land(tmp_path: Path) -> None:
    row = land(tmp_path, "[]", name="events.json", contract=EVENTS)

    assert (row.outcome, row.rows_delivered) == ("landed", 0)


# -- damage -------------------------------------------------------------------------


def test_a_cut_gzip_file_lands_in_part_and_says_where_it_ends(tmp_path: Path) -> None:
    row = land(tmp_path, gzip.compress(RUSSIAN.encode())[:-60])

    landed = rows(tmp_path, row)
    assert row.outcome == "partly"
    assert row.rows_delivered == len(landed) + row.rows_rejected
    last = max(each["_line"] for each in [*landed, {"_line": row.rows_delivered + 1}])
    assert row.reason is not None
    assert row.reason.startswith(
        "orders.csv: the gzip stream is damaged (Compressed file ended before the"
        f" end-of-stream marker was reached) after line {last}; the rows before it are"
        " landed, ask for the file again"
    )


def test_a_gzip_file_may_be_cut_anywhere_without_a_wrong_row(tmp_path: Path) -> None:
    """Inside a character it ended the run; inside a last cell, the rest of the cell
    passed for the whole: an amount of 150 for one of 1500."""
    packed = gzip.compress(RUSSIAN.encode())
    true = {
        number: line.split(",")
        for number, line in enumerate(RUSSIAN.splitlines(), start=1)
    }
    cut_inside_a_line = 0

    for size in range(10, len(packed)):
        row = land(tmp_path, packed[:size])

        assert row.outcome in ("refused", "partly")
        if row.outcome == "partly":
            for record in rows(tmp_path, row):
                line = record.pop("_line")
                assert list(record.values()) == true[line]
            cut_inside_a_line += row.rows_rejected
    assert cut_inside_a_line > 100


def test_the_row_that_a_gzip_file_was_cut_inside_of_is_rejected(tmp_path: Path) -> None:
    packed = gzip.compress(b"id,name,note\n1,a,1500", compresslevel=0)

    row = land(tmp_path, packed[:-10])

    assert rejects(tmp_path, row) == [
        {
            "line": 2,
            "reason": "the file ends inside this line: it was cut",
            "text": "1,a,15",
        }
    ]


def test_the_line_after_which_a_file_was_cut_is_that_of_its_last_row(
    tmp_path: Path,
) -> None:
    packed = gzip.compress(b"id,name,note\n1,a,b\n2\n3,c,d\n", compresslevel=0)

    row = land(tmp_path, packed[:-8])

    assert (row.rows_delivered, row.rows_rejected) == (3, 1)
    assert row.reason is not None
    assert "after line 4;" in row.reason


def test_a_cut_array_of_events_lands_in_part(tmp_path: Path) -> None:
    row = land(
        tmp_path,
        '[\n{"id": 1, "kind": "open"},\n{"id": 2, "ki',
        name="events.json",
        contract=EVENTS,
    )

    assert (row.outcome, row.rows_delivered, row.rows_rejected) == ("partly", 2, 1)
    assert row.reason == (
        "events.json: the JSON array is not closed: the file was cut after line 3; the"
        " rows before it are landed, ask for the file again; 1 rows fit no record: see"
        " quarantine"
    )


@settings(max_examples=150, deadline=None)
@given(
    content=st.one_of(
        st.binary(max_size=80),
        st.text('id,"\n\r{}[]:1ж', max_size=80).map(str.encode),
        st.text('id,"\n', max_size=40).map(
            lambda text: f"id,name,note\n{text}".encode()
        ),
        st.text('{}[]:,"i1\n', max_size=40).map(
            lambda text: f'[{{"id":1}},\n{text}'.encode()
        ),
    ),
    is_packed=st.booleans(),
    contract=st.sampled_from([ORDERS, EVENTS]),
)
def test_any_bytes_are_landed_or_refused_and_never_lost(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    is_packed: bool,
    contract: ExportContract,
) -> None:
    folder = tmp_path_factory.mktemp("any")

    row = land(
        folder, gzip.compress(content) if is_packed else content, contract=contract
    )

    if row.outcome == "refused":
        assert row.reason is not None
        assert row.reason.startswith("orders.csv: ")
        assert files_below(folder / "raw") == []
    else:
        assert row.rows_rejected == len(rejects(folder, row))
        assert row.rows_delivered == len(rows(folder, row)) + row.rows_rejected
        assert len(files_below(folder / "raw")) == 2


# -- columns that come later --------------------------------------------------------


def test_columns_that_only_later_events_have_are_null_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "ROWS_PER_BLOCK", 1)
    text = '{"id": 1}\n{"id": 2, "url": "x"}\n{"id": 3}\n{"id": 4, "ip": "y"}\n'

    row = land(tmp_path, text, name="events.json", contract=EVENTS)

    assert row.columns == ("id", "url", "ip")
    assert row.columns_extra == ("url", "ip")
    assert row.columns_missing == ("kind",)
    nothing = {"kind": None, "url": None, "ip": None}
    assert rows(tmp_path, row) == [
        {**nothing, "id": "1", "_line": 1},
        {**nothing, "id": "2", "url": "x", "_line": 2},
        {**nothing, "id": "3", "_line": 3},
        {**nothing, "id": "4", "ip": "y", "_line": 4},
    ]
    assert len(files_below(tmp_path / "raw")) == 2
    assert landed_rows(tmp_path / "raw") == [row]


def test_a_refusal_after_several_parts_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "ROWS_PER_BLOCK", 1)
    text = '{"kind": 1}\n{"kind": 2, "url": "x"}\n'

    row = land(tmp_path, text, name="events.json", contract=EVENTS)

    assert row.outcome == "refused"
    assert files_below(tmp_path / "raw") == []


# -- runs ---------------------------------------------------------------------------


def test_files_of_a_run_land_in_order_each_a_moment_after_the_last(
    tmp_path: Path,
) -> None:
    (tmp_path / "orders_b.csv").write_text("id\n1\n")
    (tmp_path / "orders_a.csv").write_text("id\n2\n")

    first, second = land_all(tmp_path, ["orders_b.csv", "orders_a.csv"])

    assert (first.file_name, first.landed_at) == ("orders_b.csv", NOW)
    assert second.landed_at == NOW + timedelta(microseconds=1)


def test_the_same_content_under_another_name_is_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "orders_a.csv").write_text("id\n1\n2\n")
    (tmp_path / "orders_b.csv").write_text("id\n1\n2\n")

    first, second = land_all(tmp_path, ["orders_a.csv", "orders_b.csv"])

    assert (first.outcome, first.rows_delivered) == ("landed", 2)
    assert (second.outcome, second.rows_delivered) == ("seen_before", 0)
    assert second.file_id == first.file_id
    assert second.reason == "the same content as orders_a.csv: not read again"


def test_a_file_seen_before_stays_so_in_later_runs(tmp_path: Path) -> None:
    """The second run took the landed file itself for a copy of its copy, and every
    row of it was gone from the raw table."""
    names = ["orders_a.csv", "orders_b.csv"]
    for name in names:
        (tmp_path / name).write_text("id\n1\n2\n")
    known = land_all(tmp_path, names)

    again = land_all(tmp_path, names, known, now=NOW + timedelta(days=1))
    (tmp_path / "orders_c.csv").write_text("id\n1\n2\n")
    [third] = land_all(tmp_path, [*names, "orders_c.csv"], known)

    assert again == []
    assert third.reason == "the same content as orders_a.csv: not read again"


def test_new_content_under_a_known_name_lands(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id\n1\n")
    known = land_all(tmp_path, ["orders.csv"])
    (tmp_path / "orders.csv").write_text("id\n1\n2\n")

    [row] = land_all(tmp_path, ["orders.csv"], known)

    assert (row.outcome, row.rows_delivered) == ("landed", 2)


def test_a_file_that_lies_there_as_it_did_is_not_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def hashed(path: Path, member: zipfile.ZipInfo | None = None) -> Delivered:
        opened.append(path)
        return identify(path, member)

    monkeypatch.setattr(digests, "identify", hashed)
    orders, archive = tmp_path / "orders.csv", tmp_path / "orders.zip"
    orders.write_text("id\n1\n")
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("orders_2.csv", "id\n2\n")
    files = delivered_files(tmp_path)

    def run(known: list[LedgerRow]) -> list[LedgerRow]:
        later = datetime.now(UTC) + timedelta(minutes=1)
        return list(
            land_export(ORDERS, files, raw=tmp_path / "raw", known=known, now=later)
        )

    known = run([])
    first, opened[:] = list(opened), []
    again = run(known)
    shutil.copy2(orders, tmp_path / "copy").rename(orders)
    copied = run(known)

    assert [row.outcome for row in known] == ["landed", "landed"]
    assert first == [orders, archive]
    assert (again, copied, opened) == ([], [], [orders])


def test_content_that_changed_behind_an_old_date_lands(tmp_path: Path) -> None:
    path = tmp_path / "orders.csv"
    path.write_text("id\n1\n")
    before = path.stat()
    later = datetime.now(UTC) + timedelta(minutes=1)
    known = land_all(tmp_path, ["orders.csv"], now=later)
    with path.open("r+") as file:
        file.write("id\n2\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    [row] = land_all(tmp_path, ["orders.csv"], known, now=later)

    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert (row.outcome, row.file_id == known[0].file_id) == ("landed", False)


def test_a_file_that_was_written_a_moment_ago_is_hashed_again(tmp_path: Path) -> None:
    """The clock of a file system may tick once for two changes."""
    path = tmp_path / "orders.csv"
    path.write_text("id\n1\n")
    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    kept = tmp_path / "raw" / "shop" / "orders" / ".digests.json"

    land_all(tmp_path, ["orders.csv"], now=written + timedelta(seconds=1))
    too_young = kept.exists()
    land_all(tmp_path, ["orders.csv"], now=written + timedelta(seconds=9))

    assert (too_young, kept.exists()) == (False, True)


@pytest.mark.parametrize("content", ["", "{", "null"])
def test_digests_that_were_damaged_cost_a_repetition(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "orders.csv").write_text("id\n1\n")
    later = datetime.now(UTC) + timedelta(minutes=1)
    known = land_all(tmp_path, ["orders.csv"], now=later)
    kept = tmp_path / "raw" / "shop" / "orders" / ".digests.json"
    whole = kept.read_text()
    kept.write_text(content)

    assert land_all(tmp_path, ["orders.csv"], known, now=later) == []
    assert kept.read_text() == whole


def test_a_refused_file_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("name\na\n")
    known = land_all(tmp_path, ["orders.csv"])

    again = land_all(tmp_path, ["orders.csv"], known)

    assert [row.outcome for row in [*known, *again]] == ["refused", "refused"]


def test_a_file_that_landed_in_part_is_not_tried_again(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_bytes(gzip.compress(RUSSIAN.encode())[:-60])
    known = land_all(tmp_path, ["orders.csv"])

    assert [row.outcome for row in known] == ["partly"]
    assert land_all(tmp_path, ["orders.csv"], known) == []


def test_a_file_that_is_gone_is_refused_and_the_next_one_lands(tmp_path: Path) -> None:
    """It ended the run."""
    (tmp_path / "orders_b.csv").write_text("id\n1\n")

    gone, landed = land_all(tmp_path, ["orders_a.csv", "orders_b.csv"])

    assert (gone.outcome, gone.reason) == (
        "refused",
        "orders_a.csv: cannot be opened (No such file or directory); see that it is"
        " there and that its permissions and those of its folder let it be read",
    )
    assert landed.outcome == "landed"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id\n1\n")
    (tmp_path / "orders.csv").chmod(0)

    [row] = land_all(tmp_path, ["orders.csv"])

    assert row.outcome == "refused"
    assert row.reason is not None
    assert "cannot be opened (Permission denied)" in row.reason


def test_progress_is_told_of_files_that_are_read(tmp_path: Path) -> None:
    (tmp_path / "orders_a.csv").write_text("id\n1\n")
    (tmp_path / "orders_b.csv").write_text("id\n1\n")
    told: list[str] = []

    list(
        land_export(
            ORDERS,
            [
                LandingFile(
                    name=f"orders_{letter}.csv", path=tmp_path / f"orders_{letter}.csv"
                )
                for letter in "ab"
            ],
            raw=tmp_path / "raw",
            known=[],
            now=NOW,
            progress=told.append,
        )
    )

    assert told == ["landing orders_a.csv (0.0 MB)"]


# -- archives -----------------------------------------------------------------------


def land_archives(
    folder: Path, known: Sequence[LedgerRow] = (), *, now: datetime = NOW
) -> list[LedgerRow]:
    """One run over all that lies below the folder."""
    return list(
        land_export(
            ORDERS,
            delivered_files(folder / "landing"),
            raw=folder / "raw",
            known=known,
            now=now,
        )
    )


def zipped(folder: Path, archive: str, **files: bytes) -> Path:
    """An archive in the landing place with these files."""
    path = folder / "landing" / archive
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as writer:
        for name, content in files.items():
            writer.writestr(f"{name}.csv", content)
    return path


def test_members_of_an_archive_land_like_files(tmp_path: Path) -> None:
    zipped(
        tmp_path,
        "a_2026-03-10.zip",
        orders=b"id\n1\n",
        orders_old=gzip.compress("id;name\n2;Анна\n".encode("utf-16")),
    )

    first, second = land_archives(tmp_path)

    assert first.file_name == "a_2026-03-10.zip/orders.csv"
    assert (first.outcome, first.bytes, first.rows_delivered) == ("landed", 5, 1)
    assert first.delivered_at == datetime(2026, 3, 10, tzinfo=UTC)
    assert (second.encoding, second.rows_delivered) == ("utf-16", 1)
    assert rows(tmp_path, second)[0]["name"] == "Анна"


def test_the_same_member_in_the_next_archive_is_not_read_again(tmp_path: Path) -> None:
    zipped(tmp_path, "a.zip", orders=b"id\n1\n")
    known = land_archives(tmp_path)
    zipped(tmp_path, "b.zip", orders=b"id\n1\n", orders_new=b"id\n2\n")

    again, new = land_archives(tmp_path, known)

    assert (again.file_name, again.outcome) == ("b.zip/orders.csv", "seen_before")
    assert again.reason == "the same content as a.zip/orders.csv: not read again"
    assert (new.file_name, new.outcome) == ("b.zip/orders_new.csv", "landed")


def test_a_damaged_member_is_refused_and_the_others_land(tmp_path: Path) -> None:
    path = zipped(tmp_path, "a.zip", orders=b"id\n1\n" * 50, orders_new=b"id\n2\n")
    content = bytearray(path.read_bytes())
    content[content.index(b"orders.csv") + len(b"orders.csv") + 3] ^= 0xFF
    path.write_bytes(content)

    damaged, whole = land_archives(tmp_path)

    assert (damaged.file_id, damaged.outcome) == ("", "refused")
    assert damaged.reason is not None
    assert damaged.reason.startswith(
        "a.zip/orders.csv: the zip archive is damaged (Bad CRC-32"
    )
    assert whole.outcome == "landed"


def test_an_archive_that_cannot_be_read_is_in_the_ledger_with_its_reason(
    tmp_path: Path,
) -> None:
    path = zipped(tmp_path, "a.zip", orders=b"id\n1\n")
    path.write_bytes(path.read_bytes()[:-10])
    [file] = delivered_files(tmp_path / "landing")
    assert file.unreadable is not None

    row = unclaimed_row(file, file.unreadable)

    assert (row.source, row.file_name, row.outcome) == (None, "a.zip", "refused")
    assert row.reason == (
        "a.zip: the zip archive is damaged (File is not a zip file): ask for it again"
    )
    assert row.bytes == path.stat().st_size


def test_a_file_that_is_gone_before_it_is_recorded_is_recorded(tmp_path: Path) -> None:
    """It ended the run."""
    gone = LandingFile(name="photo.jpg", path=tmp_path / "photo.jpg")

    row = unclaimed_row(gone, "not ours")

    assert (row.file_id, row.reason) == ("", "photo.jpg: not ours")


# -- crashes ------------------------------------------------------------------------


def test_landed_files_carry_their_ledger_rows(tmp_path: Path) -> None:
    (tmp_path / "orders_a.csv").write_text("id\n1\n2,x\n")
    (tmp_path / "orders_b.csv").write_text("id,Card\n3,y\n")

    landed = land_all(tmp_path, ["orders_a.csv", "orders_b.csv"])

    assert landed_rows(tmp_path / "raw") == landed


@pytest.mark.parametrize("moves_before", [0, 1])
def test_a_crash_before_all_is_in_place_costs_a_repetition_and_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves_before: int
) -> None:
    (tmp_path / "orders.csv").write_text("id\n1\n2,x\n")
    move = lander._move
    moved: list[Path] = []

    def crash_at_a_move(temporary: Path, final: Path) -> None:
        if len(moved) == moves_before:
            raise KeyboardInterrupt
        moved.append(final)
        move(temporary, final)

    monkeypatch.setattr(lander, "_move", crash_at_a_move)
    with pytest.raises(KeyboardInterrupt):
        land_all(tmp_path, ["orders.csv"])
    monkeypatch.undo()

    assert landed_rows(tmp_path / "raw") == []
    [row] = land_all(tmp_path, ["orders.csv"])
    assert (row.outcome, row.rows_delivered) == ("landed", 2)
    assert landed_rows(tmp_path / "raw") == [row]
    assert len(files_below(tmp_path / "raw")) == 2


def test_a_ledger_row_survives_being_written_as_json(tmp_path: Path) -> None:
    row = land(tmp_path, "id,Карта\n1,a\n2\n")

    assert LedgerRow.from_json(row.to_json()) == row


AD_REPORT = replace(
    ORDERS,
    columns=("day", "campaign", "cost", "currency"),
    required=frozenset({"day", "cost", "currency"}),
    aliases={"cost": ("Cost ({currency})",)},
    summary_rows=("Total", "Итого"),
)


def test_a_report_with_title_totals_and_currency_in_its_header_lands_its_records(
    tmp_path: Path,
) -> None:
    name = "report.csv"
    (tmp_path / name).write_text(
        "Campaign performance\n"
        '"1 October 2026 - 31 October 2026"\n'
        "\n"
        "Day,Campaign,Cost (EUR)\n"
        "2026-10-01,brand,1.50\n"
        '2026-10-02,"Total, all",2.50\n'
        "Total: campaigns,,4.00\n"
        "Итого за период\n"
    )

    row = land_file(name, identify(tmp_path / name), AD_REPORT, tmp_path / "raw", NOW)

    table = parquet.read_table(data_path(tmp_path / "raw", row))
    records = table.select(["day", "campaign", "cost", "currency", "_line"])
    assert [tuple(each.values()) for each in records.to_pylist()] == [
        ("2026-10-01", "brand", "1.50", "EUR", 5),
        ("2026-10-02", "Total, all", "2.50", "EUR", 6),
    ]
    assert row.dialect == "csv; delimiter ','; line end LF; 3 columns; 2 rows above"
    assert row.reason == "2 rows of totals are no records"
    assert (row.rows_delivered, row.rows_rejected) == (2, 0)
    assert row.columns == ("day", "campaign", "cost", "currency")


def test_a_row_without_the_name_that_every_record_has_is_one_of_totals(
    tmp_path: Path,
) -> None:
    name = "report.csv"
    (tmp_path / name).write_text(
        "Day,Campaign,Cost (EUR)\n2026-10-01,,4.00\n2026-10-01,brand,4.00\n"
    )
    contract = replace(AD_REPORT, summary_without="campaign")

    row = land_file(name, identify(tmp_path / name), contract, tmp_path / "raw", NOW)

    table = parquet.read_table(data_path(tmp_path / "raw", row))
    assert table["_line"].to_pylist() == [3]
    assert (row.rows_delivered, row.reason) == (1, "1 rows of totals are no records")
