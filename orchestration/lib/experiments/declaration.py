"""Experiments as they are declared: one YAML file each, answering five questions.

    who:            # which segment
      segment: lapsed
      channel: email
      audience: winback
    when:
      start: 2026-10-01
      end: 2026-12-31
      min_days: 30
    what:           # what for, and who gets what
      hypothesis: A discount by e-mail brings lapsed customers back.
      arms:
        - {name: control, share: 0.1, control: true}
        - {name: discount, share: 0.9}
    how_much:       # how much to spend, and how many customers it takes
      budget: 50000
      planned_sample: 2000
    expected:       # which metric, and by how much
      metric: buyers
      lift_abs: 0.02

Read by hand and not by a library of schemas: an error has to name the line.
"""

import difflib
import itertools
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import yaml

#: Attributes of customers by which arms may be balanced and compared.
STRATA = ("lifecycle_stage", "country", "city")
_NAME = re.compile("[a-z][a-z0-9_]*")
_SHARES_TOLERANCE = 1e-9
_T = TypeVar("_T")


class ExperimentError(ValueError):
    """A declaration that cannot be followed; the message names file and line."""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a declaration may name."""

    segments: Collection[str]
    channels: Collection[str]
    audiences: Collection[str]
    metrics: Collection[str]


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One thing that customers may get, or the nothing that they are compared with."""

    name: str
    share: float
    is_control: bool = False


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """One declared experiment."""

    name: str
    hypothesis: str
    segment: str
    #: Only customers whom this channel reaches on the day of assignment.
    channel: str | None
    #: The audience that leaves the control out while the experiment runs.
    audience: str | None
    starts_on: date
    ends_on: date
    min_days: int
    arms: tuple[Arm, ...]
    salt: str
    stratify_by: str | None
    budget: float
    planned_sample: int | None
    planned_mde: float | None
    alpha: float
    power: float
    #: The metric that decides, then others.
    metrics: tuple[str, ...]
    expected_lift_abs: float | None
    expected_lift_rel: float | None

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return next(arm.name for arm in self.arms if arm.is_control)

    @property
    def shares(self) -> dict[str, float]:
        """Shares by arm, in order."""
        return {arm.name: arm.share for arm in self.arms}


def read_experiments(folder: Path, known: Known) -> list[Experiment]:
    """All experiments of the folder, by name; none where there is no folder.

    Raises:
        ExperimentError: a file cannot be followed.
    """
    paths = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    for one, other in itertools.pairwise(paths):
        if one.stem == other.stem:
            raise ExperimentError(
                f"{other}: there is {one.name} as well; an experiment is one file"
            )
    return [read_experiment(path, known) for path in paths]


