"""Header rows: the same column under many spellings, and facts in the header."""

from dataclasses import replace

import pytest

from orchestration.lib.landing.contract import ContractError, ExportContract
from orchestration.lib.landing.header import read_header

CONTRACT = ExportContract(
    source="ads",
    export="costs",
    description="",
    files=("*.csv",),
    columns=("day", "campaign", "amount_spent", "currency"),
    required=frozenset({"day", "amount_spent", "currency"}),
    aliases={
        "day": ("Reporting starts", "Début des rapports"),
        "amount_spent": ("Amount spent ({currency})", "Montant dépensé ({currency})"),
    },
)


@pytest.mark.parametrize(
    ("cells", "currency"),
    [
        (["Day", "Campaign", "Amount spent (USD)"], "USD"),
        (["Début des rapports", "Campaign", "Montant  dépensé (EUR)"], "EUR"),
        (["REPORTING STARTS", "campaign", "amount spent ( RUB )"], "RUB"),
    ],
)
def test_aliases_name_the_column_and_braces_take_its_value(
    cells: list[str], currency: str
) -> None:
    header = read_header(cells, CONTRACT)

    assert header.columns == ("day", "campaign", "amount_spent")
    assert header.constants == {"currency": currency}
    assert header.missing(CONTRACT) == []


def test_a_delivered_column_wins_over_the_value_in_the_header() -> None:
    header = read_header(["Day", "Amount spent (USD)", "Currency"], CONTRACT)

    assert header.columns == ("day", "amount_spent", "currency")
    assert header.constants == {}


def test_two_spellings_of_one_column_are_both_kept() -> None:
    header = read_header(["Day", "Reporting starts"], CONTRACT)

    assert header.columns == ("day", "day_2")
    assert header.missing(CONTRACT) == ["amount_spent", "currency"]


@pytest.mark.parametrize("spellings", ["Day", ("Amount ({money})",)])
def test_aliases_that_cannot_be_are_refused(spellings: tuple[str, ...]) -> None:
    with pytest.raises(ContractError, match="aliases of day must be a list of headers"):
        replace(CONTRACT, aliases={"day": spellings})
