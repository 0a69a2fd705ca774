"""The files of a new source, written from what was found in a sample."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from orchestration.lib.landing.contract import ExportContract, column_name
from orchestration.lib.quality.contacts import ContactClassifier
from orchestration.scaffold.masking import masked
from orchestration.scaffold.profile import Column, Profile

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    undefined=StrictUndefined,
    keep_trailing_newline=True,
    trim_blocks=True,
    lstrip_blocks=True,
    # The braces of dbt and YAML stay as they are.
    block_start_string="<%",
    block_end_string="%>",
    variable_start_string="<<",
    variable_end_string=">>",
    comment_start_string="<#",
    comment_end_string="#>",
)
_CONTACT_TABLES = {
    "email_address": ("emails", "email_addresses", "email"),
    "phone_number": ("phones", "phone_numbers", "phone"),
}
#: How a group of columns is headed, and how the names of its parsers end.
_GROUPS = (
    ("strings", None),
    ("numbers", ("_integer", "_amount")),
    ("booleans", ("_boolean",)),
    ("dates and timestamps", ("_date", "_timestamp")),
)


class SourceExists(ValueError):
    """Something of that name is already there."""


@dataclass(frozen=True, kw_only=True)
class NewSource:
    """What is to be written: names, and how deliveries relate to each other."""

    source: str
    export: str
    profile: Profile
    sample_name: str
    row_key: tuple[str, ...]
    is_full: bool
    #: Declared for files that do not tell it themselves.
    encoding: str | None

    @property
    def model(self) -> str:
        """The staging model's name."""
        return f"stg_{self.source}__{self.export}"


def write(
    new: NewSource,
    project: Path,
    contracts: Sequence[ExportContract],
    contacts: ContactClassifier,
) -> list[Path]:
    """Write contract, suite, staging model, its YAML and a fixture; their paths.

    Nothing is overwritten: an existing source gets one more table.

    Args:
        project: the folder with `models/`, `expectations/` and `tests/`.
        contracts: those that exist already.

    Raises:
        SourceExists: the export exists, or another one claims such files.
    """
    folder = project / "models" / "staging" / new.source
    sources = folder / f"_{new.source}__sources.yml"
    texts = {
        project / "expectations" / new.source / f"{new.export}.json": _suite(new),
        folder / f"{new.model}.sql": _render("model.sql.j2", new),
        folder / f"{new.model}.yml": _render("model.yml.j2", new),
        project / "tests/fixtures/exports" / new.source / f"{new.export}_sample.csv": (
            _fixture(new, contacts)
        ),
    }
    key = f"{new.source}.{new.export}"
    taken = [path for path in texts if path.exists()]
    if taken or any(contract.key == key for contract in contracts):
        where = f" ({taken[0].relative_to(project)})" if taken else ""
        raise SourceExists(
            f"{key} exists already{where}: edit its files, or choose another name"
        )
    before = (
        sources.read_text(encoding="utf-8").rstrip("\n") + "\n"
        if sources.exists()
        else _render("source.yml.j2", new)
    )
    texts[sources] = before + _render("table.yml.j2", new, files=_files(new, contracts))
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(texts)


def _files(new: NewSource, contracts: Sequence[ExportContract]) -> list[str]:
    """Patterns for its files: its folder, and the sample's name without its numbers."""
    patterns = [f"{new.source}/{new.export}*"]
    by_name = re.sub(r"[\d_-]*\d[\d_-]*", "*", new.sample_name)
    if by_name.strip("*.") and not any(
        contract.claims(new.sample_name) for contract in contracts
    ):
        patterns.append(by_name)
    return patterns


def _render(template: str, new: NewSource, **more: Any) -> str:  # noqa: ANN401
    columns = new.profile.columns
    contact_columns = [column for column in columns if column.is_contact]
    return _TEMPLATES.get_template(template).render(
        source=new.source,
        export=new.export,
        model=new.model,
        thing=new.row_key[0].removesuffix("_id") if new.row_key else "delivered row",
        row_key=new.row_key,
        is_full=new.is_full,
        encoding=new.encoding,
        currency_column=next(
            (each.name for each in columns if each.parser == "parse_currency"), None
        ),
        columns=[{"name": each.name, "marks": _marks(each, new)} for each in columns],
        key_columns=[_alias(name) for name in new.row_key] or ["_file_id", "_line"],
        contact_tables=[
            _CONTACT_TABLES[parser][:2]
            for parser in _CONTACT_TABLES
            if any(column.parser == parser for column in contact_columns)
        ],
        groups=_groups(new),
        joins=[
            {
                "relation": _CONTACT_TABLES[column.parser or ""][0],
                "alias": _contact_alias(column, contact_columns),
                "column": column.name,
            }
            for column in contact_columns
        ],
        **more,
    )


