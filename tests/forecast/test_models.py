"""BG/NBD and Gamma-Gamma against what is published and what was planted."""

import csv
from datetime import date

import numpy as np
import pytest
from scipy.special import hyp2f1

from orchestration.lib.forecast import bg_nbd, gamma_gamma
from orchestration.lib.forecast.bg_nbd import BgNbd, Histories
from orchestration.lib.forecast.fits import Customers, distinct
from orchestration.lib.forecast.gamma_gamma import Averages, GammaGamma
from tests.support import shared

PUBLISHED = BgNbd(0.243, 4.414, 0.793, 2.426)
CALIBRATION_END, HOLDOUT_END = date(1997, 9, 30), date(1998, 6, 30)


def histories(*rows: tuple[float, float, float]) -> Histories:
    """One customer for each (x, t_x, T)."""
    x, t_x, age = np.array(rows, dtype=float).T
    return Histories(x, t_x, age, np.ones(len(rows)))


@pytest.fixture(scope="module")
def cdnow() -> tuple[Customers, np.ndarray]:
    """Customers at the end of the calibration, and their orders in the 39 weeks after.

    Days and amounts from the file itself, in the order of customers.
    """
    days: dict[str, dict[date, float]] = {}
    for line in (shared("cdnow") / "CDNOW_sample.txt").read_text().splitlines():
        _, customer, day, _, amount = line.split()
        on = date.fromisoformat(day)
        own = days.setdefault(customer, {})
        own[on] = own.get(on, 0) + float(amount)
    found, later = [], []
    for own in days.values():
        first, *repeats = sorted(on for on in own if on <= CALIBRATION_END)
        found.append(
            (
                len(repeats),
                sum(own[on] for on in repeats),
                ((repeats or [first])[-1] - first).days,
                (CALIBRATION_END - first).days,
            )
        )
        later.append(sum(CALIBRATION_END < on <= HOLDOUT_END for on in own))
    x, amount, recency, age = zip(*found, strict=True)
    return (
        Customers(np.array(x), np.array(amount), np.array(recency), np.array(age)),
        np.array(later),
    )


@pytest.fixture(scope="module")
def of_cdnow(cdnow: tuple[Customers, np.ndarray]) -> BgNbd:
    model, problem = bg_nbd.fit(distinct(cdnow[0], "weeks")[0])
    assert problem is None
    return model


def test_the_parameters_of_cdnow_are_the_published_ones(
    cdnow: tuple[Customers, np.ndarray], of_cdnow: BgNbd
) -> None:
    found = [of_cdnow.r, of_cdnow.alpha, of_cdnow.a, of_cdnow.b]

    assert np.round(found, 3).tolist() == [0.243, 4.414, 0.793, 2.426]
    log_likelihood = bg_nbd.log_likelihood(of_cdnow, distinct(cdnow[0], "weeks")[0])
    assert round(log_likelihood, 1) == -9582.4


def test_the_summaries_of_cdnow_are_the_published_ones(
    cdnow: tuple[Customers, np.ndarray],
) -> None:
    with (shared("cdnow") / "cdnow_customers_summary.csv").open() as file:
        published = list(csv.DictReader(file))
    customers, later = cdnow

    assert [int(row["frequency"]) for row in published] == customers.repeats.tolist()
    for column, days in (
        ("recency", customers.recency_days),
        ("T", customers.age_days),
    ):
        assert np.abs([float(row[column]) for row in published] - days / 7).max() < 0.01
    assert later.sum() == 1882


def test_conditional_expectations_of_cdnow_are_the_published_ones(
    of_cdnow: BgNbd,
) -> None:
    first_customer = histories((2, 30.43, 38.86))

    (expected,) = bg_nbd.expected_orders(of_cdnow, first_customer, [39])[:, 0]

    assert round(expected, 3) == 1.226
    new = histories((0, 0, 0))
    weeks = [0.1429, 1.0, 3.0, 31.8571, 32.0, 78.0]
    assert bg_nbd.expected_orders(of_cdnow, new, weeks)[0] == pytest.approx(
        [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8580], abs=1e-4
    )


def test_as_many_of_cdnow_order_nothing_in_39_weeks_as_published(
    of_cdnow: BgNbd,
) -> None:
    nothing = (of_cdnow.alpha / (of_cdnow.alpha + 39)) ** of_cdnow.r

    assert nothing == pytest.approx(0.5738, abs=0.001)


