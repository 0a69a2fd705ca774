"""Whatever happens in whichever order, the promises of the engine hold."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.receiver import WebhookReceiver
from orchestration.lib.sandbox.server import application, running
from tests.destinations.histories import STEPS, History


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(st.sampled_from((*STEPS, "run", "add")), min_size=5, max_size=25),
    seed=st.integers(0, 2**32),
)
def test_the_destination_ends_as_wanted_and_nothing_happens_twice(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str], seed: int
) -> None:
    chance, faults, receiver = random.Random(seed), Faults(), WebhookReceiver()
    home: Path = tmp_path_factory.mktemp("history")
    with running(application([receiver], faults)) as server:
        history = History(home, server, faults, receiver)
        for step in steps:
            history.take(step, chance)
        history.settle()
        history.check()
