"""Tariffs: what usage costs, in cents."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """Price of every kWh from `from_kwh` on, until the next step."""

    from_kwh: int
    cents: int


@dataclass(frozen=True)
class Tariff:
    name: str
    base_cents: int
    steps: tuple

    def cost(self, kwh):
        """Base price and stepped price of one period's usage."""
        if kwh < 0:
            raise ValueError("usage cannot be negative")
        cents = self.base_cents
        for index, step in enumerate(self.steps):
            upper = self.steps[index + 1].from_kwh if index + 1 < len(self.steps) else None
            if kwh <= step.from_kwh:
                break
            within = kwh - step.from_kwh if upper is None else min(kwh, upper) - step.from_kwh
            cents += within * step.cents
        return cents


TARIFFS = {
    tariff.name: tariff
    for tariff in (
        Tariff("flat", 900, (Step(0, 31),)),
        Tariff("saver", 500, (Step(0, 28), Step(100, 35))),
        Tariff("day-night", 1_200, (Step(0, 24), Step(150, 30), Step(400, 38))),
    )
}


def find_tariff(name):
    """The tariff of that name. Raises KeyError with the known names."""
    if name not in TARIFFS:
        raise KeyError(f"unknown tariff {name!r}; known: {', '.join(sorted(TARIFFS))}")
    return TARIFFS[name]


def cheapest(kwh):
    """The tariff that costs least for a usage; of equals the first by name."""
    return min(sorted(TARIFFS.values(), key=lambda tariff: tariff.name), key=lambda tariff: tariff.cost(kwh))
