"""XML: one record per element, its attributes and children as columns.

`<order id="7"><client><name>Anna</name></client></order>` is a record with the columns
`id` and `client_name`. Children that repeat become one cell, a JSON array.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import count, islice

import pyarrow as pa
from lxml import etree  # type: ignore[import-untyped]

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.header import Header, HeaderSearch, read_header
from orchestration.lib.landing.inspection import CutShort, Delivered, Refused, texts
from orchestration.lib.landing.markup import (
    SAFE_PARSING,
    Element,
    elements,
    local_name,
)
from orchestration.lib.landing.records import LINE, Block
from orchestration.lib.landing.spreadsheetml_reader import spreadsheetml_reading
from orchestration.lib.landing.table_reader import TableReading

ROWS_PER_BLOCK = 20_000
#: How much of the file is looked at to find out which elements are records.
SAMPLE_BYTES = 1024 * 1024
SAMPLE_RECORDS = 100
_SCHEMA_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"


def xml_reading(
    delivered: Delivered, contract: ExportContract, encoding: str
) -> "XmlReading | TableReading":
    """The records of the file, or of the first fitting sheet of a workbook as XML.

    Raises:
        Refused: no element has the required columns.
    """
    root = _sample(delivered, encoding)
    if local_name(root) == "Workbook":
        return spreadsheetml_reading(delivered, contract, encoding)
    return XmlReading(delivered, contract, encoding, root)


class XmlReading:
    """One pass over an XML file; `columns` grows as records show elements."""

    constants: Mapping[str, str] = {}

    def __init__(
        self,
        delivered: Delivered,
        contract: ExportContract,
        encoding: str,
        sample: Element,
    ) -> None:
        #: Why the file ended before its root did, or None; known after the pass.
        self.cut_short: str | None = None
        self._contract = contract
        self._columns: dict[str, None] = {}
        self._headers: dict[tuple[str, ...], Header] = {}
        depth, tag = self._record_element(sample)
        self.dialect = f"xml; records <{tag}>"
        self._elements = elements(
            delivered,
            encoding,
            lambda at, name: name == tag and depth in (None, at),
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns found so far, as named in the raw table."""
        return tuple(self._columns)

    def __iter__(self) -> Iterator[Block]:
        """One or more blocks, in file order."""
        records = self._whole_records()
        first = 1
        for number in count():
            block = list(islice(records, ROWS_PER_BLOCK))
            if number and not block:
                return
            yield self._block(block, first)
            first += len(block)

    def _whole_records(self) -> Iterator[dict[str, str | None]]:
        try:
            for element in self._elements:
                yield self._record(element)
        except CutShort as error:
            self.cut_short = str(error)

    def _record(self, element: Element) -> dict[str, str | None]:
        cells = list(_cells(element, ()))
        columns = self._header(element, cells).columns
        self._columns |= dict.fromkeys(columns)
        return {
            column: value or None
            for column, (_, value) in zip(columns, cells, strict=True)
        }

    def _header(
        self, element: Element, cells: Sequence[tuple[tuple[str, ...], str]]
    ) -> Header:
        names = tuple("_".join(path) or local_name(element) for path, _ in cells)
        if names not in self._headers:
            self._headers[names] = read_header(names, self._contract)
        return self._headers[names]

    def _block(self, records: list[dict[str, str | None]], first: int) -> Block:
        names = dict.fromkeys([*self._contract.columns, *self._columns])
        cells = {
            name: pa.array([record.get(name) for record in records], pa.string())
            for name in names
        }
        lines = pa.array(range(first, first + len(records)), pa.int64())
        return Block(table=pa.table({**cells, LINE: lines}))

    # -- which elements are records -------------------------------------------------

    def _record_element(self, root: Element) -> tuple[int | None, str]:
        """Depth and name of the elements that are records."""
        if self._contract.record is not None:
            return None, self._contract.record
        search = HeaderSearch(self._contract)
        found = self._repeated(root, 2, search) or self._single(root, 1, search)
        if found is None:
            raise search.refusal()
        return found

    def _repeated(
        self, parent: Element, depth: int, search: HeaderSearch
    ) -> tuple[int, str] | None:
        """The first repeated children, in the outermost parent, that fit."""
        by_tag: dict[str, list[Element]] = defaultdict(list)
        for child in _elements_in(parent):
            by_tag[local_name(child)].append(child)
        for tag, alike in by_tag.items():
            if len(alike) > 1 and self._fits(alike, search):
                return depth, tag
        for child in _elements_in(parent):
            if found := self._repeated(child, depth + 1, search):
                return found
        return None

    def _single(
        self, element: Element, depth: int, search: HeaderSearch
    ) -> tuple[int, str] | None:
        """The innermost element that fits: the one record of a file."""
        for child in _elements_in(element):
            if found := self._single(child, depth + 1, search):
                return found
        return (depth, local_name(element)) if self._fits([element], search) else None

    def _fits(self, alike: list[Element], search: HeaderSearch) -> bool:
        if not any(len(each) or each.attrib for each in alike):
            return False  # a value, and no record
        headers = [
            self._header(each, list(_cells(each, ())))
            for each in alike[:SAMPLE_RECORDS]
        ]
        names = dict.fromkeys(name for header in headers for name in header.columns)
        return search.accepts(
            f"element <{local_name(alike[0])}>", Header(columns=tuple(names))
        )


