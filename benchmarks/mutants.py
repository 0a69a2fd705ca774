"""`make bench`: what becomes of damaged files, and the memory that landing them takes.

    python -m benchmarks.mutants [--count 2000] [--first 0]

Files of every layout are truncated, flipped, re-encoded, re-delimited, filled with NULs
and giant fields, each by the number that is its seed, and landed one after the other in
one process. Every line of each is looked for from outside, in its rows and rejects. The
first 560 are those of `make test`. Prints how they ended and writes
`var/bench/mutants.json`; fails where the process dies, a file does not add up or has no
reason, and above 2 GiB.
"""

import argparse
import json
import sys
from collections import Counter

from orchestration.settings import PROJECT
from tests.mutants import Landing

MOST_MIB = 2048


def main() -> None:
    """Land the mutants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    outcomes: Counter[str] = Counter()
    wrong: list[str] = []
    with Landing() as landing:
        for verdict in landing.verdicts(
            range(options.first, options.first + options.count)
        ):
            outcomes[verdict.row.outcome] += 1
            if verdict.complaints:
                wrong.append(str(verdict))
        peak = landing.peak_mib()
    print(*wrong, sep="\n", end="\n" if wrong else "")
    ends = ", ".join(
        f"{count:,} {outcome}" for outcome, count in outcomes.most_common()
    )
    print(f"{options.count:,} damaged files: {ends}; {len(wrong)} do not add up")
    print(f"peak memory {peak:,.0f} MiB")
    report = PROJECT / "var" / "bench" / "mutants.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    figures = {"outcomes": outcomes, "wrong": wrong, "peak_mib": peak}
    report.write_text(json.dumps({"first": options.first, **figures}, indent=2))
    if wrong or peak > MOST_MIB:
        sys.exit("a damaged file does not add up, or takes too much memory")


if __name__ == "__main__":
    main()
