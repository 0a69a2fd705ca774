"""People as comparable values: one row of normalised features per record."""

from collections.abc import Callable, Iterable

import duckdb
import pyarrow as pa

from orchestration.lib.identity.dates import date_keys
from orchestration.lib.identity.names import (
    Name,
    full_forms,
    name_key,
    parse_first,
    parse_full,
    parse_last,
    russian_names,
)

#: Columns of a relation of people beside `record`; any of them may be missing.
COLUMNS = (
    "first_name",
    "last_name",
    "full_name",
    "birth_date",
    "email",
    "phone",
    "address",
    "city",
    "postcode",
    "occupation",
)
_PARSERS: tuple[tuple[str, Callable[[str], Name]], ...] = (
    ("first_name", parse_first),
    ("last_name", parse_last),
    ("full_name", parse_full),
)
_NOTHING = "('null', 'none', 'nan', 'n/a', 'unknown', 'missing', '-', '--', '?', 'нет')"


def create_features(
    connection: duckdb.DuckDBPyConnection, people: str, *, into: str = "features"
) -> None:
    """Write a temporary table of features, one row per record of `people`.

    Args:
        people: relation with `record` (a number, unique) and any of COLUMNS as text, as
            they were delivered.
    """
    present = present_columns(connection, people)
    texts = ",\n".join(
        f"case when lower(trim(cast({column} as varchar))) not in {_NOTHING}"
        f" then nullif(trim(cast({column} as varchar)), '') end as {column}"
        if column in present
        else f"cast(null as varchar) as {column}"
        for column in COLUMNS
    )
    connection.execute(
        "create or replace temp table texts as"
        f" select {', '.join(COLUMNS)}, list(record) as records"
        f" from (select record, {texts} from {people}) group by all"
    )
    for column, parse in _PARSERS:
        _create_map(connection, f"{column}_map", _names(connection, column, parse))
    _create_map(
        connection,
        "birth_date_map",
        date_keys(_distinct(connection, "birth_date")).items(),
    )
    _create_map(
        connection,
        "city_map",
        ((text, _words_key(text)) for text in _distinct(connection, "city")),
    )
    connection.register(
        "full_forms_map",
        pa.table(
            {
                "value": list(full_forms()),
                "key": [" ".join(sorted(forms)) for forms in full_forms().values()],
                "is_russian": [name in russian_names() for name in full_forms()],
            }
        ),
    )
    connection.execute(f"create or replace temp table {into} as {_FEATURES}")
    connection.unregister("full_forms_map")
    connection.execute("drop table texts")


def present_columns(connection: duckdb.DuckDBPyConnection, people: str) -> list[str]:
    """Those of COLUMNS that a relation of people has."""
    found = connection.execute(f"select * from {people} limit 0").description or []
    names = {column[0] for column in found}
    return [column for column in COLUMNS if column in names]


def _distinct(connection: duckdb.DuckDBPyConnection, column: str) -> list[str]:
    return [
        row[0]
        for row in connection.execute(
            f"select distinct {column} from texts where {column} is not null"
        ).fetchall()
    ]


def _names(
    connection: duckdb.DuckDBPyConnection, column: str, parse: Callable[[str], Name]
) -> Iterable[tuple[str, dict[str, str | None]]]:
    for text in _distinct(connection, column):
        name = parse(text)
        yield (
            text,
            {
                "first": name.first,
                "last": name.last,
                "middle": name.middle,
                "parts": " ".join(name.parts),
            },
        )


def _words_key(text: str) -> str | None:
    keys = [name_key(word) for word in text.replace("-", " ").split()]
    return " ".join(key for key in keys if key) or None


_NAME_TYPE = pa.struct(
    [(part, pa.string()) for part in ("first", "last", "middle", "parts")]
)


def _create_map(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    pairs: Iterable[tuple[str, object]],
) -> None:
    """A temporary table of `value` (a delivered text) and its `key`."""
    entries = list(pairs)
    is_name = table in {f"{column}_map" for column, _ in _PARSERS}
    connection.register(
        "entries",
        pa.table(
            {
                "value": pa.array([value for value, _ in entries], pa.string()),
                "key": pa.array(
                    [key for _, key in entries], _NAME_TYPE if is_name else pa.string()
                ),
            }
        ),
    )
    connection.execute(f"create or replace temp table {table} as from entries")
    connection.unregister("entries")


