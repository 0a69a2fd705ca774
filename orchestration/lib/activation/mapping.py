"""What is sent of a member: columns of the audience under the destination's names.

A field is a column, a constant, or a template of columns such as
`"Dear {first_name}"`, which is null where one of them is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import Any, Literal

from orchestration.lib.activation.destinations.base import Capabilities, Kind
from orchestration.lib.warehouse import literal, quoted

#: What becomes of a null: it is not sent, it empties the field, the member is left out.
Nulls = Literal["skip", "clear", "refuse"]

#: The column of every audience that says whose row it is.
MEMBER = "customer_id"


class MappingError(ValueError):
    """A mapping that the audience or the destination cannot serve."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of the destination, filled by a column, a constant or a template."""

    name: str
    column: str | None = None
    constant: str | float | bool | None = None
    template: str | None = None
    nulls: Nulls = "skip"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the audience that it reads."""
        if self.column is not None:
            return (self.column,)
        return tuple(name for _, name in _parts(self.template) if name)

    def sql(self, relation: str) -> str:
        """SQL of its value in a row of the relation."""
        if self.column is not None:
            return f"{relation}.{quoted(self.column)}"
        if self.template is None:
            value = self.constant
            return literal(value) if isinstance(value, str) else str(value).lower()
        parts = []
        for text, name in _parts(self.template):
            if text:
                parts.append(literal(text))
            if name:
                parts.append(f"cast({relation}.{quoted(name)} as varchar)")
        return f"({' || '.join(parts)})"


@dataclass(frozen=True)
class FieldMapping:
    """The fields of a sync in their order, as its destination wants them.

    Raises:
        MappingError: the destination needs a field that nothing fills, or cannot empty
            a field that is to be emptied.
    """

    fields: tuple[Field, ...]
    capabilities: Capabilities

    def __post_init__(self) -> None:
        names = {field.name for field in self.fields}
        needed = {name for _, name in _parts(self.capabilities.key) if name} - {MEMBER}
        missing = sorted((needed | set(self.capabilities.required)) - names)
        if missing:
            raise MappingError(f"needs the fields {', '.join(missing)}")
        cleared = [field.name for field in self.fields if field.nulls == "clear"]
        if cleared and not self.capabilities.can_clear:
            raise MappingError(
                f"cannot empty a field, as nulls = clear asks of {', '.join(cleared)}"
            )

    def key(self, relation: str) -> str:
        """SQL of what the destination knows a member by; null without a contact."""
        return self.capabilities.key.format_map(
            {MEMBER: f"{relation}.{MEMBER}"}
            | {field.name: self.value(field, relation) for field in self.fields}
        )

    def payload(self, relation: str) -> str:
        """SQL of a member's payload as JSON text, nulls and all."""
        values = ", ".join(
            f"{literal(field.name)}: {self.value(field, relation)}"
            for field in self.fields
        )
        return f"cast(to_json({{{values}}}) as varchar)"

    def hashes(self, relation: str, salt: str) -> str:
        """SQL of a short salted hash per field as JSON text: which of them changed.

        Args:
            salt: SQL, another for every member, so that equal values look different.
        """
        values = ", ".join(
            f"{literal(field.name)}: left(md5(concat_ws('|', {salt},"
            f" {literal(field.name)}, {self.value(field, relation)})), 8)"
            for field in self.fields
        )
        return f"cast(to_json({{{values}}}) as varchar)"

    def missing(self, relation: str) -> str:
        """SQL of why a member cannot be sent for want of a value, else null."""
        needed = [
            field
            for field in self.fields
            if field.nulls == "refuse" or field.name in self.capabilities.required
        ]
        whens = " ".join(
            f"when {self.value(field, relation)} is null"
            f" then {literal(f'no_{field.name.lower()}')}"
            for field in needed
        )
        return f"case {whens} end" if whens else "cast(null as varchar)"

    def sent(self, payload: dict[str, Any]) -> dict[str, Any]:
        """The fields that leave: nulls only where they are to empty a field."""
        if None not in payload.values():
            return payload
        return {
            name: value
            for name, value in payload.items()
            if value is not None or name in self._cleared
        }

    def value(self, field: Field, relation: str) -> str:
        """SQL of a field, normalised and hashed as the destination wants it."""
        value = field.sql(relation)
        transform = self.capabilities.transforms.get(field.name)
        return transform.format(value=value) if transform else value

    @cached_property
    def _cleared(self) -> frozenset[str]:
        return frozenset(field.name for field in self.fields if field.nulls == "clear")

    def describe(self, types: Mapping[str, str]) -> str:
        """Names and types of what is sent, in order: another text, another schema.

        Args:
            types: of the audience's columns, as DuckDB writes them.
        """
        return ", ".join(
            f"{field.name} {'|'.join(_kinds(field, types))}" for field in self.fields
        )

    def disagreements(
        self, types: Mapping[str, str], there: Mapping[str, Kind]
    ) -> list[str]:
        """Where the mapping and the destination's own fields do not fit together."""
        found = []
        for field in self.fields:
            wanted = there.get(field.name)
            if wanted is None:
                found.append(f"it has no field {field.name}")
            elif wanted not in _kinds(field, types):
                found.append(
                    f"its field {field.name} takes a {wanted}, and is sent a"
                    f" {_kinds(field, types)[0]}"
                )
        return found


def read_field(name: str, value: object) -> Field:
    """A field as the configuration says it.

    `"email"` is a column; `{constant = 1}`, `{template = "Dear {first_name}"}` and
    `{column = "email", nulls = "clear"}` are tables.

    Raises:
        MappingError: it is none of these.
    """
    if isinstance(value, str):
        return Field(name=name, column=value)
    if not isinstance(value, Mapping):
        raise MappingError(f"{name} is {value!r}, neither a column nor a table")
    options = dict(value)
    nulls = options.pop("nulls", "skip")
    if nulls not in ("skip", "clear", "refuse"):
        raise MappingError(f"{name}: nulls is {nulls!r}: skip, clear or refuse")
    if len(options) != 1 or not options.keys() <= {"column", "constant", "template"}:
        raise MappingError(f"{name} needs one of column, constant and template")
    try:
        field = Field(name=name, nulls=nulls, **options)
        _ = field.columns
    except ValueError as error:
        raise MappingError(f"{name}: template: {error}") from error
    return field


def _parts(template: str | None) -> list[tuple[str, str | None]]:
    return [(text, name) for text, name, _, _ in Formatter().parse(template or "")]


def _kinds(field: Field, types: Mapping[str, str]) -> tuple[str, ...]:
    """What a field may count as; its own kind comes first."""
    if field.template is not None:
        return ("text",)
    if field.column is None:
        if isinstance(field.constant, bool):
            return ("boolean",)
        return ("text",) if isinstance(field.constant, str) else ("number", "text")
    data_type = types[field.column].lower()
    if data_type == "date":
        return ("date", "timestamp", "text")
    if data_type.startswith("timestamp"):
        return ("timestamp", "text")
    if data_type == "boolean":
        return ("boolean", "text")
    return ("text",) if data_type == "varchar" else ("number", "text")
