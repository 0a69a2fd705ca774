"""One place: what is new there, brought to the landing folder before exports land."""

import importlib.util
import os
from collections.abc import Callable, Sequence, Set
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg

from orchestration.components.pipeline import Pipeline
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.landing_place import date_in
from orchestration.lib.places.fetch import Fetch, Outcome
from orchestration.lib.places.memory import Memory
from orchestration.lib.places.remote import (
    FilePlace,
    PlaceUnreachable,
    RowPlace,
    redacted,
)
from orchestration.lib.runs import open_problems, stage
from orchestration.lib.warehouse import WarehouseUnreadable, connect
from orchestration.settings import (
    HttpSettings,
    PlaceSettings,
    RestSettings,
    S3Settings,
    Settings,
    SftpSettings,
    SqlSettings,
)


def stage_name(place: PlaceSettings) -> str:
    """The stage of `ops.stages` that fetches from this place."""
    return f"fetch {place.name}"


def asset_key(place: PlaceSettings) -> dg.AssetKey:
    """The asset of this place."""
    return dg.AssetKey(["places", place.name])


def fetched_place(place: PlaceSettings) -> dg.Definitions:
    """The asset of one place, and the check that it could be reached."""

    @dg.asset(
        key=asset_key(place),
        description=f"What {place.name} holds, in the folder {place.into} of landing.",
        group_name="places",
        kinds={place.type},
        owners=["team:data-engineering"],
        pool="warehouse",
        # Before every export, also those that it is not known to feed.
        op_tags={"dagster/priority": "1"},
    )
    def files(
        context: dg.AssetExecutionContext, pipeline: Pipeline
    ) -> dg.MaterializeResult[Any]:
        settings = pipeline.settings
        if pipeline.landing_place.absolute() != settings.landing.absolute():
            context.log.info(f"not asked: this run reads {pipeline.landing_place}")
            return dg.MaterializeResult()
        outcome = fetch(
            settings, place, run_id=context.run_id, progress=context.log.info
        )
        for problem in outcome.problems:
            context.log.warning(f"not fetched: {problem}")
        return dg.MaterializeResult(
            metadata={
                "new": outcome.new,
                "unchanged": outcome.unchanged,
                "bytes": outcome.bytes,
                "not fetched": outcome.problems,
            }
        )

    @dg.asset_check(asset=files, name="was_fetched")
    def was_fetched(pipeline: Pipeline) -> dg.AssetCheckResult:
        """Everything that lies in the place was brought when it was last asked."""
        name = stage_name(place)
        with connect(pipeline.settings.warehouse) as connection:
            problems = open_problems(connection, [name], last=name)
        return dg.AssetCheckResult(
            passed=not problems,
            severity=(
                dg.AssetCheckSeverity.ERROR
                if place.carries_consent
                else dg.AssetCheckSeverity.WARN
            ),
            metadata={"problem": "; ".join(problems)},
        )

    return dg.Definitions(assets=[files], asset_checks=[was_fetched])


def fetch(
    settings: Settings,
    place: PlaceSettings,
    *,
    run_id: str,
    progress: Callable[[str], None],
) -> Outcome:
    """Bring what is new; a place that fails is told in the outcome and in `ops`."""
    with stage(settings.warehouse, stage_name(place), run_id) as step:
        outcome = visit(settings, place, progress=progress)
        if outcome.problems:
            first, *others = outcome.problems
            step.fail(first + (f" (and {len(others)} more)" if others else ""))
    return outcome


