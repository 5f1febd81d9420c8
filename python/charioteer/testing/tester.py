"""The name `t`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charioteer.testing.assertions import AssertionTester


class Tester:
    """A proxy of an AssertionTester, which is made when it is first used.

    Importing unittest takes a tenth of the processor time of a short run, and many scripts do not use
    `t`. Like upstream's it is an instance of unittest.TestCase for isinstance().
    """

    def __getattribute__(self, name: str) -> Any:
        return getattr(_made_by(self), name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(_made_by(self), name, value)

    def __delattr__(self, name: str) -> None:
        delattr(_made_by(self), name)

    def __repr__(self) -> str:
        return repr(_made_by(self))

    def __str__(self) -> str:
        return str(_made_by(self))


def _made_by(tester: Tester) -> "AssertionTester":
    own: dict[str, AssertionTester] = object.__getattribute__(tester, "__dict__")
    if not own:
        from charioteer.testing.assertions import AssertionTester

        # Another thread may have been quicker.
        own.setdefault("made", AssertionTester())
    return own["made"]
