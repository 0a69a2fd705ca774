"""`crm360 quarantine`: the workplace of whoever settles what the gate held back.

The one place that shows delivered values, and only when asked to. The warehouse is
read; decisions go to `overrides.jsonl`, and the next run follows them.
"""

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestration.commands.errors import clear_errors
from orchestration.commands.users import decider
from orchestration.settings import EXPECTATIONS, SEEDS, Settings, load_settings

if TYPE_CHECKING:
    from orchestration.lib.quality.overrides import Kind
    from orchestration.lib.quality.workplace import Choice, Finding, Grouping

Command = TypeVar("Command", bound=Callable[..., Any])
STATUSES = ("open", "repaired", "released", "dropped")
#: How many ids and row ids a message names.
_NAMED = 5


@click.group()
def quarantine() -> None:
    """See what is held back and why; repair, release or drop it.

    Decisions take effect with the next run, hold for later deliveries of the same
    defect, and can be taken back.

    \b
    crm360 quarantine list
    crm360 quarantine show --rule letter_for_digit --export shopify.orders
    crm360 quarantine repair --rule letter_for_digit --export shopify.orders --accept
    """


def _filters(command: Command) -> Command:
    for option in (
        click.option("--file", help="A file name; * stands for anything."),
        click.option("--column", help="One column."),
        click.option("--rule", help="One rule (docs/quality.md lists them)."),
        click.option("--export", help="One export, such as shopify.orders."),
    ):
        command = option(command)
    return command


def _decision(command: Command) -> Command:
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask."),
        click.option("--note", help="Why."),
        click.option("--by", default=decider, help="Who decides."),
        _filters,
        click.argument("row_ids", metavar="[ROW_ID]...", nargs=-1),
    ):
        command = option(command)
    return command


@quarantine.command("list")
@click.option(
    "--by", "grouping", type=click.Choice(["rule", "export", "file"]),
    help="Count by one of these. Default: export, rule and severity.",
)  # fmt: skip
@click.option(
    "--status", type=click.Choice([*STATUSES, "all"]), default="open", show_default=True
)
@_filters
@click.option("--json", "as_json", is_flag=True, help="Print the counts as JSON.")
def list_findings(
    grouping: "Grouping | None",
    status: str,
    as_json: bool,
    **filters: Any,  # noqa: ANN401 - the texts of _filters
) -> None:
    """Count what is in quarantine.

    A critical finding holds its row back, a warning only the cell.

    \b
    crm360 quarantine list
    crm360 quarantine list --by file --rule ragged_row
    """
    from orchestration.lib.quality.overrides import read_overrides
    from orchestration.lib.quality.workplace import Selection, counted, open_workplace

    with clear_errors():
        settings = load_settings()
        decisions = read_overrides(settings.overrides)
        with open_workplace(settings.warehouse, decisions) as connection:
            counts = counted(
                connection,
                Selection(**filters, status=None if status == "all" else status),
                grouping,
            )
    if as_json:
        click.echo(json.dumps(counts, indent=2))
        return
    if not counts:
        click.echo("nothing")
    for count in counts:
        click.echo(_counted_text(count))


