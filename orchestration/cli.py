"""`crm360`: a thin layer over Dagster and dbt for people at a terminal.

Exit status 0 means that what the command says happened; 1 that it did not; 2 that it
was called or configured wrongly.
"""

import dataclasses
import json
import os
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from orchestration.commands.alerts import alerts
from orchestration.commands.errors import Wrong, clear_errors
from orchestration.commands.experiment import experiment
from orchestration.commands.explain import explain
from orchestration.commands.fetch import fetch
from orchestration.commands.forecast import forecast
from orchestration.commands.identity import identity
from orchestration.commands.identity_decisions import pin, review, veto
from orchestration.commands.quarantine import quarantine
from orchestration.commands.sandbox import sandbox, sandbox_of_the_demo
from orchestration.commands.users import decider
from orchestration.settings import PROJECT, Settings, SettingsError, load_settings

DEMO_CUSTOMERS = 2000


@click.group()
@click.version_option(package_name="crm360")
def main() -> None:
    """Raw CRM, shop and e-mail exports in; customers, KPIs and audiences out.

    \b
    crm360 demo                      see it work on an invented company
    crm360 run --landing exports/    the whole pipeline on your own exports
    crm360 fetch --dry-run           what is new in the places of crm360.toml
    crm360 quarantine list           what is held back; repair, release or drop it
    crm360 explain PERSON            why their records are one customer
    crm360 identity match FILE ...   which records of any file are one person
    crm360 forecast fit ...          what the customers of any file will order
    crm360 plan winback              what a sync would do, to whom not, what holds it
    crm360 alerts                    what is not ok, since when, and who was told
    crm360 sandbox                   vendors on this machine, to try audiences on
    crm360 experiment analyse ...    what a campaign brought, against a control
    """


main.add_command(alerts)
main.add_command(experiment)
main.add_command(explain)
main.add_command(fetch)
main.add_command(forecast)
main.add_command(identity)
main.add_command(quarantine)
main.add_command(sandbox)
for command in (pin, veto, review):
    identity.add_command(command)


@main.command()
@click.option("--customers", default=2000, show_default=True, help="People to invent.")
@click.option("--days", default=730, show_default=True, help="Days of history.")
@click.option(
    "--seed", default=360, show_default=True, help="Another one, another company."
)
@click.option(
    "--end-on",
    type=click.DateTime(["%Y-%m-%d"]),
    default="2026-10-31",
    show_default=True,
    help="Last day of the history.",
)
@click.option(
    "--defects",
    type=click.FloatRange(0, 1),
    help="Rate of every kind of defect, for example 0.02; 0 for a clean company."
    " Default: about 0.01, each kind its own.",
)
@click.option(
    "--every-system",
    is_flag=True,
    help="Let the company run every system that crm360 reads, not only those of the"
    " demo.",
)
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the exports and truth/.",
)
def simulate(
    customers: int,
    days: int,
    seed: int,
    end_on: datetime,
    defects: float | None,
    every_system: bool,
    out: Path,
) -> None:
    """Write the exports of an invented company, and the truth behind them.

    The same arguments give byte-equal files. The pipeline never reads truth/.

    \b
    crm360 simulate --customers 5000 --out company/
    crm360 simulate --customers 5000 --defects 0 --out clean/
    """
    from orchestration.lib.simulate import DefectRates
    from orchestration.lib.simulate import simulate as write_company

    try:
        company = write_company(
            out,
            customers=customers,
            days=days,
            seed=seed,
            end_on=end_on.date(),
            rates=DefectRates() if defects is None else DefectRates.all(defects),
            every_system=every_system,
            progress=lambda name: click.echo(f"  {name}", err=True),
        )
    except ValueError as error:
        raise Wrong(str(error)) from error
    for name, rows in company.rows.items():
        click.echo(f"{rows:>12,} rows  {name}")