_FEATURES = r"""
with

named as (

    select
        texts.records,
        coalesce(firsts.key.first, fulls.key.first) as first_name,
        coalesce(lasts.key.last, firsts.key.last, fulls.key.last) as last_name,
        coalesce(firsts.key.middle, fulls.key.middle) as middle_name,
        concat(
            ' ',
            concat_ws(
                ' ',
                firsts.key.parts, lasts.key.last, lasts.key.parts, fulls.key.parts
            ),
            ' '
        ) as name_parts,
        dates.key as birth_date,
        case
            when contains(texts.email, '@')
                then regexp_replace(lower(texts.email), '[+][^@]*@|\s', '@')
        end as email,
        ltrim(regexp_replace(texts.phone, '[^0-9]', '', 'g'), '0') as phone_digits,
        nullif(trim(regexp_replace(
            lower(strip_accents(texts.address)), '[^\p{L}\p{N}]+', ' ', 'g'
        )), '') as address,
        cities.key as city,
        nullif(regexp_replace(
            regexp_replace(lower(texts.postcode), '[.]0$', ''), '[^\p{L}\p{N}]', '', 'g'
        ), '') as postcode,
        nullif(trim(regexp_replace(
            lower(strip_accents(texts.occupation)), '[^\p{L}\p{N}]+', ' ', 'g'
        )), '') as occupation

    from texts
    left join first_name_map as firsts on firsts.value = texts.first_name
    left join last_name_map as lasts on lasts.value = texts.last_name
    left join full_name_map as fulls on fulls.value = texts.full_name
    left join birth_date_map as dates on dates.value = texts.birth_date
    left join city_map as cities on cities.value = texts.city

),

-- What is made of a text is made once for all records that have it. Of what is only
-- asked whether it is the same, the hash is enough.
first_names as (

    select
        names.first_name,
        forms.key as full_forms,
        coalesce(forms.is_russian, false) as is_russian,
        hash(
            left(names.first_name, 1),
            regexp_replace(substr(names.first_name, 2), '[aeiouh]', '', 'g')
        ) as sound
    from (select distinct first_name from named) as names
    left join full_forms_map as forms on forms.value = names.first_name

),

last_names as (

    select
        last_name,
        hash(
            left(last_name, 1),
            regexp_replace(substr(last_name, 2), '[aeiouh]', '', 'g')
        ) as sound
    from (select distinct last_name from named)

),

emails as (

    select
        email,
        hash(split_part(email, '@', 1)) as box,
        hash(regexp_replace(email, '[^0-9]', '', 'g')) as digits
    from (select distinct email from named)

),

addresses as (

    select
        address,
        trim(regexp_replace(address, '[^ ]*[0-9][^ ]* ?', '', 'g')) as street,
        nullif(trim(regexp_replace(
            regexp_replace(address, '[^0-9 ]', '', 'g'), ' +', ' ', 'g'
        )), '') as house
    from (select distinct address from named)

)

select
    unnest(named.records) as record,
    named.first_name,
    first_names.full_forms,
    first_names.is_russian as is_russian_name,
    first_names.sound as first_sound,
    named.last_name,
    last_names.sound as last_sound,
    named.middle_name,
    named.name_parts,
    named.birth_date,
    named.email,
    emails.box as email_box,
    emails.digits as email_digits,
    case
        when
            length(phone_digits) >= 6
            and not regexp_full_match(
                right(phone_digits, 6), '0+|1+|2+|3+|4+|5+|6+|7+|8+|9+'
            )
            then right(phone_digits, 10)
    end as phone,
    named.address,
    addresses.street,
    addresses.house,
    named.city,
    named.postcode,
    left(named.postcode, cast(greatest(2, length(named.postcode) // 2) as integer))
        as postcode_area,
    named.occupation

from named
left join first_names on first_names.first_name = named.first_name
left join last_names on last_names.last_name = named.last_name
left join emails on emails.email = named.email
left join addresses on addresses.address = named.address
"""
