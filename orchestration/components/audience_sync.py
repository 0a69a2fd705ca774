"""One audience to one destination: the asset that plans and applies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import duckdb

from orchestration.components import gate
from orchestration.components.pipeline import Pipeline
from orchestration.lib.activation.apply import Applied, PlanHeld, apply_plan
from orchestration.lib.activation.destinations.base import Destination
from orchestration.lib.activation.destinations.files import FileDestination
from orchestration.lib.activation.destinations.webhook import WebhookDestination
from orchestration.lib.activation.plan import Plan, left_out, write_plan
from orchestration.lib.activation.state import Audience, Limits, Sync, opened
from orchestration.lib.publish.marts import publish_file
from orchestration.settings import (
    AudienceSettings,
    DestinationSettings,
    Settings,
    SettingsError,
)


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
            with sync_state(pipeline.settings) as connection:
                plan = write_plan(connection, sync, run.as_of)
                reasons = left_out(connection, plan.plan_id)
                applied = apply_plan(
                    connection,
                    sync,
                    plan.plan_id,
                    make_destination(pipeline.settings, sync.destination),
                )
        except PlanHeld as held:
            # Trying again would change nothing: a person must look.
            raise dg.Failure(str(held), allow_retries=False) from None
        finally:
            publish_state(pipeline.settings)
        if applied.problem:
            raise dg.Failure(
                applied.problem, metadata=_metadata(plan, applied, reasons)
            )
        return dg.MaterializeResult(metadata=_metadata(plan, applied, reasons))

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
    audience_node: dict[str, Any],
    destination: DestinationSettings,
    configured: AudienceSettings,
) -> Sync:
    """A sync of the audience that a mart's node in dbt's manifest describes."""
    options = audience_node["config"]["meta"]["activation"]
    return Sync(
        audience=Audience(
            name=audience_node["name"].removeprefix("audience_"),
            relation=audience_node["name"],
            channel=options["channel"],
            purpose=options["purpose"],
            contact_field=options["contact_field"],
            fields=tuple(options["fields"]),
        ),
        destination=destination.name,
        limits=Limits(
            least_members=configured.least_members,
            most_added=configured.most_added,
            most_changed=configured.most_changed,
            most_removed=configured.most_removed,
            most_withdrawn=configured.most_withdrawn,
            is_first_send_held=configured.hold_first_send
            and destination.type != "file",
        ),
    )


def make_destination(settings: Settings, name: str) -> Destination:
    """The destination as configured, its secret from the environment."""
    options: DestinationSettings = settings.destinations[name]
    if options.type == "file":
        return FileDestination(settings.home / options.folder, options.batch_rows)
    secret = os.environ.get(options.secret_env) if options.secret_env else None
    if options.secret_env and not secret:
        raise SettingsError(
            f"destination {name} needs its signing secret in the environment variable"
            f" {options.secret_env}, which is not set"
        )
    return WebhookDestination(
        options.url,
        secret=secret,
        batch_rows=options.batch_rows,
        timeout_seconds=options.timeout_seconds,
        attempts=options.attempts,
    )


def _metadata(plan: Plan, applied: Applied, reasons: dict[str, int]) -> dict[str, Any]:
    return {
        "plan": plan.plan_id,
        "added": plan.adds,
        "changed": plan.changes,
        "removed": plan.removes,
        "unchanged": plan.unchanged,
        "acknowledged": applied.acknowledged,
        "rejected": applied.rejected,
        "unknown": applied.unknown,
        "left out": reasons,
    }
