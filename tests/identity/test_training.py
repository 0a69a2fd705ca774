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


def test_a_veto_holds_only_where_people_do_not_break_it() -> None:
    birth_date = (BY_NAME["birth_date"],)
    steady = np.array([[0], [6]])
    random_levels = {"birth_date": np.array([10.0, 1, 1, 10, 100, 1000, 90000])}

    def vetoes(contradicting: float) -> tuple[str, ...]:
        patterns = Patterns(
            steady, np.array([60.0, 60.0]), np.array([1000.0, contradicting])
        )
        model = fit(patterns, random_levels, birth_date, Namesakes(), records=1000)
        return model.attributes["birth_date"].vetoes

    assert vetoes(0) == ("differs", "same year")
    assert vetoes(150) == ()
