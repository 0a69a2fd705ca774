"""XML: one record per repeated element, nothing outside of the file looked at."""

import gzip
from dataclasses import replace
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing import markup, xml_reader
from tests.unit.landed import CONTRACT, Landed, land

ORDERS = """<?xml version="1.0" encoding="UTF-8"?>
<!-- made by a program -->
<export xmlns="urn:shop" date="2026-03-14">
  <order id="1"><name>Анна &amp; Ко</name><note/></order>
  <order id="2"><name><![CDATA[a < b]]></name><note> x </note></order>
</export>"""


def xml(folder: Path, text: str) -> Landed:
    """Land an XML file."""
    return land(folder, text.encode())


def records(folder: Path, *contents: str) -> list[dict[str, str]]:
    """The cells of records with these contents, without empty ones."""
    text = "".join(f"<r><id>1</id>{content}</r>" for content in [*contents, ""])
    landed = land(folder, f"<all>{text}</all>".encode())
    return [
        {
            name: cell
            for name, cell in record.items()
            if cell is not None and not name.startswith("_") and name != "id"
        }
        for record in landed.records[:-1]
    ]


def test_each_repeated_element_is_a_record(tmp_path: Path) -> None:
    landed = xml(tmp_path, ORDERS)

    assert landed.cells == [(1, "1", "Анна & Ко", None), (2, "2", "a < b", "x")]
    assert landed.ledger.dialect == "xml; records <order>"
    assert (landed.ledger.encoding, landed.ledger.outcome) == ("utf-8", "landed")


# -- values -------------------------------------------------------------------------


def test_attributes_and_nested_elements_are_columns(tmp_path: Path) -> None:
    assert records(
        tmp_path,
        '<price currency="RUB">10</price><client><name>Anna</name></client>',
        "<client><address><city>Москва</city></address></client>",
    ) == [
        {"price_currency": "RUB", "price": "10", "client_name": "Anna"},
        {"client_address_city": "Москва"},
    ]


def test_children_that_repeat_are_a_json_array(tmp_path: Path) -> None:
    assert records(
        tmp_path,
        "<phone>1</phone><phone>2</phone>",
        '<item sku="b"><n>1</n></item><item sku="a" >x<n>2</n><n>3</n></item>',
        "<tags><tag>a</tag><tag>b</tag></tags>",
    ) == [
        {"phone": '["1", "2"]'},
        {"item": '[{"n": "1", "sku": "b"}, {"": "x<n>2</n><n>3</n>", "sku": "a"}]'},
        {"tags_tag": '["a", "b"]'},
    ]


def test_names_that_occur_twice_are_two_columns(tmp_path: Path) -> None:
    landed = xml(tmp_path, '<all><r id="1"><id>2</id></r><r id="3"/></all>')

    assert [(record["id"], record["id_2"]) for record in landed.records] == [
        ("1", "2"),
        ("3", None),
    ]


def test_marks_within_a_text_stay_in_it(tmp_path: Path) -> None:
    assert records(tmp_path, "<name>Hello <b>big</b> world</name>") == [
        {"name": "Hello <b>big</b> world"}
    ]


def test_namespaces_are_left_out_and_nil_is_nothing(tmp_path: Path) -> None:
    assert records(
        tmp_path,
        '<x:name xmlns:x="urn:x" x:lang="ru">a</x:name>'
        '<note xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"/>',
    ) == [{"name_lang": "ru", "name": "a"}]


def test_aliases_name_the_columns_of_elements_too(tmp_path: Path) -> None:
    contract = replace(CONTRACT, aliases={"name": ("client_name",)})
    text = "<a><r><id>1</id><client><name>Anna</name></client></r><r><id>2</id></r></a>"

    landed = land(tmp_path, text.encode(), contract)

    assert landed.column("name") == ["Anna", None]


def test_digits_and_outer_spaces_of_values(tmp_path: Path) -> None:
    assert records(tmp_path, "<name> 007.10 </name>", "<name>\n a\n b </name>") == [
        {"name": "007.10"},
        {"name": "a\n b"},
    ]


# -- which elements are records -----------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "<r><id>1</id><name>a</name></r>",
        "<all><r><id>1</id><name>a</name></r></all>",
        "<all><shop>x</shop><rs><r><id>1</id><name>a</name></r></rs></all>",
        "<all><rs><r id='1' name='a'/></rs></all>",
        "<all><r><id>1</id><name>a</name><x><y>1</y><y>2</y></x></r></all>",
        "<all><log><e/><e/></log><rs><r><id>1</id><name>a</name></r></rs></all>",
    ],
)
def test_one_record_alone_is_found_by_its_columns(tmp_path: Path, text: str) -> None:
    landed = xml(tmp_path, text)

    assert landed.ledger.dialect == "xml; records <r>"
    assert [(each["id"], each["name"]) for each in landed.records] == [("1", "a")]


def test_of_several_repeated_elements_those_that_fit_are_records(
    tmp_path: Path,
) -> None:
    landed = xml(
        tmp_path,
        "<all><meta><k>a</k><k>b</k></meta><c><x>1</x></c><c><x>2</x></c>"
        "<r><name>a</name></r><r><id>7</id></r><r><id>8</id><r><id>9</id></r></r></all>",
    )

    assert landed.column("id") == [None, "7", "8"]
    assert landed.column("r_id") == [None, None, "9"]


