"""Tables of web pages: what the page shows, row by row."""

import codecs
import gzip
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing import html_reader
from tests.unit.landed import CONTRACT, Landed, land

RUSSIAN = replace(
    CONTRACT,
    columns=("id", "imya", "telefon"),
    required=frozenset({"id", "imya"}),
    optional=frozenset({"telefon"}),
)
#: The shape of a contact export of Bitrix24, which it calls contact.xls.
BITRIX = """<meta http-equiv="Content-type" content="text/html;charset=UTF-8" />
<table border="1">
<thead><tr><th>ID</th><th>Имя</th><th>Телефон</th></tr></thead>
<tbody>
<tr><td>101</td><td>Анна &amp; Ко</td><td>+7 910 427-70-34<br>+7 926 600-52-21</td></tr>
<tr>
  <td>102</td>
  <td><b>Пётр</b>
      <i>Иванов</i></td>
  <td>&nbsp;</td>
</tr>
</tbody></table>"""


def page(folder: Path, text: str) -> Landed:
    """Land a page."""
    return land(folder, text.encode())


def test_a_page_that_calls_itself_a_workbook_lands(tmp_path: Path) -> None:
    landed = land(tmp_path, BITRIX.encode(), RUSSIAN)

    assert landed.cells == [
        (2, "101", "Анна & Ко", "+7 910 427-70-34\n+7 926 600-52-21"),
        (3, "102", "Пётр Иванов", None),
    ]
    assert landed.ledger.dialect == "html; table 1; 3 columns"
    assert landed.ledger.encoding == "utf-8"
    assert landed.ledger.outcome == "landed"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (codecs.BOM_UTF8 + BITRIX.encode(), "utf-8-sig"),
        (BITRIX.encode("utf-16"), "utf-16"),
        (BITRIX.replace("UTF-8", "windows-1251").encode("cp1251"), "cp1251"),
        (BITRIX.replace("UTF-8", "koi8-r").encode("koi8-r"), "koi8-r"),
        (BITRIX.replace("UTF-8", "windows-1251").encode(), "utf-8"),
        (gzip.compress(BITRIX.encode()), "utf-8"),
    ],
)
def test_a_page_may_say_its_encoding_unless_it_is_plain_what_it_is(
    tmp_path: Path, content: bytes, encoding: str
) -> None:
    landed = land(tmp_path, content, RUSSIAN)

    assert landed.column("imya") == ["Анна & Ко", "Пётр Иванов"]
    assert landed.ledger.encoding == encoding


def test_ends_of_tags_may_be_left_out(tmp_path: Path) -> None:
    landed = page(
        tmp_path, "<table><tr><th>id<th>name\n<tr><td>1<td>a<tr><td>2<td>b</table>"
    )

    assert landed.cells == [(2, "1", "a"), (3, "2", "b")]


def test_letters_may_be_spelt_out_and_spaces_do_not_count(tmp_path: Path) -> None:
    landed = page(
        tmp_path,
        "<TABLE><TR><TD>id</TD><TD>name</TD></TR><TR><TD> 007 </TD>"
        "<TD>&lt;a&gt;  &quot;b&quot;\n &#1046;&eacute;\xa0x</TD></TR></TABLE>",
    )

    assert landed.cells == [(2, "007", '<a> "b" Жé\xa0x')]


def test_paragraphs_of_a_cell_are_lines(tmp_path: Path) -> None:
    landed = page(
        tmp_path,
        "<table><tr><th>id<th>name<tr><td>1<td><p>a</p><p>b</p><div>c<br/>d</div>"
        "<ul><li>e<li>f</ul></table>",
    )

    assert landed.column("name") == ["a\nb\nc\nd\ne\nf"]


def test_a_cell_may_span_columns_and_rows(tmp_path: Path) -> None:
    landed = page(
        tmp_path,
        "<table><tr><th>id<th>name<th>note"
        "<tr><td>1<td colspan=2>a"
        "<tr><td rowspan=2>2<td>b<td>c"
        "<tr><td>d<td>e"
        "<tr><td colspan=nonsense>3<td rowspan=0>f<td>g</table>",
    )

    assert landed.cells == [
        (2, "1", "a", None),
        (3, "2", "b", "c"),
        (4, None, "d", "e"),
        (5, "3", "f", "g"),
    ]


def test_rows_are_counted_as_the_table_shows_them(tmp_path: Path) -> None:
    landed = page(
        tmp_path,
        "<table><caption>x</caption><tr><td>Report<tr><td>&nbsp;<tr><th>id<th>name"
        "<tr><td>1<td>a<tr></tr><tr><td><td><tr><td>2<td>b<td>c<tr><td>3</table>",
    )

    assert landed.cells == [(4, "1", "a"), (8, "3", None)]
    assert landed.rejects == [
        {"line": 7, "reason": "3 cells where the header has 2", "text": "2\tb\tc"}
    ]
    assert landed.ledger.dialect == "html; table 1; 2 columns; 1 rows above"


def test_the_first_table_that_fits_is_read_even_within_another(tmp_path: Path) -> None:
    landed = page(
        tmp_path,
        "<table><tr><td>menu<tr><td><table><tr><td>logo</table>"
        "<table><tr><th>id<th>name<tr><td>1<td>a</table></table>"
        "<table><tr><th>id<th>name<tr><td>2<td>b</table>",
    )

    assert landed.cells == [(2, "1", "a")]
    assert landed.ledger.dialect == "html; table 3; 2 columns"


