"""The object that the decorator `polling_condition` returns."""

from collections.abc import Callable
from contextlib import AbstractContextManager

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