@main.command("add-source")
@click.argument("name")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    help="Columns that tell what a row is about, commas between. Default: guessed.",
)
@click.option(
    "--full",
    is_flag=True,
    help="Every delivery holds everything there is: what it lacks is deleted.",
)
@click.option("--encoding", help="Of files that are not UTF-8, for example cp1251.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def add_source(
    name: str,
    file: Path,
    key: str | None,
    full: bool,
    encoding: str | None,
    as_json: bool,
) -> None:
    """Write contract, suite, staging model and fixture of a new source, from a FILE.

    NAME is source.export, or a source alone: the export is then named after the file.
    The file is only looked at. What was guessed is printed; edit the files, then run.
    Nothing that exists is overwritten, and the fixture holds no personal values.

    \b
    crm360 add-source loyalty.members members_2026-10-31.csv --full
    crm360 add-source clinic visits.xlsx --key visit_no
    """
    from orchestration.scaffold.command import add_source as add

    with clear_errors():
        settings = load_settings()
        try:
            added = add(
                name,
                file,
                key=None if key is None else tuple(filter(None, key.split(","))),
                is_full=full,
                encoding=encoding,
                phone_region=settings.phone_region,
                business_timezone=settings.business_timezone,
                now=datetime.now(ZoneInfo("UTC")),
            )
        except ValueError as error:
            raise Wrong(str(error)) from error
    click.echo(json.dumps(added.as_json()) if as_json else added.as_text())


@main.command()
@click.option("--customers", default=DEMO_CUSTOMERS, show_default=True)
def demo(customers: int) -> None:
    """Invent a company, run everything on its exports, and say what to open next.

    Its audience is sent to vendors of the sandbox, whatever crm360.toml says.
    """
    from orchestration.lib.simulate import simulate as write_company

    with clear_errors():
        home = load_settings().home
        click.echo(f"Inventing a company of {customers:,} customers ...", err=True)
        company = write_company(home / "demo", customers=customers)
        with sandbox_of_the_demo(home) as settings:
            _run(settings, landing=company.out, as_of=date(2026, 10, 31))
        published = settings.published / "current"
        click.echo(
            "\nOpen next\n"
            f"  query      {published / 'marts_private.duckdb'}\n"
            "             with DuckDB, DBeaver or Python: from customer_360 limit 5\n"
            f"  audience   {settings.home / 'outbox' / 'winback' / 'members.csv'}\n"
            "  campaign   crm360 sandbox, then http://127.0.0.1:8360: what arrived\n"
            f"  data docs  {settings.data_docs}\n"
            "  graph      make dev, then http://127.0.0.1:3000"
        )


@main.command()
@click.option(
    "--landing",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of deliveries. Default: the configured one (var/landing).",
)
@click.option(
    "--as-of",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The logical today, where every metric ends. Default: today.",
)
@click.option(
    "--full",
    is_flag=True,
    help="Forget every verdict and rebuild the warehouse from the landed rows;"
    " customer ids stay. Also mends a damaged warehouse file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def run(
    landing: Path | None, as_of: datetime | None, full: bool, as_json: bool
) -> None:
    """Land what was delivered, build the marts, publish them, send the audiences.

    Configured places are fetched first, unless --landing names another folder.

    \b
    crm360 run
    crm360 run --landing exports/ --as-of 2011-05-31
    """
    with clear_errors():
        settings = load_settings()
        zone = ZoneInfo(settings.business_timezone)
        _run(
            settings,
            landing=(landing or settings.landing).absolute(),
            as_of=as_of.date() if as_of else datetime.now(zone).date(),
            full=full,
            as_json=as_json,
        )


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=3000, show_default=True)
def dev(host: str, port: int) -> None:
    """Dagster's UI with schedules and sensors, on the same state."""
    from orchestration.launch import prepare_environment

    with clear_errors():
        prepare_environment(load_settings())
    os.chdir(PROJECT)  # where pyproject.toml names the code location
    program = str(Path(sys.executable).with_name("dagster"))
    os.execv(program, [program, "dev", "-h", host, "-p", str(port)])


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def status(as_json: bool) -> None:
    """How the last run went, what is held back, and what each destination holds."""
    from orchestration.components import gate

    with clear_errors():
        settings = load_settings()
        _print_summary(settings, as_json=as_json)
        problems = gate.sending_problems(settings)
        if not as_json:
            click.echo(f"Gate         {'closed' if problems else 'open'}")
            for problem in problems:
                click.echo(f"  {problem}")


