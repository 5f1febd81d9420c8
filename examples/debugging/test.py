# Three ways to find out why a test fails.
#
# A prompt: `charioteer repl examples/debugging` gives a prompt with all names of this script. Machines
# start when they are used; `server.shell_interact()` is a shell in the guest, `server.console_interact()`
# its serial console, `test_script()` runs this script. Ctrl-C interrupts a call and leaves the machines up.
#
# A breakpoint: with `charioteer run examples/debugging --debug-hook-attach attach` the run stops
# where it fails, and here, and waits for a debugger at 127.0.0.1, port 4444 (`nc 127.0.0.1 4444`, then
# `p answer`, `where`, `continue`). Without the option nothing happens:
server.start()
answer = server.succeed("echo $((6 * 7))").strip()
debug.breakpoint()
t.assertEqual(answer, "42")

# The notes of an error: the machine, the time spent, the limit, and the last lines of output and console.
from test_driver.errors import RequestedAssertionFailed

with t.assertRaises(RequestedAssertionFailed) as failure:
    server.succeed("echo trying; echo 'no such device' >&2; exit 3", timeout=60)
t.assertIn("failed (exit code 3)", str(failure.exception))
for fact in failure.exception.__notes__:
    log.info(fact)
