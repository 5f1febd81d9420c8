"""Runs a test, from reading its configuration to its reports."""

import gc
import sys
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace

from charioteer.errors import InputError
from charioteer.style import style_for
from charioteer.testing import (
    failure,
    journal,
    keep_alive,
    script_record,
    script_trace,
    watched_screens,
)
from charioteer.testing.checkpoints.plan import Plan, plan
from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.config import DriverConfiguration
from charioteer.testing.debug import Debug, DebugNop
from charioteer.testing.diagnosis.run_diagnosis import RunDiagnosis
from charioteer.testing.driver import Driver
from charioteer.testing.errors import MachineError
from charioteer.testing.faults.seed import Seed, use_seed
from charioteer.testing.forked import children_end_here
from charioteer.testing.logger import (
    AbstractLogger,
    CompositeLogger,
    QuietLogger,
    TerminalLogger,
)
from charioteer.testing.options import Display, RunOptions
from charioteer.testing.output import in_order_with, prompt_after
from charioteer.testing.run_logger import finish, make_logger
from charioteer.testing.signals import Signals, Terminated
from charioteer.testing.wording import kept_state

OnFailure = Callable[[BaseException], None]
INTERRUPTED = 130
_JOURNAL_LIMIT = 10.0
"""Seconds for reading the journals of all machines at the end of a run."""
OUTPUT_CLOSED = 141
"""Of a run that passed, whose standard output was closed by its reader before the end."""


def run(
    configuration: DriverConfiguration,
    options: RunOptions,
    find_host_failure: failure.FindHostFailure | None = None,
) -> int:
    """Runs a test, or a prompt; returns the exit status. Main thread only.

    Raises InputError when the log file or the test script cannot be opened, what
    `find_host_failure` returns when the script has failed, SystemExit when the script does, and
    Terminated after SIGTERM, which the time limit of the run sends too.
    """

    def rehearse(checkpoints: RunCheckpoints, seed: int) -> None:
        use_seed(Seed(seed))
        # A breakpoint would wait for a debugger.
        own = replace(options, debug_hook_attach=None)
        with _make_driver(configuration, own, CompositeLogger(), checkpoints) as driver:
            driver.test_script()

    # Imported objects live until the end of the process. Without this, the collections of garbage at the
    # exit examine all of them, for several milliseconds.
    gc.freeze()
    signals = Signals()
    try:
        # Before the io thread is started.
        with plan(
            configuration, options.output_directory, options.checkpoints, options.seed, rehearse
        ) as planned:
            host_check = failure.HostFailureCheck(find_host_failure)
            return _run_planned(configuration, options, planned, signals, host_check)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signals.restore()


def _run_planned(
    configuration: DriverConfiguration,
    options: RunOptions,
    planned: Plan,
    signals: Signals,
    host_check: failure.HostFailureCheck,
) -> int:
    logger = make_logger(
        _on_terminal(options, [*configuration.vms, *configuration.containers]), options
    )
    use_seed(Seed(planned.seed))
    try:
        driver = _make_driver(configuration, options, logger, planned.checkpoints)
        script_record.record(logger, str(configuration.test_script), driver.tests)
        diagnosis = RunDiagnosis(options.output_directory, logger, configuration.test_script)
        if not driver.interactive:
            diagnosis.remove_earlier()
            driver.captures.is_on = options.capture
            driver.captures.remove_earlier(configuration.vlans)
            driver.on_failure = _on_failure(driver, options, diagnosis, host_check)
            driver.on_success = lambda: _after_success(driver, options, planned)
        for message in planned.messages:
            logger.log(message)
        for warning in planned.warnings:
            logger.warning(warning)
        if not options.keep_machine_state:
            logger.info(f"Machine state will be reset. To keep it, pass {kept_state.flag}")
        with (
            host_check.raising_at_end(),
            _screens(driver, options),
            _output(driver, logger, options) as show_summary,
        ):
            try:
                status = _run(driver, planned, options.vsock_offset, logger, signals)
            finally:
                diagnosis.show()
            if status == 0:
                show_summary()
        return OUTPUT_CLOSED if status == 0 and logger.reporter.output_unread else status
    finally:
        finish(logger, sys.exc_info()[1], options)


def _on_failure(
    driver: Driver,
    options: RunOptions,
    diagnosis: RunDiagnosis,
    host_check: failure.HostFailureCheck,
) -> OnFailure:
    """What is done when the script has failed, before the machines end."""

    def act(error: BaseException) -> None:
        host_check.check(error, [each.state_dir for each in driver.adopted])
        if options.diagnosis:
            # The journals are among what it asks for.
            machines = [*driver.adopted, *driver.machines_nspawn]
            diagnosis.make(error, machines, files=driver.captures.written)
        else:
            _record_journals(driver, options)
        if options.keep_alive:
            diagnosis.show()
            keep_alive.wait(driver.machines, driver.logger, driver.global_timeout)

    return act


