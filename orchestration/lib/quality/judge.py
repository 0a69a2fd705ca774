"""The gate's verdicts: which delivered rows flow, which wait, and why.

    quality.quarantine      one row per broken rule and cell, with reason and repair,
                            and its status: open, repaired, released or dropped
    quality.duplicates      one row per exact copy of an earlier row of the same file
    quality.held_rows       one row per row that does not flow: what staging leaves out
    quality.reconciliation  one row per file: delivered = accepted + quarantined
                            + duplicates
    quality.held_contact_texts
                            one row per address in a row that nobody mended, of exports
                            that can withdraw consent
    quality.held_phone_texts
                            one row per telephone number in a line that fits no record,
                            of such exports

Verdicts belong to a file, a version of the rules and the decisions on its rows
(overrides.py), and are made once for each.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow.parquet as parquet

from orchestration.lib.quality import overrides
from orchestration.lib.quality.overrides import (
    GROUP_WITHOUT_HEADER,
    HELD_WITH_ITS_GROUP,
    RAGGED_ROW,
)
from orchestration.lib.quality.rules import RuleContext
from orchestration.lib.quality.suites import Binding, Suite, suspicions
from orchestration.lib.warehouse import literal, quoted

_TABLES = """
create schema if not exists quality;
create table if not exists quality.quarantine (
    row_id varchar not null,
    source varchar not null,
    export varchar not null,
    file_id varchar not null,
    line bigint not null,
    rule varchar not null,
    severity varchar not null,
    column_name varchar,
    value varchar,
    reason varchar not null,
    suggestion varchar,
    status varchar not null
);
alter table quality.quarantine add column if not exists subject varchar;
alter table quality.quarantine add column if not exists fingerprint varchar;
alter table quality.quarantine add column if not exists override_id varchar;
create table if not exists quality.duplicates (
    source varchar not null,
    export varchar not null,
    file_id varchar not null,
    line bigint not null,
    first_line bigint not null,
    is_dropped boolean not null
);
create table if not exists quality.judged_files (
    source varchar not null,
    export varchar not null,
    file_id varchar not null,
    rules_version varchar not null,
    primary key (source, export, file_id)
);
"""

_RECONCILIATION = """
create or replace table quality.reconciliation (
    source varchar not null,
    export varchar not null,
    file_id varchar not null,
    delivered bigint not null,
    accepted bigint not null,
    quarantined bigint not null,
    duplicates bigint not null
)
"""

_HELD_CONTACT_TEXTS = """
create or replace table quality.held_contact_texts (
    source varchar not null,
    export varchar not null,
    contact_text varchar not null
)
"""

_HELD_PHONE_TEXTS = """
create or replace table quality.held_phone_texts (
    source varchar not null,
    export varchar not null,
    contact_text varchar not null
)
"""

#: Addresses in a line that fits no record, whatever stands around them,
_ADDRESS = r"""[^,;|"\t <>]+@[^,;|"\t <>]+"""
#: and what may be a telephone number there.
_NUMBER = r"[+(]?[0-9][0-9OОoо ()-]{8,18}[0-9OОoо]"

#: A dropped row stays out: it is settled, not mended.
_HELD = "severity = 'critical' and status in ('open', 'dropped')"

_HELD_ROWS = f"""
create or replace table quality.held_rows as
select
    source,
    export,
    file_id as _file_id,
    line as _line,
    min(verdict) as verdict