@main.command()
@click.argument("audience", required=False)
@click.option("--destination", help="Only this destination.")
@click.option("--json", "as_json", is_flag=True, help="Print the plans as JSON.")
def plan(audience: str | None, destination: str | None, as_json: bool) -> None:
    """What a sync would do, member by member, and who is left out and why.

    Nothing is sent. The plan's rows are in activation.plan_rows.

    \b
    crm360 plan
    crm360 plan winback --destination outbox
    """
    from orchestration.components import audience_sync
    from orchestration.lib.activation.guards import held_because, is_released
    from orchestration.lib.activation.plan import (
        changed_fields,
        left_out,
        write_plan,
    )

    with clear_errors():
        settings = load_settings()
        as_of = _last_as_of(settings)
        found: list[dict[str, Any]] = []
        for sync in _syncs(settings, audience, destination):
            with audience_sync.sync_state(settings) as connection:
                made = write_plan(connection, sync, as_of)
                found.append(
                    {
                        **dataclasses.asdict(made),
                        "changed_fields": changed_fields(connection, made.plan_id),
                        "left_out_because": left_out(connection, made.plan_id),
                        "held_because": held_because(connection, made.plan_id),
                        "is_released": is_released(connection, sync, made.plan_id),
                    }
                )
        audience_sync.publish_state(settings)
    if as_json:
        click.echo(json.dumps(found, default=str, indent=2))
        return
    for each in found:
        click.echo(
            f"{each['plan_id']}  {each['audience']} -> {each['destination']}:"
            f" add {each['adds']}, change {each['changes']}, remove {each['removes']},"
            f" unchanged {each['unchanged']}, left out {each['left_out']}"
        )
        if each["requests"]:
            click.echo(f"  takes      {_effort(each)}")
        for field, count in each["changed_fields"].items():
            click.echo(f"  changes    {count:>8,}  {field}")
        for reason, count in each["left_out_because"].items():
            click.echo(f"  left out   {count:>8,}  {reason}")
        for reason in each["held_because"]:
            click.echo(f"  held       {reason}")
        if each["held_because"]:
            click.echo(
                "  released"
                if each["is_released"]
                else "  if that is right: crm360 release"
                f" {each['plan_id']} --reason TEXT"
            )
    click.echo("Apply one with: crm360 apply PLAN")


@main.command()
@click.argument("plan_id", metavar="PLAN")
@click.option("--reason", required=True, help="Why it may be sent; kept with it.")
@click.option("--by", default=None, help="Who decides; default the user's name.")
def release(plan_id: str, reason: str, by: str | None) -> None:
    """Let a plan be sent that a guard holds.

    It covers what the plan says and no more: when the data moves on, only what is left
    of it. The next run, or `crm360 apply`, sends it.

    \b
    crm360 plan winback
    crm360 release 3f9c2a1b5e7d8a64 --reason "the segment was redefined"
    """
    from orchestration.components import audience_sync
    from orchestration.lib.activation import guards

    decided_by = by or decider()
    with clear_errors():
        settings = load_settings()
        with audience_sync.sync_state(settings) as connection:
            guards.release(connection, plan_id, by=decided_by, reason=reason)
        audience_sync.publish_state(settings)
    click.echo(f"{plan_id}: released by {decided_by}; send it: crm360 apply {plan_id}")


