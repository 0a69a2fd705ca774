"""Data Docs: pages about what Great Expectations found, one per validation.

They are brought up to date once for many exports, as the start page lists them all.
"""

from pathlib import Path

_RESULTS = Path("gx/uncommitted/validations")
_PAGES = Path("gx/uncommitted/data_docs/local_site/validations")


def update(home: Path) -> int:
    """Write the pages of validations that have none yet; returns how many.

    Args:
        home: folder with the project of Great Expectations; the start page is
            `gx/uncommitted/data_docs/local_site/index.html` below it.
    """
    missing = _without_page(home)
    if missing:
        # Great Expectations takes seconds to import: only when there is news.
        from orchestration.lib.quality.expectations import write_pages

        write_pages(home, missing)
    return len(missing)


def _without_page(home: Path) -> set[tuple[str, ...]]:
    """Paths of results below their folder: suite, run, and rows that were validated."""
    results, pages = (
        {
            path.relative_to(home / folder).with_suffix("").parts
            for path in (home / folder).rglob(f"*.{ending}")
        }
        for folder, ending in ((_RESULTS, "json"), (_PAGES, "html"))
    )
    return results - pages