from (
    select source, export, file_id, line, 'duplicate' as verdict
    from quality.duplicates
    where is_dropped
    union all
    select source, export, file_id, line, 'quarantined' as verdict
    from quality.quarantine
    where {_HELD}
)
group by source, export, file_id, line
order by source, export, file_id, line
"""


@dataclass(frozen=True, kw_only=True)
class JudgedExport:
    """What the gate must know of an export: a slice of its contract, as values."""

    source: str
    export: str
    #: All columns of the raw table that were delivered.
    columns: tuple[str, ...]
    #: Whether an exact copy of a row is dropped or flows as a second fact.
    drops_duplicates: bool
    #: Column that names a group of rows (an order); it may be blank on later rows.
    grouped_by: str | None
    #: Column that only the group's first row carries.
    group_header: str | None
    #: Columns that tell the thing a row is about from others.
    row_key: tuple[str, ...] = ()
    #: Columns of addresses that its rows may withdraw consent for.
    withdrawing_columns: tuple[str, ...] = ()
    #: Whether its rows may withdraw consent for telephone numbers.
    withdraws_numbers: bool = False

    @property
    def table(self) -> str:
        """The raw table, as SQL: cells that were repaired show the repaired text."""
        return f"{quoted(self.source)}.{quoted(self.export)}"

    @property
    def delivered(self) -> str:
        """The raw table as it was delivered, as SQL."""
        return f"{quoted(self.source)}.{quoted(f'{self.export}__delivered')}"

    @property
    def judged_rows(self) -> str:
        """SQL of the rows that rules apply to: all but the dropped copies.

        A dropped copy is no finding of its own: its first row is judged.
        """
        return self.without_copies(self.table)

    def without_copies(self, rows: str) -> str:
        """SQL of those among some rows, a relation, that are no dropped copies."""
        return f"""
            select delivered.*
            from {rows} as delivered
            anti join (
                select file_id, line from quality.duplicates
                where {self.is_it} and is_dropped
            ) as copies
                on copies.file_id = delivered._file_id
                and copies.line = delivered._line
        """

    @property
    def key(self) -> str:
        """`'source', 'export'` as SQL literals."""
        return f"{literal(self.source)}, {literal(self.export)}"

    @property
    def is_it(self) -> str:
        """SQL, true for rows of the quality tables that belong to this export."""
        return f"source = {literal(self.source)} and export = {literal(self.export)}"


def create_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the tables that verdicts are written to, and those of decisions."""
    connection.execute(_TABLES)
    overrides.create_tables(connection)


def unjudged(
    connection: duckdb.DuckDBPyConnection,
    export: JudgedExport,
    file_ids: Sequence[str],
    rules_version: str,
) -> list[str]:
    """The files among `file_ids` without verdicts under this version of the rules."""
    judged = connection.execute(
        f"select file_id from quality.judged_files where {export.is_it}"
        " and rules_version = ?",
        [rules_version],
    ).fetchall()
    return [each for each in file_ids if (each,) not in judged]


def judge(
    connection: duckdb.DuckDBPyConnection,
    export: JudgedExport,
    suite: Suite,
    context: RuleContext,
    *,
    rejects: Mapping[str, Path],
    rules_version: str,
) -> None:
    """Write the verdicts on whole files, replacing earlier ones, in one transaction.

    Args:
        rejects: by file id, the Parquet file of its rows that fit no record
            (`line`, `reason`, `text`).
    """
    if not rejects:
        return
    files = ", ".join(literal(file_id) for file_id in rejects)
    connection.begin()
    try:
        for table in ("quarantine", "duplicates", "judged_files", "repairs"):
            connection.execute(
                f"delete from quality.{table}"
                f" where {export.is_it} and file_id in ({files})"
            )
        _insert_rejects(connection, export, rejects)
        names = suspicions(_bindings(export, suite), context)
        _look_through(connection, export, files, names)
        _insert_duplicates(connection, export, files)
        _insert_broken_rules(
            connection, export, suite, context, files, delivered="suspects"
        )
        if _repair(connection, export, files):
            _look_at(connection, _repaired_rows(export, files), names)
            _insert_broken_rules(
                connection, export, suite, context, files,
                delivered=f"(from {export.delivered} semi join suspects"
                " using (_file_id, _line))",
            )  # fmt: skip
        connection.execute("drop table suspects")
        _settle(connection, files)
        if export.grouped_by:
            _hold_whole_groups(connection, export, files)
            _settle(connection, files)
        connection.execute(
            f"insert into quality.judged_files select {export.key}, file_id, ?"
            f" from unnest([{files}]) as files (file_id)",
            [rules_version],
        )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def show_repairs(connection: duckdb.DuckDBPyConnection, export: JudgedExport) -> None:
    """Let the raw table show the repaired text of cells, and all others as delivered.

    An export without repairs is read as if there were no such thing.
    """
    columns = [
        row[0]
        for row in connection.execute(
            "select distinct column_name from quality.repairs"
            f" where {export.is_it} order by column_name"
        ).fetchall()
    ]
    select = f"from {export.delivered}"
    if columns:
        shown = ", ".join(
            f"coalesce(repaired.{name}, delivered.{name}) as {name}"
            for name in map(quoted, columns)
        )
        texts = ", ".join(
            f"any_value(value) filter (column_name = {literal(name)}) as {quoted(name)}"
            for name in columns
        )
        select = f"""
            select delivered.* replace ({shown})
            from {export.delivered} as delivered
            left join (
                select file_id, line, {texts}
                from quality.repairs
                where {export.is_it}
                group by file_id, line
            ) as repaired
                on repaired.file_id = delivered._file_id
                and repaired.line = delivered._line
        """
    connection.execute(f"create or replace view {export.table} as {select}")


