"""Decides which run starts next. Pure decisions: no I/O, and no clock."""

from collections.abc import Iterable
from dataclasses import dataclass

from charioteer.suite.demand import Demand

MOST_OVERTAKEN = 8
"""A run that so many later ones have overtaken is started before any other."""


@dataclass(frozen=True)
class Job:
    """A run that is to be started. `seconds`: how long it is expected to last; None: unknown."""

    name: str
    demand: Demand
    seconds: float | None = None
    repetition: int = 1


@dataclass
class _Waiting:
    job: Job
    overtaken: int = 0


class Schedule:
    """The runs that wait, the longest first; those of unknown duration come before them.

    A run that does not fit is overtaken by later ones that do, but only MOST_OVERTAKEN times: then
    nothing starts until there is room for it. Therefore every run starts in the end.
    """

    def __init__(self, jobs: Iterable[Job], capacity: Demand) -> None:
        """`capacity`: what all tests of the host may take together.

        The memory of each job must be within it (see `is_possible`). A job that demands more
        processors than the host has gets all of them.
        """
        self._capacity = capacity
        fitted = [_fitted(each, capacity) for each in jobs]
        self._waiting = [_Waiting(each) for each in sorted(fitted, key=_order)]

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def jobs(self) -> list[Job]:
        """The runs that wait, in the order in which they should start."""
        return [each.job for each in self._waiting]

    @property
    def first(self) -> Job | None:
        """The run that should start next."""
        return self._waiting[0].job if self._waiting else None

    @property
    def is_held(self) -> bool:
        """Whether `first` may not be overtaken any more."""
        return bool(self._waiting) and self._waiting[0].overtaken >= MOST_OVERTAKEN

    def take(self, used: Demand) -> Job | None:
        """Removes the run that starts now, if there is one, while `used` is what others take."""
        for index, each in enumerate(self._waiting):
            if (used + each.job.demand).fits(self._capacity):
                for earlier in self._waiting[:index]:
                    earlier.overtaken += 1
                del self._waiting[index]
                return each.job
            if each.overtaken >= MOST_OVERTAKEN:
                return None
        return None

    def put_first(self, job: Job) -> None:
        """Adds a run that is started before those that wait: a test is tried again."""
        self._waiting.insert(0, _Waiting(_fitted(job, self._capacity)))

    def clear(self) -> list[Job]:
        """Removes all runs, and returns them."""
        jobs = self.jobs
        self._waiting = []
        return jobs


def is_possible(demand: Demand, capacity: Demand) -> bool:
    """Whether a host of this capacity can run the test at all."""
    return demand.memory <= capacity.memory


def _fitted(job: Job, capacity: Demand) -> Job:
    processors = min(job.demand.processors, capacity.processors)
    demand = Demand(job.demand.memory, processors)
    return Job(job.name, demand, job.seconds, job.repetition)


def _order(job: Job) -> tuple[bool, float, int, int, str]:
    seconds = job.seconds or 0.0
    return job.seconds is not None, -seconds, -job.demand.memory, job.repetition, job.name