def read_experiment(path: Path, known: Known) -> Experiment:
    """One experiment, named after its file.

    Raises:
        ExperimentError: it lacks an answer, or an answer cannot be.
    """
    if not _NAME.fullmatch(path.stem):
        raise ExperimentError(
            f"{path}: an experiment's file is named with a-z, 0-9 and _, and begins"
            " with a letter"
        )
    file = _read(path)
    who = file.table("who", "which customers")
    when = file.table("when", "from when until when")
    what = file.table("what", "what for, and which arms")
    how_much = file.table("how_much", "the budget and the sample")
    expected = file.table("expected", "which metric, and by how much")
    file.end()

    starts_on = when.date("start")
    ends_on = when.date("end")
    if ends_on <= starts_on:
        raise when.wrong("end", f"{ends_on} is not after the start, {starts_on}")
    min_days = when.number("min_days", int, least=0)
    if min_days > (ends_on - starts_on).days:
        raise when.wrong(
            "min_days",
            f"{min_days} days are more than the {(ends_on - starts_on).days} from start"
            " to end: no decision would ever come",
        )
    when.end()

    segment = who.one_of("segment", known.segments)
    channel = who.maybe("channel", lambda key: who.one_of(key, known.channels))
    audience = who.maybe("audience", lambda key: who.one_of(key, known.audiences))
    who.end()

    hypothesis = what.text("hypothesis")
    arms = _arms(what)
    salt = what.maybe("salt", what.text) or path.stem
    stratify_by = what.maybe("stratify_by", lambda key: what.one_of(key, STRATA))
    what.end()

    budget = how_much.number("budget", float, least=0)
    planned_sample = how_much.maybe(
        "planned_sample", lambda key: how_much.number(key, int, least=len(arms) * 2)
    )
    planned_mde = how_much.maybe(
        "mde", lambda key: how_much.number(key, float, above=0)
    )
    if planned_sample is None and planned_mde is None:
        raise how_much.wrong(
            "planned_sample",
            "say how many customers are needed, or with mde which lift must show;"
            " `crm360 experiment plan` computes one from the other",
        )
    alpha = how_much.maybe(
        "alpha", lambda key: how_much.number(key, float, above=0, below=1)
    )
    power = how_much.maybe(
        "power", lambda key: how_much.number(key, float, above=0, below=1)
    )
    how_much.end()

    metric = expected.one_of("metric", known.metrics)
    others = expected.maybe(
        "other_metrics", lambda key: expected.some_of(key, known.metrics)
    )
    lift_abs = expected.maybe("lift_abs", lambda key: expected.number(key, float))
    lift_rel = expected.maybe("lift_rel", lambda key: expected.number(key, float))
    if (lift_abs is None) == (lift_rel is None):
        raise expected.wrong(
            "lift_abs",
            "say what is expected, either lift_abs (in units of the metric) or lift_rel"
            " (a fraction: 0.1 is 10 % more)",
        )
    expected.end()
    return Experiment(
        name=path.stem,
        hypothesis=hypothesis,
        segment=segment,
        channel=channel,
        audience=audience,
        starts_on=starts_on,
        ends_on=ends_on,
        min_days=min_days,
        arms=arms,
        salt=salt,
        stratify_by=stratify_by,
        budget=budget,
        planned_sample=planned_sample,
        planned_mde=planned_mde,
        alpha=0.05 if alpha is None else alpha,
        power=0.8 if power is None else power,
        metrics=tuple(dict.fromkeys((metric, *(others or ())))),
        expected_lift_abs=lift_abs,
        expected_lift_rel=lift_rel,
    )


def _arms(what: "_Table") -> tuple[Arm, ...]:
    arms: list[Arm] = []
    for table in what.tables("arms"):
        arm = Arm(
            name=table.text("name"),
            share=table.number("share", float, above=0, below=1),
            is_control=table.maybe("control", table.truth) or False,
        )
        if not _NAME.fullmatch(arm.name):
            raise table.wrong("name", "an arm's name is made of a-z, 0-9 and _")
        if arm.name in [other.name for other in arms]:
            raise table.wrong("name", f"the arm {arm.name} is there twice")
        table.end()
        arms.append(arm)
    controls = [arm.name for arm in arms if arm.is_control]
    if len(arms) < 2 or len(controls) != 1:
        raise what.wrong(
            "arms",
            "there must be at least two, and `control: true` at exactly one; it is at"
            f" {', '.join(controls) or 'none'}",
        )
    total = sum(arm.share for arm in arms)
    if abs(total - 1) > _SHARES_TOLERANCE:
        raise what.wrong("arms", f"their shares add up to {total:g}, not to 1")
    return tuple(arms)