def _insert_rejects(
    connection: duckdb.DuckDBPyConnection,
    export: JudgedExport,
    rejects: Mapping[str, Path],
) -> None:
    for file_id, path in rejects.items():
        # No insert of no rows: decision 0013.
        if not parquet.read_metadata(path).num_rows:
            continue
        connection.execute(
            f"""
            insert into quality.quarantine
            select
                concat({literal(file_id)}, ':', line), {export.key},
                {literal(file_id)}, line, {literal(RAGGED_ROW)}, 'critical', null, text,
                reason, null, 'open', null, sha256(text), null
            from read_parquet({literal(str(path))})
            """
        )


def _bindings(export: JudgedExport, suite: Suite) -> list[Binding]:
    """The rules that can be asked of the columns that came."""
    return [
        binding
        for binding in suite.bindings
        if binding.column in export.columns or binding.rule.id == "missing"
    ]


def _look_through(
    connection: duckdb.DuckDBPyConnection,
    export: JudgedExport,
    files: str,
    names: Mapping[str, str],
) -> None:
    """Keep as `suspects` the rows that may break a rule or be a copy of another.

    Every cell of the files is read for this once. To read the few rows again costs less
    than to keep all until it is known which ones have a twin.
    """
    delivered = f"(select * from {export.delivered} where _file_id in ({files}))"
    columns = ", ".join(map(quoted, export.columns))
    found = [f"{suspects} as {name}" for suspects, name in names.items()]
    connection.execute(
        f"""
        create or replace temp table glances as
        select {", ".join(["_file_id", "_line", f"hash({columns}) as _hash", *found])}
        from {delivered}
        """
    )
    connection.execute(
        f"""
        create or replace temp table suspects as
        select delivered.*, glances.* exclude (_file_id, _line)
        from {delivered} as delivered
        inner join (
            select glances.* replace (repeated._hash as _hash)
            from glances
            left join (
                select _file_id, _hash
                from glances
                group by _file_id, _hash
                having count(*) > 1
            ) as repeated
                on repeated._file_id = glances._file_id
                and repeated._hash = glances._hash
            where {" or ".join(["repeated._hash is not null", *names.values()])}
        ) as glances
            on glances._file_id = delivered._file_id
            and glances._line = delivered._line
        """
    )
    connection.execute("drop table glances")


def _look_at(
    connection: duckdb.DuckDBPyConnection, rows: str, names: Mapping[str, str]
) -> None:
    """Keep as `suspects` those of a few rows, as SQL, that may break a rule."""
    found = [f"{suspects} as {name}" for suspects, name in names.items()]
    connection.execute(
        f"""
        create or replace temp table suspects as
        from (select {", ".join(["*", *found])} from ({rows}))
        where {" or ".join(["false", *names.values()])}
        """
    )


def _insert_broken_rules(
    connection: duckdb.DuckDBPyConnection,
    export: JudgedExport,
    suite: Suite,
    context: RuleContext,
    files: str,
    *,
    delivered: str,
) -> None:
    """All rules of the suite over the suspects.

    What a rule takes time to tell is asked of the few rows that it suspects.
    What a row is about is told from the delivered row, whatever was repaired in it.
    """
    bindings = _bindings(export, suite)
    if not bindings:
        return
    names = suspicions(bindings, context)
    branches = [
        _broken(export, binding, context, names[binding.suspects(context)])
        for binding in bindings
    ]
    groups = ""
    if export.grouped_by:
        groups = (
            f"inner join {_groups(export, files)} as groups"
            " on groups._file_id = delivered._file_id"
            " and groups._line = delivered._line"
        )
    connection.execute(
        f"""
        insert into quality.quarantine
        select
            broken.*, identified.subject, identified.fingerprint, null as override_id
        from ({" union all ".join(branches)}) as broken
        inner join (
            select
                delivered._file_id, delivered._line,
                {_subject(export, context)} as subject,
                {_fingerprint(export)} as fingerprint
            from {delivered} as delivered
            {groups}
        ) as identified
            on identified._file_id = broken.file_id
            and identified._line = broken.line
        order by broken.file_id, broken.line, broken.column_name, broken.rule
        """
    )


