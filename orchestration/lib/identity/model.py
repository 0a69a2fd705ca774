"""The match model: how much each level of likeness says, as a versioned JSON file."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from orchestration.lib.identity.attributes import ATTRIBUTES

SCHEMA_VERSION = 1
#: The model of the daily run.
DEFAULT_MODEL = "people_v1.json"
_LEVELS = {attribute.name: tuple(attribute.prior) for attribute in ATTRIBUTES}


class ModelError(ValueError):
    """A match model that cannot be used."""


@dataclass(frozen=True)
class AttributeModel:
    """What one attribute says."""

    #: By level: its share among pairs of records of one person, and of two people.
    #: Of the level `same`, u is an average; scoring takes the share of the value.
    m: Mapping[str, float]
    u: Mapping[str, float]
    vetoes: tuple[str, ...] = ()
    trust: float | None = None


@dataclass(frozen=True)
class MatchModel:
    """A trained Fellegi-Sunter model.

    Weights are in bits: log2 of the odds that two records are of one person.
    """

    #: Pairs of records of one person, per record. With more records, two of them are
    #: less often of one person.
    matches_per_record: float
    attributes: Mapping[str, AttributeModel]
    #: Bits by which two people share first and last name more often than two unrelated
    #: names would say: gender, language and region choose both.
    namesake_bits: float
    #: A pair of this weight or more is linked; from `review_from` up people are asked.
    link_from: float
    review_from: float
    schema_version: int = SCHEMA_VERSION

    def for_scoring(self, records: float, known: Mapping[str, float]) -> dict[str, Any]:
        """What the macros of dbt_project/macros/identity/weights.sql render.

        Args:
            records: how many records there are.
            known: by attribute, how many of them have a value.
        """
        rate = min(self.matches_per_record * 2 / max(records - 1, 1), 0.5)
        prior = math.log2(rate / (1 - rate))
        return {
            "prior_weight": round(prior, 6),
            "namesake_bits": round(self.namesake_bits, 6),
            "attributes": {
                name: {
                    "weights": {
                        level: round(
                            math.log2(each.m[level])
                            - (0 if level == "same" else math.log2(each.u[level])),
                            6,
                        )
                        for level in each.m
                    },
                    "trusted_weight": None
                    if each.trust is None
                    else round(math.log2(each.trust / (1 - each.trust)) - prior, 6),
                    "rarest": round(math.log2(max(known[name], 1)), 6),
                    "vetoes": list(each.vetoes),
                }
                for name, each in self.attributes.items()
                if known.get(name)
            },
        }


def save_model(model: MatchModel, path: Path) -> None:
    """Write the model as JSON, shares rounded to what they are known to."""

    def rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, float):
            return float(f"{value:.6g}")
        if isinstance(value, dict):
            return {key: rounded(item) for key, item in value.items()}
        return value

    path.write_text(json.dumps(rounded(asdict(model)), indent=2) + "\n", "utf-8")


def load_model(path: Path) -> MatchModel:
    """Read and check a model.

    Raises:
        ModelError: naming the file and what is wrong with it.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _checked(document)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} is no match model: {error}") from error


def default_model() -> MatchModel:
    """The model of the daily run, trained on an invented company."""
    folder = resources.files("orchestration.lib.identity") / "models"
    with resources.as_file(folder / DEFAULT_MODEL) as path:
        return load_model(path)


def _checked(document: Mapping[str, Any]) -> MatchModel:
    if document["schema_version"] != SCHEMA_VERSION:
        raise ValueError(
            f"schema_version is {document['schema_version']}, not {SCHEMA_VERSION}"
        )
    if not document["matches_per_record"] > 0:
        raise ValueError("matches_per_record is not positive")
    if not document["namesake_bits"] >= 0:
        raise ValueError("namesake_bits is negative")
    if document["review_from"] > document["link_from"]:
        raise ValueError("review_from is above link_from")
    attributes = {}
    for name, entry in document["attributes"].items():
        if name not in _LEVELS:
            raise ValueError(
                f"attribute {name} is unknown; known are {', '.join(_LEVELS)}"
            )
        for kind in ("m", "u"):
            if set(entry[kind]) != set(_LEVELS[name]):
                raise ValueError(
                    f"{name}.{kind} does not have the levels {_LEVELS[name]}"
                )
            if not all(0 < share <= 1 for share in entry[kind].values()):
                raise ValueError(f"{name}.{kind} has a share outside of 0 to 1")
        if not set(entry["vetoes"]) <= set(_LEVELS[name]):
            raise ValueError(f"{name}.vetoes names an unknown level")
        if entry["trust"] is not None and not 0 < entry["trust"] < 1:
            raise ValueError(f"{name}.trust is not between 0 and 1")
        attributes[name] = AttributeModel(
            m=entry["m"],
            u=entry["u"],
            vetoes=tuple(entry["vetoes"]),
            trust=entry["trust"],
        )
    return MatchModel(
        matches_per_record=document["matches_per_record"],
        attributes=attributes,
        namesake_bits=document["namesake_bits"],
        link_from=document["link_from"],
        review_from=document["review_from"],
    )
