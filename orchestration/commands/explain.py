"""`crm360 explain`: why somebody is one customer."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from orchestration.commands.errors import clear_errors
from orchestration.settings import load_settings

if TYPE_CHECKING:
    from orchestration.lib.identity.explanation import Explanation


@click.command()
@click.argument("person")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def explain(person: str, as_json: bool) -> None:
    """Say why records are one customer, what did not join them, and the id's history.

    PERSON is a customer id (also one that was merged away), a record as
    source.export:record_id, an e-mail address or a telephone number.

    \b
    crm360 explain c_017cdacd5eeefd71
    crm360 explain shopify.orders:5482170318081
    crm360 explain elena.romanova@example.com
    """
    from orchestration.lib.identity.explanation import explain as explained
    from orchestration.lib.warehouse import connect

    with clear_errors(), connect(load_settings().warehouse, read_only=True) as found:
        explanation = explained(found, person)
    if as_json:
        click.echo(json.dumps(asdict(explanation), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(explanation)))


def _lines(explanation: "Explanation") -> list[str]:
    lines = [explanation.customer_id]
    if explanation.aliases:
        lines.append(f"  before also {', '.join(explanation.aliases)}")
    lines += ["", f"Records ({len(explanation.records)})"]
    for joined in explanation.records:
        name = f"  {joined.name}" if joined.name else ""
        lines.append(f"  {joined.record}{name}")
        if joined.by:
            lines.append(f"      by {joined.by}, to {joined.to}")
    if explanation.not_joined:
        lines += ["", "Does not join"]
    for each in explanation.not_joined:
        lines.append(f"  {each.identifier} of {each.record}: {each.because}")
        if each.others:
            lines.append(f"      also of {', '.join(each.others[:10])}")
    if explanation.decisions:
        lines += ["", "Decisions", *(f"  {each}" for each in explanation.decisions)]
    lines += ["", "History"]
    for event in explanation.history:
        other = f" and {event.other_customer_id}" if event.other_customer_id else ""
        lines.append(
            f"  {event.happened_on}  {event.kind:8} {event.customer_id}{other},"
            f" {event.record_count} records: {event.cause}"
        )
    return lines
