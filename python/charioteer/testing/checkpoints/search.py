"""The search for a recorded checkpoint at which a run can resume."""

from collections.abc import Callable
from contextlib import ExitStack

from charioteer import folders
from charioteer.testing.checkpoints import identity, store
from charioteer.testing.checkpoints.calls import Places
from charioteer.testing.checkpoints.record import Checkpoint, Description, Record
from charioteer.testing.checkpoints.recorded_checkpoints import Resume
from charioteer.testing.checkpoints.rehearsal import Outcome, rehearse
from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.checkpoints.wishes import Wishes

_MOST_REHEARSALS = 3


class Search:
    """The search for a checkpoint at which a script can resume."""

    def __init__(
        self,
        description: Description,
        places: Places,
        wishes: Wishes,
        seed: int | None,
        rehearse_with: Callable[[RunCheckpoints, int], None],
    ) -> None:
        self._description = description
        self._places = places
        self._wishes = wishes
        self._seed = seed
        self._rehearse_with = rehearse_with
        self.messages: list[str] = []
        """How the script differs from the record that is used, or from the first one if none is."""
        self.warnings: list[str] = []
        """Why no checkpoint was found."""

    def find(self, used: ExitStack) -> Resume | None:
        """The last checkpoint of the newest record that fits, which is not removed while in `used`.

        If one with the wished name was recorded and does not fit, the last of those that do.
        """
        why = "no run with checkpoints was recorded; `--checkpoint` records one"
        if self._wishes.resume:
            name = self._wishes.resume
            why = f"no checkpoint {name!r} was recorded; see `charioteer checkpoints list`"
        changed = None
        valid = []
        unreadable: list[store.Unreadable] = []
        for record in self._records(unreadable):
            difference = identity.difference(record.description.team, self._description.team)
            if difference is None:
                valid.append(record)
            elif self._is_alike(record):
                changed = changed or difference
        if changed and not valid:
            why = f"the recorded checkpoints are not valid any more: {changed}"
        if unreadable and not valid:
            why += f"; {unreadable[0].reason}"
        # Of the first record with any checkpoint that fits, or of the first one if there is none.
        outcome, earlier = None, None
        for record in valid[:_MOST_REHEARSALS]:
            try:
                used.enter_context(folders.in_use(record.folder))
            except OSError:
                continue  # it is being removed
            found = rehearse(record, self._places, self._rehearsal_with_seed_of(record))
            fitting = [e for e in record.resumable() if e.number in found.checkpoints]
            if wished := [each for each in fitting if self._has_wished_name(each)]:
                self._note_difference(found)
                return Resume(record, wished[-1], self._wishes.clock_now)
            if fitting and earlier is None:
                outcome, earlier = found, Resume(record, fitting[-1], self._wishes.clock_now)
            outcome = outcome or found
            why = "no checkpoint is before that place"
        self._note_difference(outcome)
        if earlier is not None:
            self.messages.append(
                f"the script does not reach the checkpoint {self._wishes.resume!r} as recorded"
            )
            return earlier
        self.warnings.append(f"cannot resume, the machines boot: {why}")
        return None

    def _rehearsal_with_seed_of(self, record: Record) -> Callable[[RunCheckpoints], None]:
        seed = record.description.seed if self._seed is None else self._seed
        return lambda checkpoints: self._rehearse_with(checkpoints, seed)

    def _note_difference(self, outcome: Outcome | None) -> None:
        if outcome is not None and outcome.difference is not None:
            self.messages.append(f"the script differs from the recorded one: {outcome.difference}")

    def _records(self, unreadable: list[store.Unreadable]) -> list[Record]:
        """Those with checkpoints: the newest first, those of the same test before all others.

        What cannot be read is added to `unreadable`.
        """
        found = [each for each in store.records(unreadable) if self._candidates(each)]
        return sorted(found, key=self._is_alike, reverse=True)

    def _is_alike(self, record: Record) -> bool:
        recorded = record.description
        now = self._description
        return (recorded.label, recorded.script) == (now.label, now.script) or bool(
            now.label and recorded.label == now.label
        )

    def _candidates(self, record: Record) -> list[Checkpoint]:
        """The checkpoints at which a run can resume: those with the wished name, if there is one."""
        return [each for each in record.resumable() if self._has_wished_name(each)]

    def _has_wished_name(self, checkpoint: Checkpoint) -> bool:
        return self._wishes.resume in ("", checkpoint.name)
