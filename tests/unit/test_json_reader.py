"""JSON arrays and lines: one record per object, values as they were written."""

import codecs
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.lib.landing import json_reader, records
from orchestration.lib.landing.contract import ExportContract
from orchestration.lib.landing.inspection import CHUNK_BYTES, Refused, identify
from orchestration.lib.landing.json_reader import JsonReading

CONTRACT = ExportContract(
    source="mail",
    export="events",
    description="",
    files=("*.json",),
    columns=("id", "kind"),
)

Record = dict[str, str]


@dataclass(frozen=True)
class Result:
    """A whole reading; cells without a value are left out of the records."""

    rows: list[tuple[int, Record]]
    rejects: list[tuple[int, str, str]]
    columns: tuple[str, ...]
    dialect: str
    cut_short: str | None


def read(
    path: Path,
    content: str | bytes,
    *,
    encoding: str = "utf-8",
    chunk_bytes: int = CHUNK_BYTES,
) -> Result:
    """Write the content and read it back."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    reading = JsonReading(identify(path), CONTRACT, encoding, chunk_bytes=chunk_bytes)
    blocks = list(reading)
    rows = [row for block in blocks for row in block.table.to_pylist()]
    return Result(
        rows=[
            (row.pop("_line"), {key: text for key, text in row.items() if text})
            for row in rows
        ],
        rejects=[
            (reject.line, reject.reason, reject.text)
            for block in blocks
            for reject in block.rejects
        ],
        columns=reading.columns,
        dialect=str(reading.dialect),
        cut_short=reading.cut_short,
    )


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file name for all examples of a property."""
    return tmp_path_factory.mktemp("json") / "file.json"


# -- properties ---------------------------------------------------------------------

SCALARS = st.one_of(
    st.text('aж"\\/{}[],:\n😀 ', max_size=6),
    st.integers(-(10**25), 10**25),
    st.booleans(),
    st.none(),
)
VALUES = st.one_of(
    SCALARS, st.lists(SCALARS, max_size=3), st.dictionaries(st.text("xy"), SCALARS)
)
OBJECTS = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(0, 99)},
        optional={"kind": VALUES, "Sent At": VALUES, "nested": VALUES},
    ),
    max_size=8,
)


def as_text(value: Any) -> str | None:
    """The text that a value should arrive as."""
    if isinstance(value, str):
        return value or None
    return (
        None if value is None else json.dumps(value, ensure_ascii=False, sort_keys=True)
    )


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[tuple[int, Record]]]:
    """A file of objects in one of the usual layouts, and its records."""
    objects = draw(OBJECTS)
    indent = draw(st.sampled_from([None, 2]))
    is_ascii = draw(st.booleans())
    parts = [json.dumps(each, indent=indent, ensure_ascii=is_ascii) for each in objects]
    between = draw(st.sampled_from(["\n", "\r\n", "\n\n"]))
    if not parts or draw(st.booleans()):
        opening, closing = draw(st.sampled_from([("[", "]"), ("[\n", "\n]\n")]))
        comma = draw(st.sampled_from([",", ", ", ",\n", "\n,\n"]))
        text, joint = opening, comma
    else:
        text, joint, closing = "", between, draw(st.sampled_from(["", between]))
    expected = []
    last_line = 0
    for number, (each, part) in enumerate(zip(objects, parts, strict=True)):
        text += joint if number else ""
        last_line = max(last_line + 1, text.count("\n") + 1)
        cells = {
            name: as_text(each.get(key))
            for name, key in [
                ("id", "id"), ("kind", "kind"), ("sent_at", "Sent At"),
                ("nested", "nested"),
            ]
        }  # fmt: skip
        expected.append(
            (last_line, {name: cell for name, cell in cells.items() if cell})
        )
        text += part
    return text + closing, expected


@settings(max_examples=200, deadline=None)
@given(
    file=files(),
    chunk_bytes=st.one_of(st.integers(1, 100), st.just(CHUNK_BYTES)),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_objects_are_read_back_with_their_lines_in_every_layout(
    scratch: Path,
    file: tuple[str, list[tuple[int, Record]]],
    chunk_bytes: int,
    encoding: str,
) -> None:
    text, expected = file

    result = read(
        scratch, text.encode(encoding), encoding=encoding, chunk_bytes=chunk_bytes
    )

    assert result.rows == expected
    assert (result.rejects, result.cut_short) == ([], None)


@st.composite
def broken_files(draw: st.DrawFn) -> str:
    """A good file with pieces of others written over it or cut out of it."""
    text, _ = draw(files())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(1, max(1, len(text))))
        end = start + draw(st.integers(0, 6))
        garbage = st.text('{}[],:"\\u\n 1.e-trfnIaж', max_size=6)
        text = text[:start] + draw(garbage) + text[end:]
    return text