def _broken(
    export: JudgedExport, binding: Binding, context: RuleContext, suspects: str
) -> str:
    return f"""
        select
            concat(_file_id, ':', _line) as row_id,
            {literal(export.source)} as source,
            {literal(export.export)} as export,
            _file_id as file_id,
            _line as line,
            {literal(binding.rule.id)} as rule,
            {literal(binding.severity)} as severity,
            {literal(binding.column)} as column_name,
            {quoted(binding.column)} as value,
            {literal(binding.rule.reason)} as reason,
            {binding.suggestion(context)} as suggestion,
            'open' as status
        from suspects
        where {suspects} and {binding.breaks(context, suspects)}
    """


def _subject(export: JudgedExport, context: RuleContext) -> str:
    """SQL of what a delivered row is about, `name=#1001`; null where it does not say.

    Of a group's later rows the group's name is known, even where they leave it blank.
    """
    cells = {
        name: context.macros.parse(
            "parse_id",
            "groups._group"
            if name == export.grouped_by
            else f"delivered.{quoted(name)}",
        )
        for name in export.row_key
    }
    if not cells:
        return "null"
    said = " and ".join(f"{cell} is not null" for cell in cells.values())
    if export.grouped_by:  # a first row without a name is of no group above it
        said += (
            f" and (delivered.{quoted(export.grouped_by)} is not null"
            f" or delivered.{quoted(export.group_header or '')} is null)"
        )
    texts = ", ".join(f"{literal(f'{name}=')} || {cells[name]}" for name in cells)
    return f"case when {said} then concat_ws('; ', {texts}) end"


def _fingerprint(export: JudgedExport) -> str:
    """SQL of a hash of all that a delivered row says, in whatever order of columns."""
    cells = [
        f"{literal(f'{name}=')} || delivered.{quoted(name)}"
        for name in sorted(export.columns)
    ]
    if export.grouped_by:
        cells.append("groups._group")
    return f"sha256(concat_ws(chr(31), {', '.join(cells)}))"


def _repair(
    connection: duckdb.DuckDBPyConnection, export: JudgedExport, files: str
) -> bool:
    """Note which cells show another text from now on; false if there are none.

    What else was found in their rows is forgotten, to be judged with the new text.
    """
    connection.execute(
        f"""
        insert into quality.repairs
        select distinct
            source, export, file_id, line, column_name, delivered, value, override_id
        from ({overrides.fitting()})
        where {export.is_it} and file_id in ({files}) and kind = 'repair'
        """
    )
    connection.execute(
        f"""
        update quality.quarantine
        set status = 'repaired', override_id = repairs.override_id
        from quality.repairs
        where {overrides.same("repairs", "quarantine")}
            and quarantine.column_name = repairs.column_name
            and repairs.file_id in ({files})
        """
    )
    connection.execute(
        f"""
        delete from quality.quarantine
        using quality.repairs
        where {overrides.same("repairs", "quarantine")}
            and repairs.file_id in ({files})
            and quarantine.status = 'open'
        """
    )
    show_repairs(connection, export)
    return (
        connection.execute(
            f"select 1 from quality.repairs where {export.is_it}"
            f" and file_id in ({files}) limit 1"
        ).fetchone()
        is not None
    )


def _repaired_rows(export: JudgedExport, files: str) -> str:
    """SQL of the rows of the files that show a repaired text."""
    return f"""
        select * from {export.table}
        where (_file_id, _line) in (
            select (file_id, line) from quality.repairs
            where {export.is_it} and file_id in ({files})
        )
    """


def _settle(connection: duckdb.DuckDBPyConnection, files: str) -> None:
    """Mark the open findings that were released or dropped."""
    connection.execute(
        f"""
        update quality.quarantine
        set
            status = case fitting.kind when 'drop' then 'dropped' else 'released' end,
            override_id = fitting.override_id
        from ({overrides.fitting()}) as fitting
        where {overrides.same("fitting", "quarantine")}
            and fitting.file_id in ({files})
            and fitting.kind in ('drop', 'release')
            and quarantine.rule = fitting.rule
            and quarantine.column_name is not distinct from fitting.column_name
            and quarantine.status = 'open'
        """
    )


