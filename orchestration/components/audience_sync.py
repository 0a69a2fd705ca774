"""One audience to one destination: the asset that plans and applies."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import dagster as dg
import duckdb

from orchestration.components import gate
from orchestration.components.destinations import capabilities, destination_of
from orchestration.components.pipeline import Pipeline
from orchestration.lib.activation.apply import (
    Applied,
    PlanHeld,
    apply_made,
    settle_jobs,
)
from orchestration.lib.activation.destinations.base import Mode
from orchestration.lib.activation.mapping import (
    MEMBER,
    FieldMapping,
    MappingError,
    read_field,
)
from orchestration.lib.activation.plan import Plan, left_out, write_plan
from orchestration.lib.activation.state import Audience, Limits, Sync, opened
from orchestration.lib.activation.withdrawals import note_withdrawals
from orchestration.lib.publish.marts import publish_file
from orchestration.settings import Settings, SettingsError, SyncSettings


def audience_sync(sync: Sync) -> dg.AssetsDefinition:
    """The asset of one sync: what its destination is known to hold."""
    audience = sync.audience

    @dg.asset(
        key=["activation", audience.name, sync.destination],
        description=(
            f"One row per member of {audience.name} that {sync.destination} has"
            " acknowledged."
        ),
        deps=[dg.AssetKey(["marts", name]) for name in (
            audience.relation, "customer_consents",
        )] + [dg.AssetKey(["published", "marts"])],
        group_name="activation",
        kinds={"duckdb", "python"},
        owners=["team:marketing"],
        pool=f"destination_{sync.destination}",
        retry_policy=dg.RetryPolicy(max_retries=1, delay=5),
    )  # fmt: skip
    def sync_asset(
        context: dg.AssetExecutionContext, pipeline: Pipeline
    ) -> dg.MaterializeResult[Any]:
        gate.assert_open(gate.sending_problems(pipeline.settings))
        run = pipeline.parameters(context)
        try:
            with (
                sync_state(pipeline.settings) as connection,
                destination_of(pipeline.settings, sync.destination) as destination,
            ):
                settle_jobs(connection, sync, destination)
                withdrawn = note_withdrawals(connection, sync, destination)
                plan = write_plan(connection, sync, run.as_of)
                reasons = left_out(connection, plan.plan_id)
                applied = apply_made(connection, sync, plan, destination)
        except PlanHeld as held:
            # Trying again would change nothing: a person must look.
            raise dg.Failure(
                str(held), metadata={"state": "held"}, allow_retries=False
            ) from None
        finally:
            publish_state(pipeline.settings)
        metadata = {
            **_metadata(plan, applied, reasons),
            "withdrawn there": withdrawn,
        }
        if applied.problem:
            raise dg.Failure(applied.problem, metadata=metadata)
        return dg.MaterializeResult(metadata=metadata)

    return sync_asset


@contextmanager
def sync_state(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """The activation state, with the marts under construction attached."""
    with opened(settings.activation, settings.marts) as connection:
        yield connection


def publish_state(settings: Settings) -> None:
    """Let others read what was planned, sent and acknowledged."""
    publish_file(settings.activation, settings.published)


def make_sync(
    audience_node: dict[str, Any], settings: Settings, destination: str
) -> Sync:
    """A sync of the audience that a mart's node in dbt's manifest describes.

    Raises:
        SettingsError: the destination cannot do what the configuration asks of it.
    """
    options = audience_node["config"]["meta"]["activation"]
    name = audience_node["name"].removeprefix("audience_")
    configured = settings.audiences[name]
    wanted = configured.syncs.get(destination, SyncSettings())
    where = f"{settings.file}: audiences.{name}.syncs.{destination}"
    can = capabilities(settings, destination)
    mode = wanted.mode or can.modes[0]
    if mode not in can.modes:
        raise SettingsError(
            f"{where}.mode is {mode!r}; {destination} can {', '.join(can.modes)}"
        )
    fields = wanted.fields or {column: column for column in options["fields"]}
    known = {MEMBER, *options["fields"]}
    try:
        mapped = tuple(read_field(key, value) for key, value in fields.items())
        FieldMapping(mapped, can)
    except MappingError as error:
        raise SettingsError(f"{where}.fields: {error}") from error
    for field in mapped:
        for column in sorted(set(field.columns) - known):
            raise SettingsError(
                f"{where}.fields.{field.name}: the audience has no column {column}; it"
                f" has {', '.join(sorted(known))}"
            )
        if can.key == f"{{{field.name}}}" and options["contact_field"] in field.columns:
            raise SettingsError(
                f"{where}.fields.{field.name}: {destination} knows members by it, and"
                f" no contact is kept in clear: map {MEMBER} to it, or a code"
            )
    return Sync(
        audience=Audience(
            name=name,
            relation=audience_node["name"],
            channel=options["channel"],
            purpose=options["purpose"],
            contact_field=options["contact_field"],
        ),
        destination=destination,
        capabilities=can,
        fields=mapped,
        mode=cast(Mode, mode),
        limits=Limits(
            least_members=max(configured.least_members, can.least_members),
            most_added=configured.most_added,
            most_changed=configured.most_changed,
            most_removed=configured.most_removed,
            most_withdrawn=configured.most_withdrawn,
            is_first_send_held=configured.hold_first_send
            and settings.destinations[destination].type != "file",
        ),
    )


def _metadata(plan: Plan, applied: Applied, reasons: dict[str, int]) -> dict[str, Any]:
    return {
        "plan": plan.plan_id,
        "added": plan.adds,
        "changed": plan.changes,
        "removed": plan.removes,
        "tried again": plan.retries,
        "unchanged": plan.unchanged,
        "acknowledged": applied.acknowledged,
        "rejected": applied.rejected,
        "absent": applied.absent,
        "unknown": applied.unknown,
        "left out": reasons,
    }