@settings(max_examples=400, deadline=None)
@given(text=broken_files(), chunk_bytes=st.integers(1, 40))
def test_garbage_never_raises_and_reads_alike_in_all_chunk_sizes(
    scratch: Path, text: str, chunk_bytes: int
) -> None:
    whole = read(scratch, text)

    pieces = read(scratch, text, chunk_bytes=chunk_bytes)

    assert pieces == whole
    lines = [line for line, *_ in whole.rows] + [line for line, *_ in whole.rejects]
    assert len(lines) == len(set(lines))


# -- layouts ------------------------------------------------------------------------


def test_an_array_has_one_record_per_object(tmp_path: Path) -> None:
    result = read(tmp_path / "a.json", '[\n{"id": "a"},\n{"id": "b"}\n]\n')

    assert result.dialect == "json array"
    assert result.rows == [(2, {"id": "a"}), (3, {"id": "b"})]


def test_json_lines_have_one_record_per_line(tmp_path: Path) -> None:
    result = read(tmp_path / "a.json", '\n{"id": "a"}\n\n{"id": "b"}')

    assert result.dialect == "json lines"
    assert result.rows == [(2, {"id": "a"}), (4, {"id": "b"})]


def test_a_pretty_printed_record_has_the_line_of_its_brace(tmp_path: Path) -> None:
    text = json.dumps([{"id": "a", "tags": ["x"]}, {"id": "b"}], indent=4)

    result = read(tmp_path / "a.json", text)

    assert result.rows == [(2, {"id": "a", "tags": '["x"]'}), (8, {"id": "b"})]


def test_records_on_one_line_are_numbered_on_from_it(tmp_path: Path) -> None:
    result = read(tmp_path / "a.json", '[{"id": 1}, {"id": 2},\n{"id": 3}]')

    assert [line for line, _ in result.rows] == [1, 2, 3]


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    content = codecs.BOM_UTF8 + b'[{"id": "a"}]'

    result = read(tmp_path / "a.json", content, encoding="utf-8-sig")

    assert result.rows == [(1, {"id": "a"})]


def test_an_empty_array_is_one_block_with_the_contract_s_columns(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.json").write_text("[]")

    [block] = JsonReading(identify(tmp_path / "a.json"), CONTRACT, "utf-8")

    assert block.table.num_rows == 0
    assert block.table.column_names == ["id", "kind", "_line"]


@pytest.mark.parametrize("content", ["id,kind\n1,open\n", "\n", '"text"', "<html>"])
def test_what_starts_like_no_json_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(Refused, match=r"starts with neither \[ nor \{"):
        read(tmp_path / "a.json", content)


# -- values -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number", ["1", "-0", "1.50", "1e3", "12345678901234567890.10", "NaN", "1" * 5000]
)
def test_a_number_keeps_the_text_it_was_written_as(tmp_path: Path, number: str) -> None:
    """Python reads no whole number of more than 4300 digits, which ended the run."""
    result = read(tmp_path / "a.json", f'{{"id": {number}}}')

    assert result.rows == [(1, {"id": number})]


def test_a_nested_value_arrives_as_json_with_its_numbers_untouched(
    tmp_path: Path,
) -> None:
    """Fractions inside of lists and objects turned into texts."""
    result = read(
        tmp_path / "a.json", '{"id": {"b": 1.50, "a": [1, "ж", null, true, {}]}}'
    )

    assert result.rows == [(1, {"id": '{"a": [1, "ж", null, true, {}], "b": 1.50}'})]


def test_true_false_null_and_empty_texts(tmp_path: Path) -> None:
    result = read(
        tmp_path / "a.json", '{"id": true, "kind": false, "x": null, "y": "", "z": []}'
    )

    assert result.rows == [(1, {"id": "true", "kind": "false", "z": "[]"})]
    assert result.columns == ("id", "kind", "x", "y", "z")


def test_half_a_surrogate_pair_stays_the_escape_that_it_was(tmp_path: Path) -> None:
    """No text can hold it: writing it out ended the run."""
    result = read(
        tmp_path / "a.json",
        '[{"id": "a\\ud83d"},\n{"id": "\\ud83d\\ude00"},\n"\\udc00"]',
    )

    assert result.rows == [(1, {"id": "a\\ud83d"}), (2, {"id": "😀"})]
    assert result.rejects == [(3, "not a JSON object", '"\\udc00"')]


