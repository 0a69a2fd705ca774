"""SIGKILL at three stages, then a plain rerun: the same marts, the same members."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.destinations.receiver import Receiver, running_receiver
from tests.pipeline.conftest import AS_OF, FirstRun
from tests.support import CRM360, content, rows

CONFIG = """
[destinations.crm]
type = "webhook"
url = "{url}"
batch_rows = 10

[audiences.winback]
destinations = ["crm", "outbox"]
hold_first_send = false
"""


class Run:
    """A run in a process of its own, which can be killed with all its children."""

    def __init__(self, home: Path, landing: Path) -> None:
        self.process = subprocess.Popen(
            [
                str(CRM360), "run", "--landing", str(landing),
                "--as-of", AS_OF.isoformat(),
            ],
            env={
                **os.environ,
                "CRM360_HOME": str(home),
                "CRM360_CONFIG": str(home / "crm360.toml"),
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )  # fmt: skip

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)

    def kill_when(self, said: str) -> None:
        """Kill at the line of progress that starts so."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.strip().startswith(said):
                self.kill()
                break
        self.wait(-signal.SIGKILL)

    def wait(self, expected: int) -> None:
        _, errors = self.process.communicate(timeout=300)
        assert self.process.returncode == expected, errors


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with running_receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def undisturbed(first_run: Callable[[float], FirstRun]) -> FirstRun:
    """The same deliveries, run from nothing and in peace."""
    return first_run(0.02)


def test_three_kills_and_a_rerun_end_where_an_undisturbed_run_ends(
    tmp_path: Path,
    company: Callable[..., Path],
    undisturbed: FirstRun,
    receiver: Receiver,
) -> None:
    home = tmp_path / "killed"
    home.mkdir()
    (home / "crm360.toml").write_text(CONFIG.format(url=receiver.url))

    Run(home, company(0.02)).kill_when("shopify/customers")
    Run(home, company(0.02)).kill_when("identity")
    third = Run(home, company(0.02))
    # applied at the destination, and killed before the answer; others are on their way
    receiver.faults = [lambda: None, third.kill]
    third.wait(-signal.SIGKILL)
    assert len(receiver.requests) >= 2
    Run(home, company(0.02)).wait(0)

    assert content(home / "marts.duckdb") == content(
        undisturbed.figures / "marts.duckdb"
    )
    for table in ("customer_ids", "events", "aliases", "identifier_edges"):
        query = f"from identity.{table} order by all"
        assert rows(home / "warehouse.duckdb", query) == rows(
            undisturbed.figures / "warehouse.duckdb", query
        )
    held = "select customer_id from acknowledged where destination = '{}' order by all"
    expected = rows(undisturbed.figures / "activation.duckdb", held.format("outbox"))
    assert rows(home / "activation.duckdb", held.format("crm")) == expected
    assert rows(home / "activation.duckdb", held.format("outbox")) == expected
    assert sorted(receiver.members) == [row[0] for row in expected]
    assert set(receiver.effects.values()) == {1}, "nothing took effect twice"
    assert (home / "outbox/winback/members.csv").read_bytes() == (
        undisturbed.figures / "outbox/winback/members.csv"
    ).read_bytes()
