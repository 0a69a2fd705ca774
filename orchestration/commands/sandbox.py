"""`crm360 sandbox`: vendors on this machine, to try audiences on."""

import click


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
def sandbox(port: int, faults: float, seed: int) -> None:
    """Vendors' APIs on this machine, which keep to the vendors' published rules.

    What arrives is shown on their page and forgotten when they end (Ctrl-C).
    Each vendor prints what crm360.toml must say to send an audience to it.

    \b
    crm360 sandbox
    crm360 sandbox --faults 0.3
    """
    from orchestration.lib.sandbox import VENDORS
    from orchestration.lib.sandbox.faults import Faults
    from orchestration.lib.sandbox.server import application, serve

    vendors = [vendor() for vendor in VENDORS.values()]
    address = f"http://127.0.0.1:{port}"
    for vendor in vendors:
        click.echo(f"{address}/{vendor.name}".ljust(44) + vendor.documentation)
    click.echo(f"What arrived: {address}")
    serve(application(vendors, Faults(rate=faults, seed=seed)), port)
