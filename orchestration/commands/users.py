"""Who decides, where a command writes down a decision."""

import getpass

import click


def decider() -> str:
    """The name of the user, as a default of `--by`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:  # a container may know none
        raise click.UsageError("say who decides with --by NAME") from error
