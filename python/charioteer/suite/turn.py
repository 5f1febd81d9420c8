"""The next run of a suite, with its claim of what the host has."""

from charioteer.suite.ledger import Entry, Ledger
from charioteer.suite.schedule import Job, Schedule


def take(schedule: Schedule, ledger: Ledger, is_idle: bool) -> tuple[Job, Entry] | None:
    """Removes the run that starts now from the schedule, and claims what it takes.

    None: there is no room for any. `is_idle`: whether no run of the suite lasts; then, and when the
    first run was overtaken too often, later suites leave room for it. Raises OSError.
    """
    with ledger.locked():
        job = schedule.take(ledger.claimed() + ledger.wished_before())
        if job is not None:
            return job, ledger.claim(job.demand)
        first = schedule.first
        if first is not None and (is_idle or schedule.is_held):
            ledger.wish(first.demand)
        return None
