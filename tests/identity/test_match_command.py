"""`crm360 identity match`, from a file to clusters."""

import random
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from orchestration.cli import main

HEADER = "rec,given name,surname,born,mail,street,no\n"
FIRST = [
    "Anna",
    "Robert",
    "Grace",
    "Evelyn",
    "Walter",
    "Ludwig",
    "Martha",
    "Oscar",
    "Hilda",
    "Bruno",
    "Clara",
    "Emil",
]
LAST = [
    "Abel",
    "Brandt",
    "Cramer",
    "Dorn",
    "Engel",
    "Falk",
    "Graf",
    "Hahn",
    "Iven",
    "Jung",
    "Kern",
    "Lang",
    "Maas",
    "Noll",
]


def write_people(folder: Path, *, seed: int = 1) -> Path:
    """120 people, each twice, the second time with a slip or a gap; rows shuffled."""
    generator = random.Random(seed)
    lines = []
    for number in range(120):
        first, last = generator.choice(FIRST), generator.choice(LAST)
        born = f"{generator.randint(1930, 1999)}-{generator.randint(1, 12):02}-15"
        mail = f"{first}{number}@mail.de".lower()
        street = f"{generator.choice(LAST)}weg,{generator.randint(1, 90)}"
        lines.append(f"{number}a,{first},{last},{born},{mail},{street}")
        kept = mail if number % 3 else ""
        slip = last[:2] + last[1:] if number % 4 == 0 else last
        lines.append(f"{number}b,{first},{slip},{born},{kept},{street}")
    generator.shuffle(lines)
    file = folder / "people.csv"
    file.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    return file


MAPPING = (
    "--columns", "id=rec,first_name=given name,last_name=surname,birth_date=born",
    "--columns", "email=mail,address=street+no",
)  # fmt: skip


def match(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["identity", "match", *map(str, arguments)])


def test_people_are_found_and_told_about(tmp_path: Path) -> None:
    out, pairs = tmp_path / "clusters.csv", tmp_path / "pairs.parquet"

    result = match(write_people(tmp_path), *MAPPING, "--out", out, "--pairs", pairs)

    assert result.exit_code == 0, result.output
    found = duckdb.sql(f"select record_id, cluster_id from '{out}'").fetchall()
    assert len(found) == 240
    right = sum(record[:-1] == cluster[:-1] for record, cluster in found)
    assert right >= 236
    assert {cluster for _, cluster in found} <= {record for record, _ in found}
    evidence = duckdb.sql(f"select * from '{pairs}' where is_linked").columns
    assert {"left_id", "right_id", "weight", "is_vetoed", "last_name"} <= set(evidence)
    assert "240 records" in result.stderr
    assert "birth date, last name" in result.stderr
    assert "clusters" in result.stderr and "for review" in result.stderr


def test_the_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    file = write_people(tmp_path)
    match(file, *MAPPING, "--out", tmp_path / "one.csv")
    header, *lines = file.read_text().splitlines()
    file.write_text("\n".join([header, *reversed(lines)]))
    match(file, *MAPPING, "--out", tmp_path / "other.csv")

    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


def test_without_an_id_rows_are_numbered(tmp_path: Path) -> None:
    out = tmp_path / "clusters.parquet"

    result = match(
        write_people(tmp_path), "--columns", "last_name=surname,birth_date=born",
        "--out", out,
    )  # fmt: skip

    assert result.exit_code == 0, result.output
    first = duckdb.sql(f"select record_id, cluster_id from '{out}' limit 1").fetchall()
    assert first == [("1", "1")]


def test_parquet_is_read_like_csv(tmp_path: Path) -> None:
    file = write_people(tmp_path)
    parquet = tmp_path / "people.parquet"
    duckdb.sql(f"copy (from read_csv('{file}', all_varchar = true)) to '{parquet}'")
    match(file, *MAPPING, "--out", tmp_path / "one.csv")
    match(parquet, *MAPPING, "--out", tmp_path / "other.csv")

    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "other.csv").read_bytes()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("last_name=family", "no column family; it has rec, given name, surname, born"),
        ("shoe_size=no", "attribute 'shoe_size' is unknown; there are id, first_name"),
        ("surname", "'surname' is not of the form attribute=column"),
        ("city=no,city=street", "attribute 'city' is mapped twice"),
        ("id=rec", "nothing to compare is mapped"),
        ("id=surname,last_name=surname", "ids of"),
    ],
)
def test_a_wrong_mapping_is_told_with_what_is_right(
    tmp_path: Path, columns: str, message: str
) -> None:
    result = match(
        write_people(tmp_path), "--columns", columns, "--out", tmp_path / "out.csv"
    )

    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_an_output_of_another_kind_is_refused(tmp_path: Path) -> None:
    result = match(write_people(tmp_path), *MAPPING, "--out", tmp_path / "out.xlsx")

    assert result.exit_code == 2
    assert "neither .csv nor .parquet" in result.stderr


def test_a_file_that_is_no_table_is_told(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    file.write_bytes(b"\x00\x01nothing")

    result = match(file, *MAPPING, "--out", tmp_path / "out.csv")

    assert result.exit_code == 1
    assert "cannot be read" in result.stderr


def test_columns_without_values_are_told(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,city\n,\n,\n")

    result = match(
        file, "--columns", "full_name=name,city=city", "--out", tmp_path / "out.csv"
    )

    assert result.exit_code == 1
    assert "no record has a value" in result.stderr


def test_one_record_is_one_person(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,city\nAnna Abel,Berlin\n")

    result = match(
        file, "--columns", "full_name=name,city=city", "--out", tmp_path / "out.csv"
    )

    assert result.exit_code == 0, result.output
    assert (tmp_path / "out.csv").read_text() == "record_id,cluster_id\n1,1\n"
