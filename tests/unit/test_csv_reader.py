"""Delimited text: every record exact, every physical line somewhere known."""

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing import csv_reader, records
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.csv_reader import DELIMITERS, CsvReading
from orchestration.lib.landing.inspection import CHUNK_BYTES, Refused, identify

CONTRACT = ExportContract(
    source="shop",
    export="orders",
    description="",
    files=("*.csv",),
    columns=("id", "name", "note"),
    required=frozenset({"id"}),
)
TWO_COLUMNS = replace(CONTRACT, columns=("id", "name"))

Cells = tuple[str | None, ...]


@dataclass(frozen=True)
class Result:
    """A whole reading: what came of which line."""

    rows: list[tuple[int, Cells]]
    rejects: list[tuple[int, str, str]]
    lines: int
    blank_lines: int
    continuation_lines: int
    cut_short: str | None


def read(
    path: Path,
    content: str | bytes,
    *,
    contract: ExportContract = CONTRACT,
    encoding: str = "utf-8",
    chunk_bytes: int = CHUNK_BYTES,
) -> Result:
    """Write the content and read it back."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reading = CsvReading(identify(path), contract, encoding, chunk_bytes=chunk_bytes)
    blocks = list(reading)
    for block in blocks:
        assert block.table.column_names == [*reading.columns, "_line"]
    return Result(
        rows=[
            (line, tuple(cells))
            for block in blocks
            for *cells, line in zip(
                *(column.to_pylist() for column in block.table.columns), strict=True
            )
        ],
        rejects=[
            (reject.line, reject.reason, reject.text)
            for block in blocks
            for reject in block.rejects
        ],
        lines=sum(block.lines for block in blocks),
        blank_lines=sum(block.blank_lines for block in blocks),
        continuation_lines=sum(block.continuation_lines for block in blocks),
        cut_short=reading.cut_short,
    )


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file name for all examples of a property."""
    return tmp_path_factory.mktemp("csv") / "file.csv"


# -- properties ---------------------------------------------------------------------

CHUNK_SIZES = st.one_of(st.integers(7, 300), st.sampled_from([4096, 1024 * 1024]))
#: All of them in cp1251; the second alphabet in Unicode only.
LEGACY = "ab1 ,;|\t\"'\n\r\x00\x0b\x1cёЖ€—"
UNICODE = LEGACY + "日😀\x85\u2028\ufeff"


def cells_of(alphabet: str) -> st.SearchStrategy[str]:
    return st.text(alphabet, max_size=8)


@st.composite
def clean_files(draw: st.DrawFn) -> tuple[bytes, str, list[tuple[int, Cells]]]:
    """A file as Python's csv module writes it, its encoding, and its records."""
    encoding = draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1251"]))
    line_end = draw(st.sampled_from(["\n", "\r\n"]))
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    delimiter = draw(st.sampled_from(DELIMITERS))
    alphabet = LEGACY if encoding == "cp1251" else UNICODE
    cell = cells_of(alphabet)
    rows = draw(st.lists(st.tuples(cell, cell, cell), max_size=25))
    if line_end == "\n" and quoting == csv.QUOTE_MINIMAL:
        # a bare return before the line end cannot be told from CRLF
        rows = [(*row[:-1], row[-1].rstrip("\r")) for row in rows]

    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=delimiter, lineterminator=line_end, quoting=quoting
    )
    writer.writerow(["Id", "Name", "Note"])
    expected = []
    for row in rows:
        line = text.getvalue().count("\n") + 1
        expected.append((line, tuple(each or None for each in row)))
        writer.writerow(row)
    whole = text.getvalue()
    if draw(st.booleans()):
        whole = whole.removesuffix(line_end)
    return whole.encode(encoding), encoding, expected


@settings(max_examples=200, deadline=None)
@given(file=clean_files(), chunk_bytes=CHUNK_SIZES)
def test_what_the_csv_module_writes_is_read_back_exactly_with_its_lines(
    scratch: Path, file: tuple[bytes, str, list[tuple[int, Cells]]], chunk_bytes: int
) -> None:
    content, encoding, expected = file

    result = read(scratch, content, encoding=encoding, chunk_bytes=chunk_bytes)

    assert result.rows == expected
    assert result.rejects == []


@settings(max_examples=300, deadline=None)
@given(
    garbage=st.text('ab,"\n\r\x00ж', max_size=120),
    chunk_bytes=st.integers(1, 40),
)
def test_garbage_never_raises_loses_no_line_and_reads_alike_in_all_chunk_sizes(
    scratch: Path, garbage: str, chunk_bytes: int
) -> None:
    content = "id,name\n" + garbage

    whole = read(scratch, content, contract=TWO_COLUMNS)
    pieces = read(scratch, content, contract=TWO_COLUMNS, chunk_bytes=chunk_bytes)

    assert pieces == whole
    lines = garbage.removesuffix("\n").split("\n") if garbage else []
    assert whole.lines == len(lines)
    starts = [line for line, *_ in whole.rows] + [line for line, *_ in whole.rejects]
    assert len(starts) == len(set(starts))
    assert len(starts) + whole.blank_lines + whole.continuation_lines == whole.lines
    for line, _, text in whole.rejects:
        assert text == lines[line - 2].removesuffix("\r")


