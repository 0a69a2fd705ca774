"""Suites: which rules guard which columns, read from `expectations/`.

A suite is a Great Expectations suite as JSON, one per export, its path the export's
asset key: `expectations/shopify/orders.json`. Expectations of the type
`expect_column_values_to_keep_rule` bind a rule of the registry to a column; those of
the type `expect_column_values_to_parse` bind all rules that name what keeps a parser
from giving a value, one each:

    {"type": "expect_column_values_to_parse",
     "kwargs": {"column": "created_at", "parser": "parse_offset_timestamp",
                "mostly": 0.9},
     "severity": "critical"}

Rows that break it are held (critical) or flow without the cell (warning); when more
than 1 - `mostly` of the rows do, the whole export fails the check, and a critical
failure stops everything downstream.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration.lib.quality.rules import REGISTRY, Cell, Rule, RuleContext, guarded
from orchestration.lib.warehouse import literal, quoted

EXPECTATION_TYPE = "expect_column_values_to_keep_rule"
PARSE_TYPE = "expect_column_values_to_parse"
#: By how a parser's name ends, the rules that divide the texts it reads nothing from.
RULES_BY_PARSER = {
    "email_address": ("placeholder", "homoglyph", "email_domain_typo",
                      "invalid_contact"),
    "phone_number": ("placeholder", "letter_for_digit", "invalid_contact"),
    "amount": ("letter_for_digit", "invalid_number"),
    "integer": ("letter_for_digit", "invalid_number"),
    "date": ("ambiguous_date", "foreign_date_format", "unparsable_date"),
    "timestamp": ("ambiguous_date", "foreign_date_format", "unparsable_date"),
    "currency": ("unknown_currency",),
}  # fmt: skip
#: Parsers whose texts are classified beforehand, and the tables that hold the result.
CONTACT_PARSERS = {
    "email_address": "quality.email_addresses",
    "phone_number": "quality.phone_numbers",
}


class SuiteError(ValueError):
    """A suite names a rule that does not exist, or binds it badly."""


@dataclass(frozen=True, kw_only=True)
class Binding:
    """One rule on one column."""

    column: str
    rule: Rule
    severity: str
    parser: str | None = None
    #: Column and parser of the row's date, for rules on currencies.
    date_column: str | None = None
    date_parser: str | None = None
    #: The row is judged only where this column has a value.
    where_present: str | None = None
    mostly: float = 1.0

    @property
    def contact_table(self) -> str | None:
        """Where the column's texts are classified, if they are contacts."""
        return CONTACT_PARSERS.get(self.parser or "")

    def suspects(self, context: RuleContext) -> str:
        """SQL, true for rows of the raw table that may break the rule.

        Cheap, and the same for all rules that share a parser and a column.
        """
        if self.is_classified:
            predicate = self._is_classified_as("rule is not null")
        else:
            predicate = self.rule.suspects(self._cell(context))
        if self.where_present:
            return f"({quoted(self.where_present)} is not null and {predicate})"
        return predicate

    def breaks(self, context: RuleContext, suspects: str | None = None) -> str:
        """SQL, true for rows of the raw table that break the rule.

        Args:
            suspects: a column that holds what `suspects` says, if there is one.
        """
        if self.is_classified:
            predicate = self._is_classified_as(f"rule = {literal(self.rule.id)}")
        else:
            predicate = self.rule.breaks(self._cell(context))
        return guarded(suspects or self.suspects(context), predicate)

    @property
    def is_classified(self) -> bool:
        """Whether the rule is one of those that contacts were judged by beforehand."""
        return self.contact_table is not None and self.rule.id != "missing"

    def _is_classified_as(self, condition: str) -> str:
        return (
            f"{quoted(self.column)} in (select known.contact_text"
            f" from {self.contact_table} as known where known.{condition})"
        )

    def suggestion(self, context: RuleContext) -> str:
        """SQL of a safe repair of the cell, or of null."""
        if self.contact_table:
            # By names that no raw table has: `email` would be taken for the known one.
            known = (
                "select contact_text as known_text, suggestion as known_suggestion"
                f" from {self.contact_table} where suggestion is not null"
            )
            return (
                f"(select any_value(known_suggestion) from ({known})"
                f" where known_text = {quoted(self.column)})"
            )
        return self.rule.suggestion(self._cell(context))

    def _cell(self, context: RuleContext) -> Cell:
        macros = context.macros

        def parse(text: str) -> str:
            if self.parser is None:
                raise SuiteError(f"rule {self.rule.id} on {self.column} needs a parser")
            return macros.parse(self.parser, text)

        date = "null"
        if self.date_column and self.date_parser:
            date = macros.parse(self.date_parser, quoted(self.date_column))
            if self.date_parser.endswith("_timestamp"):
                # Rates hold for days of the business, as in the models.
                date = macros.parse("business_day", date)
        return Cell(column=quoted(self.column), parse=parse, context=context, date=date)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The guard of one export."""

    source: str
    export: str
    #: The file's content with one expectation per rule.
    document: dict[str, Any]
    bindings: tuple[Binding, ...]
    #: Changes when the file changes.
    version: str

    @property
    def check_names(self) -> list[str]:
        """Names of the asset checks, one per expectation, in the file's order."""
        return [check_name(each) for each in self.document["expectations"]]


