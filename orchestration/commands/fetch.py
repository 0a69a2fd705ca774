"""`crm360 fetch`: what is new in the configured places, brought or only asked."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from orchestration.commands.errors import clear_errors
from orchestration.settings import SettingsError, load_settings

if TYPE_CHECKING:
    from orchestration.lib.places.fetch import Outcome


@click.command()
@click.argument("places", nargs=-1, metavar="[PLACE]...")
@click.option(
    "--dry-run", is_flag=True, help="Ask what is new, and leave everything as it is."
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcomes as JSON.")
def fetch(places: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Bring what is new in the configured places to the landing folder.

    `crm360 run` does so first. After a fetch of its own nothing is sent until a run
    has landed what came.

    \b
    crm360 fetch --dry-run           does it answer, and what is new there?
    crm360 fetch crm shop_db
    """
    outcomes = []
    with clear_errors():
        for name in _chosen(places):
            outcomes.append(_fetched(name, dry_run=dry_run))
            if not as_json:
                _print(outcomes[-1])
    if as_json:
        click.echo(json.dumps([asdict(each) for each in outcomes]))
    failed = [outcome.place for outcome in outcomes if outcome.problems]
    if failed:
        raise click.ClickException(f"not everything was fetched: {', '.join(failed)}")


def _chosen(names: tuple[str, ...]) -> list[str]:
    """The named places, or all."""
    configured = load_settings().places
    if not configured:
        raise SettingsError(
            "no place is configured: describe one as [places.NAME] in crm360.toml"
        )
    for name in names:
        if name not in configured:
            raise SettingsError(
                f"there is no place {name}; there are {', '.join(configured)}"
            )
    return list(names or configured)


def _fetched(name: str, *, dry_run: bool) -> "Outcome":
    from orchestration.components import fetched_place

    settings = load_settings()
    place = settings.places[name]

    def tell(message: str) -> None:
        click.echo(f"  {name:20} {message}", err=True)

    if dry_run:
        return fetched_place.visit(settings, place, dry_run=True, progress=tell)
    return fetched_place.fetch(settings, place, run_id="crm360 fetch", progress=tell)


def _print(outcome: "Outcome") -> None:
    click.echo(
        f"{outcome.place}: {len(outcome.new)} new, {outcome.unchanged} unchanged"
    )
    for name in outcome.new:
        click.echo(f"  {name}")
    for problem in outcome.problems:
        click.echo(f"  not fetched: {problem}")
