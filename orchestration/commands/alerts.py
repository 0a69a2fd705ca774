"""`crm360 alerts`: how everything is, and who was told."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from orchestration.commands.errors import clear_errors
from orchestration.settings import SettingsError, load_settings


@click.group(invoke_without_command=True)
@click.option("--all", "is_all", is_flag=True, help="Show what is ok, too.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_context
def alerts(context: click.Context, is_all: bool, as_json: bool) -> None:
    """What is not ok, since when, and which alert of crm360.toml was told so.

    A run, each step, sync and check is a subject. An alert is told once when one of
    them changes, in one message for each run.

    \b
    crm360 alerts
    crm360 alerts --all              every subject, as `about` may name it
    crm360 alerts test marketing     does it arrive?
    """
    if context.invoked_subcommand:
        return
    from orchestration.lib.alerts import memory
    from orchestration.lib.alerts.message import shown

    with clear_errors():
        settings = load_settings()
        if not settings.told.exists():
            raise FileNotFoundError(
                "no run has told an alert yet: describe one as [alerts.NAME] in"
                " crm360.toml, then `crm360 run`"
            )
        with memory.opened(settings.told) as connection:
            found: list[dict[str, Any]] = memory.standing(connection)
    if as_json:
        click.echo(json.dumps(found, default=str, indent=2))
        return
    zone = ZoneInfo(settings.business_timezone)
    troubles = [each for each in found if each["state"] != memory.OK]
    for each in found if is_all else troubles:
        told = ", ".join(each["told"] or []) or "nobody"
        since = shown(each["since"], zone)
        click.echo(f"{each['state']:8} {each['subject']}")
        if each["state"] != memory.OK:
            click.echo(f"         since {since}, told: {told}")
            click.echo(f"         {each['reason']}\n         {each['remedy']}")
    click.echo(f"{len(found) - len(troubles)} of {len(found)} subjects are ok")


@alerts.command("test")
@click.argument("name")
def send_test(name: str) -> None:
    """Send a test message to the alert NAME, and say what its server answered.

    \b
    crm360 alerts test marketing
    """
    from orchestration.components.alerts import send
    from orchestration.lib.alerts.message import Message
    from orchestration.lib.alerts.sending import NotDelivered

    with clear_errors():
        configured = load_settings().alerts
        if name not in configured:
            known = ", ".join(configured) or "none: describe one as [alerts.NAME]"
            raise SettingsError(f"there is no alert {name}; there are {known}")
        message = Message(
            key=f"alert_test_{datetime.now(UTC):%Y%m%dT%H%M%S%f}",
            title="crm360: a test",
            text=f"The alert {name} arrives here.",
        )
        try:
            answer = send(configured[name], message)
        except NotDelivered as error:
            raise click.ClickException(f"{name}: not delivered ({error})") from error
    click.echo(f"{name}: {answer}")
