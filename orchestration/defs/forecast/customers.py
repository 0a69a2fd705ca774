"""Forecasts of customers, made between the two halves of the dbt project."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from orchestration.components.pipeline import Pipeline
from orchestration.components.stages import FORECAST
from orchestration.lib.forecast.company import (
    COMPANY,
    Forecast,
    forecast_customers,
    keep,
)
from orchestration.lib.runs import stage
from orchestration.lib.warehouse import connect

#: Amounts are net of refunds so far; an order refunded whole was paid, and counts.
_PAID_ORDERS = """
create or replace temp table paid_orders as
select
    customer_ids.customer_id,
    orders.order_id,
    orders.source,
    orders.currency,
    orders.ordered_on,
    orders.ordered_at,
    orders.net_amount_base as amount
from intermediate.int_orders as orders
inner join identity.customer_ids as customer_ids
    on customer_ids.source = orders.source
    and customer_ids.export = orders.export
    and customer_ids.record_id = orders.record_id
where orders.is_paid
"""
_DIMENSIONS = {
    COMPANY: None,
    "first_source": "source",
    "first_currency": "currency",
}
_DESCRIPTIONS = {
    "fits": "One row per logical day and model: parameters, and how far it is right.",
    "customer_forecasts": "One row per customer who ordered, with what is expected.",
}
_BEATS_NAIVE = dg.AssetCheckSpec(
    "some_model_beats_the_naive_forecast",
    asset=dg.AssetKey(["forecast", "fits"]),
    description="Where customers order, some model forecasts better than their past.",
)


@dg.multi_asset(
    name="forecast",
    specs=[
        dg.AssetSpec(
            ["forecast", name],
            deps=[
                dg.AssetKey(["intermediate", "int_orders"]),
                dg.AssetKey(["identity", "customer_ids"]),
            ],
            description=description,
            group_name="forecast",
            kinds={"duckdb", "python"},
            owners=["team:analytics"],
        )
        for name, description in _DESCRIPTIONS.items()
    ],
    check_specs=[_BEATS_NAIVE],
    pool="warehouse",
)
def forecast(
    context: dg.AssetExecutionContext, pipeline: Pipeline
) -> Iterator[dg.MaterializeResult[Any] | dg.AssetCheckResult]:
    """Models of the company and its segments, and what they say of every customer."""
    run = pipeline.parameters(context)
    settings = pipeline.settings
    with (
        stage(settings.warehouse, FORECAST, run.run_id),
        connect(settings.warehouse) as connection,
    ):
        connection.execute(_PAID_ORDERS)
        found = forecast_customers(
            connection,
            "paid_orders",
            as_of=run.as_of,
            dimensions={
                name: _DIMENSIONS[name] for name in settings.forecast.dimensions
            },
            least_customers=settings.forecast.least_customers,
        )
        keep(connection, found, as_of=run.as_of, run_id=run.run_id)
    verdicts = _verdicts(found)
    for name in _DESCRIPTIONS:
        yield dg.MaterializeResult(asset_key=["forecast", name], metadata=verdicts)
    yield dg.AssetCheckResult(
        asset_key=_BEATS_NAIVE.asset_key,
        check_name=_BEATS_NAIVE.name,
        passed=not verdicts or "gives figures" in verdicts.values(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata=verdicts,
    )


def _verdicts(found: Forecast | None) -> dict[str, str]:
    """What each fit gives, or the reason why it gives none."""
    if found is None:
        return {}
    return {
        segment.name: fit.orders_reason or "gives figures"
        for segment, fit in found.fits.items()
    }
