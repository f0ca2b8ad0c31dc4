"""Usage and cost from the exports of electricity meters."""

__version__ = "0.3.0"