def read_suite(expectations: Path, source: str, export: str) -> Suite:
    """Read `expectations/<source>/<export>.json`.

    Raises:
        FileNotFoundError: the export has no suite.
        SuiteError: an expectation binds an unknown rule or repeats another one.
    """
    path = expectations / source / f"{export}.json"
    text = path.read_text(encoding="utf-8")
    document = json.loads(text)
    document["expectations"] = [
        rule for each in document["expectations"] for rule in _by_rule(each)
    ]
    names = [check_name(each) for each in document["expectations"]]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise SuiteError(f"{path.name}: repeated expectations {repeated}")
    return Suite(
        source=source,
        export=export,
        document=document,
        bindings=tuple(
            _binding(path, each)
            for each in document["expectations"]
            if each["type"] == EXPECTATION_TYPE
        ),
        version=hashlib.sha256(text.encode()).hexdigest(),
    )


def suspicions(bindings: Sequence[Binding], context: RuleContext) -> dict[str, str]:
    """Names for columns of what the bindings suspect, by its SQL, each said once."""
    distinct = dict.fromkeys(binding.suspects(context) for binding in bindings)
    return {suspects: f"_suspect_{number}" for number, suspects in enumerate(distinct)}


def rules_of_parser(parser: str) -> tuple[str, ...]:
    """Ids of the rules that together name every text the parser reads nothing from."""
    return next(
        (
            rules
            for ending, rules in RULES_BY_PARSER.items()
            if parser.endswith(f"_{ending}") or parser == ending
        ),
        ("invalid_value",),
    )


def _by_rule(expectation: dict[str, Any]) -> list[dict[str, Any]]:
    """An expectation on a parser as one per rule; any other as it is."""
    if expectation["type"] != PARSE_TYPE:
        return [expectation]
    kwargs = expectation["kwargs"]
    return [
        {
            **expectation,
            "type": EXPECTATION_TYPE,
            "kwargs": {"column": kwargs["column"], "rule": rule, **kwargs},
        }
        for rule in rules_of_parser(kwargs["parser"])
    ]


def check_name(expectation: dict[str, Any]) -> str:
    """The name of an expectation's asset check: `created_at__unparsable_date`."""
    kwargs = expectation["kwargs"]
    what = kwargs.get("rule") or expectation["type"].removeprefix("expect_")
    return f"{kwargs['column']}__{what}" if "column" in kwargs else what


def _binding(path: Path, expectation: dict[str, Any]) -> Binding:
    options = dict(expectation["kwargs"])
    rule = REGISTRY.get(options.pop("rule"))
    if rule is None:
        raise SuiteError(
            f"{path.name}: unknown rule {expectation['kwargs']['rule']!r};"
            f" known are {', '.join(sorted(REGISTRY))}"
        )
    return Binding(rule=rule, severity=expectation["severity"], **options)