def test_the_contract_may_name_the_record(tmp_path: Path) -> None:
    contract = replace(CONTRACT, record="item")
    text = "<all><order><id>1</id><items><item><id>2</id></item></items></order></all>"

    landed = land(tmp_path, text.encode(), contract)

    assert landed.cells == [(1, "2")]
    assert landed.ledger.dialect == "xml; records <item>"


def test_a_file_without_fitting_elements_says_what_it_found(tmp_path: Path) -> None:
    landed = xml(
        tmp_path, "<all><r><number>1</number></r><r><number>2</number></r></all>"
    )

    assert landed.ledger.reason == (
        "delivered: element <r>: the header lacks the column id (found: number); export"
        " the file with it, or name it among the column's aliases in the contract"
    )


def test_columns_that_only_later_records_have_are_null_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xml_reader, "ROWS_PER_BLOCK", 1)

    landed = xml(tmp_path, "<a><r id='1'/><r id='2' url='x'/><r id='3'/></a>")

    assert landed.ledger.columns == ("id", "url")
    assert landed.column("url") == [None, "x", None]
    assert [record["_line"] for record in landed.records] == [1, 2, 3]


# -- encodings ----------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["windows-1251", "koi8-r", "utf-16", "utf-8"])
def test_a_file_says_its_encoding(tmp_path: Path, encoding: str) -> None:
    content = ORDERS.replace("UTF-8", encoding).encode(encoding)

    assert land(tmp_path, content).column("name") == ["Анна & Ко", "a < b"]


def test_the_contract_counts_before_what_a_file_says(tmp_path: Path) -> None:
    content = ORDERS.replace("UTF-8", "iso-8859-1").encode("cp1251")

    landed = land(tmp_path, content, replace(CONTRACT, encoding="cp1251"))

    assert landed.column("name") == ["Анна & Ко", "a < b"]


# -- what must not happen -----------------------------------------------------------

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY l0 "ha">' + LAUGHS,
        '<!ENTITY l9 SYSTEM "file:///etc/passwd">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;',
    ],
)
def test_a_file_that_declares_entities_is_refused(
    tmp_path: Path, declared: str
) -> None:
    text = f"<!DOCTYPE a [{declared}]><a><r id='1'>&l9;</r><r id='2'/></a>"

    landed = xml(tmp_path, text)

    assert landed.ledger.reason == (
        "delivered: the file declares entities, which are not expanded: export it"
        " without"
    )


def test_a_document_type_elsewhere_is_not_looked_for(tmp_path: Path) -> None:
    landed = xml(
        tmp_path,
        "<!DOCTYPE a SYSTEM 'http://127.0.0.1:9/a.dtd'>"
        "<a><r id='1'><name>x</name></r><r id='2'/></a>",
    )

    assert landed.column("id") == ["1", "2"]


def test_a_letter_of_an_unknown_document_type_is_kept_as_it_is_spelt(
    tmp_path: Path,
) -> None:
    landed = xml(
        tmp_path,
        "<!DOCTYPE a SYSTEM 'a.dtd'>"
        "<a><r id='1'><name>x&nbsp;y</name></r><r id='2'/></a>",
    )

    assert landed.column("name") == ["x&nbsp;y", None]


def test_one_element_cannot_fill_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markup, "MAX_ELEMENT_BYTES", 100_000)
    monkeypatch.setattr(markup, "CHUNK_BYTES", 10_000)
    bomb = "<x>y</x>" * 100_000

    landed = xml(tmp_path, f"<a><r id='1'/><r id='2'/><r id='3'>{bomb}</r></a>")

    assert landed.column("id") == ["1", "2"]
    assert landed.ledger.outcome == "partly"


def test_what_stands_between_records_counts_for_no_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markup, "MAX_ELEMENT_BYTES", 10_000)
    monkeypatch.setattr(markup, "CHUNK_BYTES", 1_000)
    between = "<log>y</log>" * 5_000

    landed = xml(tmp_path, f"<a><r id='1'/>{between}<r id='2'>x</r>{between}</a>")

    assert landed.column("id") == ["1", "2"]
    assert landed.ledger.outcome == "landed"


# -- damage -------------------------------------------------------------------------


def test_a_file_may_be_cut_anywhere_without_a_wrong_record(tmp_path: Path) -> None:
    content = ORDERS.encode()
    whole = land(tmp_path, content).cells

    for size in range(1, len(content)):
        landed = land(tmp_path, content[:size])

        assert landed.ledger.outcome in ("refused", "partly")
        for (line, *cells), (_, *true) in zip(landed.cells, whole, strict=False):
            assert cells == true[: len(cells)]
            assert line in (1, 2)


def test_records_before_a_damage_land(tmp_path: Path) -> None:
    landed = xml(tmp_path, "<a><r id='1'/><r id='2'/><r id='3'></x></r></a>")

    assert landed.column("id") == ["1", "2"]
    assert landed.ledger.outcome == "partly"
    assert landed.ledger.reason is not None
    assert "the XML is damaged or cut (Opening and ending tag mismatch" in (
        landed.ledger.reason
    )


