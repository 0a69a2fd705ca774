"""How a run left everything, read from its events.

    runs/<job>                           the run as a whole
    steps/<step>                         each of its steps but syncs
    activation/<audience>/<destination>  each sync
    checks/<asset>/<check>               each check, by its severity

What a run did not come to stays as it was: a step after a failed one says nothing.
"""

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from orchestration.components.pipeline import contracts
from orchestration.lib.alerts.memory import OK, Observation

_LONGEST_REASON = 600
#: Errors of Dagster whose texts hold names alone, or what an asset said itself.
_TOLD = ("Failure", "DagsterAssetCheckFailedError")
#: dbt's names for a check of its own.
_NAMES = ("unique_id", "invocation_id", "status")


def observations(
    instance: dg.DagsterInstance, run: dg.DagsterRun
) -> Iterator[Observation]:
    """How a run that has ended left what it came to."""
    failed = []
    for entry in instance.all_logs(
        run.run_id,
        of_type={
            dg.DagsterEventType.STEP_SUCCESS,
            dg.DagsterEventType.STEP_FAILURE,
            dg.DagsterEventType.ASSET_CHECK_EVALUATION,
        },
    ):
        event = entry.get_dagster_event()
        if event.event_type is dg.DagsterEventType.ASSET_CHECK_EVALUATION:
            yield _check(event.asset_check_evaluation_data)
        else:
            if event.is_step_failure:
                failed.append(_name(event))
            yield _step(event)
    if not run.job_name.startswith("__"):  # whatever somebody picked in the UI
        yield _run(run, failed)


def _run(run: dg.DagsterRun, failed: list[str]) -> Observation:
    subject = f"runs/{run.job_name}"
    if run.status is dg.DagsterRunStatus.SUCCESS:
        return Observation(subject, OK)
    reason = (
        f"failed: {', '.join(failed)}" if failed else "it was ended, or never began"
    )
    return Observation(subject, "failed", _line(reason), "crm360 status")


def _step(event: dg.DagsterEvent) -> Observation:
    name = _name(event)
    subject, remedy = f"steps/{name}", "crm360 status"
    match name.split("/"):
        case ["activation", audience, destination]:
            subject = name
            remedy = f"crm360 plan {audience} --destination {destination}"
    if event.event_type is dg.DagsterEventType.STEP_SUCCESS:
        return Observation(subject, OK)
    failure = event.step_failure_data
    said = failure.user_failure_data
    state = "held" if said and "state" in said.metadata else "failed"
    return Observation(subject, state, _reason(failure.error), remedy)


def _check(evaluation: dg.AssetCheckEvaluation) -> Observation:
    asset = evaluation.asset_key.to_user_string()
    subject = f"checks/{asset}/{evaluation.check_name}"
    if evaluation.passed:
        return Observation(subject, OK)
    export = asset.replace("/", ".")
    return Observation(
        subject,
        "failed" if evaluation.severity is dg.AssetCheckSeverity.ERROR else "warning",
        _line("; ".join(_figures(evaluation.metadata))),
        f"crm360 quarantine list --export {export}"
        if export in {contract.key for contract in contracts()}
        else f"crm360 dev, then the asset {asset}",
    )


def _figures(metadata: Mapping[str, dg.MetadataValue[Any]]) -> Iterator[str]:
    """What a check says of itself."""
    for key, value in metadata.items():
        name = key.removeprefix("dagster_dbt/").replace("_", " ")
        if isinstance(value.value, str | int) and value.value and key not in _NAMES:
            yield f"{name}: {value.value}"


def _name(event: dg.DagsterEvent) -> str:
    return str(event.step_key).replace("__", "/")


def _reason(error: Any) -> str:  # noqa: ANN401 - Dagster's copy of an exception
    """The text of an error of ours; of others the type, as they may quote a row."""
    kind = "unknown"
    while error is not None:
        kind = error.cls_name or kind
        if kind in _TOLD or error.message.startswith("orchestration."):
            return _line(error.message.partition(": ")[2])
        error = error.cause
    return kind


def _line(text: str) -> str:
    return textwrap.shorten(text, _LONGEST_REASON, placeholder=" ...")
