"""Errors that a person can do something about, without a traceback."""

import contextlib
from collections.abc import Iterator

import click

from orchestration.settings import SettingsError


class Wrong(click.ClickException):
    """Called or configured wrongly."""

    exit_code = 2


@contextlib.contextmanager
def clear_errors() -> Iterator[None]:
    """Say what went wrong and what to do; anything unforeseen keeps its traceback."""
    from orchestration.lib.activation.guards import ReleaseRefused
    from orchestration.lib.activation.plan import PlanRefused
    from orchestration.lib.experiments.declaration import ExperimentError
    from orchestration.lib.identity.decisions import DecisionsRefused
    from orchestration.lib.identity.explanation import NobodyFound
    from orchestration.lib.landing.contract import ContractError
    from orchestration.lib.quality.overrides import OverridesError
    from orchestration.lib.quality.suites import SuiteError
    from orchestration.lib.quality.workplace import SelectionError
    from orchestration.lib.report.figures import FigureUnknown
    from orchestration.lib.warehouse import WarehouseBusy, WarehouseUnreadable

    try:
        yield
    except (
        SettingsError,
        ContractError,
        SuiteError,
        OverridesError,
        DecisionsRefused,
        ExperimentError,
    ) as error:
        raise Wrong(str(error)) from error
    except WarehouseUnreadable as error:
        raise click.ClickException(
            f"{error} Nothing delivered is lost: `crm360 run --full` sets the file"
            " aside and rebuilds it from the landed rows."
        ) from error
    except (
        FileNotFoundError,
        WarehouseBusy,
        PlanRefused,
        ReleaseRefused,
        SelectionError,
        NobodyFound,
        FigureUnknown,
    ) as error:
        raise click.ClickException(str(error)) from error
