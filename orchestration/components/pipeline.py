"""What every asset shares: settings, contracts, and the parameters of the run."""

from dataclasses import replace
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import duckdb

from orchestration.lib.landing import ledger
from orchestration.lib.landing.contract import ExportContract, read_contracts
from orchestration.lib.landing.landing_place import (
    LandingFile,
    claimed,
    delivered_files,
)
from orchestration.lib.runs import RunParameters, start_run, started_run
from orchestration.lib.warehouse import connect
from orchestration.settings import (
    MODELS,
    Settings,
    load_settings,
    resolved_base_currency,
)


@cache
def contracts() -> tuple[ExportContract, ...]:
    """All exports of the project, with what the configuration overrides."""
    overrides = load_settings().exports
    return tuple(
        replace(contract, **overrides.get(contract.key, {}))
        for contract in read_contracts(MODELS)
    )


class Pipeline(dg.ConfigurableResource[Any]):
    """What a launch may say: where deliveries lie, and which day it is."""

    landing: str = ""
    as_of: str = ""

    @property
    def settings(self) -> Settings:
        """The configuration of this process."""
        return load_settings()

    @property
    def landing_place(self) -> Path:
        """The folder of deliveries of this launch."""
        return Path(self.landing) if self.landing else self.settings.landing

    def claimed_files(
        self,
    ) -> tuple[dict[str, list[LandingFile]], dict[LandingFile, str]]:
        """Delivered files by export, and reasons by file for those of none."""
        return claimed(delivered_files(self.landing_place), contracts())

    def parameters(self, context: dg.AssetExecutionContext) -> RunParameters:
        """The run's parameters, decided by the first step that asks."""
        with connect(self.settings.warehouse) as connection:
            known = started_run(connection, context.run_id)
            as_of, base_currency = known or (
                self._logical_day(context),
                self._base_currency(connection),
            )
            run = RunParameters(
                run_id=context.run_id,
                as_of=as_of,
                base_currency=base_currency,
                landing=self.landing_place,
            )
            if known is None:
                start_run(connection, run)
        return run

    def _logical_day(self, context: dg.AssetExecutionContext) -> date:
        """As launched, else the day on which the run was created."""
        if self.as_of:
            return date.fromisoformat(self.as_of)
        zone = ZoneInfo(self.settings.business_timezone)
        record = context.instance.get_run_record_by_id(context.run_id)
        created = record.create_timestamp if record else datetime.now(zone)
        return created.astimezone(zone).date()

    def _base_currency(self, connection: duckdb.DuckDBPyConnection) -> str:
        ledger.create_ledger(connection, self.settings.raw)
        files, _ = self.claimed_files()
        return resolved_base_currency(
            self.settings,
            [
                contract.currency or ""
                for contract in contracts()
                if (contract.currency or contract.currency_column)
                and (files[contract.key] or ledger.read(connection, contract))
            ],
        )
