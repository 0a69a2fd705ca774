"""The shape of the dbt project, read from its manifest."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from dagster import AssetKey
from jinja2 import Environment
from sqlglot import exp

from orchestration.components.metrics import metric_names
from orchestration.dbt import prepare_project
from orchestration.definitions import defs
from orchestration.lib.identity.evidence import read_identifier_types
from orchestration.lib.landing.contract import read_contracts
from orchestration.lib.quality.suites import EXPECTATION_TYPE, read_suite
from orchestration.settings import MACROS, MODELS, PROJECT, SEEDS
from tests.support import at_home

MANIFEST: dict[str, Any] = json.loads(prepare_project().manifest_path.read_text())
NODES = MANIFEST["nodes"].values()
MODEL_NODES = sorted(
    (node for node in NODES if node["resource_type"] == "model"),
    key=lambda node: node["name"],
)
CONTRACTS = read_contracts(MODELS)
MODEL_FILES = sorted(MODELS.rglob("*.sql"))

#: Functions that DuckDB and Spark spell and mean alike.
PORTABLE_FUNCTIONS = {
    "ABS", "AND", "CASE", "CAST", "COALESCE", "CONCAT", "COUNT", "FLOOR", "GREATEST",
    "IF", "LAG", "LEAD", "LEAST", "LOWER", "MAX", "MIN", "NULLIF", "OR", "POWER",
    "RANK", "REPLACE", "ROUND", "ROW_NUMBER", "SIGN", "SPLIT_PART", "SUM", "TRIM",
    "UPPER", "ENGINE",
}  # fmt: skip
#: Spellings that only one of them reads.
ONE_ENGINE_ONLY = re.compile(
    r"::|\bqualify\b|\bexclude\b|\bilike\b|\basof\b|\bdistinct on\b|\bby all\b"
    r"|\binterval\b|\bunnest\b|\bfilter\s*\(|(?<!\w)\[|\busing\s*\(|->",
    re.IGNORECASE,
)


def names(nodes: list[dict[str, Any]]) -> list[str]:
    return [node["name"] for node in nodes]


def test_the_manifest_holds_the_models_of_the_folder_beside_it() -> None:
    assert len(MODEL_NODES) == len(MODEL_FILES) > 30


def test_exactly_one_step_leads_out_of_the_dbt_project() -> None:
    """`../../models` would compile outside of `target/`; see decision 0001."""
    project = yaml.safe_load((PROJECT / "dbt_project/dbt_project.yml").read_text())

    assert project["model-paths"] == ["../models"]
    assert project["seed-paths"] == ["../seeds"]


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.key)
def test_every_export_has_a_suite_and_a_staging_model(contract: Any) -> None:
    suite = read_suite(PROJECT / "expectations", contract.source, contract.export)

    assert suite.bindings
    assert f"stg_{contract.source}__{contract.export}" in names(MODEL_NODES)
    assert suite.document["name"] == contract.key
    for expectation in suite.document["expectations"]:
        assert expectation["severity"] in ("critical", "warning")
        if expectation["type"] == EXPECTATION_TYPE:
            assert expectation["kwargs"]["column"] in contract.columns


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.key)
def test_a_staging_model_takes_the_latest_rows_as_the_contract_says(
    contract: Any,
) -> None:
    """The gate finds deletions by the contract's key, the model by its own."""
    folder = MODELS / "staging" / contract.source
    sql = (folder / f"stg_{contract.source}__{contract.export}.sql").read_text()
    calls = re.findall(
        rf'latest_rows\(\s*"{contract.source}", "{contract.export}", (\[.*?\])(.*?)\)',
        sql,
        re.DOTALL,
    )

    for columns, options in calls:
        assert tuple(json.loads(columns)) == contract.row_key
        assert ("deletions=true" in options) == (contract.delivery == "full")
    assert calls or contract.delivery != "full"


def test_no_two_exports_claim_the_same_file() -> None:
    """Every pattern, taken as a file name, belongs to its own export alone."""
    for contract in CONTRACTS:
        for pattern in contract.files:
            sample = pattern.replace("*", "x")
            claiming = [other.key for other in CONTRACTS if other.claims(sample)]
            assert claiming == [contract.key], sample


#: Who the rows of an export tell of: parts of int_source_records, which has their key.
RECORD_NODES = [node for node in MODEL_NODES if "records" in node["fqn"]]


@pytest.mark.parametrize("node", MODEL_NODES, ids=lambda node: node["name"])
def test_every_model_states_its_grain_and_has_a_tested_key(node: Any) -> None:
    tests = [
        other["test_metadata"]["name"]
        for other in NODES
        if other["resource_type"] == "test"
        and other.get("attached_node") == node["unique_id"]
        and other.get("test_metadata")
    ]

    assert "one row per" in node["description"].lower()
    assert "key" in tests or node in RECORD_NODES


def test_the_records_of_every_export_are_source_records_and_unit_tested() -> None:
    (union,) = [node for node in MODEL_NODES if node["name"] == "int_source_records"]
    tested = {test["model"] for test in MANIFEST["unit_tests"].values()}

    assert len(RECORD_NODES) > 20
    assert {node["unique_id"] for node in RECORD_NODES} == set(
        union["depends_on"]["nodes"]
    )
    for node in RECORD_NODES:
        assert node["config"]["materialized"] == "view"
        assert node["name"] in tested