def _after_success(driver: Driver, options: RunOptions, planned: Plan) -> None:
    # A user who resumes waits for the verdict, and emulated guests take seconds for this.
    if not planned.checkpoints.has_resumed:
        _record_journals(driver, options)


def _record_journals(driver: Driver, options: RunOptions) -> None:
    """For the trace, after the script: reading them takes time from the guests.

    Ctrl-C ends the reading, and does not change how the script has ended.
    """
    if not options.trace:
        return
    machines = [*driver.adopted, *driver.machines_nspawn]
    try:
        journal.record_all(machines, driver.logger, _JOURNAL_LIMIT)
    except KeyboardInterrupt:
        driver.logger.warning("the trace lacks the journals: reading them was ended by Ctrl-C")


@contextmanager
def _output(
    driver: Driver, logger: CompositeLogger, options: RunOptions
) -> Generator[Callable[[], None], None, None]:
    """Within the block output is in order with the log, and a live view is shown.

    Yields a function that shows the summary of the live view, if there is one.
    """
    if driver.interactive:
        with prompt_after(logger.reporter):
            yield _no_summary
        return
    with in_order_with(logger.reporter):
        if options.display is not Display.LIVE:
            yield _no_summary
            return
        # Slow to import.
        from charioteer.testing.live import display as live_display
        from charioteer.testing.live.logger import LiveLogger

        (live,) = (each for each in logger.logger_list if isinstance(each, LiveLogger))
        display = live_display.Display(live, style_for(), logger.collect)
        with live_display.shown(display):
            yield display.show_summary


def _screens(driver: Driver, options: RunOptions) -> AbstractContextManager[None]:
    """Within the block there are pictures of screens for pages that show the run."""
    if not options.trace:
        return nullcontext()
    return watched_screens.taken(options.output_directory, lambda: list(driver.adopted))


def _no_summary() -> None:
    pass


def _on_terminal(options: RunOptions, machines: Sequence[str]) -> AbstractLogger:
    """The logger for standard error."""
    if options.display is Display.QUIET:
        return QuietLogger()
    if options.display is Display.LOG or options.interactive:
        return TerminalLogger()
    # Slow to import.
    from charioteer.testing.live.lines import Lines
    from charioteer.testing.live.logger import LiveLogger
    from charioteer.testing.live.model import Model

    widest = max(map(len, machines), default=0)
    return LiveLogger(Model(machines), Lines(style_for(), min(widest, 24)), options.verbose)


def _make_driver(
    configuration: DriverConfiguration,
    options: RunOptions,
    logger: AbstractLogger,
    checkpoints: RunCheckpoints,
) -> Driver:
    attach = options.debug_hook_attach
    try:
        driver = Driver(
            configuration,
            options.output_directory,
            logger,
            keep_machine_state=options.keep_machine_state,
            debug=DebugNop() if attach is None else Debug(logger, attach),
            interactive=options.interactive,
            checkpoints=checkpoints,
        )
    except (OSError, UnicodeDecodeError) as error:
        script = configuration.test_script
        raise InputError(f"cannot read the test script {script}: {error}") from error
    driver.streams = options.stream
    return driver


def _run(
    driver: Driver,
    planned: Plan,
    vsock_offset: int | None,
    logger: AbstractLogger,
    signals: Signals,
) -> int:
    """Sets up, runs and cleans up; then reports an error that the script did not handle."""
    try:
        # The clean-up is the driver's __exit__, which signals must not interrupt.
        with signals.prevailing(), driver, signals, children_end_here():
            driver.dump_machine_ssh(vsock_offset)
            _run_inside(driver, planned, logger)
    except (KeyboardInterrupt, Terminated) as error:
        failure.report_interruption(logger, error, driver.tests)
        logger.run_failed("interrupted by " + failure.name_of_interruption(error))
        raise
    except SystemExit as ending:
        if ending.code not in (None, 0):
            logger.run_failed(f"exit status {ending.code}")
        raise
    except Exception as error:
        logger.run_failed("".join(traceback.format_exception(error)))
        if script_trace.is_of_script(error):
            logger.reporter.flush()
            script_trace.print_from_script(error)
        elif isinstance(error, (MachineError, OSError)):
            failure.report_set_up(logger, error)
        else:
            logger.reporter.flush()
            raise
        return 1
    return 0


def _run_inside(driver: Driver, planned: Plan, logger: AbstractLogger) -> None:
    if driver.interactive:
        logger.record("phase", {"phase": "prompt"})
        if planned.checkpoints.resumes:
            driver.test_script()  # the prompt comes where it resumes
        else:
            driver.prompt()
        return
    begin = time.monotonic()
    driver.run_tests()
    logger.info(f"test script finished in {time.monotonic() - begin:.2f}s")
