"""`crm360 add-source`: look at a sample, write its source's files, say what for."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from orchestration.lib.landing.contract import read_contracts
from orchestration.lib.quality.contacts import ContactClassifier
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.scaffold.profile import profile
from orchestration.scaffold.write import NewSource, name_parts, write
from orchestration.settings import PROJECT


@dataclass(frozen=True, kw_only=True)
class Added:
    """What was found in the sample and which files came of it."""

    new: NewSource
    files: tuple[Path, ...]

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        found = self.new.profile
        return {
            "source": self.new.source,
            "export": self.new.export,
            "rows": found.rows,
            "rejects": found.rejects,
            "dialect": found.dialect,
            "encoding": found.encoding,
            "row_key": list(self.new.row_key),
            "columns": {column.name: column.parser for column in found.columns},
            "files": [str(path.relative_to(PROJECT)) for path in self.files],
        }

    def as_text(self) -> str:
        """A report for the person who goes on with it."""
        new, found = self.new, self.new.profile
        width = max(len(column.name) for column in found.columns)
        lines = [
            f"{new.sample_name}: {found.rows:,} rows; {found.dialect}"
            + (f"; {found.encoding}" if found.encoding else "")
            + (f"; {found.rejects} lines fit no record" if found.rejects else ""),
            "",
            *(
                f"  {column.name:<{width}}  {column.parser or 'text'}"
                for column in found.columns
            ),
            "",
            (
                f"A row is about {', '.join(new.row_key)}"
                + ("; what a delivery lacks is deleted." if new.is_full else ".")
                if new.row_key
                else "No column names what a row is about: every row is a fact of its"
                " own. Give --key if one does."
            ),
            "",
            "Written",
            *(f"  {path.relative_to(PROJECT)}" for path in self.files),
            "",
            "Next: correct what was guessed wrong (docs/add-a-source.md), put files",
            f"into var/landing/{new.source}/ and call crm360 run.",
        ]
        return "\n".join(lines)


def add_source(
    name: str,
    sample: Path,
    *,
    key: tuple[str, ...] | None,
    is_full: bool,
    encoding: str | None,
    phone_region: str,
    business_timezone: str,
    now: datetime,
) -> Added:
    """Write the files of a new source from a sample of its file.

    Args:
        name: `source.export`, or the source alone.
        key: columns that tell what a row is about; None to guess.
        is_full: whether every delivery holds everything there is.
        encoding: of files that do not tell it themselves.
        phone_region: ISO 3166 country of numbers written without one.
        now: the time of the landing, which nothing written depends on.

    Raises:
        ValueError: a name, the key or the sample cannot be; the message says why.
    """
    source, export = name_parts(name, sample)
    contacts = ContactClassifier(PROJECT / "seeds", phone_region)
    with TemporaryDirectory() as scratch:
        found = profile(
            sample,
            scratch=Path(scratch),
            macros=SqlMacros(
                PROJECT / "dbt_project/macros",
                {"business_timezone": business_timezone},
            ),
            contacts=contacts,
            encoding=encoding,
            now=now,
        )
    names = [column.name for column in found.columns]
    unknown = sorted(set(key or ()) - set(names))
    if unknown:
        raise ValueError(
            f"--key: the sample has no column {', '.join(unknown)}; it has"
            f" {', '.join(names)}"
        )
    row_key = found.row_key if key is None else key
    if is_full and not row_key:
        raise ValueError(
            "--full needs --key: without it nobody can tell what a delivery lacks"
        )
    new = NewSource(
        source=source,
        export=export,
        profile=found,
        sample_name=sample.name,
        row_key=row_key,
        is_full=is_full,
        encoding=encoding,
    )
    contracts = read_contracts(PROJECT / "models")
    return Added(new=new, files=tuple(write(new, PROJECT, contracts, contacts)))
