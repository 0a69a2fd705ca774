"""`crm360 identity pin | veto | review`: what people decide about who is who.

Decisions go to `identity_decisions.jsonl` below the state folder; the next run follows
them, and deleting a line takes one back.
"""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from orchestration.commands.errors import clear_errors
from orchestration.commands.users import decider
from orchestration.settings import load_settings

if TYPE_CHECKING:
    from orchestration.lib.identity.review import ReviewPair

_RECORD = "a record as source.export:record_id, or a customer id for its oldest record"


def _decide(kind: str, left: str, right: str, by: str, note: str) -> None:
    from orchestration.lib.identity.decisions import Decision, write_decision
    from orchestration.lib.identity.explanation import record_of
    from orchestration.lib.warehouse import connect

    with clear_errors():
        settings = load_settings()
        with connect(settings.warehouse, read_only=True) as connection:
            one, other = record_of(connection, left), record_of(connection, right)
        decision = Decision(
            kind=kind, left=one, right=other, by=by, at=datetime.now(UTC), note=note
        )
        write_decision(settings.identity_decisions, decision)
    click.echo(
        f"{kind} of {one} and {other}, kept in {settings.identity_decisions};"
        " the next run follows it. Delete the line to take it back."
    )


_ARGUMENTS = (
    click.argument("left"),
    click.argument("right"),
    click.option("--by", default=decider, help="Who decides."),
    click.option("--note", default="", help="Why."),
)


def _arguments(command: Any) -> Any:  # noqa: ANN401 - as click's decorators
    for argument in reversed(_ARGUMENTS):
        command = argument(command)
    return command


@click.command(
    help=f"""LEFT and RIGHT are one person, whatever else says.

    Each is {_RECORD}.

    \b
    crm360 identity pin hubspot.contacts:17 shopify.customers:7210002480875
    """
)
@_arguments
def pin(left: str, right: str, by: str, note: str) -> None:
    """Decide that two records are one person."""
    _decide("pin", left, right, by, note)


@click.command(
    help=f"""LEFT and RIGHT are two people, whatever they share.

    Each is {_RECORD}.

    \b
    crm360 identity veto hubspot.contacts:17 shopify.orders:99 --note "father and son"
    """
)
@_arguments
def veto(left: str, right: str, by: str, note: str) -> None:
    """Decide that two records are two people."""
    _decide("veto", left, right, by, note)


@click.command()
@click.option("--limit", default=20, show_default=True, help="Pairs to show.")
@click.option("--json", "as_json", is_flag=True, help="Print the pairs as JSON.")
def review(limit: int, as_json: bool) -> None:
    """List the uncertain pairs, the most likely first, with both sides.

    Settle each with `pin` or `veto`; settled pairs are not listed again.

    \b
    crm360 identity review
    crm360 identity review --limit 100 --json
    """
    from orchestration.lib.identity.review import review_pairs
    from orchestration.lib.warehouse import connect

    with clear_errors(), connect(load_settings().warehouse, read_only=True) as found:
        waiting, pairs = review_pairs(found, limit)
    if as_json:
        click.echo(
            json.dumps(
                [asdict(pair) for pair in pairs],
                indent=2,
                ensure_ascii=False,
                default=str,
            )
        )
        return
    for pair in pairs:
        click.echo("\n".join(_lines(pair)))
    click.echo(f"{len(pairs)} of {waiting} pairs")


def _lines(pair: "ReviewPair") -> list[str]:
    lines = [f"{pair.left} and {pair.right}: {pair.probability:.0%} likely"]
    width = max(map(len, pair.values), default=0)
    for attribute, (one, other) in pair.values.items():
        lines.append(f"  {attribute:{width}}  {one or '-':32} {other or '-'}")
    return [*lines, f"  {pair.likeness}", ""]