def test_keys_become_columns_as_headers_do(tmp_path: Path) -> None:
    """Of two keys that become one column, only the last was kept."""
    result = read(tmp_path / "a.json", '{"smtp-id": "a", "SMTP id": "b", "ИД": "c"}')

    assert result.rows == [(1, {"smtp_id": "a", "smtp_id_2": "b", "id": "c"})]


def test_columns_found_later_are_null_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "ROWS_PER_BLOCK", 2)
    (tmp_path / "a.json").write_text(
        '{"id": 1}\n{"id": 2, "x": 5}\n{"id": 3, "y": 6}\n'
    )

    first, second = JsonReading(identify(tmp_path / "a.json"), CONTRACT, "utf-8")

    assert first.table.to_pylist() == [
        {"id": "1", "kind": None, "x": None, "_line": 1},
        {"id": "2", "kind": None, "x": "5", "_line": 2},
    ]
    assert second.table.to_pylist() == [
        {"id": "3", "kind": None, "x": None, "y": "6", "_line": 3},
    ]


@pytest.mark.parametrize(
    ("limit", "value"), [("CELLS_PER_BLOCK", 4), ("CHARACTERS_PER_BLOCK", 20)]
)
def test_wide_and_long_records_make_blocks_of_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(json_reader, limit, value)
    (tmp_path / "a.json").write_text('{"id": 1, "kind": 2}\n' * 3)

    blocks = list(JsonReading(identify(tmp_path / "a.json"), CONTRACT, "utf-8"))

    assert max(block.table.num_rows for block in blocks) < 3
    assert sum(block.table.num_rows for block in blocks) == 3


