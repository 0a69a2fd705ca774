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

    Prints what crm360.toml must say to send the audience winback to each of them. What
    arrives is shown on a page, and forgotten when the sandbox ends (Ctrl-C).

    \b
    crm360 sandbox >> crm360.toml        in one terminal
    export SANDBOX=sandbox               in another: every credential is this
    crm360 plan                          then release and apply what you like
    crm360 sandbox --faults 0.3          the same with errors and broken lines
    """
    from orchestration.lib.sandbox.accounts import configuration, vendors
    from orchestration.lib.sandbox.faults import Faults
    from orchestration.lib.sandbox.server import application, serve

    accounts = vendors()
    url = f"http://127.0.0.1:{port}"
    for vendor in accounts:
        click.echo(f"{vendor.name:10}{vendor.documentation}", err=True)
    click.echo(configuration(url))
    click.echo(f"what arrived: {url}", err=True)
    serve(application(accounts, Faults(rate=faults, seed=seed)), port)
