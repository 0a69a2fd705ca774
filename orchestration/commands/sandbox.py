"""`crm360 sandbox`: vendors on this machine, to try audiences on."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from orchestration.settings import Settings, load_settings

#: Where an audience of the demo goes: an e-mail service, a CRM, an ad network, and a
#: system of the company's own.
_OF_THE_DEMO = ("mailchimp", "hubspot", "meta", "webhook")
_MEMORY = "sandbox.pickle"


@click.command()
@click.option("--port", default=8360, show_default=True, help="On 127.0.0.1.")
@click.option(
    "--faults",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of requests that meet a fault: errors, lost answers, broken lines.",
)
@click.option("--seed", default=1, show_default=True, help="Of the faults.")
@click.option("--empty", is_flag=True, help="Forget what arrived before.")
def sandbox(port: int, faults: float, seed: int, empty: bool) -> None:
    """Vendors' APIs on this machine, which keep to the vendors' published rules.

    Prints what crm360.toml must say to send the audience winback to each of them. What
    arrives is shown on a page, and remembered when the sandbox is started again; what
    `crm360 demo` sent is there already.

    \b
    crm360 sandbox >> crm360.toml        in one terminal
    export SANDBOX=sandbox               in another: every credential is this
    crm360 plan                          then release and apply what you like
    crm360 sandbox --faults 0.3          the same with errors and broken lines
    """
    from orchestration.lib.sandbox.accounts import configuration, vendors
    from orchestration.lib.sandbox.faults import Faults
    from orchestration.lib.sandbox.memory import remembering
    from orchestration.lib.sandbox.server import application, serve

    file = load_settings().home / _MEMORY
    if empty:
        file.unlink(missing_ok=True)
    accounts = vendors()
    url = f"http://127.0.0.1:{port}"
    for vendor in accounts:
        click.echo(f"{vendor.name:10}{vendor.documentation}", err=True)
    click.echo(configuration(url))
    click.echo(f"what arrived: {url}", err=True)
    with remembering(accounts, file):
        serve(application(accounts, Faults(rate=faults, seed=seed)), port)


@contextmanager
def sandbox_of_the_demo(home: Path) -> Iterator[Settings]:
    """Settings that send the audience to the sandbox, which runs during the block."""
    from orchestration.lib.sandbox.accounts import (
        SECRET,
        SECRET_ENV,
        configuration,
        vendors,
    )
    from orchestration.lib.sandbox.faults import Faults
    from orchestration.lib.sandbox.memory import remembering
    from orchestration.lib.sandbox.server import application, running

    config = home / "demo.toml"
    accounts = vendors()
    with (
        remembering(accounts, home / _MEMORY),
        running(application(accounts, Faults())) as url,
    ):
        config.write_text(
            configuration(url, _OF_THE_DEMO, hold_first_send=False), encoding="utf-8"
        )
        os.environ |= {"CRM360_CONFIG": str(config), SECRET_ENV: SECRET}
        load_settings.cache_clear()
        yield load_settings()
