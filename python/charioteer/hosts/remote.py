"""What runs on another host, in its own Python (3.8 or later) and without anything of Charioteer.

It is sent over standard input with the modules remote_*, followed by a line of JSON that chooses
what it does: keep the folder of a run and the cache of files until the end of the run, or run one
machine until its end. Everything that belongs to the run ends when standard input does, or when it
is silent for too long.
"""

from __future__ import annotations

import os
import signal
import sys

from charioteer.hosts.remote_base import HELLO, Ended, Input, name_of
from charioteer.hosts.remote_folder import keep
from charioteer.hosts.remote_machine import Machine


def main() -> int:
    ending = (signal.SIGTERM, signal.SIGHUP)

    def end(_number: int, _frame: object) -> None:
        # One is enough: another one would end the clean-up.
        for number in ending:
            signal.signal(number, signal.SIG_IGN)
        raise Ended

    for number in ending:
        signal.signal(number, end)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    source = Input()
    try:
        sys.stdout.buffer.write(HELLO)
        sys.stdout.buffer.flush()
        header = source.line()
        source.silence = header["silence"]
        if header["mode"] == "keep":
            keep(source, header)
            return 0
        status = Machine(source, header).run()
        # QEMU has the same pipe, and makes it non-blocking.
        os.set_blocking(1, True)
        # After all output. ssh itself ends only when the connections that it forwards have.
        sys.stdout.buffer.write(b"\0%s:%d\n" % (header["token"].encode(), status))
        sys.stdout.buffer.flush()
    except (Ended, BrokenPipeError):
        pass
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"charioteer: {where}{name_of(error)}", file=sys.stderr)
        return 1
    return 0


def run() -> None:
    """main() as a process."""
    status = main()
    # Threads may still wait for connections.
    sys.stdout.flush()
    os._exit(status)


if __name__ == "__main__":
    run()
