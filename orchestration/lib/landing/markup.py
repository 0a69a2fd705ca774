"""XML read as a stream of elements; nothing outside of the file is ever looked at."""

from collections.abc import Callable, Iterator
from typing import Any

from lxml import etree  # type: ignore[import-untyped]

from orchestration.lib.landing.inspection import CutShort, Delivered, texts

#: No entities, no network, no document types, no giant nodes.
SAFE_PARSING: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}
#: One element alone would otherwise fill the memory.
MAX_ELEMENT_BYTES = 8 * 1024**2
CHUNK_BYTES = 256 * 1024

Element = Any  # lxml has no types


def local_name(element: Element) -> str:
    """The tag without its namespace."""
    return str(element.tag).rpartition("}")[2]


def elements(
    delivered: Delivered, encoding: str, is_wanted: Callable[[int, str], bool]
) -> Iterator[Element]:
    """The outermost elements that are wanted, in file order, one in memory at a time.

    Args:
        is_wanted: decides by depth (the root's is 1) and local name.

    Raises:
        CutShort: after the last whole element of a file that is not well formed.
    """
    # The parser gets UTF-8, whatever the document says of itself.
    parser = etree.XMLPullParser(("start", "end"), encoding="utf-8", **SAFE_PARSING)
    depth = size = 0
    wanted: Element = None
    for text in _closed(texts(delivered, encoding, CHUNK_BYTES)):
        damage = _feed(parser, text)
        size += len(text or "")
        for event, element in parser.read_events():
            if event == "start":
                depth += 1
                if wanted is None and is_wanted(depth, local_name(element)):
                    wanted, size = element, 0
                continue
            depth -= 1
            if element is wanted:
                yield element
                wanted = None
            if wanted is None:
                _forget(element)
        if damage is not None:
            raise damage
        if wanted is not None and size > MAX_ELEMENT_BYTES:
            raise CutShort(f"an element is larger than {MAX_ELEMENT_BYTES} bytes")


def _closed(pieces: Iterator[str]) -> Iterator[str | None]:
    """The pieces without NULs, which no parser reads, and None for their end."""
    for piece in pieces:
        yield piece.replace("\0", "")
    yield None


def _feed(parser: Any, text: str | None) -> CutShort | None:  # noqa: ANN401
    try:
        if text is None:
            parser.close()
        else:
            parser.feed(text.encode())
    except etree.XMLSyntaxError as error:
        # What was read before it is still to be had.
        return CutShort(f"the XML is damaged or cut ({error})")
    return None


def _forget(element: Element) -> None:
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]