def test_a_cut_gzip_file_lands_in_part(tmp_path: Path) -> None:
    rows = "".join(f"<r id='{n}' name='{n * 7919 % 997}'/>" for n in range(500))

    landed = land(tmp_path, gzip.compress(f"<a>{rows}</a>".encode())[:-40])

    assert landed.ledger.outcome == "partly"
    assert all(name == str(int(id) * 7919 % 997) for _, id, name in landed.cells)


def test_nul_bytes_are_no_damage(tmp_path: Path) -> None:
    landed = xml(tmp_path, "<a><r id='1\0'/><r id='2'/></a>")

    assert landed.column("id") == ["1", "2"]


@settings(max_examples=150, deadline=None)
@given(tail=st.text("<>/ar=i d\"'&;![]-?\0\nж", max_size=50))
def test_any_text_is_landed_or_refused(
    tmp_path_factory: pytest.TempPathFactory, tail: str
) -> None:
    landed = xml(tmp_path_factory.mktemp("any"), f"<a><r id='1'/><r id='2'/>{tail}")

    assert landed.ledger.outcome in ("partly", "refused") or "</a>" in tail


TEXTS = st.text(
    st.characters(
        codec="utf-8", exclude_categories=["Cc"], exclude_characters="\ufffe\uffff"
    ),
    max_size=9,
).map(str.strip)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=9),
    chunk=st.sampled_from([1, 3, 7, 4096]),
)
def test_any_record_lands_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], chunk: int
) -> None:
    written = "".join(
        f"<r id={quoteattr(id)}><name>{escape(name)}</name></r>" for id, name in rows
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(markup, "CHUNK_BYTES", chunk)
        landed = xml(tmp_path_factory.mktemp("any"), f"<all>{written}</all>")

    assert [(id or "", name or "") for _, id, name in landed.cells] == rows


# -- workbooks as XML ---------------------------------------------------------------

WORKBOOK = """<?xml version="1.0"?>
<?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
 <Worksheet ss:Name="About"><Table>
  <Row><Cell><Data ss:Type="String">x</Data></Cell></Row></Table></Worksheet>
 <Worksheet ss:Name="Orders"><Table>
  <Row ss:Index="2"><Cell><Data ss:Type="String">id</Data></Cell>
   <Cell><Data ss:Type="String">name</Data></Cell>
   <Cell><Data ss:Type="String">note</Data></Cell></Row>
  <Row><Cell><Data ss:Type="Number">1673005251000</Data></Cell>
   <Cell ss:Index="3"><Data ss:Type="DateTime">2026-03-14T00:00:00.000</Data></Cell>
  </Row>
  <Row ss:Index="6"><Cell ss:MergeAcross="1">
   <Data ss:Type="Number">0.28999999999999998</Data></Cell>
   <Cell><Data ss:Type="Boolean">1</Data></Cell></Row>
  <Row><Cell><Data ss:Type="DateTime">2026-03-14T09:14:00.000</Data></Cell>
   <Cell><Data ss:Type="Error">#N/A</Data></Cell>
   <Cell><Data ss:Type="String"><B xmlns="http://www.w3.org/TR/REC-html40">a</B>b</Data>
   </Cell></Row>
 </Table></Worksheet>
 <Worksheet ss:Name="More"><Table>
  <Row><Cell><Data ss:Type="String">id</Data></Cell></Row>
  <Row><Cell><Data ss:Type="Number">2</Data></Cell></Row></Table></Worksheet>
</Workbook>"""


def test_a_workbook_as_xml_lands_like_a_workbook(tmp_path: Path) -> None:
    landed = xml(tmp_path, WORKBOOK)

    assert landed.cells == [
        (3, "1673005251000", None, "2026-03-14"),
        (6, "0.29", None, "true"),
        (7, "2026-03-14 09:14:00", "#N/A", "ab"),
    ]
    assert landed.ledger.dialect == "xml spreadsheet; sheet 2; 3 columns"


def test_the_contract_may_name_the_sheet(tmp_path: Path) -> None:
    landed = land(tmp_path, WORKBOOK.encode(), replace(CONTRACT, sheet="More"))

    assert landed.cells == [(2, "2")]
    assert landed.ledger.dialect == "xml spreadsheet; sheet 'More'; 1 columns"


def test_a_cut_workbook_as_xml_lands_in_part(tmp_path: Path) -> None:
    cut = WORKBOOK[: WORKBOOK.index('<Row ss:Index="6"') + 30]

    landed = xml(tmp_path, cut)

    assert (landed.ledger.outcome, len(landed.records)) == ("partly", 1)


def test_a_workbook_as_xml_without_a_fitting_sheet_is_refused(tmp_path: Path) -> None:
    landed = xml(tmp_path, WORKBOOK.replace(">id<", ">number<"))

    assert landed.ledger.reason is not None
    assert "sheet 2, row 2: the header lacks the column id" in landed.ledger.reason
