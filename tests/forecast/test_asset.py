"""The asset by itself: paid orders of known customers in, fits and forecasts out."""

from datetime import date
from pathlib import Path

import dagster as dg
import numpy as np

from orchestration.components.pipeline import Pipeline
from orchestration.defs.forecast.customers import forecast
from orchestration.lib.forecast.bg_nbd import BgNbd
from orchestration.lib.forecast.gamma_gamma import GammaGamma
from orchestration.lib.identity import stable_ids
from orchestration.lib.warehouse import connect
from orchestration.settings import Settings
from tests.forecast.draws import draw_orders
from tests.support import at_home, rows

AS_OF = date(2026, 10, 31)


def write_orders(settings: Settings, customers: int) -> None:
    """Paid orders of customers, unpaid ones of everybody, and paid ones of nobody."""
    drawn = draw_orders(  # noqa: F841 - read by DuckDB
        np.random.default_rng(4),
        customers,
        400,
        BgNbd(0.6, 8.0, 0.9, 2.2),
        GammaGamma(6.0, 4.0, 1500.0),
    )
    with connect(settings.warehouse) as connection:
        stable_ids.create_tables(connection)
        connection.execute(
            f"""
            create schema intermediate;
            create table intermediate.int_orders as
            with

            paid as (
                select
                    concat('o', row_number() over (order by customer, day, amount))
                        as order_id,
                    if(customer % 3 = 0, 'woocommerce', 'shopify') as source,
                    'orders' as export,
                    concat('r', customer) as record_id,
                    'EUR' as currency,
                    date '{AS_OF}' - 400 + day as ordered_on,
                    timestamp '{AS_OF}' - to_days(400) + to_days(day) as ordered_at,
                    cast(amount as decimal(38, 6)) as net_amount_base,
                    true as is_paid
                from drawn
            )

            from paid
            union all
            select * replace (concat('u', order_id) as order_id, false as is_paid)
            from paid
            union all
            select * replace (concat('n', order_id) as order_id, null as record_id)
            from paid;

            insert into identity.customer_ids by name
            select distinct
                source, export, record_id, concat('c_', record_id) as customer_id
            from intermediate.int_orders
            where record_id is not null
            """
        )


def materialize(
    home: Path, customers: int, config: str = ""
) -> dg.AssetCheckEvaluation:
    with at_home(home, config) as settings:
        write_orders(settings, customers)
        result = dg.materialize(
            [forecast], resources={"pipeline": Pipeline(as_of=AS_OF.isoformat())}
        )
    assert result.success
    (check,) = result.get_asset_check_evaluations()
    return check


def test_paid_orders_of_known_customers_are_forecast(tmp_path: Path) -> None:
    check = materialize(tmp_path, 1200)

    assert check.passed
    assert rows(
        tmp_path / "warehouse.duckdb",
        "select fit, customers, orders_reason is null from forecast.fits order by fit",
    ) == [
        ("company", 1200, True),
        ("first_source=shopify", 800, True),
        ("first_source=woocommerce", 400, False),
    ]
    assert rows(
        tmp_path / "warehouse.duckdb",
        "select fit, count(*), count(clv_expected_12m)"
        " from forecast.customer_forecasts group by fit order by fit",
    ) == [("company", 400, 400), ("first_source=shopify", 800, 800)]
    assert rows(
        tmp_path / "warehouse.duckdb",
        "select state from ops.stages where stage = 'forecast customers'",
    ) == [("passed",)]


def test_the_configuration_says_for_whom_models_are_fitted(tmp_path: Path) -> None:
    materialize(tmp_path, 1200, '[forecast]\ndimensions = ["company"]\n')

    assert rows(tmp_path / "warehouse.duckdb", "select fit from forecast.fits") == [
        ("company",)
    ]


def test_a_company_that_no_model_fits_is_warned(tmp_path: Path) -> None:
    check = materialize(tmp_path, 20)

    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert check.metadata["company"].value == "too_few_customers"


def test_a_company_without_orders_is_not_warned(tmp_path: Path) -> None:
    check = materialize(tmp_path, 0)

    assert check.passed
    assert rows(
        tmp_path / "warehouse.duckdb",
        "select count(*) from forecast.customer_forecasts",
    ) == [(0,)]