def test_a_table_within_a_cell_is_text_of_the_cell(tmp_path: Path) -> None:
    landed = page(
        tmp_path,
        "<table><tr><th>id<th>name<tr><td>1<td>a<table><tr><td>b<td>c<tr><td>d</table>"
        "<tr><td>2<td>e</table>",
    )

    assert landed.cells == [(2, "1", "a\nb c\nd"), (3, "2", "e")]


def test_a_page_without_a_fitting_table_says_what_it_found(tmp_path: Path) -> None:
    landed = page(tmp_path, "<table><tr><th>number<th>name<tr><td>1<td>a</table>")

    assert landed.ledger.reason == (
        "delivered: table 1, row 1: the header lacks the column id (found: number,"
        " name); export the file with it, or name it among the column's aliases in the"
        " contract"
    )


@pytest.mark.parametrize("text", ["<html></html>", "<p>Sign in", "<", "<!-- x -->"])
def test_a_page_without_tables_is_refused(tmp_path: Path, text: str) -> None:
    landed = page(tmp_path, text)

    assert landed.ledger.outcome == "refused"
    assert landed.ledger.reason is not None


def test_nul_bytes_of_a_page_are_not_its_end(tmp_path: Path) -> None:
    """The parser took the first one for the end of the page."""
    landed = page(
        tmp_path, "<table><tr><th>id<th>name<tr><td>1<td>a\0b<tr><td>2<td>c</table>"
    )

    assert landed.cells == [(2, "1", "ab"), (3, "2", "c")]


# -- damage -------------------------------------------------------------------------


def test_a_page_may_be_cut_anywhere_without_a_wrong_row(tmp_path: Path) -> None:
    content = BITRIX.encode()
    whole = land(tmp_path, content, RUSSIAN).cells
    end = content.index(b"</table>") + len("</table>")

    for size in range(1, end):
        landed = land(tmp_path, content[:size], RUSSIAN)

        assert landed.ledger.outcome in ("refused", "partly")
        assert landed.cells == whole[: len(landed.cells)]


def test_the_row_that_a_page_was_cut_inside_of_is_rejected(tmp_path: Path) -> None:
    landed = page(tmp_path, "<table><tr><th>id<th>name<tr><td>1<td>a<tr><td>2<td>15")

    assert landed.cells == [(2, "1", "a")]
    assert landed.rejects == [
        {
            "line": 3,
            "reason": "the file ends inside this row: it was cut",
            "text": "2\t15",
        }
    ]
    assert landed.ledger.reason == (
        "delivered: the table is not closed: the file was cut after line 3; the rows"
        " before it are landed, ask for the file again; 1 rows fit no record: see"
        " quarantine"
    )


def test_a_cut_gzip_page_lands_in_part(tmp_path: Path) -> None:
    rows = "".join(f"<tr><td>{n}<td>{n * 7919 % 997}" for n in range(300))
    text = f"<table><tr><th>id<th>name{rows}</table>"

    landed = land(tmp_path, gzip.compress(text.encode())[:-40])

    assert landed.ledger.outcome == "partly"
    assert all(
        name == str(int(number) * 7919 % 997) for _, number, name in landed.cells
    )


def test_one_cell_cannot_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html_reader, "MAX_CELL_CHARACTERS", 100)

    landed = page(
        tmp_path,
        f"<table><tr><th>id<th>name<tr><td>1<td>{'a ' * 200}<tr><td>2<td>b</table>",
    )

    assert landed.cells == [(3, "2", "b")]
    assert landed.rejects[0]["reason"] == "a cell of more than 100 characters"


def test_text_beside_the_cells_of_a_row_rejects_it(tmp_path: Path) -> None:
    """The text was lost, and the cells behind it moved under other headers."""
    landed = page(
        tmp_path,
        "<table><tr><td>id<td>name<td>note"
        "<tr><tdd>1</tdd><td>a</td><td>b</td></tr>"
        "<tr> <td>2</td>&nbsp;<td>c</td>\n<td>d</td></tr></table>",
    )

    assert landed.cells == [(3, "2", "c", "d")]
    assert landed.rejects == [
        {
            "line": 2,
            "reason": "text beside its cells: a tag is damaged",
            "text": "1\ta\tb",
        }
    ]


def test_a_cell_wider_than_any_table_rejects_its_row(tmp_path: Path) -> None:
    landed = page(
        tmp_path,
        "<table><tr><th>id<th>name<tr><td>1<td colspan=99999>a<tr><td>2<td>b</table>",
    )

    assert landed.cells == [(3, "2", "b")]
    assert [each["line"] for each in landed.rejects] == [2]


@settings(max_examples=150, deadline=None)
@given(
    text=st.text("<>/abtrdhe =\"'&;!-\0\nж", max_size=60).map(
        lambda tail: f"<table><tr><th>id<th>name<tr><td>1<td>{tail}"
    )
)
def test_any_page_is_landed_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    assert page(tmp_path_factory.mktemp("any"), text).ledger.reason is not None


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.from_regex("[0-9]{1,20}", fullmatch=True),
            st.text(
                st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=9
            ),
        ),
        max_size=9,
    ),
    chunk=st.sampled_from([1, 3, 7, 4096]),
)
def test_any_table_lands_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], chunk: int
) -> None:
    written = "".join(
        f"<tr><td>{number}</td><td>{''.join(f'&#{ord(letter)};' for letter in text)}"
        "</td></tr>"
        for number, text in rows
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(html_reader, "CHUNK_BYTES", chunk)
        landed = page(
            tmp_path_factory.mktemp("any"),
            f"<table><tr><th>id</th><th>name</th></tr>{written}</table>",
        )

    assert [(number, name or "") for _, number, name in landed.cells] == [
        (number, "" if text == "\xa0" else " ".join(filter(None, text.split(" "))))
        for number, text in rows
    ]