def test_the_amounts_of_cdnow_give_the_published_parameters(
    cdnow: tuple[Customers, np.ndarray],
) -> None:
    customers, _ = cdnow
    again = customers.repeats > 0
    repeats = customers.repeats[again].astype(float)

    model, problem = gamma_gamma.fit(
        Averages(
            repeats, customers.repeat_amount[again] / repeats, np.ones(len(repeats))
        )
    )

    assert problem is None
    assert np.round([model.p, model.q, model.v], 2).tolist() == [6.25, 3.74, 15.44]
    # The published means were made of parameters with two decimals.
    assert gamma_gamma.expected_value(
        model, customers.repeats[:10].astype(float), customers.repeat_amount[:10]
    ) == pytest.approx(
        [24.65, 18.91, 35.17, 35.17, 35.17, 71.46, 18.91, 35.17, 27.28, 35.17], abs=0.02
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_parameters_of_ordering_are_found(seed: int) -> None:
    generator = np.random.default_rng(seed)
    planted = BgNbd(0.6, 8.0, 0.9, 2.2)
    count = 30_000
    rates = generator.gamma(planted.r, 1 / planted.alpha, count)
    leaving = generator.beta(planted.a, planted.b, count)
    rows = []
    for rate, leaves, age in zip(
        rates, leaving, generator.uniform(20, 100, count), strict=True
    ):
        x, last, at = 0, 0.0, generator.exponential(1 / rate)
        while at <= age:
            x, last = x + 1, at
            if generator.random() < leaves:
                break
            at += generator.exponential(1 / rate)
        rows.append((x, last, age))

    model, problem = bg_nbd.fit(histories(*rows))

    assert problem is None
    assert model.r == pytest.approx(planted.r, rel=0.05)
    assert model.alpha == pytest.approx(planted.alpha, rel=0.05)
    assert model.a / model.b == pytest.approx(planted.a / planted.b, rel=0.05)
    assert model.a + model.b == pytest.approx(planted.a + planted.b, rel=0.15)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_planted_parameters_of_amounts_are_found(seed: int) -> None:
    generator = np.random.default_rng(seed)
    planted = GammaGamma(4.0, 3.5, 900.0)
    repeats = generator.integers(1, 12, 30_000).astype(float)
    scales = generator.gamma(planted.q, 1 / planted.v, len(repeats))
    means = generator.gamma(planted.p * repeats, 1 / scales) / repeats

    model, problem = gamma_gamma.fit(Averages(repeats, means, np.ones(len(repeats))))

    assert problem is None
    assert model.q == pytest.approx(planted.q, rel=0.04)
    assert model.p * model.v / (model.q - 1) == pytest.approx(
        planted.p * planted.v / (planted.q - 1), rel=0.02
    )
    # p and v alone are known less well: by likelihood, less than 8 above the planted.
    seen = Averages(repeats, means, np.ones(len(repeats)))
    gain = gamma_gamma.log_likelihood(model, seen) - gamma_gamma.log_likelihood(
        planted, seen
    )
    assert 0 <= gain < 8


def test_who_cannot_be_told_apart_in_leaving_is_alike() -> None:
    """All leave with one probability: a + b is greatest at its limit, and the rest is
    what was planted."""
    generator = np.random.default_rng(5)
    count, share = 20_000, 0.2
    rates = generator.gamma(0.8, 1 / 5, count)
    rows = []
    for rate in rates:
        x, last, at = 0, 0.0, generator.exponential(1 / rate)
        while at <= 60:
            x, last = x + 1, at
            if generator.random() < share:
                break
            at += generator.exponential(1 / rate)
        rows.append((x, last, 60))

    model, problem = bg_nbd.fit(histories(*rows))

    assert problem is None
    assert model.a + model.b > 50
    assert model.a / (model.a + model.b) == pytest.approx(share, rel=0.05)
    assert model.r == pytest.approx(0.8, rel=0.05)


def test_where_nobody_leaves_all_stay_alive() -> None:
    generator = np.random.default_rng(6)
    x = generator.poisson(generator.gamma(0.8, 1 / 5, 20_000) * 60).astype(float)
    last = np.where(x > 0, 60 * generator.random(len(x)) ** (1 / np.maximum(x, 1)), 0)
    seen = Histories(x, last, np.full(len(x), 60.0), np.ones(len(x)))

    model, problem = bg_nbd.fit(seen)

    assert problem is None
    assert bg_nbd.alive_probability(model, seen).mean() > 0.99
    assert bg_nbd.expected_orders(model, seen, [60]).sum() == pytest.approx(
        x.sum(), rel=0.02
    )


@pytest.mark.parametrize(
    "rows",
    [
        [(3, 20, 30)],
        [(4, 40, 50)] * 50,
    ],
    ids=["one customer", "all the same"],
)
def test_where_nothing_can_be_learnt_there_is_no_maximum(
    rows: list[tuple[float, float, float]],
) -> None:
    _, problem = bg_nbd.fit(histories(*rows))

    assert problem is not None


def test_equal_amounts_have_no_maximum() -> None:
    _, problem = gamma_gamma.fit(
        Averages(np.array([1.0, 2.0, 3.0]), np.full(3, 9.9), np.full(3, 50.0))
    )

    assert problem is not None


def test_counts_weigh_like_repeated_rows(cdnow: tuple[Customers, np.ndarray]) -> None:
    customers, _ = cdnow
    once = Histories(
        customers.repeats.astype(float),
        customers.recency_days / 7,
        customers.age_days / 7,
        np.ones(len(customers)),
    )
    grouped, _ = distinct(customers, "weeks")

    assert len(grouped.repeats) < len(once.repeats)
    for model in (PUBLISHED, BgNbd(1.0, 2.0, 3.0, 4.0)):
        assert bg_nbd.log_likelihood(model, grouped) == pytest.approx(
            bg_nbd.log_likelihood(model, once), rel=1e-12
        )


@pytest.mark.parametrize("a", [0.05, 0.793, 1.7, 6.0])
@pytest.mark.parametrize("horizon", [0.5, 13, 52])
def test_expected_orders_are_the_printed_equation_where_it_has_no_pole(
    a: float, horizon: float
) -> None:
    model = BgNbd(0.243, 4.414, a, 2.426)
    seen = histories((0, 0, 38), (1, 3, 20), (5, 30, 31), (29, 38, 38.5), (2, 1, 38))
    x, t_x, age = seen.repeats, seen.recency, seen.age
    reach = model.alpha + age + horizon
    printed = (
        (a + model.b + x - 1) / (a - 1)
        * (1 - ((model.alpha + age) / reach) ** (model.r + x) * hyp2f1(
            model.r + x, model.b + x, a + model.b + x - 1, horizon / reach))
        / (1 + (x > 0) * a / (model.b + x - 1)
           * ((model.alpha + age) / (model.alpha + t_x)) ** (model.r + x))
    )  # fmt: skip

    found = bg_nbd.expected_orders(model, seen, [horizon])[:, 0]

    assert found == pytest.approx(printed, rel=1e-9)


@pytest.mark.parametrize("a", [1 - 1e-9, 1.0, 1 + 1e-9])
def test_expected_orders_have_no_pole(a: float) -> None:
    """Where the printed equation divides zero by zero: at a = 1, and a + b = 1."""
    seen = histories((0, 0, 10), (3, 8, 10))

    there = bg_nbd.expected_orders(BgNbd(0.5, 3, a, 2), seen, [13, 52])
    near = bg_nbd.expected_orders(BgNbd(0.5, 3, a + 1e-6, 2), seen, [13, 52])
    poles = bg_nbd.expected_orders(BgNbd(0.5, 3, a / 2, 0.5), seen, [13, 52])

    assert there == pytest.approx(near, rel=1e-5)
    assert np.isfinite(poles).all() and (poles > 0).all()


def test_many_orders_over_a_long_history_stay_finite() -> None:
    """Gamma functions of these overflow."""
    seen = histories((3000, 3000 / 7 - 0.1, 3000 / 7), (900, 10, 900))

    orders = bg_nbd.expected_orders(PUBLISHED, seen, [13, 52])
    alive = bg_nbd.alive_probability(PUBLISHED, seen)

    assert orders[0, 0] == pytest.approx(13 * 7, rel=0.03)
    assert orders[0, 1] == pytest.approx(52 * 7, rel=0.06)
    assert alive == pytest.approx([1, 0], abs=0.001)


def test_who_ordered_once_is_alive_for_certain() -> None:
    assert bg_nbd.alive_probability(PUBLISHED, histories((0, 0, 500))).tolist() == [1.0]


def test_the_longer_the_silence_the_less_likely_is_a_customer_alive() -> None:
    alive = bg_nbd.alive_probability(
        PUBLISHED, histories(*((4, 10, age) for age in (10, 12, 20, 40, 80)))
    )

    assert (np.diff(alive) < 0).all()
    assert 0 < alive[-1] < alive[0] < 1


def test_an_average_moves_from_everybodys_to_the_customers_own() -> None:
    model = GammaGamma(6.25, 3.74, 15.44)
    mean = model.p * model.v / (model.q - 1)

    found = gamma_gamma.expected_value(
        model, np.array([0.0, 1, 10, 1000]), 100 * np.array([0.0, 1, 10, 1000])
    )

    assert found[0] == pytest.approx(mean)
    assert (np.diff(found) > 0).all()
    assert found[-1] == pytest.approx(100, rel=0.01)


def test_who_got_everything_back_is_worth_less_but_not_less_than_nothing() -> None:
    model = GammaGamma(6.25, 3.74, 15.44)

    nothing, below = gamma_gamma.expected_value(
        model, np.array([2.0, 2.0]), np.array([0.0, -500.0])
    )

    assert nothing == below > 0


def test_the_calendar_has_no_say_in_the_unit(
    cdnow: tuple[Customers, np.ndarray], of_cdnow: BgNbd
) -> None:
    in_days, problem = bg_nbd.fit(distinct(cdnow[0], "days")[0])

    assert problem is None
    assert in_days.alpha == pytest.approx(7 * of_cdnow.alpha, rel=1e-6)
    assert in_days.r == pytest.approx(of_cdnow.r, rel=1e-6)