@main.command()
@click.argument("plan_id", metavar="PLAN")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def apply(plan_id: str, as_json: bool) -> None:
    """Do exactly what a plan says, or refuse.

    Refused when the data moved on since, somebody unsubscribed at the destination, the
    plan was altered, or the gate is closed.
    """
    from orchestration.components import audience_sync, gate
    from orchestration.components.destinations import destination_of
    from orchestration.lib.activation.apply import apply_plan
    from orchestration.lib.activation.plan import PlanRefused, read_plan
    from orchestration.lib.activation.withdrawals import note_withdrawals

    with clear_errors():
        settings = load_settings()
        closed = gate.sending_problems(settings)
        with audience_sync.sync_state(settings) as connection:
            stored = read_plan(connection, plan_id)
            if stored is None:
                raise PlanRefused(f"there is no plan {plan_id}: see `crm360 plan`")
            (sync,) = _syncs(settings, stored.audience, stored.destination)
            with destination_of(settings, sync.destination) as destination:
                if not closed:
                    note_withdrawals(connection, sync, destination)
                done = apply_plan(
                    connection, sync, plan_id, destination, closed_because=closed
                )
        audience_sync.publish_state(settings)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(done), indent=2))
    else:
        click.echo(
            f"{plan_id}: sent {done.sent}, acknowledged {done.acknowledged},"
            f" rejected {done.rejected}, unknown {done.unknown}"
        )
    if not done.is_complete:
        raise click.ClickException(done.problem or "not everything was acknowledged")


def _effort(plan: dict[str, Any]) -> str:
    """Requests, and the time that the destination's rates make of them."""
    requests = f"{plan['requests']:,} request{'s' * (plan['requests'] > 1)}"
    retries = f", {plan['retries']:,} members again" if plan["retries"] else ""
    minutes = plan["least_seconds"] / 60
    return f"{requests}{retries}" + (
        f", at least {minutes:.1f} minutes" if minutes >= 0.1 else ""
    )


def _run(
    settings: Settings,
    *,
    landing: Path,
    as_of: date,
    full: bool = False,
    as_json: bool = False,
) -> None:
    """Launch the daily job in this process and print what came of it."""
    from orchestration.components.experiments import declared_experiments
    from orchestration.launch import launch, set_aside_warehouse
    from orchestration.lib.quality.overrides import read_overrides
    from orchestration.lib.warehouse import connect

    # A slip in them, too, is better told now.
    read_overrides(settings.overrides)
    declared_experiments(settings)
    if full:
        set_aside_warehouse(settings)
    with connect(settings.warehouse):
        pass  # a busy or damaged file is better told now than by a failed step
    failures = launch(settings, landing=landing, as_of=as_of)
    if failures:
        for failure in failures:
            click.echo(failure, err=True)
        raise click.ClickException(
            "the run failed; nothing was published or sent after the failed step"
        )
    _print_summary(settings, as_json=as_json)


def _print_summary(settings: Settings, *, as_json: bool) -> None:
    from orchestration.lib.report.summary import summarise, text

    summary = summarise(
        settings.warehouse, settings.marts, settings.activation, list(settings.places)
    )
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(summary), default=str, indent=2))
    else:
        click.echo(text(summary))


def _last_as_of(settings: Settings) -> date:
    from orchestration.lib.runs import last_run
    from orchestration.lib.warehouse import connect

    with connect(settings.warehouse) as connection:
        found = last_run(connection)
    if found is None:
        raise FileNotFoundError("nothing has run yet: `crm360 run` first")
    return found[1]


def _syncs(
    settings: Settings, audience: str | None, destination: str | None
) -> list[Any]:
    from orchestration.components.syncs import syncs

    every = syncs(settings)
    found = [
        sync
        for sync in every
        if audience in (None, sync.audience.name)
        and destination in (None, sync.destination)
    ]
    if not found:
        known = [f"{each.audience.name} -> {each.destination}" for each in every]
        raise SettingsError(
            f"no sync of {audience or 'any audience'} to"
            f" {destination or 'any destination'} is configured; there are"
            f" {', '.join(known)}"
        )
    return found


if __name__ == "__main__":
    main()