@settings(max_examples=150, deadline=None)
@given(
    garbage=st.text("ab,\n\r\x00ж", max_size=80),
    chunk_bytes=st.integers(1, 40),
)
def test_without_quotes_a_line_is_a_record_exactly_when_its_delimiters_are_right(
    scratch: Path, garbage: str, chunk_bytes: int
) -> None:
    content = "id,name\n" + garbage

    result = read(scratch, content, contract=TWO_COLUMNS, chunk_bytes=chunk_bytes)

    lines = [line.removesuffix("\r") for line in garbage.split("\n")]
    assert result.rows == [
        (number, tuple(cell or None for cell in line.split(",")))
        for number, line in enumerate(lines, start=2)
        if line.count(",") == 1
    ]
    assert [(number, text) for number, _, text in result.rejects] == [
        (number, line)
        for number, line in enumerate(lines, start=2)
        if line and line.count(",") != 1
    ]


# -- broken lines -------------------------------------------------------------------


def test_an_unclosed_quote_costs_one_line(tmp_path: Path) -> None:
    result = read(tmp_path / "a.csv", 'id,name,note\n1,a,b\n2,"c,d\n3,e,f\n4,g,h\n')

    assert result.rows == [
        (2, ("1", "a", "b")),
        (4, ("3", "e", "f")),
        (5, ("4", "g", "h")),
    ]
    assert result.rejects == [(3, "a quote is opened and never closed", '2,"c,d')]


def test_two_stray_quotes_cost_two_lines_and_not_what_lies_between(
    tmp_path: Path,
) -> None:
    result = read(tmp_path / "a.csv", 'id,name,note\n1,"a,b\n2,c,d\n3,"e,f\n4,g,h\n')

    assert [line for line, _ in result.rows] == [3, 5]
    assert [line for line, *_ in result.rejects] == [2, 4]


def test_a_quote_that_opens_behind_a_stray_one_costs_one_line_wherever_it_stands(
    tmp_path: Path,
) -> None:
    content = 'id,name\n1,a\nx"y,"z\n2,b\nx"y,"z\n'

    for chunk_bytes in range(1, 40):
        result = read(
            tmp_path / "a.csv", content, contract=TWO_COLUMNS, chunk_bytes=chunk_bytes
        )

        assert [line for line, _ in result.rows] == [2, 4]
        assert [(line, text) for line, _, text in result.rejects] == [
            (3, 'x"y,"z'),
            (5, 'x"y,"z'),
        ]


def test_an_inch_mark_in_an_unquoted_field_is_text(tmp_path: Path) -> None:
    result = read(tmp_path / "a.csv", 'id,name,note\n1,5" pipe,x\n2,"a ""b""",y\n')

    assert result.rows == [(2, ("1", '5" pipe', "x")), (3, ("2", 'a "b"', "y"))]


def test_an_inch_mark_opens_no_quote_that_the_next_one_closes(tmp_path: Path) -> None:
    result = read(
        tmp_path / "a.csv",
        'id,name,note\r\n1,5" pipe,"x"\r\n2,b,c\r\n3,6" pipe,y\r\n',
    )

    assert result.rows == [
        (2, ("1", '5" pipe', "x")),
        (3, ("2", "b", "c")),
        (4, ("3", '6" pipe', "y")),
    ]


def test_short_and_long_rows_are_rejected_with_their_text_and_field_count(
    tmp_path: Path,
) -> None:
    result = read(tmp_path / "a.csv", "id,name,note\n1,a\n2,b,c\n3,d,e,f\n4,,\n")

    assert result.rows == [(3, ("2", "b", "c")), (5, ("4", None, None))]
    assert result.rejects == [
        (2, "2 fields where the header has 3", "1,a"),
        (4, "4 fields where the header has 3", "3,d,e,f"),
    ]


def test_records_with_embedded_newlines_keep_them_and_count_as_one(
    tmp_path: Path,
) -> None:
    result = read(
        tmp_path / "a.csv",
        'id,name,note\r\n1,"a\r\nb","c\n\nd"\r\n2,e,f\r\n',
    )

    assert result.rows == [(2, ("1", "a\r\nb", "c\n\nd")), (6, ("2", "e", "f"))]
    assert result.continuation_lines == 3
    assert result.blank_lines == 0


