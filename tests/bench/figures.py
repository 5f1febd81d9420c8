"""Measured figures with their baselines, and their formatting."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict

import aims


class Entry(TypedDict):
    """One figure in the JSON file."""

    ours: float
    baseline: float
    ratio: float
    unit: str


@dataclass(frozen=True)
class Figure:
    """A measurement. `ours` and `baseline` are in `unit`."""

    name: str
    ours: float
    baseline: float
    unit: str

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline

    def entry(self) -> Entry:
        return {
            "ours": round(self.ours, 4),
            "baseline": round(self.baseline, 4),
            "ratio": round(self.ratio, 4),
            "unit": self.unit,
        }


def compare(name: str, ours: Iterable[float], baseline: Iterable[float], unit: str) -> Figure:
    """The medians of two series."""
    return Figure(name, statistics.median(ours), statistics.median(baseline), unit)


def line(figure: Figure) -> str:
    """A row of the table."""
    aim = aims.of(figure.name)
    cells = [
        f"{figure.name:34}",
        f"{_short(figure.ours):>10}",
        f"{_short(figure.baseline):>10}",
        f"{figure.ratio:8.3f}",
        f"{figure.unit:9}",
        aim.verdict(figure.ratio) if aim else "",
    ]
    return "  ".join(cells).rstrip()


def heading() -> str:
    return f"{'figure':34}  {'ours':>10}  {'baseline':>10}  {'ratio':>8}  {'unit':9}  aim"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"
