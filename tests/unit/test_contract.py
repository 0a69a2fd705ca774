"""What the outside promised, as the sources files say it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from orchestration.lib.landing.contract import (
    ContractError,
    ExportContract,
    column_name,
    column_names,
    read_contracts,
)
from orchestration.settings import PROJECT

CONTRACT = ExportContract(
    source="shop",
    export="orders",
    description="",
    files=("shop/orders*.csv*",),
    columns=("name", "id"),
)


def contracts_of(folder: Path, **meta: Any) -> tuple[ExportContract, ...]:
    """The contracts of a project with one export."""
    table = {
        "name": "orders",
        "description": "Orders\n  of the shop.",
        "config": {"meta": meta},
        "columns": [
            {"name": "name", "config": {"meta": {"required": True}}},
            {"name": "email", "config": {"meta": {"email": True, "optional": True}}},
            {"name": "phone", "config": {"meta": {"phone": True}}},
            {"name": "id"},
        ],
    }
    path = folder / "staging" / "shop" / "_shop__sources.yml"
    path.parent.mkdir(parents=True)
    path.write_text(yaml.safe_dump({"sources": [{"name": "shop", "tables": [table]}]}))
    return read_contracts(folder)


# -- column names -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Lineitem quantity", "lineitem_quantity"),
        ("CustomerID", "customer_id"),
        ("Country/Region", "country_region"),
        ("Номер заказа", "nomer_zakaza"),
        ("  Total (RUB)  ", "total_rub"),
        ("smtp-id", "smtp_id"),
        ("MEMBER_RATING", "member_rating"),
        ("1st order", "_1st_order"),
        ("_line", "line"),
        ("_file_id", "file_id"),
        ('a"b;c', "a_b_c"),
        ("", "column"),
        ("!?", "column"),
    ],
)
def test_a_header_becomes_a_plain_column_name(header: str, name: str) -> None:
    assert column_name(header) == name


def test_repeated_headers_are_numbered_in_order() -> None:
    assert column_names(["Tax", "tax", "", "TAX", ""]) == [
        "tax", "tax_2", "column", "tax_3", "column_2",
    ]  # fmt: skip


def test_a_numbered_header_never_takes_the_name_of_another() -> None:
    """`Phone, Phone, Phone 2` gave two columns of the same name."""
    assert column_names(["Phone", "Phone", "Phone 2", "Phone"]) == [
        "phone", "phone_2", "phone_2_2", "phone_3",
    ]  # fmt: skip


@given(st.lists(st.text("aA1 2_-ж\n\"'", max_size=4), max_size=12))
def test_column_names_are_distinct_and_never_those_of_the_bookkeeping(
    headers: list[str],
) -> None:
    names = column_names(headers)

    assert len(names) == len(set(names)) == len(headers)
    assert not {"_file_id", "_line", "_loaded_at"} & set(names)
    assert all(name.replace("_", "").isalnum() and name.isascii() for name in names)


# -- claims -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file_name", "is_claimed"),
    [
        ("shop/orders.csv", True),
        ("shop/orders_2026-03-01.csv.gz", True),
        ("SHOP/Orders.CSV", True),
        ("orders.csv", False),
        ("other/orders.csv", False),
        ("shop/customers.csv", False),
    ],
)
def test_a_pattern_with_a_folder_claims_files_of_that_folder(
    file_name: str, is_claimed: bool
) -> None:
    assert CONTRACT.claims(file_name) is is_claimed


def test_a_pattern_without_a_folder_claims_the_name_anywhere() -> None:
    contract = replace(CONTRACT, files=("Orders_Export*.csv",))

    assert contract.claims("orders_export_1.csv")
    assert contract.claims("any/where/Orders_export.csv")
    assert not contract.claims("my_orders_export.csv")


# -- the sources files --------------------------------------------------------------


def test_a_contract_is_read_from_its_sources_file(tmp_path: Path) -> None:
    [contract] = contracts_of(
        tmp_path,
        files=["Shop/Orders*.csv"],
        grouped_by="name",
        group_header="id",
        encoding="cp1251",
        duplicates="keep",
        carries_consent=True,
        currency="GBP",
        dagster={"group": "raw"},
    )

    assert contract == ExportContract(
        source="shop",
        export="orders",
        description="Orders of the shop.",
        files=("Shop/Orders*.csv",),
        columns=("name", "email", "phone", "id"),
        required=frozenset({"name"}),
        optional=frozenset({"email"}),
        encoding="cp1251",
        duplicates="keep",
        grouped_by="name",
        group_header="id",
        email_columns=("email",),
        phone_columns=("phone",),
        carries_consent=True,
        currency="GBP",
    )
    assert contract.key == "shop.orders"


def test_a_table_without_files_is_no_export(tmp_path: Path) -> None:
    assert contracts_of(tmp_path, owner="data") == ()


def test_the_project_s_contracts_are_read_in_order_of_their_names() -> None:
    keys = [contract.key for contract in read_contracts(PROJECT / "models")]

    assert keys == sorted(keys)
    assert {"ads.campaign_costs", "hubspot.contacts", "shopify.orders"} <= set(keys)


@pytest.mark.parametrize(
    ("meta", "complaint"),
    [
        ({"file": ["a"]}, r"_shop__sources.yml: table orders has unknown options"),
        ({"duplicates": "dorp"}, "duplicates is 'dorp'; known are drop and keep"),
        (
            {"format": "doc"},
            "format is 'doc'; known are csv and json and html and xml and xlsx and xls"
            " and parquet",
        ),
        ({"encoding": "cp-1251-x"}, "'cp-1251-x' is no encoding such as cp1251"),
        (
            {"currency_column": "currency"},
            "currency_column names the column currency, which the table does not list",
        ),
        (
            {"grouped_by": "order", "group_header": "id"},
            "grouped_by names the column order, which the table does not list",
        ),
        ({"grouped_by": "name"}, "grouped_by and group_header need each other"),
        ({"group_header": "name"}, "grouped_by and group_header need each other"),
        ({"files": "orders*.csv"}, "files must be a list of patterns"),
    ],
)
def test_a_contract_that_cannot_be_is_refused(
    tmp_path: Path, meta: dict[str, Any], complaint: str
) -> None:
    """A misspelt policy passed for the other one; a single text of patterns
    claimed every file by its asterisk."""
    with pytest.raises(ContractError, match=complaint):
        contracts_of(tmp_path, **{"files": ["orders*.csv"], **meta})


def test_what_the_configuration_overrides_is_checked_as_well() -> None:
    assert replace(CONTRACT, files=["A*.CSV"]).claims("a.csv")
    with pytest.raises(ContractError, match="is no encoding"):
        replace(CONTRACT, encoding="windows-nonsense")