def _insert_duplicates(
    connection: duckdb.DuckDBPyConnection, export: JudgedExport, files: str
) -> None:
    """Exact copies within a file: found by hash, confirmed on all columns.

    Between files nothing is a duplicate: a value that comes back after a change is
    news. Nor between groups, whose later rows may leave the group's name blank.
    A copy that is dropped is suspected of nothing more.
    """
    same = ["_file_id", *map(quoted, export.columns)]
    groups = ""
    if export.grouped_by:
        same.append("_group")
        groups = f"inner join {_groups(export, files)} using (_file_id, _line)"
    connection.execute(
        f"""
        insert into quality.duplicates
        select
            {export.key}, _file_id, _line, first_line,
            {str(export.drops_duplicates).lower()}
        from (
            select
                _file_id, _line,
                min(_line) over (partition by {", ".join(same)}) as first_line
            from suspects
            {groups}
            where _hash is not null
        )
        where _line <> first_line
        order by _file_id, _line
        """
    )
    connection.execute(
        f"""
        delete from suspects
        where (_file_id, _line) in (
            select (file_id, line) from quality.duplicates
            where {export.is_it} and is_dropped
        )
        """
    )


def _group_name(export: JudgedExport) -> str:
    """SQL of the group that a row of the raw table belongs to."""
    return (
        f"last_value({quoted(export.grouped_by or '')} ignore nulls) over ("
        "partition by _file_id order by _line"
        " rows between unbounded preceding and current row)"
    )


def _groups(export: JudgedExport, files: str) -> str:
    """SQL of the rows of the files with the group that each belongs to."""
    return (
        f"(select _file_id, _line, {_group_name(export)} as _group"
        f" from {export.delivered} where _file_id in ({files}))"
    )


def _hold_whole_groups(
    connection: duckdb.DuckDBPyConnection, export: JudgedExport, files: str
) -> None:
    """A group of rows (an order) with a held row, or without its first, is held whole.

    Half an order would be a wrong order. A rejected line belongs to the group above
    it, where it may have been a part. The others follow it: they wait as long as one
    row of the group does, and are dropped with it.
    """
    header = quoted(export.group_header or "")
    connection.execute(
        f"""
        insert into quality.quarantine
        with

        placed as (

            select
                _file_id,
                _line,
                {_group_name(export)} as group_name,
                {header} is not null as is_header
            from {export.table}
            where _file_id in ({files})

        ),

        held as (

            select
                file_id as _file_id,
                line as _line,
                case when bool_or(status = 'open') then 'open' else 'dropped' end
                    as status
            from quality.quarantine
            where {export.is_it} and file_id in ({files}) and {_HELD}
            group by file_id, line

        ),

        held_groups as (

            select
                held._file_id,
                placed.group_name,
                {literal(HELD_WITH_ITS_GROUP)} as rule,
                concat(
                    'held with row ', held._file_id, ':',
                    arg_max(held._line, (held.status, -held._line)),
                    ' of the same group: see there'
                ) as reason,
                max(held.status) as status
            from held
            asof join placed
                on placed._file_id = held._file_id
                and placed._line <= held._line
            group by held._file_id, placed.group_name

        ),

        headless_groups as (

            select
                _file_id,
                group_name,
                {literal(GROUP_WITHOUT_HEADER)} as rule,
                'the first row of the group is not in the file: deliver it whole'
                    as reason,
                'open' as status
            from placed
            group by _file_id, group_name
            having not bool_or(is_header)

        ),

        whole as (

            select * from headless_groups
            union all
            select * from held_groups
            anti join headless_groups as headless
                on headless._file_id = held_groups._file_id
                and headless.group_name is not distinct from held_groups.group_name

        )

        select
            concat(placed._file_id, ':', placed._line),
            {export.key},
            placed._file_id,
            placed._line,
            whole.rule,
            'critical',
            {literal(export.grouped_by or "")},
            placed.group_name,
            whole.reason,
            null,
            whole.status,
            null,
            sha256(coalesce(placed.group_name, '')),
            null
        from placed
        inner join whole
            on whole._file_id = placed._file_id
            and whole.group_name is not distinct from placed.group_name
        left join held
            on held._file_id = placed._file_id
            and held._line = placed._line
        left join quality.duplicates as dropped
            on dropped.file_id = placed._file_id
            and dropped.line = placed._line
            and dropped.is_dropped
        where held._line is null and dropped.line is null
        order by placed._file_id, placed._line
        """
    )


