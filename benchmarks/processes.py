"""Measurements beside each other, each in a process of its own."""

import json
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from orchestration.settings import PROJECT


def measure_each(
    module: str, parts: Sequence[str], *options: object
) -> dict[str, dict[str, Any]]:
    """What `python -m benchmarks.<module> --only PART` prints for each part, as JSON.

    So that one part's memory and threads are not another's.
    """
    return {
        part: json.loads(
            subprocess.run(
                [
                    *(sys.executable, "-m", f"benchmarks.{module}", "--only", part),
                    *map(str, options),
                ],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
        )
        for part in parts
    }


def peak_gib() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


def write_report(name: str, report: Mapping[str, Any]) -> None:
    """Keep the figures as `var/bench/<name>.json`."""
    path = PROJECT / "var" / "bench" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2))
