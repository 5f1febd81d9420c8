"""All that is known of a failure: what the fields of knowledge make findings of."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from charioteer.testing.diagnosis.answer import Answer, Host
from charioteer.testing.diagnosis.request import Request


@dataclass(frozen=True)
class Case:
    """A failed request, and the answers of all machines."""

    request: Request
    answers: Mapping[str, Answer]
    """By the names of the machines that answered, or could be seen from outside."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """Why others did not answer."""
    host: Host = Host()
    took: float = 0.0
    """Seconds of all questions together."""

    @property
    def failed(self) -> Answer | None:
        """The answers of the machine of the failed step."""
        return self.answers.get(self.request.machine or "")
