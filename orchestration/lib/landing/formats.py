"""Which format a file has: told from its content, whatever its name says."""

import re
from collections.abc import Callable
from typing import IO

from orchestration.lib.landing.archives import (
    OTHER_ARCHIVES,
    ZIP_STARTS,
    document_kind,
)
from orchestration.lib.landing.contract import ExportContract, FileFormat
from orchestration.lib.landing.csv_reader import CsvReading
from orchestration.lib.landing.html_reader import html_reading
from orchestration.lib.landing.inspection import (
    Delivered,
    Refused,
    as_file,
    head,
)
from orchestration.lib.landing.json_reader import JsonReading
from orchestration.lib.landing.parquet_reader import ParquetReading
from orchestration.lib.landing.records import Reading
from orchestration.lib.landing.xls_reader import xls_reading
from orchestration.lib.landing.xlsx_reader import xlsx_reading
from orchestration.lib.landing.xml_reader import xml_reading

TEXT_READERS: dict[FileFormat, Callable[[Delivered, ExportContract, str], Reading]] = {
    "csv": CsvReading,
    "json": JsonReading,
    "html": html_reading,
    "xml": xml_reading,
}
#: Documents are no text; their readers seek in them.
DOCUMENT_READERS: dict[FileFormat, Callable[[IO[bytes], ExportContract], Reading]] = {
    "xlsx": xlsx_reading,
    "xls": xls_reading,
    "parquet": ParquetReading,
}
_STARTS: dict[bytes, FileFormat] = {
    b"PAR1": "parquet",
    b"\xd0\xcf\x11\xe0": "xls",
    # Workbooks of older versions, without the container.
    b"\x09\x08\x08\x00": "xls",
    b"\x09\x08\x10\x00": "xls",
    b"\x09\x04\x06\x00": "xls",
    b"\x09\x02\x06\x00": "xls",
    b"\x09\x00\x04\x00": "xls",
    b"\x09\x00\x06\x00": "xls",
}
_UNREADABLE = {
    **OTHER_ARCHIVES,
    b"PARE": "an encrypted Parquet file is not read: export it without encryption",
    b"%PDF": "a PDF document is not read: export its table as CSV or XLSX",
}
#: The first tag of a text, below its declaration, document type and comments.
_FIRST_TAG = re.compile(
    r"(?:\s*<(?:!--(?:(?!-->).)*--|\?[^>]*|!doctype[^>[]*(?:\[[^]]*\]\s*)?)>)*"
    r"\s*<([a-z]\w*)",
    re.IGNORECASE | re.DOTALL,
)
_HTML_TAGS = frozenset(
    {"head", "meta", "title", "style", "body", "table", "div", "center", "font", "tr"}
)


def document_format(delivered: Delivered) -> FileFormat | None:
    """The format of a document, or None where the file is text.

    Raises:
        Refused: the file is of a kind that is not read.
    """
    start = head(delivered, 4)
    if start in _UNREADABLE:
        raise Refused(_UNREADABLE[start])
    if start not in ZIP_STARTS:
        return _STARTS.get(start)
    with as_file(delivered) as file:
        kind = document_kind(file)
    if kind == "xlsx":
        return "xlsx"
    raise Refused(
        "an OpenDocument spreadsheet is not read: save it as .xlsx or CSV"
        if kind == "ods"
        else "an archive inside an archive is not looked into: unpack the outer one"
    )


def text_format(start: str) -> FileFormat:
    """The format of a text that starts like this."""
    start = start.lstrip("\ufeff \t\r\n\0")
    if not start.startswith("<"):
        return "json" if start.startswith(("[", "{")) else "csv"
    tag = found[1].lower() if (found := _FIRST_TAG.match(start)) else "xml"
    is_declared = start.startswith("<?xml")
    return "html" if tag == "html" or (tag in _HTML_TAGS and not is_declared) else "xml"