def test_blank_lines_are_no_rows_and_are_counted(tmp_path: Path) -> None:
    result = read(tmp_path / "a.csv", "\n\r\nid,name,note\n\n1,a,b\r\n\r\n2,c,d\n\n")

    assert result.rows == [(5, ("1", "a", "b")), (7, ("2", "c", "d"))]
    assert (result.lines, result.blank_lines) == (5, 3)


def test_a_nul_character_is_kept(tmp_path: Path) -> None:
    result = read(tmp_path / "a.csv", 'id,name,note\n1,a\0b,c\n2,"d\0\ne",f\n')

    assert result.rows == [(2, ("1", "a\0b", "c")), (3, ("2", "d\0\ne", "f"))]


def test_a_bare_return_inside_a_field_is_kept(tmp_path: Path) -> None:
    result = read(tmp_path / "a.csv", "id,name,note\n1,a\rb,c\n2,d,e\n")

    assert result.rows == [(2, ("1", "a\rb", "c")), (3, ("2", "d", "e"))]


def test_empty_and_quoted_empty_cells_are_null_and_spaces_are_not(
    tmp_path: Path,
) -> None:
    result = read(tmp_path / "a.csv", 'id,name,note\n1,,""\n2," ",NULL\n')

    assert result.rows == [(2, ("1", None, None)), (3, ("2", " ", "NULL"))]


def test_numbers_and_dates_stay_the_text_they_were(tmp_path: Path) -> None:
    result = read(
        tmp_path / "a.csv", "id,name,note\n007,1e3,2026-03-01\n+1,1.50,true\n"
    )

    assert [cells for _, cells in result.rows] == [
        ("007", "1e3", "2026-03-01"),
        ("+1", "1.50", "true"),
    ]


def test_one_line_may_hold_a_field_that_is_longer_than_a_record_of_several(
    tmp_path: Path,
) -> None:
    """Beside a bare return it was rejected for a quote that was not there."""
    long = "x" * (csv_reader.MAX_RECORD_BYTES + 1)

    result = read(tmp_path / "a.csv", f"id,name,note\n1,{long},b\rc\n")

    assert result.rows == [(2, ("1", long, "b\rc"))]


@pytest.mark.parametrize(
    ("rejected", "good", "is_refused"), [(6, 5, True), (6, 6, False), (5, 0, False)]
)
def test_lines_that_mostly_fit_no_record_are_refused_before_they_fill_the_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rejected: int,
    good: int,
    is_refused: bool,
) -> None:
    """A 60 MB file of one letter per line took 15 GB and ended the process."""
    monkeypatch.setattr(records, "MAX_REJECTS", 5)
    content = "id,name,note\n" + "1,a,b\n" * good + "1,a\n" * rejected

    if is_refused:
        with pytest.raises(Refused) as refusal:
            read(tmp_path / "a.csv", content)

        assert str(refusal.value) == (
            "more than 5 rows fit no record, the first on line 7 (2 fields where the"
            " header has 3): ask for the export again"
        )
    else:
        assert len(read(tmp_path / "a.csv", content).rejects) == rejected


def test_a_quote_may_span_lines_up_to_the_limit_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "MAX_RECORD_LINES", 3)
    content = 'id,name,note\n1,"a\nb\nc",d\n2,"e\nf\ng\nh",i\n3,j,k\n'

    for chunk_bytes in (5, CHUNK_BYTES):
        result = read(tmp_path / "a.csv", content, chunk_bytes=chunk_bytes)

        assert result.rows == [(2, ("1", "a\nb\nc", "d")), (9, ("3", "j", "k"))]
        assert [line for line, *_ in result.rejects] == [5, 6, 7, 8]


def test_a_quote_may_span_bytes_up_to_the_limit_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "MAX_RECORD_BYTES", 40)
    content = f'id,name,note\n1,"a\nb",c\n2,"{"d" * 16}\n{"e" * 16}",ffff\n3,g,h\n'

    for chunk_bytes in (5, CHUNK_BYTES):
        result = read(tmp_path / "a.csv", content, chunk_bytes=chunk_bytes)

        assert [line for line, _ in result.rows] == [2, 6]
        assert [line for line, *_ in result.rejects] == [4, 5]


# -- the end of the file ------------------------------------------------------------


def test_a_file_cut_inside_a_row_says_so(tmp_path: Path) -> None:
    result = read(tmp_path / "a.csv", "id,name,note\n1,a,b\n2,c")

    assert result.rows == [(2, ("1", "a", "b"))]
    assert result.rejects == [
        (
            3,
            "2 fields where the header has 3;"
            " the file ends inside this line: it was cut",
            "2,c",
        )
    ]


def test_a_file_cut_inside_a_quoted_field_says_so(tmp_path: Path) -> None:
    result = read(tmp_path / "a.csv", 'id,name,note\n1,a,b\n2,"c')

    [(line, reason, text)] = result.rejects
    assert (line, text) == (3, '2,"c')
    assert reason == (
        "a quote is opened and never closed; the file ends inside this line: it was cut"
    )


