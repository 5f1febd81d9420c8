"""The decorator `polling_condition`, and the object that it returns."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import overload

from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.duration import Duration
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine.retry import retry
from charioteer.testing.parameters import checked
from charioteer.testing.polling_condition import PollingCondition


class Poll(AbstractContextManager[None]):
    """A condition that is checked repeatedly within `with condition:`."""

    def __init__(
        self, condition: PollingCondition, active: list[PollingCondition], logger: AbstractLogger
    ) -> None:
        """`active`: the list of the active conditions, innermost last."""
        self.condition = condition
        self._active = active
        self._logger = logger

    def __enter__(self) -> None:
        self._active.append(self.condition)

    def __exit__(self, *_exception: object) -> None:
        innermost = self._active.pop()
        assert innermost is self.condition, "conditions must be left in reverse order"

    @checked
    def wait(self, timeout: Duration = 900) -> None:
        """Waits until the condition holds. Raises RequestedAssertionFailed."""
        description = self.condition.description

        def holds(last_try: bool) -> bool:
            if last_try:
                self._logger.log(f"Last chance for {description}")
            held = self.condition.check(force=True)
            if not held and not last_try:
                self._logger.log(f"({description} failure not fatal yet)")
            return held

        with self._logger.nested(f"waiting for {description}"):
            retry(holds, timeout=timeout)


Decorator = Callable[[Callable[[], bool | None]], Poll]


class PollingConditions:
    """Part of the driver: what must hold all the time."""

    def __init__(self, logger: AbstractLogger, checkpoints: RunCheckpoints) -> None:
        self.logger = logger
        self.polling_conditions: list[PollingCondition] = []
        self._checkpoints = checkpoints

    def check_polling_conditions(self) -> None:
        """Raises PollingConditionError unless all active conditions hold."""
        with self._checkpoints.polling() as is_due:
            for condition in self.polling_conditions if is_due else ():
                condition.maybe_raise()

    @overload
    def polling_condition(self, fun_: Callable[[], bool | None]) -> Poll:
        ...

    @overload
    def polling_condition(
        self,
        fun_: None = None,
        *,
        seconds_interval: float = 2.0,
        description: str | None = None,
        interval: timedelta | None = None,
    ) -> Decorator:
        ...

    def polling_condition(
        self,
        fun_: Callable[[], bool | None] | None = None,
        *,
        seconds_interval: float = 2.0,
        description: str | None = None,
        interval: timedelta | None = None,
    ) -> Poll | Decorator:
        """Makes a condition of a function: within `with function:` it has to hold.

        It is checked before commands and during waits, at most every `seconds_interval`.
        """
        pause = interval.total_seconds() if interval is not None else seconds_interval

        def make(function: Callable[[], bool | None]) -> Poll:
            condition = PollingCondition(function, self.logger, pause, description)
            return Poll(condition, self.polling_conditions, self.logger)

        return make if fun_ is None else make(fun_)
