"""Expectation maximisation finds what made the patterns."""

import numpy as np
import pytest

from orchestration.lib.identity.attributes import ATTRIBUTES
from orchestration.lib.identity.training import Namesakes, Patterns, fit

BY_NAME = {attribute.name: attribute for attribute in ATTRIBUTES}
CHOSEN = tuple(
    BY_NAME[name] for name in ("last_name", "birth_date", "city", "postcode")
)
RECORDS = 3000
MATCHES = 2000
RARITY = 9.0


def planted(seed: int) -> tuple[Patterns, dict[str, np.ndarray], list[np.ndarray]]:
    """Pairs drawn from known m and u: patterns of all pairs, levels of random ones."""
    generator = np.random.default_rng(seed)
    m, levels, random_levels = [], [], {}
    others = 400_000
    for attribute in CHOSEN:
        size = len(attribute.prior)
        shares = np.array(list(attribute.prior.values())) + generator.uniform(
            0, 0.1, size
        )
        shares /= shares.sum()
        unlike = np.full(size, 0.004)
        unlike[0], unlike[-1] = 2**-RARITY, 0
        unlike[-1] = 1 - unlike.sum()
        m.append(shares)
        levels.append(
            np.concatenate(
                [
                    generator.choice(size, MATCHES, p=shares),
                    generator.choice(size, others, p=unlike),
                ]
            )
        )
        random_levels[attribute.name] = 1e5 * unlike
    matrix, counts = np.unique(np.column_stack(levels), axis=0, return_counts=True)
    rarity = RARITY * (matrix == 0).sum(axis=1)
    return Patterns(matrix, rarity, counts.astype(float)), random_levels, m


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_was_planted_is_found(seed: int) -> None:
    patterns, random_levels, m = planted(seed)

    model = fit(patterns, random_levels, CHOSEN, Namesakes(), records=RECORDS)

    assert model.matches_per_record * RECORDS == pytest.approx(MATCHES, rel=0.1)
    for attribute, shares in zip(CHOSEN, m, strict=True):
        found = list(model.attributes[attribute.name].m.values())
        assert found == pytest.approx(list(shares), abs=0.08), attribute.name


def test_the_same_patterns_give_the_same_model() -> None:
    patterns, random_levels, _ = planted(1)
    backwards = Patterns(
        patterns.levels[::-1], patterns.rarity[::-1], patterns.pairs[::-1]
    )

    one = fit(patterns, random_levels, CHOSEN, Namesakes(), records=RECORDS)
    other = fit(backwards, random_levels, CHOSEN, Namesakes(), records=RECORDS)

    assert one.matches_per_record == pytest.approx(other.matches_per_record)


def test_namesakes_do_not_pass_for_one_person_of_many_birth_dates() -> None:
    """Most pairs of one name differ in the birth date: contradictions are bounded."""
    chosen = tuple(BY_NAME[name] for name in ("first_name", "last_name", "birth_date"))
    patterns = Patterns(
        levels=np.array([[0, 0, 0], [0, 0, 6]]),
        rarity=np.array([26.0, 11.0]),
        pairs=np.array([1000.0, 50_000.0]),
    )
    counts = {
        each.name: np.full(len(each.prior), 10.0)
        + 1e5 * (np.arange(len(each.prior)) > 5)
        for each in chosen
    }
    namesakes = Namesakes(12.5e6, 5e5, 5e5, 51_000.0)

    model = fit(patterns, counts, chosen, namesakes, records=5000)

    assert model.attributes["birth_date"].m["differs"] <= 0.2
    assert model.namesake_bits > 0.5
    assert model.matches_per_record < 1  # of ten pairs per record
