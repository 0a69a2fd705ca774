"""Orders as the models say that they come about."""

import numpy as np
import pyarrow as pa

from orchestration.lib.forecast.bg_nbd import BgNbd
from orchestration.lib.forecast.gamma_gamma import GammaGamma


def draw_orders(
    generator: np.random.Generator,
    customers: int,
    days: int,
    orders: BgNbd,
    value: GammaGamma,
) -> pa.Table:
    """`customer`, `day` (from 0 to `days`) and `amount` of every order.

    Customers begin evenly over the days; `alpha` is in weeks.
    """
    begun = generator.integers(0, days, customers).astype(float)
    rate = generator.gamma(orders.r, 1 / orders.alpha, customers) / 7
    leaving = generator.beta(orders.a, orders.b, customers)
    scale = generator.gamma(value.q, 1 / value.v, customers)
    who, when = [np.arange(customers)], [begun]
    alive, at = np.arange(customers), begun
    while len(alive):
        at = at + generator.exponential(1 / rate[alive])
        is_seen = at <= days
        alive, at = alive[is_seen], at[is_seen]
        who.append(alive)
        when.append(at)
        stays = generator.random(len(alive)) >= leaving[alive]
        alive, at = alive[stays], at[stays]
    customer, day = np.concatenate(who), np.concatenate(when).astype(np.int32)
    amount = generator.gamma(value.p, 1 / scale[customer])
    return pa.table({"customer": customer, "day": day, "amount": amount})