def _sample(delivered: Delivered, encoding: str) -> Element:
    """The root, with as much below it as the start of the file holds."""
    parser = etree.XMLPullParser(("start",), encoding="utf-8", **SAFE_PARSING)
    try:
        for text in islice(texts(delivered, encoding, SAMPLE_BYTES), 1):
            parser.feed(text.replace("\0", "").encode())
    except (CutShort, etree.XMLSyntaxError):
        pass  # it is met again where records are read
    root = next((element for _, element in parser.read_events()), None)
    if root is None:
        raise Refused("the file holds no XML element: ask for the export again")
    document_type = root.getroottree().docinfo.internalDTD
    if document_type is not None and any(document_type.iterentities()):
        raise Refused(
            "the file declares entities, which are not expanded: export it without"
        )
    return root


def _elements_in(element: Element) -> list[Element]:
    return [child for child in element if isinstance(child.tag, str)]


def _cells(
    element: Element, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What an element holds, each with the names that lead to it."""
    for name, value in _attributes(element).items():
        yield (*path, name), value
    text = _text(element)
    children = _children(element)
    for name, alike in children.items():
        if len(alike) == 1:
            yield from _cells(alike[0], (*path, name))
        else:
            values = [_value(each) for each in alike]
            text = json.dumps(values, ensure_ascii=False, sort_keys=True)
            yield (*path, name), text
    if not children and (text or (path and not element.attrib)):
        yield path, text


def _value(element: Element) -> str | dict[str, object]:
    """An element inside of a JSON array."""
    inner: dict[str, object] = {**_attributes(element)}
    for name, alike in _children(element).items():
        values = [_value(each) for each in alike]
        inner[name] = values if len(values) > 1 else values[0]
    text = _text(element)
    return {**inner, "": text} if inner and text else inner or text


def _attributes(element: Element) -> dict[str, str]:
    return {
        name.rpartition("}")[2]: value
        for name, value in element.attrib.items()
        if not name.startswith(_SCHEMA_INSTANCE)
    }


def _children(element: Element) -> dict[str, list[Element]]:
    """Children by name; none where they are marks within a text."""
    children: dict[str, list[Element]] = defaultdict(list)
    for child in element:
        if not isinstance(child.tag, str) or (child.tail or "").strip():
            return {}
        children[local_name(child)].append(child)
    return {} if (element.text or "").strip() else children


def _text(element: Element) -> str:
    """The text of an element, with the marks that stand within it."""
    if not _children(element) and len(element):
        whole = etree.tostring(element, encoding="unicode", with_tail=False)
        return str(whole[whole.index(">") + 1 : whole.rindex("<")])
    return (element.text or "").strip()