def test_a_last_line_without_an_end_is_a_row_like_any_other(tmp_path: Path) -> None:
    result = read(tmp_path / "a.csv", "id,name,note\n1,a,b\n2,c,d")

    assert [line for line, _ in result.rows] == [2, 3]
    assert result.rejects == []


@pytest.mark.parametrize(
    "content", ["id,name,note\n", "id,name,note", "id,name,note\r\n"]
)
def test_a_header_alone_is_one_block_without_rows(tmp_path: Path, content: str) -> None:
    """Its reading gave no block at all, which ended the run."""
    (tmp_path / "a.csv").write_text(content, newline="")

    [block] = CsvReading(identify(tmp_path / "a.csv"), CONTRACT, "utf-8")

    assert block.table.num_rows == block.lines == len(block.rejects) == 0
    assert block.table.column_names == ["id", "name", "note", "_line"]


# -- the header ---------------------------------------------------------------------


def test_the_dialect_says_what_was_found(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"Id\tName\tNote\tExtra\r\n1\t2\t3\t4\r\n")

    reading = CsvReading(identify(tmp_path / "a.csv"), CONTRACT, "utf-8")

    assert str(reading.dialect) == "csv; delimiter tab; line end CRLF; 4 columns"
    assert reading.columns == ("id", "name", "note", "extra")


def test_the_delimiter_is_the_one_that_finds_the_contract_s_columns(
    tmp_path: Path,
) -> None:
    content = 'Id;"Name; or title";Note, a,b,c,d,e\n1;x;y\n'
    contract = replace(CONTRACT, columns=("id", "name_or_title"))

    result = read(tmp_path / "a.csv", content, contract=contract)

    assert result.rows == [(2, ("1", "x", "y"))]


def test_repeated_headers_are_numbered(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("Id,Phone,phone,PHONE\n1,a,b,c\n")

    reading = CsvReading(identify(tmp_path / "a.csv"), CONTRACT, "utf-8")

    assert reading.columns == ("id", "phone", "phone_2", "phone_3")


def test_a_header_may_hold_line_ends_in_quotes(tmp_path: Path) -> None:
    result = read(tmp_path / "a.csv", 'id,"na\nme",note\n1,a,b\n')

    assert result.rows == [(3, ("1", "a", "b"))]


@pytest.mark.parametrize(
    "rows", ["1,a\n2,b\n", "1,a\n" * 5000, "1,a\n" * 1500 + '2,"b\n', ""]
)
def test_a_quote_left_open_in_the_header_is_refused_without_reading_on(
    tmp_path: Path, rows: str
) -> None:
    """The header swallowed the whole file, and the refusal quoted it."""
    with pytest.raises(Refused) as refusal:
        read(tmp_path / "a.csv", '\nid,"name\n' + rows)

    assert str(refusal.value) == (
        "line 2: a quote in the header is opened and never closed;"
        " ask for the export again"
    )


def test_a_missing_required_column_refuses_with_the_columns_found(
    tmp_path: Path,
) -> None:
    with pytest.raises(Refused) as refusal:
        read(tmp_path / "a.csv", "\nOrder No,Name\n1,a\n")

    assert str(refusal.value) == (
        "line 2: the header lacks the column id (found: order_no, name); export the"
        " file with it, or name it among the column's aliases in the contract"
    )


@pytest.mark.parametrize("content", ["\n", "\n\r\n \n", "\r\n"])
def test_a_file_of_blank_lines_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(Refused, match="holds no header line: ask for the export again"):
        read(tmp_path / "a.csv", content)


def test_a_line_over_the_limit_is_refused_with_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_reader, "MAX_LINE_BYTES", 64)

    with pytest.raises(Refused, match="line 3 is longer than 64 bytes: this is no"):
        read(
            tmp_path / "a.csv",
            "id,name,note\n1,a,b\n2," + "x" * 100 + ",c\n",
            chunk_bytes=16,
        )


@pytest.mark.parametrize(
    ("limit", "header", "reason"),
    [
        ("MAX_RECORD_BYTES", "x" * 65, "longer than 64 bytes where the header should"),
        ("MAX_COLUMNS", "id" + ",a" * 64, "more than 64 columns where the header"),
    ],
)
def test_a_header_beyond_every_table_is_refused_and_not_taken_apart(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    header: str,
    reason: str,
) -> None:
    """Five million commas took 17 GB and a minute, and ended in an error of Arrow's."""
    monkeypatch.setattr(csv_reader, limit, 64)

    with pytest.raises(Refused, match=f"line 2: {reason}"):
        read(tmp_path / "a.csv", f"\n{header}\n1,a,b\n")
