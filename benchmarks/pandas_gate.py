"""The gate's rules as Great Expectations evaluates them on a data frame.

What `benchmarks/gate.py` compares the gate with: each rule as somebody who knows pandas
writes it, vectorised, on a column that is parsed once for all of its rules.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import great_expectations as gx
import pandas as pd
from email_validator import SPECIAL_USE_DOMAIN_NAMES
from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation
from great_expectations.expectations.metrics import (
    ColumnMapMetricProvider,
    column_condition_partial,
)

from orchestration.lib.quality.contacts import ContactClassifier
from orchestration.lib.quality.suites import Suite, check_name

#: Names of failing rows, by their line.
FAILING_ROWS = {
    "result_format": "COMPLETE",
    "unexpected_index_column_names": ["_line"],
    "return_unexpected_index_query": False,
}
EMAIL = r"[a-z0-9_+-]+([.][a-z0-9_+-]+)*@([a-z0-9]+(-[a-z0-9]+)*[.])+[a-z]{2,24}"
PHONE = r"([+]7|7|8)9[0-9]{9}"
DATE_PARTS = r"^\s*(\d{1,2})([/.])(\d{1,2})[/.](\d{4})"
ZEROS = str.maketrans("OОoо", "0000")


class Cells:
    """A column of texts, parsed once for all of its rules."""

    def __init__(
        self, texts: pd.Series, parser: str | None, seeds: Path, *, has_shortcut: bool
    ) -> None:
        self.texts, self.parser, self.seeds = texts, parser, seeds
        self.has_shortcut = has_shortcut

    def broken(self, rule: str) -> pd.Series:
        """By row, whether the cell breaks the rule."""
        if rule == "missing":
            bare = self.texts.str.replace("\0", "").str.replace("\u00a0", " ")
            return self.texts.isna() | (bare.str.strip() == "")
        if self.parser in ("email_address", "phone_number"):
            return self.contact_rules == rule
        broken = pd.Series(False, index=self.texts.index)
        broken.loc[self.unread.index] = self._of_unread(rule)
        return broken

    @cached_property
    def unread(self) -> pd.Series:
        """The texts that the parser reads nothing from."""
        present = self.texts.dropna()
        return present[~self._is_read(present)]

    def _is_read(self, texts: pd.Series) -> pd.Series:
        bare = texts.str.strip()
        match self.parser:
            case "parse_date":
                parsed = pd.to_datetime(bare, format="%Y-%m-%d", errors="coerce")
                return parsed.notna()
            case "parse_unsigned_amount":
                like = bare.str.fullmatch(r"[+-]?[0-9]+([.][0-9]+)?")
                return like & (pd.to_numeric(bare, errors="coerce") >= 0)
            case "parse_positive_integer":
                like = bare.str.fullmatch(r"[+-]?[0-9]+")
                return like & (pd.to_numeric(bare, errors="coerce") > 0)
            case "parse_boolean":
                known = ["yes", "y", "true", "1", "да", "no", "n", "false", "0", "нет"]
                return bare.str.lower().isin(known)
            case "parse_currency":
                known = pd.read_csv(self.seeds / "currencies.csv")["currency"]
                return bare.str.upper().replace("RUR", "RUB").isin(known)
        raise ValueError(self.parser)

    def _of_unread(self, rule: str) -> pd.Series:
        match rule:
            case "letter_for_digit" | "invalid_number":
                digits = self.unread.str.translate(ZEROS)
                is_letter = (digits != self.unread) & self._is_read(digits)
                return is_letter if rule == "letter_for_digit" else ~is_letter
            case "ambiguous_date":
                return self._is_ambiguous
            case "foreign_date_format":
                return self._is_foreign
            case "unparsable_date":
                return ~(self._is_ambiguous | self._is_foreign)
        return pd.Series(True, index=self.unread.index)

    @cached_property
    def _date_parts(self) -> pd.DataFrame:
        parts = self.unread.str.extract(DATE_PARTS)
        return parts.assign(
            first=pd.to_numeric(parts[0]), second=pd.to_numeric(parts[2])
        )

    @property
    def _is_ambiguous(self) -> pd.Series:
        first, second = self._date_parts["first"], self._date_parts["second"]
        return (
            (self._date_parts[1] == "/")
            & first.between(1, 12)
            & second.between(1, 12)
            & (first != second)
        )

    @property
    def _is_foreign(self) -> pd.Series:
        parts = self._date_parts
        text = parts[0] + "." + parts[2] + "." + parts[3]
        day_first = pd.to_datetime(text, format="%d.%m.%Y", errors="coerce").notna()
        month_first = pd.to_datetime(text, format="%m.%d.%Y", errors="coerce").notna()
        return (day_first | (month_first & (parts[1] == "/"))) & ~self._is_ambiguous

    @cached_property
    def contact_rules(self) -> pd.Series:
        """By row, the rule that a contact breaks, judged once per distinct text."""
        classifier = ContactClassifier(self.seeds, "RU")
        texts = pd.Series(self.texts.dropna().unique())
        judge, is_plain = {
            "email_address": (classifier.email, _is_plain_email),
            "phone_number": (classifier.phone, _is_plain_phone),
        }[str(self.parser)]
        if self.has_shortcut:
            texts = texts[~is_plain(classifier, texts)]
        return self.texts.map({text: judge(text).rule for text in texts})


def _is_plain_email(classifier: ContactClassifier, texts: pd.Series) -> pd.Series:
    address = texts.str.strip().str.lower()
    reserved = "|".join(re.escape(name) for name in SPECIAL_USE_DOMAIN_NAMES)
    return (
        address.str.fullmatch(EMAIL)
        & (address.str.len() <= 64)
        & ~address.str.contains(f"[.](?:{reserved})$")
        & ~address.isin(classifier.placeholder_emails)
        & ~address.str.replace(".*@", "", regex=True).isin(classifier.domain_typos)
    )


def _is_plain_phone(classifier: ContactClassifier, texts: pd.Series) -> pd.Series:
    digits = texts.str.replace("[ ()-]", "", regex=True)
    return (
        digits.str.fullmatch(PHONE)
        & ~digits.str.lstrip("+").isin(classifier.placeholder_phones)
        & ~digits.str.contains(
            r"(?:0{9}|1{9}|2{9}|3{9}|4{9}|5{9}|6{9}|7{9}|8{9}|9{9})$"
        )
    )


class ColumnValuesKeepRuleInPandas(ColumnMapMetricProvider):
    """Which rows keep a rule."""

    condition_metric_name = "column_values.keep_rule_in_pandas"
    condition_value_keys = ("rule", "parser", "seeds", "has_shortcut")
    filter_column_isnull = False
    #: Columns of the frame that is judged, by name and parser.
    cells: ClassVar[dict[tuple[str, str | None], Cells]] = {}

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(
        cls,  # noqa: N805
        column: pd.Series,
        rule: str,
        parser: str | None,
        seeds: str,
        has_shortcut: bool,
        **_: Any,  # noqa: ANN401
    ) -> pd.Series:
        cells = cls.cells.setdefault(
            (str(column.name), parser),
            Cells(column, parser, Path(seeds), has_shortcut=has_shortcut),
        )
        return ~cells.broken(rule)


class ExpectColumnValuesToKeepRuleInPandas(ColumnMapExpectation):
    """Expect the rows to keep a rule."""

    map_metric: ClassVar[str] = ColumnValuesKeepRuleInPandas.condition_metric_name
    success_keys: ClassVar[tuple[str, ...]] = (
        "rule", "parser", "seeds", "has_shortcut", "mostly",
    )  # fmt: skip

    rule: str
    seeds: str
    has_shortcut: bool
    parser: str | None = None


def failing_lines(
    frame: pd.DataFrame, suite: Suite, seeds: Path, *, has_shortcut: bool
) -> dict[str, list[int]]:
    """The lines of a landed file that break each rule of the suite, by check.

    Args:
        has_shortcut: whether plain contacts are told by a pattern, as the gate does.
    """
    ColumnValuesKeepRuleInPandas.cells.clear()
    project = gx.get_context(mode="ephemeral")
    batch = (
        project.data_sources.add_pandas("frames")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame})
    )
    expectations = [
        ExpectColumnValuesToKeepRuleInPandas(
            column=each.column,
            rule=each.rule.id,
            parser=each.parser,
            seeds=str(seeds),
            has_shortcut=has_shortcut,
            mostly=each.mostly,
        )
        for each in suite.bindings
    ]
    results = batch.validate(
        gx.ExpectationSuite(name="rows", expectations=expectations),
        result_format=FAILING_ROWS,
    )
    for each in results.results:
        if each.exception_info.get("raised_exception") is not False:
            raise RuntimeError(f"pandas: {each.exception_info}")
    return {
        check_name(each.expectation_config.to_json_dict()): [
            row["_line"] for row in each.result.get("unexpected_index_list") or []
        ]
        for each in results.results
    }
