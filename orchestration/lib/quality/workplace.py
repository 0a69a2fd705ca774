"""Work on the quarantine: see what is in it, and decide what becomes of it.

Reads the warehouse and writes nothing: a decision is checked, shown and handed back,
to be kept (overrides.py) and followed by the next run (judge.py).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.lib.quality import contacts
from orchestration.lib.quality.overrides import (
    GROUP_WITHOUT_HEADER,
    HELD_WITH_ITS_GROUP,
    RAGGED_ROW,
    Kind,
    Override,
    create_pending,
    findings,
    fitting,
    new_override,
    same,
)
from orchestration.lib.quality.rules import RuleContext
from orchestration.lib.quality.suites import Binding, Suite
from orchestration.lib.warehouse import as_dicts, connect_beside, literal, quoted

Grouping = Literal["rule", "export", "file"]
_GROUPINGS = {
    None: ("source", "export", "rule", "severity"),
    "rule": ("rule", "severity"),
    "export": ("source", "export"),
    "file": ("file_name",),
}
#: What a decision cannot be, whatever the row holds: kind, condition, reason.
_IMPOSSIBLE = f"""
    case
        when rule = {literal(HELD_WITH_ITS_GROUP)} then reason
        when rule in ({literal(RAGGED_ROW)}, {literal(GROUP_WITHOUT_HEADER)})
            and $kind <> 'drop'
            then concat(
                case rule
                    when {literal(RAGGED_ROW)} then 'the line fits no record'
                    else reason
                end,
                ': drop it, or deliver a corrected file'
            )
        when severity = 'warning' and $kind = 'drop'
            then 'its row flows, and only the cell is left out: release it'
        when $kind = 'repair' and new_text is null
            then 'there is no safe suggestion for it: say the text with --set'
    end
"""


class SelectionError(ValueError):
    """What was asked for is not there, or is too much at once."""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which findings; what is not said does not narrow them down."""

    row_ids: tuple[str, ...] = ()
    #: `source.export`.
    export: str | None = None
    rule: str | None = None
    column: str | None = None
    #: A file name below the landing folder, maybe with wildcards.
    file: str | None = None
    status: str | None = None
    #: Leave out what a decision that no run has seen yet is about.
    is_undecided: bool = False


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One row of the quarantine as a person sees it."""

    row_id: str
    source: str
    export: str
    file_name: str
    line: int
    column_name: str | None
    rule: str
    severity: str
    reason: str
    #: The text that broke the rule, and as the source delivered it.
    value: str | None
    delivered: str | None
    suggestion: str | None
    #: What the models read in its place.
    repaired_text: str | None
    subject: str | None
    status: str
    #: The kind of a decision that waits for the next run.
    waits_for: str | None
    override_id: str | None
    decided_by: str | None
    decided_at: str | None
    note: str | None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Decisions that are sound, and what was refused."""

    overrides: list[Override]
    #: By export, rule and column: how many findings the decisions settle.
    settled: dict[tuple[str, str, str | None], int]
    #: By reason, row ids of findings that cannot be decided so.
    refused: dict[str, list[str]]


