"""How often each kind of defect strikes."""

from dataclasses import asdict, dataclass, fields
from typing import Self


@dataclass(frozen=True)
class DefectRates:
    """The share of eligible cells or rows that each defect spoils, from 0 to 1.

    A cell gets at most one defect: where several would strike, placeholders come
    before typing errors and those before missing values. Rates are kept to a step of
    1/65536. Raises ValueError for a rate outside 0 to 1.

    What follows names cells of the demo's systems. Those that not every simulation
    runs are spoiled alike: contacts as contacts, numbers as prices, dates as dates.
    """

    placeholder: float = 0.01
    """E-mails and phones of contacts and customers that mean nobody: 0000000000."""

    email_domain_typo: float = 0.01
    """E-mails of contacts and customers at a misspelt provider: gmial.com."""

    homoglyph: float = 0.01
    """E-mails of contacts and customers with one Cyrillic letter among the Latin."""

    letter_for_digit: float = 0.01
    """Phones of contacts and customers with a Latin or Cyrillic O for a zero."""

    letter_in_price: float = 0.002
    """Prices of order lines with such an O; also recorded as letter_for_digit."""

    foreign_date_format: float = 0.01
    """Create dates of contacts as day/month/year, where the day is over 12."""

    ambiguous_date: float = 0.01
    """The same where the day could be a month, and another month than its own."""

    unparsable_date: float = 0.002
    """Creation times of orders delivered as a spreadsheet's bare day number."""

    currency_without_rate: float = 0.002
    """Orders delivered in tenge, all amounts with them."""

    missing_value: float = 0.01
    """First names, cities, e-mails and main phones of contacts, and first names,
    cities and e-mails of customers, delivered blank."""

    exact_duplicate: float = 0.01
    """Rows of every export delivered twice."""

    minor_units: float = 0.01
    """Campaign costs delivered in kopecks or cents."""

    def __post_init__(self) -> None:
        """Refuse what is not a rate."""
        for name, rate in asdict(self).items():
            if not 0 <= rate <= 1:
                raise ValueError(f"the rate of {name} must lie in 0 to 1, not {rate}")

    @classmethod
    def all(cls, rate: float) -> Self:
        """The same rate for every defect."""
        return cls(**{field.name: rate for field in fields(cls)})

    @classmethod
    def none(cls) -> Self:
        """A clean company."""
        return cls.all(0.0)

    def scaled(self, factor: float) -> Self:
        """Every rate times the factor, at most 1."""
        return type(self)(
            **{name: min(1.0, rate * factor) for name, rate in asdict(self).items()}
        )
