"""Which exports a place may feed, as the asset graph shows it."""

from pathlib import Path

import pytest

from orchestration.components.fetched_place import feeding
from orchestration.components.pipeline import contracts
from tests.support import at_home

CONFIG = """
[places.crm]
type = "http"
urls = ["https://example.com/a.csv"]
into = "{into}"
"""


@pytest.mark.parametrize(
    ("into", "sources"),
    [
        ("shopify", {"shopify"}),
        ("shopify/eu", {"shopify"}),
        (".", None),
        ("inbox", None),
    ],
)
def test_a_place_feeds_the_source_whose_folder_it_fills_or_else_any(
    tmp_path: Path, into: str, sources: set[str] | None
) -> None:
    with at_home(tmp_path, CONFIG.format(into=into)) as settings:
        every = {each.source for each in contracts()}
        fed = {
            each.source
            for each in contracts()
            if feeding(each, list(settings.places.values()), every)
        }

    assert fed == (sources or every)