def test_keys_without_end_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects keyed by customer made a column of each, and a table without measure."""
    monkeypatch.setattr(json_reader, "MAX_COLUMNS", 3)

    with pytest.raises(Refused, match="line 4: more than 3 different keys: this is no"):
        read(tmp_path / "a.json", "".join(f'{{"c{n}": {n}}}\n' for n in range(4)))


def test_columns_stay_right_when_more_sets_of_keys_come_than_are_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "_KEY_SETS", 1)

    result = read(tmp_path / "a.json", '{"id": 1}\n{"kind": 2}\n{"id": 3}\n')

    assert result.rows == [(1, {"id": "1"}), (2, {"kind": "2"}), (3, {"id": "3"})]


# -- what is broken -----------------------------------------------------------------


def test_a_broken_element_costs_only_itself(tmp_path: Path) -> None:
    result = read(
        tmp_path / "a.json",
        '[\n{"id": 1},\n{"id": nope},\n{"id": 2},\n{"id": "3},\n{"id": 4}\n]\n',
    )

    assert [cells["id"] for _, cells in result.rows] == ["1", "2", "4"]
    assert [(line, text) for line, _, text in result.rejects] == [
        (3, '{"id": nope},'),
        (5, '{"id": "3},'),
    ]
    assert result.rejects[0][1] == "no JSON: Expecting value"
    assert result.cut_short is None


def test_a_broken_pretty_printed_element_costs_its_lines(tmp_path: Path) -> None:
    text = json.dumps([{"id": 1, "kind": "a"}, {"id": 2}, {"id": 3}], indent=2)

    result = read(tmp_path / "a.json", text.replace('"kind"', "kind"))

    assert result.rows == [(6, {"id": "2"}), (9, {"id": "3"})]
    [(line, _, lost)] = result.rejects
    assert line == 2
    assert lost.splitlines() == ["{", '    "id": 1,', '    kind: "a"', "  },"]


def test_elements_that_are_no_objects_are_rejected(tmp_path: Path) -> None:
    result = read(tmp_path / "a.json", '[{"id": 1},\n7,\n"a",\n[{"id": 2}]\n]')

    assert [cells["id"] for _, cells in result.rows] == ["1"]
    assert result.rejects == [
        (2, "not a JSON object", "7"),
        (3, "not a JSON object", '"a"'),
        (4, "not a JSON object", '[{"id": 2}]'),
    ]


def test_an_array_without_its_end_was_cut(tmp_path: Path) -> None:
    result = read(tmp_path / "a.json", '[\n{"id": 1},\n{"id": 2}\n')

    assert len(result.rows) == 2
    assert result.cut_short == "the JSON array is not closed: the file was cut"


def test_an_array_cut_inside_an_element_says_so(tmp_path: Path) -> None:
    result = read(tmp_path / "a.json", '[\n{"id": 1},\n{"id": "ab')

    assert result.rows == [(2, {"id": "1"})]
    [(line, reason, text)] = result.rejects
    assert (line, text) == (3, '{"id": "ab')
    assert reason.endswith("; the file ends inside it: it was cut")
    assert result.cut_short == "the JSON array is not closed: the file was cut"


@pytest.mark.parametrize(
    ("content", "lost"),
    [
        ('{"id": 1}\n{"id": nope}\n', '{"id": nope}'),
        ('[{"id": 1},\n{"id": nope}]\n', '{"id": nope}]'),
        ('[{"id": 1},\n{"id": nope}\n]\n', '{"id": nope}'),
    ],
)
def test_a_file_whose_last_element_is_broken_was_not_cut(
    tmp_path: Path, content: str, lost: str
) -> None:
    """The bracket behind it was lost with it, and the whole file called cut."""
    result = read(tmp_path / "a.json", content)

    assert result.rejects == [(2, "no JSON: Expecting value", lost)]
    assert result.cut_short is None


def test_a_bare_number_is_one_reject_whatever_the_chunks(tmp_path: Path) -> None:
    for chunk_bytes in range(1, 30):
        result = read(
            tmp_path / "a.json", "[1.5,\n-2e+10,\n33]", chunk_bytes=chunk_bytes
        )

        assert [text for *_, text in result.rejects] == ["1.5", "-2e+10", "33"]


def test_an_element_nested_too_deeply_costs_only_itself(tmp_path: Path) -> None:
    """It overflowed the stack, which ended the run."""
    deep = "[" * 100_000 + "]" * 100_000

    result = read(tmp_path / "a.json", f'[{{"id": {deep}}},\n{{"id": 2}}]')

    assert result.rows == [(2, {"id": "2"})]
    [(line, reason, text)] = result.rejects
    assert (line, reason) == (1, "no JSON that can be read: nested too deeply")
    assert len(text) <= json_reader.MAX_REJECT_CHARACTERS


def test_nesting_of_any_depth_is_read_or_rejected(tmp_path: Path) -> None:
    for depth in range(300, 1100, 50):
        deep = '{"a": ' * depth + "1" + "}" * depth

        result = read(tmp_path / "a.json", f'[{{"id": {deep}}},\n{{"id": 2}}]')

        assert len(result.rows) + len(result.rejects) == 2
        assert result.rows[-1] == (2, {"id": "2"})


def test_a_good_line_after_a_broken_one_is_kept_whatever_the_chunks(
    tmp_path: Path,
) -> None:
    """Where the next piece held only the indentation, the line was skipped."""
    broken = '{"id": nope, "kind": "opened by a person"}\n'
    text = broken + " " * 30 + '{"id": 1}\n{"id": 2}\n'

    for chunk_bytes in range(1, 60):
        result = read(tmp_path / "a.json", text, chunk_bytes=chunk_bytes)

        assert [cells["id"] for _, cells in result.rows] == ["1", "2"]


def test_a_line_after_a_broken_one_may_be_indented_whatever_the_chunks(
    tmp_path: Path,
) -> None:
    text = '{"id": nope}\n\n' + "\t" * json_reader._INDENTATION + '{"id": 1}\n'

    for chunk_bytes in range(1, 100):
        result = read(tmp_path / "a.json", text, chunk_bytes=chunk_bytes)

        assert result.rows == [(3, {"id": "1"})]
        assert [lost for *_, lost in result.rejects] == ['{"id": nope}']


def test_an_element_longer_than_the_limit_costs_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quote that is never closed made the rest of the file one text in memory."""
    monkeypatch.setattr(json_reader, "MAX_ELEMENT_CHARACTERS", 50)
    text = f'{{"id": "{"x" * 100}"}}\n{{"id": 2}}\n'

    result = read(tmp_path / "a.json", text, chunk_bytes=10)

    assert result.rows == [(2, {"id": "2"})]
    assert [reason for _, reason, _ in result.rejects] == [
        "no JSON of up to 50 characters"
    ]


def test_elements_that_are_mostly_broken_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MAX_REJECTS", 3)

    with pytest.raises(Refused, match="more than 3 rows fit no record, the first"):
        read(tmp_path / "a.json", '{"id": 1}\n' + "{nope}\n" * 4)


def test_a_whole_file_of_garbage_is_kept_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "MAX_REJECT_CHARACTERS", 20)

    result = read(tmp_path / "a.json", "[" + "x y\n" * 100)

    [(line, _, text)] = result.rejects
    assert (line, text) == (1, "x y\n" * 4 + "x y")


def test_a_reject_keeps_the_text_of_a_replaced_element(tmp_path: Path) -> None:
    contract = replace(CONTRACT, columns=("id",))
    (tmp_path / "a.json").write_text('[[1.50, {"b": 2, "a": "ж"}]]', encoding="utf-8")

    [block] = JsonReading(identify(tmp_path / "a.json"), contract, "utf-8")

    assert [reject.text for reject in block.rejects] == ['[1.50, {"a": "ж", "b": 2}]']
