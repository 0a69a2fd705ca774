"""What people decided about rows in quarantine, kept in a file of its own.

`overrides.jsonl` lies beside the warehouse, not in it: decisions outlive a rebuild,
can be read and reviewed, and be put under version control. It only grows, one line of
JSON each; an `undo` names the decision that it takes back.

    {"id": "5f0c...", "kind": "repair", "source": "shopify", "export": "orders",
     "rule": "letter_for_digit", "column": "lineitem_price", "subject": "name=#1001",
     "rows": 1, "delivered": "1O.50", "value": "10.50", "by": "anna",
     "at": "2026-10-31T09:14:00Z", "note": "as on the invoice"}

A decision is about the same text in the same column of a row about the same thing,
wherever and whenever it is delivered; another text is another matter. The warehouse
holds a copy, and what became of it:

    quality.overrides  the decisions in force
    quality.repairs    one row per delivered cell that shows a repaired text
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import duckdb
import pyarrow as pa

from orchestration.lib.warehouse import literal, quoted

Kind = Literal["repair", "release", "drop"]

RAGGED_ROW = "ragged_row"
HELD_WITH_ITS_GROUP = "held_with_its_group"
GROUP_WITHOUT_HEADER = "group_without_header"

_TABLES = """
create schema if not exists quality;
create table if not exists quality.overrides (
    override_id varchar not null,
    kind varchar not null,
    source varchar not null,
    export varchar not null,
    rule varchar not null,
    column_name varchar,
    subject varchar,
    fingerprint varchar,
    rows_fitted bigint,
    delivered varchar,
    value varchar,
    decided_by varchar not null,
    decided_at varchar not null,
    note varchar,
    place bigint not null
);
create table if not exists quality.repairs (
    source varchar not null,
    export varchar not null,
    file_id varchar not null,
    line bigint not null,
    column_name varchar not null,
    delivered varchar,
    value varchar not null,
    override_id varchar not null
);
"""


class OverridesError(ValueError):
    """The file of decisions holds a line that is none."""


@dataclass(frozen=True, kw_only=True)
class Override:
    """One decision, and all that it applies to."""

    id: str
    kind: Kind
    source: str
    export: str
    rule: str
    by: str
    #: When, in UTC, as ISO 8601.
    at: str
    column: str | None = None
    #: What the row is about, `name=#1001`; none where the row does not say it.
    subject: str | None = None
    #: The row itself, where the subject does not tell it from others.
    fingerprint: str | None = None
    #: How many rows of a file it fits: where more do, it is not clear which is meant,
    #: and none is touched.
    rows: int | None = None
    delivered: str | None = None
    #: The new text of a repair.
    value: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be applied.

        Raises:
            OverridesError: the parts do not fit together.
        """
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            expected = int if field.name == "rows" else str
            if not isinstance(value, expected) and value is not field.default:
                raise OverridesError(f"{field.name} is no {expected.__name__}")
        if self.subject is None and self.fingerprint is None:
            raise OverridesError("neither subject nor fingerprint says which row")
        if (self.kind == "repair") != bool(self.value):
            raise OverridesError("a repair, and nothing else, has a value")
        if self.rule == HELD_WITH_ITS_GROUP or (
            self.rule in (RAGGED_ROW, GROUP_WITHOUT_HEADER) and self.kind != "drop"
        ):
            raise OverridesError(f"{self.kind} is not possible for {self.rule}")

    @property
    def key(self) -> str:
        """`source.export`."""
        return f"{self.source}.{self.export}"

    def to_json(self) -> str:
        """The line of the file, without what is not said."""
        return _line(dataclasses.asdict(self))


def new_override(**fields: Any) -> Override:  # noqa: ANN401 - fields of an Override
    """A decision under an id made of its content."""
    return Override(id=_id(fields), **fields)


def read_overrides(path: Path) -> list[Override]:
    """The decisions in force, in the order in which they were made.

    Raises:
        OverridesError: a line is no decision; the message names it, never its values.
    """
    if not path.exists():
        return []
    found: dict[str, Override] = {}
    for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            if fields.get("kind") == "undo":
                found.pop(fields["undoes"], None)
                continue
            if fields.get("kind") not in get_args(Kind):
                raise OverridesError(
                    f"kind is none of {', '.join(get_args(Kind))} and undo"
                )
            override = Override(**fields)
        except OverridesError as error:
            raise OverridesError(f"{path}: line {number}: {error}") from None
        except (ValueError, AttributeError, KeyError, TypeError):
            # Without the cause, which may quote the line.
            raise OverridesError(
                f"{path}: line {number}: no decision as JSON, with its fields, on one"
                " line; mend or delete it"
            ) from None
        if found.get(override.id, override) != override:
            raise OverridesError(f"{path}: line {number}: its id stands there twice")
        found[override.id] = override
    return list(found.values())


def add_overrides(path: Path, overrides: Iterable[Override]) -> None:
    """Append decisions to the file, which its owner alone may read."""
    _append(path, [override.to_json() for override in overrides])