@quarantine.command()
@click.argument("row_ids", metavar="[ROW_ID]...", nargs=-1)
@click.option("--status", type=click.Choice([*STATUSES, "all"]), help="Default: open.")
@_filters
@click.option("--limit", default=20, show_default=True, help="How many findings.")
@click.option("--reveal", is_flag=True, help="Show values: personal data.")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def show(
    row_ids: tuple[str, ...],
    status: str | None,
    limit: int,
    reveal: bool,
    as_json: bool,
    **filters: Any,  # noqa: ANN401 - the texts of _filters
) -> None:
    """Show findings: file, line, column, rule, reason, suggestion, values.

    Values are masked unless you ask to see them. Of a row that is named everything is
    shown, otherwise what is open.

    \b
    crm360 quarantine show 5f0c66a1b2c3d4e5:17 --reveal
    crm360 quarantine show --export hubspot.contacts --rule placeholder
    """
    from orchestration.lib.quality.overrides import read_overrides
    from orchestration.lib.quality.workplace import Selection, found, open_workplace

    status = status or ("all" if row_ids else "open")
    with clear_errors():
        settings = load_settings()
        decisions = read_overrides(settings.overrides)
        selection = Selection(
            row_ids=row_ids, **filters, status=None if status == "all" else status
        )
        with open_workplace(settings.warehouse, decisions) as connection:
            findings = found(connection, selection, limit)
    shown = [_shown(finding, reveal) for finding in findings]
    if as_json:
        click.echo(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    for finding in shown:
        click.echo(_text(finding))
    if not shown:
        click.echo("nothing")
    elif len(shown) == limit:
        click.echo(f"The first {limit}; --limit shows more.", err=True)


@quarantine.command()
@_decision
@click.option("--set", "text", metavar="TEXT", help="The text to read instead.")
@click.option("--accept", is_flag=True, help="Take the suggested repairs.")
def repair(text: str | None, accept: bool, **options: Any) -> None:  # noqa: ANN401
    """Read another text in place of the delivered one.

    It is checked at once against the rules of its column. What was landed stays as it
    was delivered.

    \b
    crm360 quarantine repair 5f0c66a1b2c3d4e5:17 --set 10.50 --note "see invoice 88"
    crm360 quarantine repair --rule letter_for_digit --export shopify.orders --accept
    """
    if accept == (text is not None):
        raise click.UsageError("say --set TEXT, or --accept to take the suggestion")
    if text is not None and not text.strip():
        raise click.UsageError("an empty text is no repair: release the cell instead")
    _decide("repair", text=text, **options)


@quarantine.command()
@_decision
def release(**options: Any) -> None:  # noqa: ANN401
    """Let rows flow although a rule is broken; the cell counts as empty.

    Refused where a row without the cell is held back too. To the addresses of a
    released row nobody writes where its export can withdraw consent: what the cell
    said might be an opt-out.

    \b
    crm360 quarantine release 5f0c66a1b2c3d4e5:17 --note "no discount was given"
    crm360 quarantine release --rule invalid_contact --export hubspot.contacts
    """
    _decide("release", **options)


@quarantine.command()
@_decision
def drop(**options: Any) -> None:  # noqa: ANN401
    """Accept that rows are lost: they stay out, and nobody is asked about them again.

    With a line of an order the whole order stays out. To the addresses of a dropped
    row nobody writes where its export can withdraw consent.

    \b
    crm360 quarantine drop --rule ragged_row --file 'hubspot/contacts_2026-03*'
    """
    _decide("drop", **options)


@quarantine.command()
@click.argument("override_ids", metavar="ID...", nargs=-1, required=True)
@click.option("--by", default=decider, help="Who decides.")
@click.option("--note", help="Why.")
def undo(override_ids: tuple[str, ...], by: str, note: str | None) -> None:
    """Take decisions back; the next run finds again what they settled.

    The ids stand in overrides.jsonl, and `show` names them.

    \b
    crm360 quarantine undo 1f2e3d4c5b6a --note "the invoice was wrong"
    """
    from orchestration.lib.quality.overrides import undo_override

    with clear_errors():
        path = load_settings().overrides
        for override_id in override_ids:
            undo_override(path, override_id, by=by, at=_now(), note=note)
    click.echo(f"Taken back: {', '.join(override_ids)}. Next: crm360 run")


def _decide(
    kind: "Kind",
    *,
    row_ids: tuple[str, ...],
    yes: bool,
    by: str,
    note: str | None,
    text: str | None = None,
    **filters: Any,  # noqa: ANN401 - the texts of _filters
) -> None:
    """Check a decision, show what it settles, ask, and keep it."""
    from orchestration.lib.quality.overrides import add_overrides

    if not row_ids and not any(filters.values()):
        raise click.UsageError(
            "name rows, or narrow them down with --export, --rule, --column or --file"
        )
    with clear_errors():
        settings = load_settings()
        choice = _choice(settings, kind, row_ids, text, by, note, filters)
        _tell_refused(kind, choice, is_error=bool(row_ids))
        if not choice.overrides:
            raise click.ClickException("nothing is open that this fits")
        for (export, rule, column), count in choice.settled.items():
            click.echo(f"{count:>8,}  {export}  {column or 'whole lines'}  {rule}")
        if not (yes or row_ids):
            click.confirm(f"{kind} these?", abort=True)
        add_overrides(settings.overrides, choice.overrides)
    ids = [override.id for override in choice.overrides]
    click.echo(f"Kept in {settings.overrides}: {_enumerated(ids)}. Next: crm360 run")


def _choice(
    settings: Settings,
    kind: "Kind",
    row_ids: tuple[str, ...],
    text: str | None,
    by: str,
    note: str | None,
    filters: dict[str, Any],
) -> "Choice":
    from orchestration.components.rules import rule_context
    from orchestration.lib.quality.contacts import ContactClassifier
    from orchestration.lib.quality.overrides import read_overrides
    from orchestration.lib.quality.suites import read_suite
    from orchestration.lib.quality.workplace import Selection, decide, open_workplace

    decisions = read_overrides(settings.overrides)
    with open_workplace(settings.warehouse, decisions) as connection:
        base_currency = connection.execute(
            "select base_currency from ops.runs order by started_at desc, run_id desc"
            " limit 1"
        ).fetchall()[0][0]
        return decide(
            connection,
            Selection(
                row_ids=row_ids,
                **filters,
                status=None if row_ids else "open",
                is_undecided=not row_ids,
            ),
            kind,
            text=text,
            suite_of=lambda source, export: read_suite(EXPECTATIONS, source, export),
            context=rule_context(settings, base_currency),
            classifier=ContactClassifier(SEEDS, settings.phone_region),
            by=by,
            at=_now(),
            note=note,
        )


def _tell_refused(kind: str, choice: "Choice", *, is_error: bool) -> None:
    """Say what cannot be decided so; of rows that were named each one must be."""
    for reason, row_ids in choice.refused.items():
        message = f"no {kind} of {_enumerated(row_ids)}: {reason}"
        if is_error:
            raise click.ClickException(message)
        click.echo(message, err=True)


def _enumerated(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _counted_text(count: dict[str, Any]) -> str:
    """A line of `list`."""
    export = f"{count['source']}.{count['export']}" if "source" in count else None
    parts = [export, *(count.get(name) for name in ("file_name", "rule", "severity"))]
    if count["suggestions"]:
        parts.append(f"{count['suggestions']:,} with a suggested repair")
    if count["decided"]:
        parts.append(f"{count['decided']:,} decided: next run")
    return f"{count['findings']:>8,}  {'  '.join(filter(None, parts))}"


def _shown(finding: "Finding", reveal: bool) -> dict[str, Any]:
    from orchestration.lib.quality.workplace import masked, masked_subject

    shown = asdict(finding)
    if not reveal:
        for name in ("value", "delivered", "suggestion", "repaired_text"):
            shown[name] = masked(shown[name])
        shown["subject"] = masked_subject(shown["subject"])
    return shown


def _text(finding: dict[str, Any]) -> str:
    """A finding as a person reads it."""
    head = f"{finding['row_id']}  {finding['file_name']} line {finding['line']}"
    parts = {
        "finding": f"{finding['column_name'] or 'the line'}: {finding['rule']}"
        f" ({finding['severity']}), {finding['status']}",
        "reason": finding["reason"],
        "about": finding["subject"],
        "delivered": finding["delivered"],
        "read as": finding["repaired_text"],
        "suggestion": finding["suggestion"],
        "decided": finding["override_id"]
        and f"{finding['override_id']} by {finding['decided_by']}"
        f" at {finding['decided_at']}{': ' + (finding['note'] or '')}",
        "next run": finding["waits_for"],
    }
    return "\n".join(
        [head, *(f"    {name:<11} {text}" for name, text in parts.items() if text)]
    )


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
