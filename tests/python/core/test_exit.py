"""Exit of an interpreter that still holds objects of the core."""

import os
import subprocess
import sys
from pathlib import Path

from charioteer import _core
from support.patience import scaled
from support.run import PROGRAMS
from support.testbed import FAKE_QEMU

_COMMAND = f"env FAKE_QEMU_AGENT=real {FAKE_QEMU}"

_OBJECTS = """
import sys
from charioteer import _core
reporter = _core.Reporter(terminal=False)
machine = _core.Machine("machine", "true", sys.argv[1] + "/state", sys.argv[1], reporter)
vlan = _core.VLan(1, sys.argv[1], reporter)
session = _core.Session(reporter)
"""

# Eight threads wait in the core and have called their idle hook; another one calls the core in a
# loop.
_WAITING_THREADS = """
import sys, threading
from charioteer import _core
reporter = _core.Reporter(terminal=False)
waiting = threading.Semaphore(0)
def wait_in_the_core(number):
    first = []
    def idle(polling):
        if not first:
            first.append(waiting.release())
    state = f"{sys.argv[1]}/state{number}"
    machine = _core.Machine("machine", "true", state, sys.argv[1], reporter, idle)
    machine.next_console_lines(None)
def call_the_core():
    machine = _core.Machine("machine", "true", sys.argv[1] + "/busy", sys.argv[1], reporter)
    waiting.release()
    while True:
        machine.console_log()
for number in range(8):
    threading.Thread(target=wait_in_the_core, args=[number], daemon=True).start()
threading.Thread(target=call_the_core, daemon=True).start()
for _ in range(9):
    waiting.acquire()
"""

# The interpreter exits while threads read many files of the host.
_COPIES = """
import os, sys, threading
from charioteer import _core
os.environ.update(CHARIOTEER_ACCEL="tcg", CHARIOTEER_CHANNEL="agent")
reporter = _core.Reporter(terminal=False, queue=True)
begun = threading.Semaphore(0)
def copy(machine, number):
    begun.release()
    machine.copy_in("/usr/include", f"{sys.argv[1]}/copy{number}")
machine = _core.Machine("machine", sys.argv[2], sys.argv[1] + "/state", sys.argv[1], reporter)
machine.connect()
for number in range(2):
    threading.Thread(target=copy, args=[machine, number], daemon=True).start()
for _ in range(2):
    begun.acquire()
machine.execute("sleep 0.1")
"""

_USE_AFTER_THE_END = """
import atexit, sys
@atexit.register
def use_the_core():
    try:
        machine.console_log()
    except _core.MachineError:
        print("rejected")
"""


# stuck_tesseract writes "reading" and never returns.
_STUCK_READING = """
import os, sys
output = os.dup(1)
pipe = os.pipe()
os.dup2(pipe[1], 1)
from charioteer import _core
reading = _core.ScreenReading(b"P6 2 1 255 rgbRGB", 1)
os.write(output, os.read(pipe[0], 100))
"""


def _run(script: str, folder: Path, *modules: str) -> tuple[int, str, str]:
    paths = os.pathsep.join([*modules, *filter(None, sys.path)])
    environment = {**os.environ, "PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", script, str(folder), _COMMAND],
        env=environment,
        capture_output=True,
        text=True,
        timeout=scaled(60),
    )
    return done.returncode, done.stdout, done.stderr


def test_exit_with_objects_of_the_core_is_silent(tmp_path: Path) -> None:
    assert _run(_OBJECTS, tmp_path) == (0, "", "")


def test_exit_with_threads_in_the_core_is_silent(tmp_path: Path) -> None:
    assert _run(_WAITING_THREADS, tmp_path) == (0, "", "")


def test_exit_while_files_are_read_is_silent(tmp_path: Path) -> None:
    assert _run(_COPIES, tmp_path) == (0, "", "")


def test_exit_while_text_recognition_hangs(tmp_path: Path) -> None:
    package = tmp_path / "modules/charioteer"
    package.mkdir(parents=True)
    for file in Path(_core.__file__ or "").parent.iterdir():
        (package / file.name).symlink_to(file)
    library = package / "charioteer-tesseract.so"
    library.unlink()
    library.symlink_to(PROGRAMS.parent / "tests/fakes/stuck_tesseract.so")
    assert _run(_STUCK_READING, tmp_path, str(package.parent)) == (0, "reading\n", "")


def test_calls_during_exit_raise_an_error(tmp_path: Path) -> None:
    assert _run(_USE_AFTER_THE_END + _OBJECTS, tmp_path) == (0, "rejected\n", "")
