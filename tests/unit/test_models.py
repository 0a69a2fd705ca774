"""The dbt project by itself: it builds on nothing, and its unit tests hold."""

import json
from pathlib import Path

from tests.support import dbt, empty_warehouse


def test_all_models_build_on_no_deliveries_and_all_unit_tests_hold(
    tmp_path: Path,
) -> None:
    empty_warehouse(tmp_path)

    built = dbt("build", "--empty", home=tmp_path)

    results = json.loads((tmp_path / "dbt" / "run_results.json").read_text())["results"]
    wrong = [
        f"{result['unique_id']}: {result['message']}"
        for result in results
        if result["status"] in ("fail", "error", "runtime error")
    ]
    assert not wrong, "\n".join(wrong)
    assert built.returncode == 0, built.stdout[-2000:]
