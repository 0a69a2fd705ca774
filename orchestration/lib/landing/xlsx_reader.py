"""Workbooks of Excel since 2007, read as a stream of rows.

Libraries that hand out whole sheets round numbers, drop error values, or cannot tell
a midnight from a day. Here a cell's text is what its XML says: whole numbers digit by
digit, other numbers in the fewest digits, dates by the format of the cell.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath
from typing import IO, Any
from zipfile import ZipFile

from lxml import etree  # type: ignore[import-untyped]

from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import ZIP_DAMAGE, CutShort, Refused
from orchestration.lib.landing.markup import SAFE_PARSING, local_name
from orchestration.lib.landing.spreadsheet import (
    Moment,
    moment_of,
    number_or_moment,
)
from orchestration.lib.landing.table_reader import (
    MAX_COLUMNS,
    Row,
    Table,
    TableReading,
)

#: Texts of a workbook are kept in memory while it is read.
MAX_TEXTS_BYTES = 256 * 1024**2
#: So are the parts that describe the workbook, and single rows, as trees of elements.
MAX_PART_BYTES = 16 * 1024**2
MAX_ROW_BYTES = 8 * 1024**2
_DAMAGE = (*ZIP_DAMAGE, etree.XMLSyntaxError)
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")


def xlsx_reading(file: IO[bytes], contract: ExportContract) -> TableReading:
    """The first sheet with a fitting header; visible ones before hidden ones.

    Raises:
        Refused: the file is no workbook, too large, or no sheet fits.
    """
    try:
        workbook = _Workbook(file)
    except _DAMAGE as error:
        raise Refused(
            f"the workbook is damaged ({error}): ask for the export again"
        ) from error
    return TableReading("xlsx", workbook.tables(contract.sheet), contract)


class _Workbook:
    """What the cells of all sheets refer to: texts and formats."""

    def __init__(self, file: IO[bytes]) -> None:
        self._archive = ZipFile(file)
        # Some programs spell the names of parts otherwise than their references.
        self._parts = {name.lower(): name for name in self._archive.namelist()}
        part = self._related("").get("officeDocument", "xl/workbook.xml")
        if not part.endswith(".xml") or part not in self._parts:
            raise Refused(
                "the document is no workbook that can be read: save it as .xlsx or CSV"
            )
        self._related_parts = self._related(part)
        root = self._tree(part)
        #: Parts by the name of the sheet, visible ones first.
        self._sheets = {
            sheet.get("name", ""): self._related_parts.get(
                next(
                    (id for key, id in sheet.attrib.items() if key.endswith("}id")), ""
                )
            )
            for sheet in sorted(
                root.iterfind("{*}sheets/{*}sheet"),
                key=lambda sheet: sheet.get("state", "visible") != "visible",
            )
        }
        properties = root.find("{*}workbookPr")
        self._starts_in_1904 = properties is not None and properties.get(
            "date1904"
        ) in ("1", "true")
        self._moments = self._read_formats()
        self._texts = self._read_texts()

    def tables(self, wanted: str | None) -> Iterator[Table]:
        """The sheets, or the one of this name."""
        if wanted is not None and wanted not in self._sheets:
            raise Refused(
                f"the workbook has no sheet {wanted!r} (found:"
                f" {', '.join(self._sheets)}); name the sheet in the contract"
            )
        for name, part in self._sheets.items():
            if wanted in (None, name) and part in self._parts:
                yield Table(f"sheet {name!r}", self._rows(part))

    # -- parts ----------------------------------------------------------------------

    def _open(self, part: str, limit: int | None = MAX_PART_BYTES) -> IO[bytes]:
        member = self._archive.getinfo(self._parts[part])
        if limit is not None and member.file_size > limit:
            raise Refused(
                f"the workbook is too large ({member.filename} holds"
                f" {member.file_size} bytes, at most {limit} are read): export it as"
                " CSV"
            )
        return self._archive.open(member)

    def _tree(self, part: str) -> Any:  # noqa: ANN401 - lxml has no types
        parser = etree.XMLParser(**SAFE_PARSING)
        with self._open(part) as content:
            return etree.parse(content, parser).getroot()

    def _related(self, part: str) -> dict[str, str]:
        """The parts that a part refers to, by id and by the last word of the type."""
        path = PurePosixPath(part)
        relations = str(path.parent / "_rels" / f"{path.name}.rels")
        found: dict[str, str] = {}
        if relations in self._parts:
            for relation in self._tree(relations).iterfind("{*}Relationship"):
                target = PurePosixPath(path.parent, relation.get("Target", "").lower())
                related = str(target).removeprefix("/")
                found[relation.get("Id", "")] = related
                found[relation.get("Type", "").rpartition("/")[2]] = related
        return found

    def _read_formats(self) -> dict[int, Moment | None]:
        """What numbers are, by the style of their cell."""
        part = self._related_parts.get("styles")
        if part not in self._parts:
            return {}
        root = self._tree(part)
        codes = {
            _whole(each.get("numFmtId")): each.get("formatCode", "")
            for each in root.iterfind("{*}numFmts/{*}numFmt")
        }
        return {
            style: moment_of(_whole(each.get("numFmtId")), codes)
            for style, each in enumerate(root.iterfind("{*}cellXfs/{*}xf"))
        }

    def _read_texts(self) -> list[str]:
        part = self._related_parts.get("sharedStrings")
        if part not in self._parts:
            return []
        with self._open(part, MAX_TEXTS_BYTES) as content:
            return [_text(item) for item in _elements(content, "si", within="sst")]

    # -- cells ----------------------------------------------------------------------

    def _rows(self, part: str) -> Iterator[Row]:
        number = 0
        try:
            with self._open(part, limit=None) as content:
                for element in _elements(content, "row", within="sheetData"):
                    number = max(number + 1, _whole(element.get("r")))
                    yield self._row(number, element)
        except _DAMAGE as error:
            raise CutShort(f"the workbook is damaged ({error})") from error

    def _row(self, number: int, element: Any) -> Row:  # noqa: ANN401
        cells: list[str | None] = []
        problem = None
        for cell in element.iterchildren("{*}c"):
            letters = cell.get("r", "").rstrip("0123456789")
            column = _column(letters) if letters else len(cells)
            if not 0 <= column < MAX_COLUMNS:
                problem = "a cell beyond the last column that there can be"
                continue
            try:
                text = self._cell(cell)
            except (AttributeError, IndexError, OverflowError, ValueError):
                text = "".join(cell.itertext())
                problem = "a cell that cannot be read"
            cells.extend([None] * (column + 1 - len(cells)))
            cells[column] = text
        return Row(number, cells, problem)

    def _cell(self, cell: Any) -> str | None:  # noqa: ANN401
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return "".join(_text(each) for each in cell)
        value = formula = None
        for each in cell:
            if each.tag.endswith("}v"):
                value = each.text
            elif each.tag.endswith("}f"):
                formula = f"={each.text or ''}"
        if value is None:
            return formula  # nobody has calculated it
        if kind == "s":
            return self._texts[int(value)]
        if kind == "n":
            return number_or_moment(
                value.strip(),
                self._moments.get(_whole(cell.get("s"))),
                starts_in_1904=self._starts_in_1904,
            )
        if kind == "b":
            return "true" if value.strip() == "1" else "false"
        if kind == "d":
            return str(value).replace("T", " ")
        return _unescaped(value)


def _elements(content: IO[bytes], tag: str, within: str) -> Iterator[Any]:
    """The elements of this tag, one at a time in memory."""
    stream = _Metered(content)
    tags = (f"{{*}}{tag}", f"{{*}}{within}")
    for _, element in etree.iterparse(
        stream, events=("end",), tag=tags, **SAFE_PARSING
    ):
        if local_name(element) == within:
            break
        yield element
        stream.spent = 0
        element.clear()
        while element.getprevious() is not None:
            del element.getparent()[0]
    while content.read(MAX_ROW_BYTES):
        pass  # the checksum is at the end


class _Metered:
    """A stream that ends where one element alone would fill the memory."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self.spent = 0

    def read(self, size: int) -> bytes:
        self.spent += size
        if self.spent > MAX_ROW_BYTES:
            raise EOFError(f"a row of more than {MAX_ROW_BYTES} bytes")
        return self._content.read(size)


def _text(item: Any) -> str:  # noqa: ANN401
    """The text of a plain or formatted string, without hints how to say it."""
    texts = [
        each.text or ""
        for each in item.iter("{*}t")
        if not each.getparent().tag.endswith("}rPh")
    ]
    return _unescaped("".join(texts))


def _unescaped(text: str) -> str:
    """`_x000D_` is how a workbook spells a character that XML cannot hold."""
    if "_x" not in text:
        return text
    return _ESCAPED.sub(
        lambda found: (
            found[0]
            if found[1][0] in "dD" and found[1][1] in "89abcdefABCDEF"
            else chr(int(found[1], 16))
        ),
        text,
    )


@lru_cache(MAX_COLUMNS)
def _column(letters: str) -> int:
    """The 0-based column of this name: 27 for `AB`."""
    column = 0
    for letter in letters[:4].upper():
        column = column * 26 + ord(letter) - 64
    return column - 1


def _whole(number: str | None) -> int:
    """A position that the file states; 0 where it states none that can be."""
    if number is None or not number.isdecimal() or len(number) > 9:
        return 0
    return int(number)
