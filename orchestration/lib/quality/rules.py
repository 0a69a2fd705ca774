"""The registry of rules: what can be wrong with a delivered cell, each said once.

A suite in `expectations/` binds rules to columns. From one binding come the rows of
`quality.quarantine` and the expectation that Great Expectations evaluates, so that
their counts agree. A *critical* binding holds the whole row back; a *warning* only
the cell: the parser gives no value for it and the row goes on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.lib.warehouse import literal

_DATE_PARTS = r"^\s*(\d{1,2})([/.])(\d{1,2})[/.](\d{4})(.*)$"


@dataclass(frozen=True, kw_only=True)
class RuleContext:
    """What predicates need beside the row: parsers, reference data, base currency."""

    macros: SqlMacros
    seeds: Path
    base_currency: str
    fx_max_age_days: int

    def seed(self, name: str) -> str:
        """SQL of a seed file as a table of texts; columns get the prefix `seed_`.

        Predicates are put where the raw table's columns are in scope: without the
        prefix a column of the same name would be taken for the seed's.
        """
        path = self.seeds / f"{name}.csv"
        header = path.read_text(encoding="utf-8").splitlines()[0].split(",")
        columns = ", ".join(f"{column} as seed_{column}" for column in header)
        return (
            f"(select {columns} from read_csv({literal(str(path))}, header = true,"
            " all_varchar = true))"
        )


@dataclass(frozen=True, kw_only=True)
class Cell:
    """SQL about one column of a raw table, for rules to build predicates from."""

    #: The column as an SQL identifier; always text.
    column: str
    #: SQL of the value that the column's parser gives for an SQL text.
    parse: Callable[[str], str]
    context: RuleContext
    #: SQL of the date that belongs to the row, for rules on amounts.
    date: str = "null"

    @property
    def is_unparsed(self) -> str:
        """True where a text is present and the parser gives no value for it."""
        return f"({self.column} is not null and {self.parse(self.column)} is null)"

    @property
    def with_digits(self) -> str:
        """The text with the letters O, Latin and Cyrillic, as zeros."""
        return f"translate({self.column}, 'OОoо', '0000')"

    def date_part(self, number: int) -> str:
        """Part of `a/b/yyyy rest` (or with dots): 1 a, 2 mark, 3 b, 4 year, 5 rest."""
        part = f"regexp_extract({self.column}, '{_DATE_PARTS}', {number})"
        return f"try_cast({part} as integer)" if number in (1, 3) else part

    @property
    def has_date_parts(self) -> str:
        """True where the text is `a/b/yyyy` or `a.b.yyyy`."""
        return f"regexp_matches({self.column}, '{_DATE_PARTS}')"

    @property
    def is_day_first(self) -> str:
        """True where the parts of a foreign date can only be day, month, year."""
        first, mark, second = (self.date_part(number) for number in (1, 2, 3))
        return (
            f"({second} between 1 and 12 and ({first} between 13 and 31"
            f" or {first} = {second} or ({mark} = '.' and {first} between 1 and 31)))"
        )

    @property
    def is_month_first(self) -> str:
        """True where the parts of a foreign date can only be month, day, year."""
        first, mark, second = (self.date_part(number) for number in (1, 2, 3))
        return (
            f"({mark} = '/' and {first} between 1 and 12"
            f" and {second} between 13 and 31)"
        )

    def iso_date(self, rest: str = "''") -> str:
        """A clear foreign date as `yyyy-mm-dd`, followed by the rest of the text."""
        first, second, year = (self.date_part(number) for number in (1, 3, 4))
        return (
            f"case when {self.is_day_first}"
            f" then {_iso(year, second, first, rest)}"
            f" else {_iso(year, first, second, rest)} end"
        )

    @property
    def is_known_currency(self) -> str:
        """True where the code stands in seeds/currencies.csv."""
        known = f"select seed_currency from {self.context.seed('currencies')}"
        return f"coalesce({self.parse(self.column)}, '') in ({known})"

    @property
    def is_convertible(self) -> str:
        """True where the amount's currency can be turned into the base currency."""
        base = literal(self.context.base_currency)
        code = self.parse(self.column)
        return (
            f"({code} = {base} or ({self._is_rated(code)} and {self._is_rated(base)}))"
        )

    def _is_rated(self, code: str) -> str:
        rates = self.context.seed("fx_rates")
        max_age = self.context.fx_max_age_days
        return (
            f"exists (select 1 from {rates} where seed_quote_currency = {code}"
            f" or (seed_currency = {code} and {self.date} >= cast(seed_rate_on as date)"
            f" and {self.date} < cast(seed_rate_on as date) + {max_age}))"
        )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One kind of defect."""

    id: str
    description: str
    #: What to tell about a cell that breaks the rule.
    reason: str
    #: SQL, true for a cell that may break it: asked of every row, and only once for all
    #: rules that say the same.
    suspects: Callable[[Cell], str] = lambda cell: cell.is_unparsed
    #: SQL, true for those among them that do. Neither is asked for contact columns,
    #: whose texts are classified beforehand (orchestration/lib/quality/contacts.py).
    breaks: Callable[[Cell], str] = lambda cell: "true"
    #: SQL of a repaired text, where a repair is safe.
    suggestion: Callable[[Cell], str] = lambda cell: "null"
    #: The row of the requirements that asks for it.
    requirement: str


def _iso(year: str, month: str, day: str, rest: str) -> str:
    return f"format('{{}}-{{:02d}}-{{:02d}}{{}}', {year}, {month}, {day}, {rest})"


def guarded(condition: str, predicate: str) -> str:
    """SQL of both, the second asked, unlike in `and`, only where the first holds."""
    return f"(case when {condition} then {predicate} else false end)"


def _is_ambiguous(cell: Cell) -> str:
    first, mark, second = (cell.date_part(number) for number in (1, 2, 3))
    return guarded(
        cell.has_date_parts,
        f"{mark} = '/' and {first} between 1 and 12"
        f" and {second} between 1 and 12 and {first} <> {second}",
    )


def _is_foreign(cell: Cell) -> str:
    return guarded(
        cell.has_date_parts,
        f"({cell.is_day_first} or {cell.is_month_first})"
        f" and try_cast({cell.iso_date()} as date) is not null",
    )


def _iso_repair(cell: Cell) -> str:
    """The first ISO spelling, with or without what follows, that the parser reads."""
    spellings = (cell.iso_date(rest=cell.date_part(5)), cell.iso_date())
    branches = " ".join(
        f"when {cell.parse(spelling)} is not null then {spelling}"
        for spelling in spellings
    )
    return f"case {branches} end"


def _has_letter_for_digit(cell: Cell) -> str:
    return guarded(
        f"{cell.with_digits} <> {cell.column}",
        f"{cell.parse(cell.with_digits)} is not null",
    )


def _is_missing(cell: Cell) -> str:
    """No text, told at once where the first letter is a plain Latin or Russian one."""
    parsed = cell.context.macros.parse("parse_text", cell.column)
    return (
        f"(case when {cell.column} between '!' and '~'"
        f" or {cell.column} between 'Ё' and 'ё'"
        f" then false else {parsed} is null end)"
    )


REGISTRY: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        Rule(
            id="missing",
            description="A required cell without a value.",
            reason="a required value is missing",
            suspects=_is_missing,
            requirement="DQ-06",
        ),
        Rule(
            id="placeholder",
            description="A contact typed to get past a form (placeholder_values.csv).",
            reason="a placeholder, nobody's contact: ask for the real one",
            requirement="DQ-03",
        ),
        Rule(
            id="homoglyph",
            description="A letter of another alphabet that looks like the right one.",
            reason="a Cyrillic letter stands for its Latin twin",
            requirement="DQ-02",
        ),
        Rule(
            id="email_domain_typo",
            description="A misspelt mailbox provider (email_domain_typos.csv).",
            reason="the domain is a known misspelling",
            requirement="DQ-11",
        ),
        Rule(
            id="letter_for_digit",
            description="The letter O, Latin or Cyrillic, typed for a zero.",
            reason="the letter O stands for a zero",
            breaks=_has_letter_for_digit,
            suggestion=lambda cell: cell.with_digits,
            requirement="DQ-02",
        ),
        Rule(
            id="invalid_contact",
            description="A text that is no e-mail address or no telephone number.",
            reason="no e-mail address (a@b.cc) or no telephone number (+ and digits)",
            requirement="DQ-04",
        ),
        Rule(
            id="invalid_number",
            description="A text that is no number of the kind the column holds.",
            reason="no number of the kind this column holds",
            breaks=lambda cell: f"not {_has_letter_for_digit(cell)}",
            requirement="DQ-10",
        ),
        Rule(
            id="ambiguous_date",
            description="03/04/2026 among ISO dates: the third of April or not?",
            reason="day and month cannot be told apart: deliver dates as yyyy-mm-dd",
            breaks=_is_ambiguous,
            requirement="DQ-05",
        ),
        Rule(
            id="foreign_date_format",
            description="A date in another format than the export's, but clear.",
            reason="not the date format of this export",
            breaks=_is_foreign,
            suggestion=_iso_repair,
            requirement="DQ-05",
        ),
        Rule(
            id="unparsable_date",
            description="A text that is no date, such as a bare number.",
            reason="no date",
            breaks=lambda cell: f"not ({_is_ambiguous(cell)} or {_is_foreign(cell)})",
            requirement="DQ-05",
        ),
        Rule(
            id="invalid_value",
            description="A text outside the values that the column can hold.",
            reason="none of the values that this column can hold",
            requirement="DQ-10",
        ),
        Rule(
            id="unknown_currency",
            description="A text that is no currency code (currencies.csv).",
            reason="no ISO 4217 code of seeds/currencies.csv",
            suspects=lambda cell: (
                f"({cell.column} is not null and not {cell.is_known_currency})"
            ),
            requirement="DQ-07",
        ),
        Rule(
            id="currency_without_rate",
            description="An amount in a currency without a rate on its date.",
            reason="no rate for this currency and date: add one to seeds/fx_rates.csv",
            suspects=lambda cell: (
                f"({cell.is_known_currency} and {cell.date} is not null"
                f" and not {cell.is_convertible})"
            ),
            requirement="DQ-07",
        ),
    )
}
