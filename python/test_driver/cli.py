"""The program `nixos-test-driver`."""

import sys

from charioteer import _core as core
from charioteer.errors import InputError
from charioteer.testing.run import INTERRUPTED, run
from charioteer.testing.signals import end_by_sigterm
from test_driver.arguments import parse

PROG = "nixos-test-driver"


def main(argv: list[str] | None = None) -> int:
    """Runs a test, or a prompt; returns the exit status.

    Raises SystemExit for usage errors and when the script does. After SIGTERM, which the time
    limit of the run sends too, it cleans up and ends the process by that signal.
    """
    try:
        options, configuration = parse(sys.argv[1:] if argv is None else argv, PROG)
        return run(configuration, options)
    except InputError as error:
        print(f"{PROG}: error: {error}", file=sys.stderr)
        return error.status
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        if core.is_terminating():
            end_by_sigterm()