def _marks(column: Column, new: NewSource) -> list[str]:
    marks = []
    if column.name in new.row_key:
        marks.append("required: true")
    if column.is_contact:
        kind = _CONTACT_TABLES[column.parser or ""][2]
        marks.append(f"{kind}: true")
    return marks


def _groups(new: NewSource) -> list[dict[str, Any]]:
    columns = new.profile.columns
    contact_columns = [column for column in columns if column.is_contact]
    ids = [each for each in columns if each.parser == "parse_id"]
    ids += [each for each in columns if each.name in new.row_key and each not in ids]
    found: dict[str, list[str]] = {
        "ids": [
            f'{{{{ parse_id("latest.{each.name}") }}}} as {_alias(each.name)}'
            for each in ids
        ]
        + ["latest._file_id", "latest._line"]
    }
    for title, endings in _GROUPS:
        found[title] = [
            _typed(column, contact_columns)
            for column in columns
            if column not in ids
            and (
                column.parser.endswith(endings)
                if endings and column.parser
                else not endings
                and not (
                    column.parser
                    and column.parser.endswith(
                        tuple(end for _, ends in _GROUPS for end in ends or ())
                    )
                )
            )
        ]
    if new.is_full:
        found["dates and timestamps"].append("latest._deleted_at as deleted_at")
    groups = [
        {"title": title, "lines": lines, "is_last": False}
        for title, lines in found.items()
        if lines
    ]
    groups[-1]["is_last"] = True
    return groups


def _typed(column: Column, contact_columns: Sequence[Column]) -> str:
    if column.is_contact:
        value = _CONTACT_TABLES[column.parser or ""][2]
        alias = _contact_alias(column, contact_columns)
        return f"{alias}.{value} as {_alias(column.name)}"
    parser = column.parser or "parse_text"
    return f'{{{{ {parser}("latest.{column.name}") }}}} as {_alias(column.name)}'


def _contact_alias(column: Column, contact_columns: Sequence[Column]) -> str:
    relation = _CONTACT_TABLES[column.parser or ""][0]
    same = [each for each in contact_columns if each.parser == column.parser]
    return relation if len(same) == 1 else f"{column.name}_{relation}"


def _alias(name: str) -> str:
    """A name that SQL does not keep for itself."""
    reserved = duckdb.execute(
        "select count(*) from duckdb_keywords() where keyword_name = ?"
        " and keyword_category <> 'unreserved'",
        [name],
    ).fetchall()
    return f"{name}_value" if reserved != [(0,)] else name


def _suite(new: NewSource) -> str:
    expectations: list[dict[str, Any]] = [
        {
            "type": "expect_table_row_count_to_be_between",
            "kwargs": {"min_value": 1},
            "severity": "critical",
            "notes": "An export without rows is a broken export.",
        }
    ]
    expectations += [
        {
            "type": "expect_column_values_to_keep_rule",
            "kwargs": {"column": name, "rule": "missing", "mostly": 0.99},
            "severity": "critical",
        }
        for name in new.row_key
    ]
    expectations += [
        {
            "type": "expect_column_values_to_parse",
            "kwargs": {"column": column.name, "parser": column.parser, "mostly": 0.9},
            "severity": "warning",
        }
        for column in new.profile.columns
        if column.parser not in (None, "parse_id") and column.name not in new.row_key
    ]
    lines = ",\n".join(f"    {json.dumps(each)}" for each in expectations)
    name = json.dumps(f"{new.source}.{new.export}")
    return f'{{\n  "name": {name},\n  "expectations": [\n{lines}\n  ]\n}}\n'


def _fixture(new: NewSource, contacts: ContactClassifier) -> str:
    text = io.StringIO()
    names = [column.name for column in new.profile.columns]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        masked(new.profile.head, new.profile.columns, new.profile.rows, contacts)
    )
    return text.getvalue()


def name_parts(name: str, sample: Path) -> tuple[str, str]:
    """Source and export: `shop.orders`, or `shop` and the sample's own name.

    Raises:
        ValueError: a part is no name in lower case, as schemas and files have them.
    """
    source, _, export = name.partition(".")
    if not export:
        stem = re.sub(r"\d+", " ", sample.name.split(".")[0])
        export = column_name(stem).strip("_")
    for part in (source, export):
        if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", part):
            raise ValueError(
                f"{part!r} is no name: use lower case letters, digits and _, such as"
                " loyalty.members"
            )
    return source, export
