"""Events of runs are kept as Dagster keeps them."""

from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.event_log import SqliteEventLogStorage

from orchestration.event_log import KeptOpenEventLog
from orchestration.launch import prepare_environment
from tests.support import at_home


@dg.asset
def told() -> dg.MaterializeResult[None]:
    """An asset that says how many rows it has."""
    return dg.MaterializeResult(metadata={"rows": 3})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "dagster" / "history" / "runs"


def test_dagster_reads_with_its_own_class_what_was_written_with_ours(
    tmp_path: Path, folder: Path
) -> None:
    with at_home(tmp_path) as settings:
        prepare_environment(settings)
        with dg.DagsterInstance.get() as instance:
            assert isinstance(instance.event_log_storage, KeptOpenEventLog)
            result = dg.materialize([told], instance=instance)
            written = [event.message for event in instance.all_logs(result.run_id)]
            assert instance.get_latest_materialization_event(told.key)

    own = SqliteEventLogStorage(base_dir=str(folder))
    read = [event.message for event in own.get_logs_for_run(result.run_id)]
    assert read == written
    assert len(read) > 5
    event = own.get_latest_materialization_events([told.key])[told.key]
    assert event is not None
    assert event.asset_materialization is not None
    assert event.asset_materialization.metadata["rows"].value == 3


def test_nothing_stays_open_after_the_instance(tmp_path: Path, folder: Path) -> None:
    with at_home(tmp_path) as settings:
        prepare_environment(settings)
        with dg.DagsterInstance.get() as instance:
            dg.materialize([told], instance=instance)

    assert list(folder.glob("*.db"))
    assert list(folder.glob("*-wal")) == []
