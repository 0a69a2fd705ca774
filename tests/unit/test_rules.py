"""The rules of the gate, and the promise that they agree with the parsers."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing.contract import read_contracts
from orchestration.lib.quality import contacts
from orchestration.lib.quality.rules import REGISTRY, RuleContext
from orchestration.lib.quality.sql_macros import SqlMacros
from orchestration.lib.quality.suites import (
    CONTACT_PARSERS,
    Binding,
    Suite,
    SuiteError,
    read_suite,
    rules_of_parser,
)
from orchestration.settings import PROJECT

CONTEXT = RuleContext(
    macros=SqlMacros(
        PROJECT / "dbt_project" / "macros", {"business_timezone": "Europe/Moscow"}
    ),
    seeds=PROJECT / "seeds",
    base_currency="RUB",
    fx_max_age_days=35,
)
CONTRACTS = read_contracts(PROJECT / "models")
SUITES = {
    contract.key: read_suite(PROJECT / "expectations", contract.source, contract.export)
    for contract in CONTRACTS
}
DATE_RULES = {"ambiguous_date", "foreign_date_format", "unparsable_date"}


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(
            "create table cells (number integer, cell varchar, day varchar)"
        )
        yield connection


def binding(rule: str, parser: str | None = None, **options: str) -> Binding:
    """A rule on the column `cell`."""
    return Binding(
        column="cell",
        rule=REGISTRY[rule],
        severity="warning",
        parser=parser,
        **options,  # type: ignore[arg-type]
    )


def deliver(
    engine: duckdb.DuckDBPyConnection,
    cells: Sequence[str | None],
    day: str | None = None,
) -> None:
    """Let the table hold these cells."""
    engine.execute("delete from cells")
    engine.execute(
        "insert into cells select unnest(range(?)), unnest(cast(? as varchar[])), ?",
        [len(cells), list(cells), day],
    )


def broken(
    engine: duckdb.DuckDBPyConnection,
    bound: Binding,
    cells: Sequence[str | None],
    *,
    day: str | None = None,
    context: RuleContext = CONTEXT,
) -> dict[str | None, str | None]:
    """Of these cells the ones that break the rule, with what is suggested."""
    deliver(engine, cells, day)
    return dict(
        engine.execute(
            f"select cell, {bound.suggestion(context)} from cells"
            f" where {bound.breaks(context)} order by number"
        ).fetchall()
    )


# -- each rule ----------------------------------------------------------------------

EXAMPLES: list[tuple[str, str | None, list[str | None], list[str | None]]] = [
    ("missing", None, [None, "", "  ", "\0", "\u00a0"], ["x", " x ", "0"]),
    ("letter_for_digit", "parse_amount", ["1О0", "1O.5", "оo", "-O.99"], ["100", "x"]),
    ("letter_for_digit", "parse_positive_integer", ["1О", "O1"], ["10", "O", "1O.5"]),
    (
        "invalid_number",
        "parse_amount",
        ["x", "1,5", "1 000", "1e3", ".5", "5.", "--1", " ", "0x10", "٣"],
        ["1", "-0.99", " 12.50 ", "1О0", None],
    ),
    ("invalid_number", "parse_unsigned_amount", ["-0.01", "-1"], ["0", "+1", "0.00"]),
    ("invalid_number", "parse_positive_amount", ["0", "0.0", "-1"], ["0.01"]),
    ("invalid_number", "parse_positive_integer", ["0", "1.0", "-3"], ["1", "007"]),
    ("invalid_number", "parse_integer", ["9" * 30, "1.5"], ["-3", "+4", "9" * 18]),
    (
        "invalid_number",
        "parse_us_amount",
        ["1,23", "1,2345", "12,34,567", "1 204", "$", "1.", "172,45", "(5)"],
        ["$172.45", "1,204", "-$1,234,567.8", "12 USD", "0.5", None],
    ),
    (
        "invalid_number",
        "parse_spaced_amount",
        ["1 23", "1,204,5", "12 34 567", "1 2345", "руб", "1,", "1,2,3", "$5"],
        [
            "1 234,56",
            "1\u00a0234\u202f567.8",
            "1000 руб",
            "5 ₽",
            "-0,5 €",
            "12 р.",
            None,
        ],
    ),
    (
        "invalid_number",
        "parse_either_amount",
        ["1,234", "12,345", "1.234,56", "1,2,3", "--"],
        ["1,234.56", "1 234,56", "1,234,567", "12,5", "1.234", "$5", "0", None],
    ),
    (
        "invalid_number",
        "parse_dashed_amount",
        ["-", "---", "172,45"],
        [" --", "$1,204", "0.00", None],
    ),
    (
        "invalid_number",
        "parse_unsigned_spaced_amount",
        ["-0,01", "- 5", "бесплатно"],
        ["0", "0,00 руб.", "18 900,50"],
    ),
    ("invalid_number", "parse_minor_amount", ["1.5", "1 0"], ["149900", "-1", "0"]),
    (
        "invalid_number",
        "parse_grouped_integer",
        ["1,23", "1 23", "1,234 567", "1.204", "--"],
        ["1,204", "1 204", "18\u202f230", "1204", "-3", "1,234,567", None],
    ),
    ("letter_for_digit", "parse_nps_score_integer", ["1О", "O"], ["10", "0", "1l"]),
    ("invalid_number", "parse_nps_score_integer", ["11", "-1", "9.5"], ["0", "10"]),
    ("invalid_number", "parse_rating_integer", ["0", "6", "5/5"], ["1", " 5 "]),
    ("invalid_number", "parse_seconds_integer", ["-1", "0:15"], ["0", "192"]),
    (
        "invalid_value",
        "parse_boolean",
        ["2", "ага", "on", " "],
        ["Yes", " NO ", "true", "1", "0", "Да", "нет", "Y"],
    ),
    (
        "invalid_value",
        "parse_financial_status",
        ["payed", "paid!", ""],
        ["Paid", " partially_refunded ", "voided", None],
    ),
    (
        "invalid_value",
        "parse_is_paid",
        ["да", "неоплачен", "paid"],
        ["Оплачен", " не оплачен ", None],
    ),
    (
        "invalid_value",
        "parse_is_listed",
        ["да", "видно"],
        ["выставлен", "Скрыт"],
    ),
    (
        "invalid_value",
        "parse_is_recovered",
        ["yes", "notrecovered"],
        ["Recovered", "Not Recovered"],
    ),
    (
        "invalid_value",
        "parse_woocommerce_status",
        ["wc_completed", "shipped", "wc-"],
        ["wc-completed", "on-hold", "WC-Failed"],
    ),
    (
        "invalid_value",
        "parse_woocommerce_type",
        ["virtual, simple", "bundle"],
        ["simple, downloadable, virtual", "Variable"],
    ),
    ("invalid_value", "parse_weight_unit", ["lb", "pounds"], ["lbs", "KG", " g"]),
    ("invalid_value", "parse_product_status", ["live"], ["Active", "archived"]),
    ("invalid_value", "parse_payment_kind", ["нал"], ["Наличные", "СБП"]),
    (
        "invalid_value",
        "parse_payment_status",
        ["success", "declined"],
        ["succeeded", "Interrupted", "canceled"],
    ),
    (
        "invalid_value",
        "parse_packed_positions",
        ["Tent (1 шт)", "[11] Tent", "[11] Tent (1 шт) и ещё", "[x] Tent (1 шт)"],
        [
            "[11] Tent (1 шт)",
            "[11] Tent (2p) (1 шт.)\n[12] Rope, 20 m (10 шт)",
            None,
        ],
    ),
    (
        "invalid_value",
        "parse_packed_prices",
        ["1000", "1000 руб и 5", "12 34 руб"],
        ["1000 руб", "18 900 руб.\n1 290,50 руб", "5 руб, 6 руб"],
    ),
    ("invalid_value", "parse_message_event", ["opened"], ["open", "Click"]),
    ("invalid_value", "parse_campaign_action", ["opened"], ["open", "Bounce"]),
    ("invalid_value", "parse_bounce_kind", ["firm"], ["hard", "Soft"]),
    ("invalid_value", "parse_profile_consent", ["TRUE", "NEVER"], ["SUBSCRIBED"]),
    (
        "invalid_value",
        "parse_profile_suppression",
        ["BORED", "[HARD_BOUNCE, BORED]", "HARDBOUNCE", "0", "['отписался']"],
        [
            "[]",
            '["UNSUBSCRIBED", "HARD_BOUNCE"]',
            "['SPAM_COMPLAINT']",
            "user_suppressed",
        ],
    ),
    ("invalid_value", "parse_contact_status", ["asleep"], ["active", "Blocked"]),
    ("invalid_value", "parse_contact_availability", ["full"], ["mailbox_full"]),
    ("invalid_value", "parse_send_result", ["ok", "err_"], ["ok_read", "err_lost"]),
    ("invalid_value", "parse_message_channel", ["fax"], ["SMS", "chat_bot"]),
    ("invalid_value", "parse_delivery_event", ["STOP"], ["stopped", "Delivered"]),
    ("invalid_value", "parse_site_event", ["pageview"], ["page_view", "FAQ"]),
    ("invalid_value", "parse_amount_unit", ["kopecks"], ["minor", "Major"]),
    ("invalid_value", "parse_vat_included", ["НДС", "20 %"], ["с НДС", "Без НДС"]),
    ("invalid_value", "parse_call_direction", ["through"], ["In", " исходящий "]),
    (
        "unknown_currency",
        "parse_currency",
        ["XXX", "руб", "RU", "RUBL", " ", "€"],
        ["RUB", " eur ", "usd", "RUR", None],
    ),
    (
        "unknown_currency",
        "parse_named_currency",
        ["тугрик", "XXX", "рубли"],
        ["Российский рубль", " доллар США ", "Казахстанский тенге", "eur", None],
    ),
    (
        "unparsable_date",
        "parse_date",
        ["45295", "2026-13-01", "2026-02-30", "yesterday", "2026", " ", "14-03-2026"],
        ["2026-03-14", "03/04/2026", "15/03/2026", None],
    ),
    ("unparsable_date", "parse_date", ["31/02/2026", "15/13/2026", "00/10/2026"], []),
    (
        "unparsable_date",
        "parse_local_timestamp",
        ["2026-03-14", "2026-03-14 25:00"],
        ["2026-03-14 09:14", "2026-03-14 09:14:59"],
    ),
    (
        "unparsable_date",
        "parse_offset_timestamp",
        ["2026-03-14 09:14:00", "46095.4"],
        ["2026-03-14 09:14:00 +0300", "2026-03-14 09:14:00 -0500"],
    ),
    (
        "unparsable_date",
        "parse_utc_timestamp",
        ["2026-03-14 09:14"],
        ["2026-03-14 09:14:00"],
    ),
    (
        "unparsable_date",
        "parse_us_local_timestamp",
        ["3/14/10", "2010-12-01", "14"],
        [
            "12/1/2010 8:26",
            "3/14/2010 9:14:07",
            "3/14/2010 2:30 PM",
            "2010-12-01 08:26",
        ],
    ),
    (
        "unparsable_date",
        "parse_us_date",
        ["3-14-2010", "14"],
        ["3/14/2010", "2010-03-14"],
    ),
    (
        "unparsable_date",
        "parse_day_first_date",
        ["14 марта 2026", "31.02.2026", "14.03.26"],
        ["14.03.2026", "2026-03-14", "03.04.2026"],
    ),
    (
        "unparsable_date",
        "parse_day_first_local_timestamp",
        ["не закрыта", "14.03.26 10:00"],
        ["14.03.2026 09:14:59", "14.03.2026 09:14", "14.03.2026", "2026-03-14"],
    ),
    (
        "unparsable_date",
        "parse_iso_timestamp",
        ["2026-03-14", "2026-03-14T09:14:00", "2026-03-14T25:14:00Z"],
        [
            "2026-03-14T09:14:00Z",
            "2026-03-14T09:14:00.123+03:00",
            "2026-03-14 09:14:00+0300",
            "2026-03-14 09:14:00 -05:00",
        ],
    ),
    (
        "unparsable_date",
        "parse_iso_or_utc_timestamp",
        ["2026-03-14", "2026-03-14 09:14", "2026-03-14T09:14:00"],
        [
            "2026-03-14T09:14:00.000Z",
            "2026-03-14T09:14:00.000+0000",
            "2026-03-14 09:14:00",
        ],
    ),
    (
        "unparsable_date",
        "parse_closing_timestamp",
        ["закрыта", "14.03.26 10:00"],
        ["не закрыта", " Не закрыта", "14.03.2026 09:14:59", None],
    ),
    (
        "unparsable_date",
        "parse_unix_milli_timestamp",
        ["1773479640", "17734796400000", "1773479640.5"],
        ["1773479640000", "999999999999"],
    ),
    (
        "unparsable_date",
        "parse_utc_iso_timestamp",
        ["2026-03-14", "2026-03-14 09:14", "2026-03-14T25:14:00"],
        [
            "2026-03-14 09:14:00",
            "2026-03-14T09:14:00.123",
            "2026-03-14T09:14:00Z",
            "2026-03-14 09:14:00+03:00",
        ],
    ),
    (
        "unparsable_date",
        "parse_unix_micro_timestamp",
        ["1773479640000", "17734796400000000", "1773479640000000.5"],
        ["1773479640000000", "999999999999999"],
    ),
    (
        "unparsable_date",
        "parse_unix_timestamp",
        ["1773479640000", "17734796", "-1773479640", "1773479640.5"],
        ["1773479640", "999999999"],
    ),
    (
        "ambiguous_date",
        "parse_date",
        ["03/04/2026", "3/4/2026", "12/01/2026", "03/04/2026 10:00"],
        ["03.04.2026", "15/03/2026", "05/05/2026", "2026-03-04", "03/04/26", None],
    ),
    (
        "ambiguous_date",
        "parse_day_first_date",
        ["03/04/2026"],
        ["03.04.2026", "15/03/2026"],
    ),
    (
        "foreign_date_format",
        "parse_us_date",
        ["15/03/2026", "15.03.2026", "03.04.2026"],
        ["03/15/2026", "03/04/2026"],
    ),
    (
        "foreign_date_format",
        "parse_date",
        ["15/03/2026", "03/15/2026", "03.04.2026", "5/5/2026", "15.03.2026 10:00"],
        ["2026-03-15", "03/04/2026", "15.13.2026", "32/01/2026", None],
    ),
]


@pytest.mark.parametrize(
    ("rule", "parser", "breaking", "keeping"),
    EXAMPLES,
    ids=[f"{rule}-{parser}" for rule, parser, *_ in EXAMPLES],
)
def test_a_rule_is_broken_by_these_cells_and_kept_by_those(
    engine: duckdb.DuckDBPyConnection,
    rule: str,
    parser: str | None,
    breaking: list[str | None],
    keeping: list[str | None],
) -> None:
    found = broken(engine, binding(rule, parser), [*keeping, *breaking])

    assert list(found) == breaking


@pytest.mark.parametrize(
    ("parser", "text", "value"),
    [
        ("parse_text", "An\0na", "Anna"),
        ("parse_text", " \0\u00a0a ", "a"),
        ("parse_text", "\0", None),
        ("parse_id", "\x00'00\x00123", "00123"),
        ("parse_id", " \0 ", None),
    ],
)
def test_the_character_zero_is_no_part_of_a_text_or_an_id(
    engine: duckdb.DuckDBPyConnection, parser: str, text: str, value: str | None
) -> None:
    query = f"select {CONTEXT.macros.parse(parser, '$1')}"

    assert engine.execute(query, [text]).fetchone() == (value,)


def test_a_name_is_one_text_whichever_way_its_letters_were_typed(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    query = f"select {CONTEXT.macros.parse('parse_name', '$1')}"
    composed, marked = "Андре\u0439", " Андре\u0438\u0306 "

    assert engine.execute(query, [marked]).fetchone() == (composed,)
    assert engine.execute(query, [composed]).fetchone() == (composed,)


@pytest.mark.parametrize(
    ("rule", "parser", "breaking", "keeping"),
    [
        ("placeholder", "email_address", "test@test.com", "anna@mail.ru"),
        ("homoglyph", "email_address", "аnna@mail.ru", "anna@mail.ru"),
        ("email_domain_typo", "email_address", "anna@gmial.com", "anna@gmail.com"),
        ("invalid_contact", "email_address", "anna", "anna@mail.ru"),
        ("placeholder", "phone_number", "0000000000", "+79161234567"),
        ("letter_for_digit", "phone_number", "+7 9О5 123-45-67", "+79051234567"),
        ("invalid_contact", "phone_number", "123", "+79161234567"),
        ("missing", "email_address", None, "anna"),
    ],
)
def test_a_rule_on_contacts_is_broken_by_one_text_and_kept_by_the_other(
    engine: duckdb.DuckDBPyConnection,
    rule: str,
    parser: str,
    breaking: str | None,
    keeping: str,
) -> None:
    classify(engine, [breaking, keeping])

    assert list(broken(engine, binding(rule, parser), [keeping, breaking])) == [
        breaking
    ]


def test_every_rule_of_the_registry_is_tested_here() -> None:
    tested = {rule for rule, *_ in EXAMPLES}
    contact_rules = {"placeholder", "homoglyph", "email_domain_typo", "invalid_contact"}

    assert tested | contact_rules | {"currency_without_rate"} == set(REGISTRY)


def classify(engine: duckdb.DuckDBPyConnection, texts: Sequence[str | None]) -> None:
    """Let the gate know these texts as addresses and as numbers."""
    deliver(engine, texts)
    contacts.create_tables(engine, "1")
    contacts.classify(
        engine,
        contacts.ContactClassifier(PROJECT / "seeds", "RU"),
        rows="cells",
        email_columns=["cell"],
        phone_columns=["cell"],
    )


# -- letters, dates, money ----------------------------------------------------------


def test_an_o_in_a_telephone_number_is_flagged_and_repaired(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    """TV-6."""
    number = "+7 9О5 123-45-67"
    classify(engine, [number])

    found = broken(engine, binding("letter_for_digit", "phone_number"), [number])

    assert found == {number: "+79051234567"}


def test_an_o_in_an_amount_is_repaired(engine: duckdb.DuckDBPyConnection) -> None:
    found = broken(engine, binding("letter_for_digit", "parse_amount"), ["1О0.O5"])

    assert found == {"1О0.O5": "100.05"}


def test_a_day_and_month_that_could_be_swapped_are_ambiguous(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    """TV-9."""
    cells = ["2026-04-03", "03/04/2026", "2026-03-15"]

    assert broken(engine, binding("ambiguous_date", "parse_date"), cells) == {
        "03/04/2026": None
    }


@pytest.mark.parametrize(
    ("cell", "suggestion", "parser"),
    [
        ("15/03/2026", "2026-03-15", "parse_date"),
        ("03/15/2026", "2026-03-15", "parse_date"),
        ("3/15/2026", "2026-03-15", "parse_date"),
        ("03.04.2026", "2026-04-03", "parse_date"),
        ("5/5/2026", "2026-05-05", "parse_date"),
        ("15/03/2026 10:30", "2026-03-15", "parse_date"),
        ("15/03/2026 10:30", "2026-03-15 10:30", "parse_local_timestamp"),
        ("29/02/2028 10:30:00 +0300", "2028-02-29 10:30:00 +0300",
         "parse_offset_timestamp"),
        ("29/02/2028", None, "parse_offset_timestamp"),
        ("15/03/2026 10:30", "2026-03-15 10:30", "parse_us_local_timestamp"),
    ],
)  # fmt: skip
def test_a_clear_foreign_date_is_suggested_as_an_iso_date_that_the_parser_reads(
    engine: duckdb.DuckDBPyConnection, cell: str, suggestion: str | None, parser: str
) -> None:
    found = broken(engine, binding("foreign_date_format", parser), [cell])

    assert found == {cell: suggestion}


def test_a_day_that_no_calendar_has_is_no_foreign_date(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    """31/02/2026 was called clear, and 2026-02-31 suggested for it."""
    cells = ["31/02/2026", "29/02/2026", "31.04.2026", "02/30/2026"]

    assert broken(engine, binding("foreign_date_format", "parse_date"), cells) == {}
    assert (
        list(broken(engine, binding("unparsable_date", "parse_date"), cells)) == cells
    )


def rated_at(folder: Path, *rates: str) -> RuleContext:
    """A context that knows these rates alone."""
    (folder / "currencies.csv").write_text(
        "currency,currency_name,minor_unit_digits\n"
        "EUR,Euro,2\nRUB,Rouble,2\nUSD,Dollar,2\nGBP,Pound,2\n"
    )
    (folder / "fx_rates.csv").write_text(
        "\n".join(["rate_on,currency,quote_currency,rate", *rates, ""])
    )
    return replace(CONTEXT, seeds=folder)


RATE = binding(
    "currency_without_rate",
    "parse_currency",
    date_column="day",
    date_parser="parse_date",
)


def test_an_amount_needs_a_rate_of_its_currency_on_its_date(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """TV-7."""
    context = rated_at(tmp_path, "2026-03-01,EUR,RUB,99.5")

    def unrated(day: str) -> list[str | None]:
        cells = ["EUR", "RUB", "USD", "eur"]
        return list(broken(engine, RATE, cells, day=day, context=context))

    assert unrated("2026-02-28") == ["EUR", "USD", "eur"]
    assert unrated("2026-03-01") == ["USD"]
    assert unrated("2026-04-04") == ["USD"]
    assert unrated("2026-04-05") == ["EUR", "USD", "eur"]


def test_the_base_currency_needs_a_rate_as_well(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    context = replace(
        rated_at(tmp_path, "2026-03-01,EUR,RUB,99.5", "2026-04-01,GBP,RUB,110"),
        base_currency="GBP",
    )
    cells = ["EUR", "RUB", "GBP"]

    march = broken(engine, RATE, cells, day="2026-03-10", context=context)
    april = broken(engine, RATE, cells, day="2026-04-02", context=context)

    assert list(march) == ["EUR", "RUB"]
    assert list(april) == []


def test_a_currency_nobody_knows_or_a_row_without_a_date_is_not_asked_for_a_rate(
    engine: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    context = rated_at(tmp_path)

    unknown = broken(
        engine, RATE, ["XXX", "?", None], day="2026-03-01", context=context
    )
    undated = broken(engine, RATE, ["EUR"], day="someday", context=context)

    assert unknown == undated == {}


def test_tenge_have_no_rate_in_the_project_s_seeds_and_euros_have(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    cells = ["KZT", "EUR", "USD", "GBP", "RUB"]

    assert list(broken(engine, RATE, cells, day="2026-03-14")) == ["KZT"]


def test_a_rule_may_ask_only_where_another_cell_is_present(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    bound = binding("missing", where_present="day")

    assert broken(engine, bound, [None], day="x") == {None: None}
    assert broken(engine, bound, [None], day=None) == {}


def test_a_rule_that_needs_a_parser_says_so() -> None:
    with pytest.raises(SuiteError, match="rule invalid_number on cell needs a parser"):
        binding("invalid_number").breaks(CONTEXT)


# -- one definition of valid --------------------------------------------------------

#: Columns whose suites leave a part out: such texts flow, and without a value.
INCOMPLETE = {
    "online_retail.invoice_lines.quantity": {"letter_for_digit"},
    "sendgrid.events.timestamp": {"ambiguous_date", "foreign_date_format"},
}
#: By parser and bound rules, the columns of all suites that are guarded so.
BOUND: dict[tuple[str, frozenset[str]], list[str]] = defaultdict(list)
for _key, _suite in SUITES.items():
    _by_cell: dict[tuple[str, str], set[str]] = defaultdict(set)
    for _each in _suite.bindings:
        if _each.parser and _each.rule.id != "missing":
            _by_cell[_each.column, _each.parser].add(_each.rule.id)
    for (_column, _parser), _rules in _by_cell.items():
        if f"{_key}.{_column}" not in INCOMPLETE:
            BOUND[_parser, frozenset(_rules)].append(f"{_key}.{_column}")


@pytest.mark.parametrize("key", SUITES)
def test_a_suite_leaves_no_part_of_the_invalid_texts_out(key: str) -> None:
    by_cell: dict[tuple[str, str], set[str]] = defaultdict(set)
    for bound in SUITES[key].bindings:
        if bound.parser and bound.rule.id != "missing":
            by_cell[bound.column, bound.parser].add(bound.rule.id)

    for (column, parser), rules in by_cell.items():
        left_out = set(rules_of_parser(parser)) - rules
        assert left_out <= INCOMPLETE.get(f"{key}.{column}", set()), (column, left_out)


@st.composite
def dates(draw: st.DrawFn) -> str:
    """A date in one of many formats, real or not."""
    day, month = draw(st.integers(0, 32)), draw(st.integers(0, 14))
    year = draw(st.sampled_from([2026, 2028, 1970, 1, 9999, 26, 294248]))
    mark = draw(st.sampled_from(["-", "/", ".", " "]))
    orders = [(year, month, day), (day, month, year), (month, day, year)]
    parts = draw(st.sampled_from(orders))
    width = draw(st.sampled_from(["", "02"]))
    time = draw(
        st.sampled_from(
            ["", " 9:14", " 09:14:00", " 24:00", " 09:14:00 +0300", " 09:14:00 +03:00",
             "T09:14:00Z", " 09:14:00 -1260", " 09:14:00.5"]
        )
    )  # fmt: skip
    return mark.join(format(part, width) for part in parts) + time


CELLS = st.one_of(
    dates(),
    st.from_regex(r"[+-]?[0-9OО]{1,3}([.,][0-9oо]{1,3})?", fullmatch=True),
    st.text("0123456789", min_size=7, max_size=14),
    st.sampled_from(
        [
            "paid", " Paid", "voided", "open", "OPEN ", "unsubscribe", "yes", "No",
            "TRUE", "major", "minor", "RUB", "eur", " USD ", "XXX", "руб", "infinity",
            "epoch", "now", "today", "", " ", "\u00a0", "\t", "NaN", "null", "1e5",
            "9" * 60, "-" + "9" * 60, "1" * 5000, "x" * 5000, "٣", "１２", "０3/04/26",
            "\x00", "1\x00", "'", "''", "$1", "{{ x }}", "2026-03-14\n", "3/4/2026\n",
        ]
    ),
    st.text(max_size=12),
    st.text("0123456789/.-: O", max_size=20),
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(
    cells=st.lists(
        CELLS | st.text(" \0\u00a0\t\n!~АёЁя\u2007\u3000", max_size=4),
        min_size=40,
        max_size=60,
        unique=True,
    )
)
def test_a_cell_is_missing_exactly_when_it_parses_to_no_text(
    engine: duckdb.DuckDBPyConnection, cells: list[str]
) -> None:
    deliver(engine, [*cells, None])
    parsed = CONTEXT.macros.parse("parse_text", '"cell"')
    is_missing = binding("missing").breaks(CONTEXT)

    rows = engine.execute(
        f"select cell, {parsed} is null, {is_missing} from cells"
    ).fetchall()

    assert [cell for cell, is_null, broken in rows if is_null != broken] == []


@settings(max_examples=25, deadline=None)
@given(cells=st.lists(CELLS, min_size=40, max_size=60, unique=True))
def test_a_present_cell_is_flagged_exactly_when_its_parser_gives_no_value(
    engine: duckdb.DuckDBPyConnection, cells: list[str]
) -> None:
    deliver(engine, cells, day="2026-03-14")
    known = ", ".join(
        f"'{code}'"
        for [code] in engine.execute(
            f"select currency from read_csv('{PROJECT / 'seeds' / 'currencies.csv'}')"
        ).fetchall()
    )
    checks: list[tuple[str, str, list[str]]] = []
    columns: list[str] = []
    for parser, rules in BOUND:
        if parser in CONTACT_PARSERS:
            continue
        value = CONTEXT.macros.parse(parser, '"cell"')
        is_invalid = f"({value}) is null"
        if parser.endswith("_currency"):
            is_invalid = f"coalesce(({value}), '') not in ({known})"
        columns.append(is_invalid)
        names = sorted(rules - {"currency_without_rate"})
        columns += [binding(name, parser).breaks(CONTEXT) for name in names]
        checks.append((parser, is_invalid, names))

    rows = engine.execute(f"select cell, {', '.join(columns)} from cells").fetchall()

    for cell, *values in rows:
        flags = iter(values)
        for parser, _, names in checks:
            is_invalid = next(flags)
            broken_rules = {name for name in names if next(flags)}
            assert bool(broken_rules) == is_invalid, (parser, cell, broken_rules)
            assert len(broken_rules) <= 1, (parser, cell, broken_rules)


@settings(max_examples=12, deadline=None)
@given(cells=st.lists(CELLS, min_size=20, max_size=40, unique=True))
def test_a_suggested_repair_is_read_by_the_parser(
    engine: duckdb.DuckDBPyConnection, cells: list[str]
) -> None:
    for parser, rules in BOUND:
        if parser in CONTACT_PARSERS:
            continue
        for rule in rules & {"letter_for_digit", "foreign_date_format"}:
            suggestions = broken(engine, binding(rule, parser), cells)
            repaired = [text for text in suggestions.values() if text is not None]
            deliver(engine, repaired)
            value = CONTEXT.macros.parse(parser, "cell")
            unread = f"select cell from cells where ({value}) is null"
            assert engine.execute(unread).fetchall() == []


CONTACT_CELLS = st.one_of(
    st.sampled_from(
        [
            "anna@mail.ru", "Anna@Mail.RU ", "test@test.com", "аnna@mail.ru", "anna@",
            "anna@gmial.com", "anna@почта.рф", "+79161234567", "8 916 123-45-67",
            "+7 9О5 123-45-67", "0000000000", "123", " ", "-", "\x00", "x" * 5000,
        ]
    ),
    st.text("abо@.0123456789+О ", max_size=14),
    st.text(max_size=10),
)  # fmt: skip


@settings(max_examples=12, deadline=None)
@given(cells=st.lists(CONTACT_CELLS, min_size=20, max_size=40, unique=True))
def test_a_contact_is_flagged_once_exactly_when_it_has_no_value(
    engine: duckdb.DuckDBPyConnection, cells: list[str]
) -> None:
    classify(engine, cells)
    for (parser, rules), columns in BOUND.items():
        if parser not in CONTACT_PARSERS:
            continue
        value = {"email_address": "email", "phone_number": "phone"}[parser]
        names = sorted(rules)
        flags = ", ".join(binding(name, parser).breaks(CONTEXT) for name in names)
        rows = engine.execute(
            f"select cell, known.{value} is null, known.rule is not null, {flags}"
            f" from cells left join {CONTACT_PARSERS[parser]} as known"
            " on known.contact_text = cells.cell"
        ).fetchall()
        assert len(rows) == len(cells)
        for cell, is_invalid, has_rule, *broken_rules in rows:
            assert is_invalid == has_rule, (parser, cell)
            assert sum(map(bool, broken_rules)) == is_invalid, (columns, cell)


# -- suites and staging models ------------------------------------------------------

#: Typed by the model without a rule in the suite, and the other way round.
UNGUARDED = {("mailchimp.members", "last_changed")}
UNREAD = {("shopify.customers", "total_spent")}
#: Parsers that give a value for every text with anything in it.
LENIENT = {"parse_text", "parse_name", "parse_id"}


def parsers_of_suite(suite: Suite) -> dict[str, set[str]]:
    """By column the parsers that the suite's rules go by."""
    parsers = defaultdict(set)
    for bound in suite.bindings:
        if bound.parser:
            parsers[bound.column].add(bound.parser)
        if bound.date_column and bound.date_parser:
            parsers[bound.date_column].add(bound.date_parser)
    return parsers


