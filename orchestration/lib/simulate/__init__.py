"""A company that does not exist: its systems' exports and the truth behind them."""

from orchestration.lib.simulate.company import SimulatedCompany, simulate
from orchestration.lib.simulate.rates import DefectRates

__all__ = ["DefectRates", "SimulatedCompany", "simulate"]