def undo_override(
    path: Path, override_id: str, *, by: str, at: str, note: str | None
) -> None:
    """Take a decision back.

    Raises:
        OverridesError: no decision in force has this id.
    """
    if override_id not in {override.id for override in read_overrides(path)}:
        raise OverridesError(f"{path}: no decision {override_id} is in force")
    fields = {"kind": "undo", "undoes": override_id, "by": by, "at": at, "note": note}
    _append(path, [_line({"id": _id(fields), **fields})])


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables of this module."""
    connection.execute(_TABLES)


def load(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    export: str,
    overrides: Sequence[Override],
) -> list[str]:
    """Take over the decisions on one export; returns the files to judge again.

    These hold a row that a new, changed or undone decision is about. That they were
    judged is forgotten.
    """
    is_it = f"source = {literal(source)} and export = {literal(export)}"
    compared = "columns(* exclude (place))"
    connection.begin()
    try:
        _create_temporary(connection, "given_overrides", overrides)
        connection.execute(
            f"""
            create or replace temp table changed_overrides as
            select *, 0 as place from (
                select {compared} from given_overrides
                except select {compared} from quality.overrides where {is_it}
            )
            union all
            select *, 0 as place from (
                select {compared} from quality.overrides where {is_it}
                except select {compared} from given_overrides
            )
            """
        )
        forgotten = connection.execute(
            f"""
            delete from quality.judged_files
            where {is_it} and file_id in (
                select file_id from ({fitting("changed_overrides")}) where {is_it}
            )
            returning file_id
            """
        ).fetchall()
        connection.execute(f"delete from quality.overrides where {is_it}")
        connection.execute("insert into quality.overrides from given_overrides")
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return [row[0] for row in forgotten]


def findings() -> str:
    """SQL of `quality.quarantine`, each finding with the text that was delivered.

    That is another than the judged one where a repaired text breaks a rule again.
    """
    return f"""(
        select
            quarantine.*,
            case
                when repairs.line is null then quarantine.value else repairs.delivered
            end as delivered,
            repairs.value as repaired_text
        from quality.quarantine
        left join quality.repairs
            on {same("repairs", "quarantine")}
            and repairs.column_name = quarantine.column_name
    )"""


def same(left: str, right: str) -> str:
    """SQL, true for two rows that belong to the same delivered row."""
    return " and ".join(
        f"{left}.{column} = {right}.{column}"
        for column in ("source", "export", "file_id", "line")
    )


def create_pending(
    connection: duckdb.DuckDBPyConnection, overrides: Sequence[Override]
) -> None:
    """A temporary table `pending_overrides`: decisions that no run has seen yet."""
    _create_temporary(connection, "pending_overrides", overrides)
    connection.execute(
        "delete from pending_overrides where override_id in"
        " (select override_id from quality.overrides)"
    )


def fitting(overrides: str = "quality.overrides") -> str:
    """SQL of the findings that a decision fits, each with the newest such decision.

    A repair fits whatever rule the delivered cell breaks; the others the one rule.
    Columns: `source, export, file_id, line, rule, column_name, kind, override_id,
    delivered, value`.
    """
    branches = " union all ".join(
        f"""
        select findings.*, {columns}
        from {findings()} as findings
        inner join {overrides} as overrides
            on overrides.source = findings.source
            and overrides.export = findings.export
            and overrides.column_name is not distinct from findings.column_name
            and overrides.delivered is not distinct from findings.{text}
            and coalesce(overrides.subject, overrides.fingerprint)
            = coalesce(findings.subject, findings.fingerprint)
            and coalesce(overrides.fingerprint = findings.fingerprint, true)
            {same_rule}
        """
        for text, same_rule in (
            ("delivered", "where overrides.kind = 'repair'"),
            ("value", "where overrides.kind <> 'repair'"
                      " and overrides.rule = findings.rule"),
        )
        for columns in ("overrides.kind, overrides.override_id as fitting_id,"
                        " overrides.value as new_value, rows_fitted, place",)
    )  # fmt: skip
    return f"""
        select
            source, export, file_id, line, rule, column_name, kind,
            fitting_id as override_id, delivered, new_value as value
        from (
            select
                *,
                count(distinct line) over (partition by file_id, fitting_id)
                    as row_count
            from ({branches})
        )
        where row_count <= coalesce(rows_fitted, row_count)
        qualify row_number() over (
            partition by source, export, file_id, line, rule, column_name
            order by place desc
        ) = 1
    """


def repaired_texts(source: str, export: str, columns: Sequence[str]) -> str:
    """SQL of the new texts of repairs as rows with these columns, others null."""
    cells = ", ".join(
        f"case column_name when {literal(column)} then value end as {quoted(column)}"
        for column in columns
    )
    return (
        f"(select {cells} from quality.overrides where kind = 'repair'"
        f" and source = {literal(source)} and export = {literal(export)})"
    )


def _create_temporary(
    connection: duckdb.DuckDBPyConnection, name: str, overrides: Sequence[Override]
) -> None:
    rows = [
        {
            "override_id": override.id,
            "column_name": override.column,
            "rows_fitted": override.rows,
            "decided_by": override.by,
            "decided_at": override.at,
            "place": place,
            **dataclasses.asdict(override),
        }
        for place, override in enumerate(overrides)
    ]
    columns = connection.execute("describe quality.overrides").fetchall()
    table = pa.table(
        {
            column: pa.array(
                [row[column] for row in rows],
                pa.int64() if data_type == "BIGINT" else pa.string(),
            )
            for column, data_type, *_ in columns
        }
    )
    connection.register("arriving_overrides", table)
    connection.execute(
        f"create or replace temp table {name} as from arriving_overrides"
    )
    connection.unregister("arriving_overrides")


def _append(path: Path, lines: Sequence[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    with os.fdopen(descriptor, "ab") as file:
        os.fchmod(descriptor, 0o600)  # a copy from version control is open to all
        text = "".join(f"{line}\n" for line in lines)
        if not _ends_a_line(path):
            text = f"\n{text}"
        file.write(text.encode())
        file.flush()
        os.fsync(descriptor)


def _ends_a_line(path: Path) -> bool:
    return not path.stat().st_size or path.read_bytes().endswith(b"\n")


def _line(fields: dict[str, Any]) -> str:
    said = {name: value for name, value in fields.items() if value is not None}
    return json.dumps(said, ensure_ascii=False)


def _id(fields: dict[str, Any]) -> str:
    return hashlib.sha256(_line(fields).encode()).hexdigest()[:12]