def parsers_of_model(source: str, export: str) -> dict[str, set[str]]:
    """By column the parsers that the staging model calls, contact tables included."""
    path = PROJECT / f"models/staging/{source}/stg_{source}__{export}.sql"
    sql = path.read_text(encoding="utf-8")
    parsers = defaultdict(set)
    for parser, column in re.findall(r'\b(parse_\w+)\("\w+\.(\w+)"\)', sql):
        if parser not in LENIENT:
            parsers[column].add(parser)
    joins = re.findall(
        r"left join (emails|phones)\b.*\n\s+on \w+\.contact_text = \w+\.(\w+)", sql
    )
    for relation, column in joins:
        parser = {"emails": "email_address", "phones": "phone_number"}[relation]
        parsers[column].add(parser)
    return parsers


@pytest.mark.parametrize("key", SUITES)
def test_a_suite_goes_by_the_parsers_that_the_staging_model_calls(key: str) -> None:
    guarded = parsers_of_suite(SUITES[key])
    read = parsers_of_model(*key.split("."))

    unguarded = {(key, column) for column in read.keys() - guarded.keys()}
    unread = {(key, column) for column in guarded.keys() - read.keys()}

    assert unguarded <= UNGUARDED
    assert unread <= UNREAD
    assert {column: guarded[column] for column in guarded.keys() & read.keys()} == {
        column: read[column] for column in guarded.keys() & read.keys()
    }


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.key)
def test_a_suite_binds_columns_of_the_contract_and_all_its_contacts(
    contract: object,
) -> None:
    [contract] = [each for each in CONTRACTS if each == contract]
    suite = SUITES[contract.key]
    used = {
        column
        for bound in suite.bindings
        for column in (bound.column, bound.date_column, bound.where_present)
        if column
    }

    assert used <= set(contract.columns)
    for columns, parser in (
        (contract.email_columns, "email_address"),
        (contract.phone_columns, "phone_number"),
    ):
        assert set(columns) == {
            bound.column for bound in suite.bindings if bound.parser == parser
        }


def test_a_suite_with_an_unknown_rule_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "orders.json").write_text(
        '{"name": "shop.orders", "expectations": [{"type":'
        ' "expect_column_values_to_keep_rule", "kwargs": {"column": "id", "rule":'
        ' "misssing"}, "severity": "critical"}]}'
    )

    with pytest.raises(SuiteError, match=r"orders.json: unknown rule 'misssing'"):
        read_suite(tmp_path, "shop", "orders")


def test_a_suite_that_repeats_an_expectation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    same = (
        '{"type": "expect_column_values_to_keep_rule", "kwargs": {"column": "id",'
        ' "rule": "missing"}, "severity": "critical"}'
    )
    (tmp_path / "shop" / "orders.json").write_text(
        f'{{"name": "shop.orders", "expectations": [{same}, {same}]}}'
    )

    with pytest.raises(SuiteError, match=r"repeated expectations \['id__missing'\]"):
        read_suite(tmp_path, "shop", "orders")
