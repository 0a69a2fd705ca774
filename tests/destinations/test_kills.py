"""SIGKILL at every write of the engine and every word to its destination, each once."""

import shutil
import subprocess
import sys

from orchestration.lib.sandbox.faults import Faults
from orchestration.lib.sandbox.receiver import WebhookReceiver
from orchestration.lib.sandbox.server import application, running
from orchestration.settings import PROJECT
from tests.destinations.conftest import World

#: After the changes that follow the first run.
EXPECTED = {"anna": "Anya", "vera": "vera", "egor": "egor", "zoya": "zoya"}


def test_whenever_it_is_killed_a_rerun_ends_the_same_and_nothing_happens_twice(
    world: World,
) -> None:
    world.add("egor")
    shutil.copy(world.marts, world.home / "before.duckdb")
    world.drop("boris")
    world.add("zoya")
    world.execute(
        "update audience_winback set first_name = 'Anya' where customer_id = 'anna'"
    )
    receiver = WebhookReceiver()

    with running(application([receiver], Faults())) as url:
        arguments = (str(world.home), f"{url}/webhook/audiences")
        done = subprocess.run(
            [sys.executable, "-m", "tests.destinations.dying", *arguments],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr[-2000:]
    places = [int(each) for each in done.stdout.split()]
    assert min(places) > 16, "there are more writes than that"
    assert len(receiver.members) == sum(places)
    for members in receiver.members.values():
        assert {name: each["first_name"] for name, each in members.items()} == EXPECTED
    assert set(receiver.effects.values()) == {1}
