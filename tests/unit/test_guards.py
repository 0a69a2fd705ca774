"""Guards speak of figures, and hold nothing back."""

from decimal import Decimal
from pathlib import Path

import dagster as dg
import pytest

from orchestration.components.pipeline import Pipeline
from orchestration.defs.transform.guards import customers_bring_more_than_they_cost
from orchestration.lib.warehouse import connect
from tests.support import at_home


@pytest.mark.parametrize(
    ("verdicts", "passed", "severity"),
    [
        (["healthy", "unknown"], True, dg.AssetCheckSeverity.WARN),
        (["healthy", "below_margin"], False, dg.AssetCheckSeverity.WARN),
        (["below_margin", "below_cac"], False, dg.AssetCheckSeverity.ERROR),
        ([], True, dg.AssetCheckSeverity.WARN),
    ],
)
def test_customers_who_cost_more_than_they_bring_are_an_error(
    tmp_path: Path,
    verdicts: list[str],
    passed: bool,
    severity: dg.AssetCheckSeverity,
) -> None:
    with at_home(tmp_path) as settings:
        with connect(settings.marts) as connection:
            connection.execute(
                "create table ltv_guard (dimension text, member text, verdict text,"
                " ltv_to_cac decimal(18, 6))"
            )
            for number, verdict in enumerate(verdicts):
                connection.execute(
                    "insert into ltv_guard values ('first_channel', ?, ?, ?)",
                    [str(number), verdict, Decimal(number)],
                )

        result = customers_bring_more_than_they_cost(Pipeline())

    assert isinstance(result, dg.AssetCheckResult)
    assert result.passed == passed
    assert result.severity == severity
    assert len(result.metadata) == sum(each.startswith("below") for each in verdicts)


def test_the_guard_of_lifetime_values_blocks_nothing() -> None:
    (spec,) = customers_bring_more_than_they_cost.check_specs

    assert not spec.blocking
