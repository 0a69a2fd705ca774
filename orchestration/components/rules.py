"""The rules as this project is configured: what a predicate needs beside the row."""

from orchestration.lib.quality.rules import RuleContext
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.settings import FX_MAX_AGE_DAYS, MACROS, SEEDS, Settings


def sql_macros(settings: Settings) -> SqlMacros:
    """The project's parsers as a run renders them."""
    return SqlMacros(MACROS, {"business_timezone": settings.business_timezone})


def rule_context(settings: Settings, base_currency: str) -> RuleContext:
    """The context of all rules for amounts in this base currency."""
    return RuleContext(
        macros=sql_macros(settings),
        seeds=SEEDS,
        base_currency=base_currency,
        fx_max_age_days=FX_MAX_AGE_DAYS,
    )
