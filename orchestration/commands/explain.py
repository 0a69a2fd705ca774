"""`crm360 explain`: why somebody is one customer, and what a figure is made of."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from orchestration.commands.errors import Wrong, clear_errors
from orchestration.settings import load_settings

if TYPE_CHECKING:
    from orchestration.lib.identity.explanation import Explanation
    from orchestration.lib.report.figures import Figure
    from orchestration.lib.report.restated import Restated


class _PersonFirst(click.Group):
    """A group whose first argument names a person, unless it is one of its commands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `explain PERSON` for `explain person PERSON`."""
        if not args or args[0] not in (
            *self.commands,
            *self.get_help_option_names(ctx),
        ):
            args = ["person", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_PersonFirst, options_metavar="", subcommand_metavar="PERSON | kpi METRIC ..."
)
def explain() -> None:
    """Say why records are one customer, or what a figure is made of.

    PERSON is a customer id (also one that was merged away), a record as
    source.export:record_id, an e-mail address or a telephone number.

    \b
    crm360 explain c_017cdacd5eeefd71
    crm360 explain shopify.orders:5482170318081
    crm360 explain elena.romanova@example.com --json
    crm360 explain kpi aov --period 2026-10
    """


@explain.command("person")
@click.argument("person")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def explain_person(person: str, as_json: bool) -> None:
    """Why records are one customer, what did not join them, and the id's history."""
    from orchestration.lib.identity.explanation import explain as explained
    from orchestration.lib.warehouse import connect

    with clear_errors(), connect(load_settings().warehouse, read_only=True) as found:
        explanation = explained(found, person)
    if as_json:
        click.echo(json.dumps(asdict(explanation), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(_lines(explanation)))


@explain.command("kpi")
@click.argument("metric")
@click.option(
    "--period",
    required=True,
    help="2026, 2026-H2, 2026-Q4, 2026-10, 2026-W40 or 2026-10-05.",
)
@click.option(
    "--by",
    metavar="DIMENSION=MEMBER",
    help="Of one shop, offer, country, first channel or segment: source=shopify.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Rows of each kind; 0 for all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def explain_kpi(
    metric: str, period: str, by: str | None, limit: int, as_json: bool
) -> None:
    """Formula and parts of a figure, the rows behind it, and what restated it.

    METRIC is a column of the mart kpi_company. Rows are named by file and line.

    \b
    crm360 explain kpi aov --period 2026-10
    crm360 explain kpi romi --period 2026-Q3 --by first_channel=email --limit 0
    """
    from orchestration.lib.report.figures import explain_figure, read_period

    dimension, equals, member = (by or "company=company").partition("=")
    if not equals:
        raise Wrong(f"--by {by}: write DIMENSION=MEMBER, for example source=shopify")
    settings = load_settings()
    with clear_errors():
        figure = explain_figure(
            settings.warehouse,
            settings.marts,
            metric,
            read_period(period),
            dimension=dimension,
            member=member,
            limit=limit or None,
        )
    if as_json:
        click.echo(
            json.dumps(asdict(figure), indent=2, ensure_ascii=False, default=str)
        )
    else:
        click.echo("\n".join(_figure_lines(figure, period)))


def _figure_lines(figure: "Figure", period: str) -> list[str]:
    whose = "" if figure.dimension == "company" else f" of {figure.member}"
    running = "" if figure.is_complete else ", a period that has not ended"
    unit = {"money": f" {figure.currency}", "days": " days"}.get(figure.unit, "")
    shown = "unknown" if figure.value is None else f"{figure.value:,}{unit}"
    lines = [
        f"{figure.metric}{whose} in {period}{running}: {shown}",
        f"  formula      {figure.formula}",
    ]
    if figure.numerator is not None:
        lines.append(_part("numerator", figure.numerator, figure.numerator_value))
    if figure.denominator is not None:
        lines.append(_part("denominator", figure.denominator, figure.denominator_value))
    lines.append(
        f"  from         marts.kpi_sums: dimension {figure.dimension}, member"
        f" {figure.member}, {figure.period_grain} of {figure.period_start}"
    )
    for restated in figure.restated:
        lines += _restated_lines(restated, figure.unit, unit)
    for behind in figure.behind:
        total = "" if behind.total is None else f", {behind.total:,} {figure.currency}"
        lines += ["", f"{behind.kind.replace('_', ' ')} ({behind.count:,}{total})"]
        for row in behind.rows:
            amount = "" if row.amount is None else f"{row.amount:,}"
            where = f"{row.file_name} line {row.line}" if row.file_name else ""
            lines.append(
                f"  {row.happened_on}  {row.what:24} {amount:>16}  {where}".rstrip()
            )
        if behind.count > len(behind.rows):
            lines.append(f"  ... {behind.count - len(behind.rows):,} more: --limit 0")
    return lines


def _restated_lines(restated: "Restated", kind: str, unit: str) -> list[str]:
    digits = {"count": 0, "money": 2}.get(kind, 6)
    before, after = (
        "unknown" if value is None else f"{value:,.{digits}f}{unit}"
        for value in (restated.before, restated.after)
    )
    lines = [
        "",
        f"restated on {restated.restated_on}: {after}, for {restated.published_for} it"
        f" was {before}",
    ]
    if restated.cause == "definition":
        lines.append("  because it is defined in another way now")
    elif not restated.order_count:
        lines.append("  through no order: by costs, visits or what else it counts")
    for order in restated.orders:
        before, after = (
            "none" if amount is None else f"{amount:,}"
            for amount in (order.revenue_before, order.revenue_after)
        )
        where = f"{order.file_name} line {order.line}" if order.file_name else ""
        lines.append(
            f"  {order.happened_on}  {order.what:24} {before:>16} -> {after:<16}"
            f"  {order.what_changed}  {where}".rstrip()
        )
    if restated.order_count > len(restated.orders):
        more = restated.order_count - len(restated.orders)
        lines.append(f"  ... {more:,} more: --limit 0")
    return lines


def _part(name: str, expression: str, value: object) -> str:
    shown = "unknown" if value is None else f"{value:,}"
    return f"  {name:12} {expression} = {shown}"


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