def visit(
    settings: Settings,
    place: PlaceSettings,
    *,
    dry_run: bool = False,
    progress: Callable[[str], None],
) -> Outcome:
    """Ask the place what is new, and unless it is a dry run bring it."""
    secrets: list[str] = []
    try:
        with connect(settings.fetched) as connection:
            work = Fetch(
                place.name,
                Memory(connection, place.name),
                landing=settings.landing,
                into=place.into,
                now=datetime.now(UTC),
                date_in=date_in,
                attempts=place.attempts,
                dry_run=dry_run,
                progress=progress,
            )
            match place:
                case SqlSettings() | RestSettings():
                    with closing(_row_place(place, secrets)) as rows:
                        outcome = work.rows(rows)
                case _:
                    with closing(_file_place(place, secrets)) as files:
                        outcome = work.files(files, getattr(place, "files", ("*",)))
    except PlaceUnreachable as error:
        outcome = Outcome(place=place.name, problems=[str(error)])
    except WarehouseUnreadable as error:
        remedy = "Delete it: everything is fetched again, what has landed is known."
        outcome = Outcome(place=place.name, problems=[f"{error} {remedy}"])
    outcome.problems = [redacted(problem, secrets) for problem in outcome.problems]
    return outcome


def feeding(
    contract: ExportContract, places: Sequence[PlaceSettings], sources: Set[str]
) -> list[PlaceSettings]:
    """The places whose files may be this export's: those that fill its folder.

    Args:
        sources: all sources; what lands in no source's folder may be anybody's.
    """
    return [
        place
        for place in places
        if place.into.split("/")[0] == contract.source
        or place.into.split("/")[0] not in sources
    ]


def _file_place(place: PlaceSettings, secrets: list[str]) -> FilePlace:
    match place:
        case S3Settings():
            from orchestration.lib.places.s3 import S3Files

            return S3Files(
                place.bucket,
                place.prefix,
                endpoint_url=place.endpoint_url,
                region=place.region,
                key=_secret(place.key_env, secrets),
                secret=_secret(place.secret_env, secrets),
                attempts=place.attempts,
                timeout_seconds=place.timeout_seconds,
            )
        case SftpSettings():
            _need("asyncssh")
            from orchestration.lib.places.sftp import SftpFiles

            key_file = _environment(place.key_file_env)
            return SftpFiles(
                place.host,
                place.port,
                place.user,
                place.folder,
                password=_secret(place.password_env, secrets),
                key_file=Path(key_file).expanduser() if key_file else None,
                known_hosts=Path(place.known_hosts).expanduser(),
                timeout_seconds=place.timeout_seconds,
            )
        case HttpSettings():
            from orchestration.lib.places.http import HttpFiles

            return HttpFiles(
                place.urls,
                token=_secret(place.token_env, secrets),
                timeout_seconds=place.timeout_seconds,
            )
    raise AssertionError(f"{place.type} is no type of files")


def _row_place(place: SqlSettings | RestSettings, secrets: list[str]) -> RowPlace:
    match place:
        case SqlSettings():
            _need("psycopg")
            from orchestration.lib.places.sql import SqlTable, SqlTables

            return SqlTables(
                _secret(place.url_env, secrets) or "",
                [
                    SqlTable(
                        name=table.name,
                        schema=table.schema or None,
                        cursor=table.cursor or None,
                    )
                    for table in place.tables
                ],
                timeout_seconds=place.timeout_seconds,
            )
        case RestSettings():
            _need("dlt")
            # Only its client is used, which reports nothing; this makes it certain.
            os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
            from orchestration.lib.places.rest import RestResource, RestResources

            return RestResources(
                place.base_url,
                [
                    RestResource(
                        name=each.name,
                        path=each.path,
                        params=each.params,
                        data_selector=each.data_selector,
                        paginator=each.paginator,
                        cursor=each.cursor or None,
                        cursor_param=each.cursor_param,
                    )
                    for each in place.resources
                ],
                token=_secret(place.token_env, secrets),
                token_header=place.token_header,
                attempts=place.attempts,
                timeout_seconds=place.timeout_seconds,
            )


def _environment(variable: str) -> str | None:
    """The value of an environment variable; None where none is configured."""
    if not variable:
        return None
    value = os.environ.get(variable)
    if not value:
        raise PlaceUnreachable(f"the environment variable {variable} is not set")
    return value


def _secret(variable: str, secrets: list[str]) -> str | None:
    """As `_environment`, for what no message may show."""
    value = _environment(variable)
    if value:
        secrets.append(value)
    return value


def _need(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise PlaceUnreachable(
            f"this needs {package}, which is not installed:"
            " pip install -e '.[places]' in the project's folder"
        )