@contextmanager
def open_workplace(
    warehouse: Path, decisions: Sequence[Override]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection for the functions of this module.

    Args:
        decisions: those in force, whether or not a run has followed them.

    Raises:
        FileNotFoundError: there is no warehouse, or no run has judged anything in it.
        WarehouseBusy: a run is on.
        WarehouseUnreadable: the file is damaged.
    """
    with connect_beside(warehouse) as connection:
        connection.execute("use warehouse")
        known = connection.execute(
            "select 1 from duckdb_tables() where database_name = 'warehouse'"
            " and schema_name = 'quality' and table_name = 'overrides'"
        ).fetchone()
        if known is None:
            raise FileNotFoundError(
                f"{warehouse} holds no quarantine yet: run `crm360 run` first."
            )
        create_pending(connection, decisions)
        yield connection


def counted(
    connection: duckdb.DuckDBPyConnection, selection: Selection, by: Grouping | None
) -> list[dict[str, Any]]:
    """Findings, their rows and how many have a suggestion, most of them first."""
    columns = ", ".join(_GROUPINGS[by])
    query, parameters = _selected(selection)
    found = connection.execute(
        f"""
        select
            {columns},
            count(*) as findings,
            count(distinct row_id) as rows,
            count(suggestion) as suggestions,
            count(waits_for) as decided
        from ({query})
        group by {columns}
        order by findings desc, {columns}
        """,
        parameters,
    )
    return as_dicts(found)


def found(
    connection: duckdb.DuckDBPyConnection, selection: Selection, limit: int
) -> list[Finding]:
    """The findings, in the order of their files and lines.

    Raises:
        SelectionError: one of the rows has no finding.
    """
    query, parameters = _selected(selection)
    columns = ", ".join(Finding.__dataclass_fields__)
    rows = connection.execute(
        f"select {columns} from ({query})"
        " order by source, export, file_name, line, column_name, rule limit $limit",
        {**parameters, "limit": limit},
    ).fetchall()
    listed = [
        Finding(**dict(zip(Finding.__dataclass_fields__, row, strict=True)))
        for row in rows
    ]
    _require_all(selection, {finding.row_id for finding in listed})
    return listed


def decide(
    connection: duckdb.DuckDBPyConnection,
    selection: Selection,
    kind: Kind,
    *,
    text: str | None = None,
    suite_of: Callable[[str, str], Suite],
    context: RuleContext,
    classifier: contacts.ContactClassifier,
    by: str,
    at: str,
    note: str | None,
) -> Choice:
    """Turn a selection into decisions, after checking what they would lead to.

    Args:
        text: the new text of a repair; none takes the suggested one.

    Raises:
        SelectionError: a row has no finding, or one text is to repair unlike cells.
    """
    _choose(connection, selection, kind, text)
    if kind == "repair" and text is not None:
        _refuse_unlike_cells(connection)
    if kind != "drop":
        for source, export, column in connection.execute(
            "select distinct source, export, column_name from chosen"
            " where refusal is null and (severity = 'critical' or $kind = 'repair')"
            " order by all",
            {"kind": kind},
        ).fetchall():
            bindings = [
                binding
                for binding in suite_of(source, export).bindings
                if binding.column == column
            ]
            _try_out(connection, source, export, column)
            if kind == "repair":
                _refuse_broken(connection, bindings, context, classifier)
            else:
                _refuse_not_empty(connection, bindings, context)
    return Choice(
        overrides=[
            new_override(kind=kind, **fields, by=by, at=at, note=note)
            for fields in _decisions(connection, kind)
        ],
        settled={
            tuple(key): count
            for *key, count in connection.execute(
                "select concat(source, '.', export), rule, column_name, count(*)"
                " from chosen where refusal is null group by all order by all"
            ).fetchall()
        },
        refused=dict(
            connection.execute(
                "select refusal, list(row_id order by file_id, line) from ("
                "select distinct refusal, row_id, file_id, line from chosen"
                " where refusal is not null) group by refusal order by refusal"
            ).fetchall()
        ),
    )


def masked(text: str | None) -> str | None:
    """Enough to recognise a text that one knows: `i***@m***.ru`, `1***`."""
    if not text:
        return text
    address = re.fullmatch(r"(\S)[^@\s]*@(\S)[^@\s]*([.]\w+)", text.strip())
    if address:
        return "{}***@{}***{}".format(*address.groups())
    return f"{text[0]}***" if len(text) > 2 else "***"


def masked_subject(subject: str | None) -> str | None:
    """What a row is about without its value: `name=#***`."""
    if subject is None:
        return None
    name, _, value = subject.partition("=")
    return f"{name}={masked(value)}"


def _selected(selection: Selection) -> tuple[str, dict[str, Any]]:
    """SQL of the selected findings, with parameters."""
    conditions = {
        "row_ids": "list_contains($row_ids, findings.row_id)",
        "export": "concat(findings.source, '.', findings.export) = $export",
        "rule": "findings.rule = $rule",
        "column": "findings.column_name = $column",
        "file": "coalesce(files.file_name, '') glob $file",
        "status": "findings.status = $status",
    }
    parameters = {
        name: list(value) if isinstance(value, tuple) else value
        for name in conditions
        if (value := getattr(selection, name))
    }
    narrowed = [conditions[name] for name in parameters]
    if selection.is_undecided:
        narrowed.append("pending.kind is null")
    query = f"""
        select
            findings.*,
            coalesce(files.file_name, findings.file_id) as file_name,
            pending.kind as waits_for,
            overrides.decided_by,
            overrides.decided_at,
            overrides.note
        from {findings()} as findings
        left join (
            select file_id, min(file_name) as file_name
            from ops.file_ledger
            where outcome in ('landed', 'partly')
            group by file_id
        ) as files
            on files.file_id = findings.file_id
        left join ({fitting("pending_overrides")}) as pending
            on {same("pending", "findings")}
            and pending.rule = findings.rule
            and pending.column_name is not distinct from findings.column_name
        left join quality.overrides as overrides
            on overrides.override_id = findings.override_id
        where {" and ".join(narrowed) or "true"}
    """
    return query, parameters


def _require_all(selection: Selection, row_ids: set[str]) -> None:
    unknown = sorted(set(selection.row_ids) - row_ids)
    if unknown:
        raise SelectionError(
            f"nothing was found in row {unknown[0]}: see `crm360 quarantine show`"
        )


def _choose(
    connection: duckdb.DuckDBPyConnection,
    selection: Selection,
    kind: Kind,
    text: str | None,
) -> None:
    """A temporary table `chosen` of the findings to decide on.

    A row that is named may be decided anew: of its findings the open ones count, and
    if there are none all. Rows that wait for their group need no decision.
    """
    query, parameters = _selected(selection)
    connection.execute(
        f"""
        create or replace temp table chosen as
        select
            *,
            case $kind when 'repair' then delivered else value end as decided_text,
            {_IMPOSSIBLE} as refusal
        from (
            select
                *,
                coalesce($text, case $kind when 'repair' then suggestion end)
                    as new_text
            from ({query})
        )
        where rule <> {literal(HELD_WITH_ITS_GROUP)} or $is_asked_for
        qualify status = 'open' or not bool_or(status = 'open') over (
            partition by row_id
        )
        """,
        {
            **parameters,
            "kind": kind,
            "text": text,
            "is_asked_for": bool(selection.row_ids)
            or selection.rule == HELD_WITH_ITS_GROUP,
        },
    )
    rows = connection.execute("select distinct row_id from chosen").fetchall()
    _require_all(selection, {row[0] for row in rows})


def _refuse_unlike_cells(connection: duckdb.DuckDBPyConnection) -> None:
    kinds = connection.execute(
        "select distinct source, export, column_name, decided_text"
        " from chosen where refusal is null"
    ).fetchall()
    if len(kinds) > 1:
        raise SelectionError(
            f"--set gives one text to cells that hold the same; these {len(kinds)}"
            " differ: name one row, or narrow them down with --column or --rule"
        )


def _try_out(
    connection: duckdb.DuckDBPyConnection, source: str, export: str, column: str
) -> None:
    """A temporary table `candidates` of the chosen rows with the new text in place."""
    connection.execute(
        f"""
        create or replace temp table candidates as
        select rows.* replace (chosen.new_text as {quoted(column)})
        from {quoted(source)}.{quoted(export)} as rows
        inner join (
            select distinct file_id, line, new_text
            from chosen
            where refusal is null
                and source = $source and export = $export and column_name = $column
        ) as chosen
            on chosen.file_id = rows._file_id
            and chosen.line = rows._line
        """,
        {"source": source, "export": export, "column": column},
    )


def _refuse_broken(
    connection: duckdb.DuckDBPyConnection,
    bindings: Sequence[Binding],
    context: RuleContext,
    classifier: contacts.ContactClassifier,
) -> None:
    """Refuse texts that break a rule of their column; contacts are judged beside."""
    connection.execute("use memory")
    contacts.create_tables(connection, "")
    parsers = {binding.parser: [binding.column] for binding in bindings}
    contacts.classify(
        connection,
        classifier,
        rows="candidates",
        email_columns=parsers.get("email_address", []),
        phone_columns=parsers.get("phone_number", []),
    )
    for binding in bindings:
        _refuse(
            connection,
            binding.column,
            f"the new text would still break {binding.rule.id}: {binding.rule.reason}",
            row=binding.breaks(context),
        )
    connection.execute("use warehouse")


def _refuse_not_empty(
    connection: duckdb.DuckDBPyConnection,
    bindings: Sequence[Binding],
    context: RuleContext,
) -> None:
    """Refuse to release a cell that may not be empty, or would not count as empty."""
    for binding in bindings:
        if binding.severity != "critical":
            continue
        if binding.rule.id == "missing":
            _refuse(
                connection,
                binding.column,
                "a row without it is held back too: repair it or drop it",
                row=binding.breaks(context),
                finding="severity = 'critical'",
            )
        elif binding.parser and not binding.contact_table:
            parsed = context.macros.parse(binding.parser, "value")
            _refuse(
                connection,
                binding.column,
                "the models would read its text as it is: repair it or drop it",
                finding=f"rule = {literal(binding.rule.id)} and {parsed} is not null",
            )


def _refuse(
    connection: duckdb.DuckDBPyConnection,
    column: str,
    reason: str,
    *,
    row: str = "true",
    finding: str = "true",
) -> None:
    """Refuse the findings of a column for which both conditions hold."""
    connection.execute(
        f"""
        update chosen
        set refusal = $reason
        where refusal is null
            and column_name = $column
            and (file_id, line) in (
                select (_file_id, _line) from candidates where {row}
            )
            and {finding}
        """,
        {"reason": reason, "column": column},
    )


def _decisions(
    connection: duckdb.DuckDBPyConnection, kind: Kind
) -> list[dict[str, Any]]:
    """What the decisions are about: once for all files that deliver the same.

    Where only some of the rows are meant that say the same about the same thing (lines
    of an order), their fingerprints tell them from the others.
    """
    is_repair = kind == "repair"
    text = "delivered" if is_repair else "value"
    rule = "min(rule)" if is_repair else "rule"
    same_rule = "true" if is_repair else "alike.rule = chosen.rule"
    found = connection.execute(
        f"""
        with

        alike as (

            select
                alike.*,
                exists (
                    select 1 from chosen
                    where {same("chosen", "alike")}
                        and chosen.refusal is null
                        and chosen.column_name is not distinct from alike.column_name
                ) as is_chosen
            from {findings()} as alike

        ),

        fitted as (

            select
                chosen.source, chosen.export, chosen.file_id, chosen.rule,
                chosen.column_name, chosen.subject, chosen.fingerprint,
                chosen.decided_text, chosen.new_text,
                bool_and(alike.is_chosen) as is_every_row,
                count(distinct alike.line) as row_count,
                count(distinct alike.line) filter (
                    alike.fingerprint = chosen.fingerprint
                ) as twin_count
            from chosen
            inner join alike
                on alike.source = chosen.source
                and alike.export = chosen.export
                and alike.file_id = chosen.file_id
                and alike.column_name is not distinct from chosen.column_name
                and alike.{text} is not distinct from chosen.decided_text
                and coalesce(alike.subject, alike.fingerprint)
                = coalesce(chosen.subject, chosen.fingerprint)
                and {same_rule}
            where chosen.refusal is null
            group by all

        ),

        told_apart as (

            select *, subject is null or not is_every_row as is_single
            from fitted

        )

        select
            source,
            export,
            {rule} as rule,
            column_name as "column",
            subject,
            case when is_single then fingerprint end as fingerprint,
            case
                when min(rule) <> {literal(GROUP_WITHOUT_HEADER)}
                    then max(case when is_single then twin_count else row_count end)
            end as rows,
            decided_text as delivered,
            new_text as value
        from told_apart
        group by all
        order by all
        """
    )
    return as_dicts(found)
