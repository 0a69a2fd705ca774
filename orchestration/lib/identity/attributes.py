"""What is compared of two people, and the levels of likeness of each attribute.

The SQL of a level stands in dbt_project/macros/identity/comparisons.sql.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One thing that is compared."""

    name: str
    #: How often two records of one person are at a level, before anything is learnt;
    #: best level first.
    prior: dict[str, float]
    #: Levels that contradict: rare among records of one person, whatever is learnt, and
    #: a veto in the model of the daily run.
    vetoes: frozenset[str] = field(default_factory=frozenset)
    #: Levels that namesakes reach too, because people make the value of their names.
    made_of_names: frozenset[str] = field(default_factory=frozenset)
    #: Of two records that share the value, how many are of one person; for values
    #: that are given to one person. Sampling cannot see what is as rare as matches.
    trust: float | None = None


ATTRIBUTES = (
    Attribute(
        name="first_name",
        prior={
            "same": 0.75,
            "short form": 0.06,
            "initial": 0.02,
            "typo": 0.08,
            "elsewhere": 0.03,
            "similar": 0.02,
            "differs": 0.04,
        },
        vetoes=frozenset({"differs"}),
    ),
    Attribute(
        name="last_name",
        prior={
            "same": 0.8,
            "typo": 0.1,
            "elsewhere": 0.03,
            "similar": 0.02,
            "differs": 0.05,
        },
    ),
    Attribute(
        name="middle_name",
        prior={"same": 0.7, "initial": 0.1, "similar": 0.1, "differs": 0.1},
    ),
    Attribute(
        name="birth_date",
        prior={
            "same": 0.8,
            "partly": 0.03,
            "turned": 0.02,
            "typo": 0.07,
            "two parts": 0.04,
            "same year": 0.01,
            "differs": 0.03,
        },
        vetoes=frozenset({"same year", "differs"}),
    ),
    Attribute(
        name="email",
        prior={
            "same": 0.7,
            "typo": 0.08,
            "same box": 0.05,
            "similar": 0.05,
            "differs": 0.12,
        },
        made_of_names=frozenset({"typo", "same box", "similar"}),
        trust=0.99,
    ),
    Attribute(
        name="phone",
        prior={"same": 0.7, "typo": 0.05, "differs": 0.25},
        trust=0.93,
    ),
    Attribute(
        name="address",
        prior={
            "same": 0.6,
            "typo": 0.1,
            "same street": 0.08,
            "same house": 0.02,
            "differs": 0.2,
        },
    ),
    Attribute(name="city", prior={"same": 0.7, "similar": 0.15, "differs": 0.15}),
    Attribute(
        name="postcode",
        prior={"same": 0.65, "typo": 0.1, "same area": 0.1, "differs": 0.15},
    ),
    Attribute(name="occupation", prior={"same": 0.8, "similar": 0.05, "differs": 0.15}),
)
