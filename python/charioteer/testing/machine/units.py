"""Queries and waits for the systemd units of a machine."""

import re

from charioteer.testing.duration import Duration
from charioteer.testing.errors import RequestedAssertionFailed
from charioteer.testing.machine.commands import Commands
from charioteer.testing.machine.probes import wait_until
from charioteer.testing.parameters import checked

_PROPERTY = re.compile(r"^([^=]+)=(.*)$")


class Units(Commands):
    """Part of every machine."""

    @checked
    def systemctl(self, q: str, user: str | None = None) -> tuple[int, str]:
        """Runs `systemctl q`, or `systemctl --user` as `user`; returns status and output."""
        if user is None:
            return self.execute(f"systemctl {q}")
        q = q.replace("'", r"\'")
        return self.execute(
            f"su -l {user} --shell /bin/sh -c "
            f"$'XDG_RUNTIME_DIR=/run/user/`id -u` systemctl --user {q}'"
        )

    @checked
    def wait_for_unit(self, unit: str, user: str | None = None, timeout: Duration = 900) -> None:
        """Waits until the unit is active.

        Raises RequestedAssertionFailed at once when it failed, or is inactive with no job pending.
        """
        with self.nested(f"waiting for unit {unit}" + (f" with user {user}" if user else "")):
            self._command_backend.wait_for_unit(unit, user, timeout)

    @checked
    def wait_for_unit_active_state(
        self, unit: str, state: str, timeout: Duration = 900, *, user: str | None = None
    ) -> None:
        """Waits until the unit's ActiveState is `state`, which may also be "failed", for example.

        Raises RequestedAssertionFailed with the last state.
        """
        seen = ""

        def has_state(_last_try: bool) -> bool:
            nonlocal seen
            seen = self.get_unit_property(unit, "ActiveState", user)
            return seen == state

        with self.nested(f"waiting for unit {unit} to be {state}{_under(user)}"):
            try:
                wait_until(has_state, timeout)
            except RequestedAssertionFailed as error:
                error.add_note(f'on {self.name}, the last state of unit "{unit}" was "{seen}"')
                raise

    @checked
    def get_unit_info(self, unit: str, user: str | None = None) -> dict[str, str]:
        """All properties of the unit. Raises RequestedAssertionFailed."""
        status, lines = self.systemctl(f'--no-pager show "{unit}"', user)
        if status != 0:
            raise RequestedAssertionFailed(
                f'retrieving systemctl info for unit "{unit}"{_under(user)} '
                f"failed with exit code {status}"
            )
        matches = (_PROPERTY.match(line) for line in lines.split("\n"))
        return {match[1]: match[2] for match in matches if match}

    @checked
    def get_unit_property(self, unit: str, property: str, user: str | None = None) -> str:
        """One property of the unit. Raises RequestedAssertionFailed."""
        status, lines = self.systemctl(f'--no-pager show "{unit}" --property="{property}"', user)
        if status != 0:
            raise RequestedAssertionFailed(
                f'retrieving systemctl property "{property}" for unit "{unit}"{_under(user)} '
                f"failed with exit code {status}"
            )
        match = _PROPERTY.match(lines.partition("\n")[0])
        assert match, f"{unit!r} has no property {property!r}: systemctl printed {lines!r}"
        assert match[1] == property, f"requested {property!r}, systemctl printed {match[1]!r}"
        return match[2]

    @checked
    def require_unit_state(self, unit: str, require_state: str = "active") -> None:
        """Raises RequestedAssertionFailed unless the unit is in that state now."""
        with self.nested(f"checking if unit '{unit}' has reached state '{require_state}'"):
            state = self.get_unit_property(unit, "ActiveState")
            if state != require_state:
                raise RequestedAssertionFailed(
                    f"Expected unit '{unit}' to to be in state '{require_state}' "
                    f"but it is in state '{state}'"
                )

    @checked
    def start_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        """`systemctl start`; returns status and output."""
        return self.systemctl(f"start {jobname}", user)

    @checked
    def stop_job(self, jobname: str, user: str | None = None) -> tuple[int, str]:
        """`systemctl stop`; returns status and output."""
        return self.systemctl(f"stop {jobname}", user)


def _under(user: str | None) -> str:
    return "" if user is None else f' under user "{user}"'