class _Table:
    """A mapping of the file, whose keys are taken one by one."""

    def __init__(self, path: Path, name: str, node: yaml.MappingNode) -> None:
        self._path = path
        self._name = name
        self._line = node.start_mark.line + 1
        self._taken: list[str] = []
        self._nodes: dict[str, tuple[int, yaml.Node]] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ExperimentError(f"{path}: line {line}: a key must be a word")
            if key.value in self._nodes:
                raise ExperimentError(
                    f"{path}: line {line}: {self._full(key.value)} is there twice"
                )
            self._nodes[key.value] = (line, value)

    def wrong(self, key: str, problem: str) -> ExperimentError:
        """An error about a key, at its line, or at the table's where it is not."""
        line = self._nodes[key][0] if key in self._nodes else self._line
        return ExperimentError(
            f"{self._path}: line {line}: {self._full(key)}: {problem}"
        )

    def end(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self._nodes:
            if key not in self._taken:
                near = difflib.get_close_matches(key, self._taken, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise self.wrong(
                    key, f"unknown key; known are {', '.join(self._taken)}{hint}"
                )

    def maybe(self, key: str, read: Callable[[str], _T]) -> _T | None:
        """What `read` makes of a key that may be absent."""
        if key not in self._nodes:
            self._taken.append(key)
            return None
        return read(key)

    def table(self, key: str, what: str) -> "_Table":
        """A nested table."""
        node = self._node(key, f"this table is missing; it says {what}")
        if not isinstance(node, yaml.MappingNode):
            raise self.wrong(key, "must be a table of keys and values")
        return _Table(self._path, self._full(key), node)

    def tables(self, key: str) -> list["_Table"]:
        """A list of tables."""
        node = self._node(key)
        if not isinstance(node, yaml.SequenceNode) or not all(
            isinstance(each, yaml.MappingNode) for each in node.value
        ):
            raise self.wrong(key, "must be a list of tables of keys and values")
        return [
            _Table(self._path, f"{self._full(key)}[{number}]", each)
            for number, each in enumerate(node.value)
        ]

    def text(self, key: str) -> str:
        """A text that is not empty."""
        node = self._node(key)
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            raise self.wrong(key, "must be a text")
        return str(node.value).strip()

    def truth(self, key: str) -> bool:
        """true or false."""
        value = self._scalar(key)
        if not isinstance(value, bool):
            raise self.wrong(key, "must be true or false")
        return value

    def date(self, key: str) -> date:
        """A date as YYYY-MM-DD."""
        text = self.text(key)
        try:
            return date.fromisoformat(text)
        except ValueError:
            raise self.wrong(key, f"{text!r} is no date: write YYYY-MM-DD") from None

    def number(
        self,
        key: str,
        kind: Callable[[Any], _T],
        *,
        least: float | None = None,
        above: float | None = None,
        below: float | None = None,
    ) -> _T:
        """A number within limits."""
        value = self._scalar(key)
        types = (int,) if kind is int else (int, float)
        if isinstance(value, bool) or not isinstance(value, types):
            what = "a whole number" if kind is int else "a number"
            raise self.wrong(key, f"must be {what}")
        if (
            value != value
            or (least is not None and value < least)
            or (above is not None and value <= above)
            or (below is not None and value >= below)
        ):
            limits = [
                f"{word} {limit:g}"
                for word, limit in (
                    ("at least", least),
                    ("above", above),
                    ("below", below),
                )
                if limit is not None
            ]
            raise self.wrong(key, f"is {value}; it must be {' and '.join(limits)}")
        return kind(value)

    def one_of(self, key: str, known: Collection[str]) -> str:
        """A text that is known."""
        return self._known(key, self.text(key), known)

    def some_of(self, key: str, known: Collection[str]) -> Sequence[str]:
        """A list of texts that are known."""
        node = self._node(key)
        if not isinstance(node, yaml.SequenceNode):
            raise self.wrong(key, "must be a list")
        return [self._known(key, str(each.value), known) for each in node.value]

    def _known(self, key: str, value: str, known: Collection[str]) -> str:
        if value not in known:
            near = difflib.get_close_matches(value, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise self.wrong(
                key,
                f"{value!r} is unknown; there are {', '.join(sorted(known))}{hint}",
            )
        return value

    def _node(self, key: str, missing: str = "is missing") -> yaml.Node:
        self._taken.append(key)
        if key not in self._nodes:
            raise self.wrong(key, missing)
        return self._nodes[key][1]

    def _scalar(self, key: str) -> Any:  # noqa: ANN401 - whatever YAML makes of it
        node = self._node(key)
        return (
            yaml.SafeLoader("").construct_object(node)
            if isinstance(node, yaml.ScalarNode)
            else None
        )

    def _full(self, key: str) -> str:
        return f"{self._name}.{key}" if self._name else key


def _read(path: Path) -> _Table:
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ExperimentError(
            f"{path}: line {line}: no YAML: {error.problem}"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ExperimentError(f"{path}: no YAML in UTF-8: {error}") from error
    if not isinstance(node, yaml.MappingNode):
        raise ExperimentError(
            f"{path}: line 1: an experiment is a table with the keys who, when, what,"
            " how_much and expected"
        )
    return _Table(path, "", node)


def allocation(shares: Mapping[str, float]) -> str:
    """Shares as one text, to be kept with every assignment: `control=0.1,email=0.9`."""
    return ",".join(f"{arm}={share!r}" for arm, share in shares.items())


def parse_allocation(text: str) -> dict[str, float]:
    """Shares by arm, in order.

    Raises:
        ValueError: the text is no list of shares.
    """
    shares = {}
    for entry in text.split(","):
        arm, equals, share = entry.partition("=")
        if not equals or not arm.strip():
            raise ValueError(f"{entry!r} is not of the form arm=share")
        shares[arm.strip()] = float(share)
    return shares
