"""The format of a file is told from its content, whatever it is called."""

import csv
import gzip
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
import xlwt

from orchestration.lib.landing.contract import FileFormat
from orchestration.lib.landing.formats import text_format
from tests.support import shared
from tests.unit.landed import CONTRACT, land

ROWS = [("id", "name"), ("1", "Анна"), ("2", "a;b\t,")]


def delimited(delimiter: str) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(ROWS)
    return buffer.getvalue().encode()


def as_json() -> bytes:
    return '[{"id": "1", "name": "Анна"}, {"id": "2", "name": "a;b\\t,"}]'.encode()


def as_json_lines() -> bytes:
    return '{"id": 1, "name": "Анна"}\n{"id": 2, "name": "a;b\\t,"}\n'.encode()


def as_html() -> bytes:
    rows = "".join(f"<tr><td>{id}<td>{name}" for id, name in ROWS)
    return f"<html><table>{rows}</table>".replace("\t", "").encode()


def as_xml() -> bytes:
    records = "".join(
        f"<r><id>{id}</id><name>{name}</name></r>" for id, name in ROWS[1:]
    )
    return f"<all>{records}</all>".encode()


def as_xlsx() -> bytes:
    book, buffer = openpyxl.Workbook(), io.BytesIO()
    for row in ROWS:
        book.active.append(row)
    book.save(buffer)
    return buffer.getvalue()


def as_xls() -> bytes:
    book, buffer = xlwt.Workbook(), io.BytesIO()
    sheet = book.add_sheet("Sheet")
    for at, row in enumerate(ROWS):
        for column, value in enumerate(row):
            sheet.write(at, column, value)
    book.save(buffer)
    return buffer.getvalue()


def as_parquet() -> bytes:
    buffer = io.BytesIO()
    ids, names = zip(*ROWS[1:], strict=True)
    parquet.write_table(pa.table({"id": ids, "name": names}), buffer)
    return buffer.getvalue()


FORMATS: list[tuple[Callable[[], bytes], str]] = [
    (lambda: delimited(","), "csv; delimiter ','"),
    (lambda: delimited(";"), "csv; delimiter ';'"),
    (lambda: delimited("\t"), "csv; delimiter tab"),
    (as_json, "json array"),
    (as_json_lines, "json lines"),
    (as_html, "html; table 1"),
    (as_xml, "xml; records <r>"),
    (as_xlsx, "xlsx; sheet 'Sheet'"),
    (as_xls, "xls; sheet 'Sheet'"),
    (as_parquet, "parquet; 2 columns"),
]


@pytest.mark.parametrize(("write", "dialect"), FORMATS, ids=[d for _, d in FORMATS])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_the_same_records_land_from_every_format(
    tmp_path: Path,
    write: Callable[[], bytes],
    dialect: str,
    pack: Callable[[bytes], bytes],
) -> None:
    landed = land(tmp_path, pack(write()))

    assert landed.ledger.dialect is not None
    assert landed.ledger.dialect.startswith(dialect)
    assert landed.ledger.dialect.endswith("; gzip") == (pack is not bytes)
    assert landed.column("id") == ["1", "2"]
    assert [(name or "").replace("\t", "") for name in landed.column("name")] == [
        "Анна",
        "a;b,",
    ]


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("id,name\n", "csv"),
        ("", "csv"),
        ("\ufeffid\n", "csv"),
        (' \n[{"a": 1}]', "json"),
        ("\ufeff{", "json"),
        ("<?xml version='1.0'?><orders>", "xml"),
        ("<orders><title>x</title><table/></orders>", "xml"),
        ("<?xml version='1.0'?><!-- a > b --><table>", "xml"),
        ("<!DOCTYPE orders [<!ENTITY a 'b'>]><orders>", "xml"),
        ("<?xml version='1.0'?><html xmlns='x'>", "html"),
        ("<!DOCTYPE html PUBLIC '-//W3C//DTD HTML 4.0'><HTML>", "html"),
        ("<!-- <orders> --><meta charset=utf-8><table>", "html"),
        ("\n<TABLE border=1>", "html"),
        ("<style>td{}</style><table>", "html"),
        ("<!--" * 1000, "xml"),
    ],
)
def test_a_text_shows_its_format_where_it_starts(
    start: str, expected: FileFormat
) -> None:
    assert text_format(start) == expected


def test_the_contract_may_say_the_format(tmp_path: Path) -> None:
    content = b"<id>;[name\n1;a\n"
    contract = replace(CONTRACT, format="csv")

    assert land(tmp_path, content, contract).cells == [(2, "1", "a")]
    assert land(tmp_path, content).ledger.outcome == "refused"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"%PDF-1.7", "a PDF document is not read: export its table as CSV or XLSX"),
        (b"Rar!\x1a\x07", "a RAR archive is not looked into: pack it as zip"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive is not looked into: pack it as zip"),
    ],
)
def test_what_is_no_table_is_refused_with_a_remedy(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    assert land(tmp_path, content).ledger.reason == f"delivered: {reason}"


# -- files of vendors ---------------------------------------------------------------


def test_files_in_the_layouts_of_vendors_land_without_loss(tmp_path: Path) -> None:
    paths = sorted(shared("vendor_seeds").rglob("*.csv"))
    assert len(paths) > 100

    for path in paths:
        content = path.read_bytes()
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = [row for row in csv.reader(file) if row]
        contract = replace(CONTRACT, columns=(), required=frozenset())

        landed = land(tmp_path, content, contract)

        assert landed.ledger.outcome == "landed", path.name
        assert len(landed.ledger.columns) == len(header), path.name
        assert landed.rejects == [], path.name
        assert [list(cells) for _, *cells in landed.cells] == [
            [cell or None for cell in row] for row in rows
        ], path.name