def reconcile(
    connection: duckdb.DuckDBPyConnection, exports: Sequence[JudgedExport]
) -> None:
    """Rebuild the tables that are drawn from the verdicts on all exports.

    The four figures of a file are counted apart from each other (delivered by the
    lander, accepted in the raw table), so that a lost row shows.
    """
    connection.execute(_HELD_ROWS)
    connection.execute(_RECONCILIATION)
    connection.execute(_HELD_CONTACT_TEXTS)
    connection.execute(_HELD_PHONE_TEXTS)
    for export in exports:
        connection.execute(f"insert into quality.reconciliation {_counts(export)}")
        if export.withdrawing_columns:
            connection.execute(
                f"insert into quality.held_contact_texts {_held_contact_texts(export)}"
            )
        if export.withdraws_numbers:
            connection.execute(
                f"""
                insert into quality.held_phone_texts
                select distinct {export.key}, contact_text
                from ({_numbers_in("value", "quality.quarantine")})
                where {export.is_it} and rule = {literal(RAGGED_ROW)}
                order by contact_text
                """
            )


def numbers_in_rejects(paths: Iterable[Path]) -> str:
    """SQL of the texts in lines that fit no record which may be telephone numbers.

    In a column `contact_text`, for contacts.py to judge.

    Args:
        paths: Parquet files of such lines, one or more.
    """
    files = ", ".join(literal(str(path)) for path in paths)
    return f"({_numbers_in('text', f'read_parquet([{files}])')})"


def _numbers_in(column: str, rows: str) -> str:
    numbers = f"unnest(regexp_extract_all({column}, {literal(_NUMBER)}))"
    return f"select *, {numbers} as contact_text from {rows}"


def _held_contact_texts(export: JudgedExport) -> str:
    """Addresses that may have opted out in a row which nobody mended.

    Of rows that wait, and of those that were dropped or released: what they said about
    consent was not read. Where an address was repaired, both spellings are held.
    """
    cells = " union all ".join(
        f"""
        select delivered.{quoted(column)} as contact_text
        from {rows} as delivered
        inner join quality.quarantine
            on quarantine.file_id = delivered._file_id
            and quarantine.line = delivered._line
        where
            quarantine.source = {literal(export.source)}
            and quarantine.export = {literal(export.export)}
            and quarantine.severity = 'critical'
            and quarantine.status <> 'repaired'
        """
        for rows in (export.delivered, export.table)
        for column in export.withdrawing_columns
    )
    return f"""
        select distinct {export.key}, contact_text
        from (
            {cells}
            union all
            select unnest(regexp_extract_all(value, {literal(_ADDRESS)}))
            from quality.quarantine
            where {export.is_it} and rule = {literal(RAGGED_ROW)}
        )
        where contact_text is not null
        order by contact_text
    """


def _counts(export: JudgedExport) -> str:
    return f"""
        select
            {literal(export.source)} as source,
            {literal(export.export)} as export,
            judged_files.file_id,
            (
                select coalesce(any_value(file_ledger.rows_delivered), 0)
                from ops.file_ledger
                where
                    {export.is_it}
                    and file_ledger.file_id = judged_files.file_id
                    and file_ledger.outcome in ('landed', 'partly')
            ) as delivered,
            (
                select count(*)
                from {export.table} as landed
                where
                    landed._file_id = judged_files.file_id
                    and not exists (
                        select 1
                        from quality.duplicates
                        where
                            duplicates.file_id = landed._file_id
                            and duplicates.line = landed._line
                    )
                    and not exists (
                        select 1
                        from quality.quarantine
                        where
                            quarantine.file_id = landed._file_id
                            and quarantine.line = landed._line
                            and {_HELD}
                    )
            ) as accepted,
            (
                select count(distinct quarantine.line)
                from quality.quarantine
                where
                    quarantine.file_id = judged_files.file_id
                    and {_HELD}
                    and not exists (
                        select 1
                        from quality.duplicates
                        where
                            duplicates.file_id = quarantine.file_id
                            and duplicates.line = quarantine.line
                    )
            ) as quarantined,
            (
                select count(*)
                from quality.duplicates
                where duplicates.file_id = judged_files.file_id
            ) as duplicates
        from quality.judged_files
        where {export.is_it}
        order by judged_files.file_id
    """


def row_statuses(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many rows have a finding that is open, repaired, released or dropped."""
    rows = connection.execute(
        """
        select status, count(distinct row_id)
        from quality.quarantine
        group by status
        order by status
        """
    ).fetchall()
    return {"open": 0, **dict(rows)}


def unbalanced_files(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Files whose figures do not add up; there must be none."""
    rows = connection.execute(
        """
        select concat(source, '.', export, ' ', file_id)
        from quality.reconciliation
        where delivered is distinct from accepted + quarantined + duplicates
        order by source, export, file_id
        """
    ).fetchall()
    return [row[0] for row in rows]
