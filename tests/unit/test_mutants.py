"""Damaged files: each ends in a load, a partial load or a refusal, and adds up."""

import gzip
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing import ledger
from orchestration.lib.landing.lander import LedgerRow
from orchestration.lib.quality import judge
from tests.mutants import OUTCOMES, Landing, complaints, land
from tests.mutator import BASES, CONTRACT, ENCODINGS, Mutant, mutant
from tests.unit.test_judge import RULES, gate_of

#: Every kind of damage at least five times in every layout.
SEEDS = range(560)


@pytest.fixture(scope="module")
def landing() -> Iterator[Landing]:
    """A process that lands and does nothing else, so that its memory tells."""
    with Landing() as landing:
        yield landing


def test_no_damage_ends_the_process_loses_a_line_or_fills_the_memory(
    landing: Landing,
) -> None:
    verdicts = list(landing.verdicts(SEEDS))

    assert [str(verdict) for verdict in verdicts if verdict.complaints] == []
    assert landing.peak_mib() < 2048
    outcomes = Counter(verdict.row.outcome for verdict in verdicts)
    assert min(outcomes[outcome] for outcome in OUTCOMES) > len(SEEDS) / 50


def test_a_seed_is_the_same_file_every_time() -> None:
    assert [mutant(seed) for seed in SEEDS[:100]] == [
        mutant(seed) for seed in SEEDS[:100]
    ]


def test_the_gate_s_figures_of_damaged_files_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = [
        ("id", "missing", None, "critical"),
        ("day", "unparsable_date", "parse_date", "critical"),
        ("amount", "invalid_number", "parse_amount", "critical"),
        ("email", "invalid_contact", "email_address", "warning"),
    ]
    monkeypatch.setitem(RULES, CONTRACT.key, rules)
    gate = gate_of(tmp_path, CONTRACT)
    landed: dict[str, LedgerRow] = {}
    for damaged in map(mutant, SEEDS[::5]):
        path = tmp_path / "delivered"
        path.write_bytes(damaged.content)
        row = land(path, damaged.name, damaged.contract, tmp_path / "raw")
        if row.outcome != "refused" and len(row.columns) < 100:
            landed[row.file_id] = row
    gate.landed = list(landed.values())
    ledger.record(gate.connection, gate.landed)
    ledger.create_raw_table(gate.connection, CONTRACT, tmp_path / "raw")

    gate.judge()

    assert judge.unbalanced_files(gate.connection) == []
    delivered, *fates = (sum(each) for each in zip(*gate.figures(), strict=True))
    assert delivered == sum(row.rows_delivered for row in gate.landed)
    assert delivered == sum(fates)
    assert min(fates) > 0
    gate.connection.close()


# -- whatever text there is ---------------------------------------------------------


WORDS = (
    "1;Анна\n", '"2";"a\nb"\n', '{"id": 1, "email": "x"},\n', "{}", "null", ";", '"',
    '""', "\n", "\r\n", "\r", "\0", "\ufeff", "\\", "{", "}", "[", "]", ":", ",", " ",
    "ж", "€", "\x85", "\u2028", "\x0b", "a",
)  # fmt: skip


@st.composite
def texts(draw: st.DrawFn) -> Mutant:
    """A header, or the start of JSON, and behind it what nobody would write."""
    contract = draw(st.sampled_from([base.contract for base in BASES]))
    start = "id;name\n" if contract.format == "csv" else draw(st.sampled_from("[{"))
    text = start + "".join(draw(st.lists(st.sampled_from(WORDS), max_size=60)))
    content = text.encode(draw(st.sampled_from(ENCODINGS)), "replace")
    if draw(st.booleans()):
        content = gzip.compress(content, mtime=0)
        content = content[: draw(st.integers(0, 2 * len(content)))]
    return Mutant(
        seed=0, name="shop/text", content=content, contract=contract, story=text
    )


@settings(max_examples=300, deadline=None)
@given(delivered=texts())
def test_whatever_text_is_delivered_every_line_of_it_is_accounted_for(
    tmp_path_factory: pytest.TempPathFactory, delivered: Mutant
) -> None:
    folder = tmp_path_factory.mktemp("text")
    (folder / "file").write_bytes(delivered.content)

    row = land(folder / "file", delivered.name, delivered.contract, folder / "raw")

    assert complaints(delivered, row, folder / "raw") == []
