"""The match model as a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from orchestration.lib.identity.model import (
    ModelError,
    default_model,
    load_model,
    save_model,
)


def test_a_saved_model_is_the_model_that_is_loaded(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    save_model(default_model(), file)

    assert load_model(file) == default_model()


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (("schema_version",), 2, "schema_version is 2, not 1"),
        (("matches_per_record",), 0, "matches_per_record is not positive"),
        (("namesake_bits",), -1, "namesake_bits is negative"),
        (("review_from",), 99, "review_from is above link_from"),
        (("attributes", "shoe_size"), {}, "attribute shoe_size is unknown"),
        (("attributes", "city", "m"), {"same": 1}, "city.m does not have the levels"),
        (("attributes", "city", "u", "same"), 0, "city.u has a share outside"),
        (("attributes", "city", "vetoes"), ["never"], "city.vetoes names an unknown"),
        (("attributes", "email", "trust"), 1.5, "email.trust is not between"),
    ],
)
def test_a_damaged_model_is_refused_with_the_reason(
    tmp_path: Path, path: tuple[str, ...], value: Any, problem: str
) -> None:
    file = tmp_path / "model.json"
    save_model(default_model(), file)
    document = json.loads(file.read_text())
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    file.write_text(json.dumps(document))

    with pytest.raises(ModelError, match=problem) as raised:
        load_model(file)
    assert str(file) in str(raised.value)


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.json"
    file.write_text("[]")

    with pytest.raises(ModelError):
        load_model(file)
