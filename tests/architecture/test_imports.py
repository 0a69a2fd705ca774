"""Who may import whom: lib <- components <- defs <- definitions."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestration.settings import PROJECT

PACKAGE = PROJECT / "orchestration"
MODULES = sorted(PACKAGE.rglob("*.py"))

#: Layers in order; a module imports its own layer and those before it.
LAYERS = (
    "settings",
    "lib",
    "scaffold",
    "dbt",
    "components",
    "defs",
    "definitions",
    "event_log",
    "launch",
    "commands",
    "cli",
)


def layer(dotted: str) -> str:
    """The second part of `orchestration.<layer>...`."""
    return dotted.split(".")[1] if "." in dotted else "settings"


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(
        ".__init__"
    )


def imports(path: Path) -> Iterator[str]:
    """Every imported module, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_module_imports_only_its_layer_and_those_below(path: Path) -> None:
    name = dotted(path)
    if "." not in name:
        return
    own = LAYERS.index(layer(name))

    above = [
        imported
        for imported in imports(path)
        if imported.startswith("orchestration.") and LAYERS.index(layer(imported)) > own
    ]

    assert above == []


@pytest.mark.parametrize("path", sorted((PACKAGE / "lib").rglob("*.py")), ids=dotted)
def test_lib_is_plain_python_and_its_folders_do_not_know_each_other(path: Path) -> None:
    parts = dotted(path).split(".")
    folder = parts[2] if path.parent != PACKAGE / "lib" else None
    modules = {file.stem for file in (PACKAGE / "lib").glob("*.py")}

    for imported in imports(path):
        assert not imported.startswith(("dagster", "dbt", "click")), imported
        if imported.startswith("orchestration."):
            inner = imported.split(".")
            assert inner[1] == "lib", f"{imported}: values are handed to lib"
            assert inner[2] in modules | {folder}, imported


def test_nothing_imports_tests() -> None:
    assert [
        path
        for path in MODULES
        for imported in imports(path)
        if imported.startswith("tests")
    ] == []


def test_the_clock_is_read_at_the_edge_only() -> None:
    """Times of landing, sending and checking; never a window, a segment or a figure."""
    readers = {
        dotted(path)
        for path in MODULES
        if any(
            call in path.read_text(encoding="utf-8")
            for call in (".now(", ".today(", "time.time(", ".utcnow(")
        )
    }

    assert readers <= {
        "orchestration.cli",
        "orchestration.commands.alerts",
        "orchestration.commands.identity_decisions",
        "orchestration.commands.quarantine",
        "orchestration.launch",
        "orchestration.components.alerts",
        "orchestration.components.fetched_place",
        "orchestration.components.landed_export",
        "orchestration.components.pipeline",
        "orchestration.lib.retries",
        "orchestration.lib.runs",
        "orchestration.lib.landing.lander",
        "orchestration.lib.quality.results",
        "orchestration.lib.activation.state",
        "orchestration.lib.webhooks",
    }