def test_every_export_of_records_has_a_rank_and_no_other() -> None:
    with (PROJECT / "seeds/source_ranks.csv").open(newline="") as file:
        ranked = [(row["source"], row["export"]) for row in csv.DictReader(file)]

    assert len(ranked) == len(set(ranked))
    assert {f"int_records__{source}__{export}" for source, export in ranked} == set(
        names(RECORD_NODES)
    )


def test_every_metric_is_remembered_and_can_be_restated() -> None:
    folder = MODELS / "marts/kpi"
    compared = (folder / "kpi_restatements.sql").read_text().split("] -%}")[0]
    remembered = MODELS / "staging/kpi_history/stg_kpi_history__figures.sql"

    assert re.findall(r'"(\w+)"', compared) == metric_names()
    assert set(metric_names()) <= set(re.findall(r"\w+", remembered.read_text()))


def test_every_kind_of_identifier_says_how_far_it_is_trusted() -> None:
    sql = (MODELS / "intermediate/identity/int_identifiers.sql").read_text()
    kinds = re.findall(r'^    \("(\w+)", \[', sql, re.MULTILINE)

    assert len(kinds) > 5
    assert kinds == [each.name for each in read_identifier_types(SEEDS)]


@pytest.mark.parametrize(
    "node",
    [node for node in MODEL_NODES if node["fqn"][1] == "marts"],
    ids=lambda node: node["name"],
)
def test_marts_are_contracted_documented_and_say_what_is_personal(node: Any) -> None:
    assert node["config"]["contract"]["enforced"]
    assert node["config"]["access"] == "public"
    for column in node["columns"].values():
        assert column["description"]
        if column["data_type"] == "varchar":
            assert column["config"]["meta"]["pii"] in ("direct", "quasi", "none")


def test_staging_is_the_only_user_of_sources() -> None:
    users = {
        node["fqn"][1]
        for node in MODEL_NODES
        if any(each.startswith("source.") for each in node["depends_on"]["nodes"])
    }

    assert users == {"staging"}


def test_layers_build_on_the_layers_below() -> None:
    order = ["staging", "intermediate", "marts"]
    layer = {node["unique_id"]: node["fqn"][1] for node in MODEL_NODES}

    for node in MODEL_NODES:
        for parent in node["depends_on"]["nodes"]:
            if parent in layer:
                assert order.index(layer[parent]) <= order.index(node["fqn"][1])


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.stem)
def test_no_model_reads_the_clock(path: Any) -> None:
    clock = re.compile(
        r"current_(date|time|timestamp)|\bnow\s*\(|\btoday\s*\(|localtime|run_started",
        re.IGNORECASE,
    )

    assert not clock.search(path.read_text(encoding="utf-8"))


class _Engine:
    """Dispatched macros as calls of one function, whatever the engine."""

    def dispatch(self, name: str) -> Any:
        if name in ("day_series", "month_series"):
            return lambda first, last, column: f"select engine({first}) as {column}"
        return lambda *arguments: f"engine({arguments[0]})"


@pytest.mark.parametrize("path", MODEL_FILES, ids=lambda path: path.stem)
def test_models_use_portable_sql_and_dispatched_macros_only(path: Any) -> None:
    """Another engine is a profile and its variants of macros/engine.sql."""
    environment = Environment(extensions=["jinja2.ext.do"])
    environment.globals |= {
        "adapter": _Engine(),
        "ref": lambda name: name,
        "source": lambda source, name: f"{source}.{name}",
        "var": lambda name, default=None: "1",
        "dbt": type("", (), {"type_string": staticmethod(lambda: "varchar")}),
    }
    macros = "\n".join(
        file.read_text()
        for file in sorted(MACROS.rglob("*.sql"))
        if file.name != "generate_schema_name.sql" and file.parent.name != "tests"
    )
    text = path.read_text(encoding="utf-8")
    rendered = environment.from_string(f"{macros}\n{text}").render()

    without_macros = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|--[^\n]*", "", text, flags=re.S)
    assert not ONE_ENGINE_ONLY.search(without_macros)
    tree = sqlglot.parse_one(rendered, dialect="duckdb")
    functions = {
        node.name.upper() if isinstance(node, exp.Anonymous) else node.sql_name()
        for node in tree.find_all(exp.Func)
    }
    assert functions <= PORTABLE_FUNCTIONS
    assert tree.sql(dialect="spark", unsupported_level=sqlglot.ErrorLevel.RAISE)


def test_every_dbt_test_is_a_check_of_the_graph(tmp_path: Path) -> None:
    """One that Dagster cannot place in a half of the build would hold nothing back."""
    tests = {node["name"] for node in NODES if node["resource_type"] == "test"}
    with at_home(tmp_path):
        checks = {key.name for key in defs().resolve_asset_graph().asset_check_keys}

    assert len(tests) > 50
    assert tests <= checks


def test_the_first_half_of_the_build_has_no_check_that_runs_in_the_second(
    tmp_path: Path,
) -> None:
    """dbt runs a test when all that it reads is there, which may be a half later."""
    with at_home(tmp_path):
        first = defs().get_assets_def(AssetKey(["intermediate", "int_orders"]))
    checks = {key.name for key in first.check_keys}
    built = {key.path[-1] for key in first.keys}
    nodes = MANIFEST["nodes"]
    late = {
        node["name"]
        for node in NODES
        if node["name"] in checks
        for parent in node["depends_on"]["nodes"]
        if parent in nodes and nodes[parent]["name"] not in built
    }

    assert len(checks) > 20
    assert late == set()
