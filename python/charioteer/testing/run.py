"""Runs a test, from reading its configuration to its reports."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from charioteer.errors import InputError
from charioteer.report import page
from charioteer.style import style_for
from charioteer.testing import failure, keep_alive, script_record, script_trace
from charioteer.testing.checkpoints.plan import Plan, plan
from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.config import DriverConfiguration
from charioteer.testing.debug import Debug, DebugNop
from charioteer.testing.diagnosis.failed_step import StepObserver
from charioteer.testing.diagnosis.run_diagnosis import RunDiagnosis
from charioteer.testing.driver import Driver
from charioteer.testing.errors import MachineError
from charioteer.testing.forked import children_end_here
from charioteer.testing.live.lines import Lines
from charioteer.testing.live.logger import LiveLogger
from charioteer.testing.live.model import Model
from charioteer.testing.logger import (
    AbstractLogger,
    CompositeLogger,
    JunitXMLLogger,
    LogLevel,
    QuietLogger,
    TerminalLogger,
    TraceLogger,
    XMLLogger,
)
from charioteer.testing.options import TRACE, Display, RunOptions
from charioteer.testing.output import in_order_with
from charioteer.testing.signals import Signals, Terminated
from charioteer.testing.wording import kept_state

OnFailure = Callable[[BaseException], None]
INTERRUPTED = 130
OUTPUT_CLOSED = 141
"""Of a run that passed, whose standard output was closed by its reader before the end."""


def run(configuration: DriverConfiguration, options: RunOptions) -> int:
    """Runs a test, or a prompt; returns the exit status. Main thread only.

    Raises InputError when the log file or the test script cannot be opened, SystemExit when the
    script does, and Terminated after SIGTERM, which the time limit of the run sends too.
    """

    def rehearse(checkpoints: RunCheckpoints) -> None:
        # A breakpoint would wait for a debugger.
        own = replace(options, debug_hook_attach=None)
        with _make_driver(configuration, own, CompositeLogger(), checkpoints) as driver:
            driver.test_script()

    signals = Signals()
    try:
        # Before the io thread is started.
        with plan(
            configuration, options.output_directory, options.checkpoints, rehearse
        ) as planned:
            return _run_planned(configuration, options, planned, signals)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signals.restore()


def _run_planned(
    configuration: DriverConfiguration, options: RunOptions, planned: Plan, signals: Signals
) -> int:
    logger = _make_logger(options, [*configuration.vms, *configuration.containers])
    try:
        driver = _make_driver(configuration, options, logger, planned.checkpoints)
        script_record.record(logger, str(configuration.test_script), driver.tests)
        diagnosis = RunDiagnosis(options.output_directory, logger, configuration.test_script)
        if not driver.interactive:
            diagnosis.remove_earlier()
            driver.on_failure = _on_failure(driver, options, diagnosis)
        for message in planned.messages:
            logger.log(message)
        for warning in planned.warnings:
            logger.warning(warning)
        if not options.keep_machine_state:
            logger.info(f"Machine state will be reset. To keep it, pass {kept_state.flag}")
        with _output(driver, logger) as show_summary:
            try:
                status = _run(driver, planned, options.vsock_offset, logger, signals)
            finally:
                diagnosis.show()
            if status == 0:
                show_summary()
        return OUTPUT_CLOSED if status == 0 and logger.reporter.output_unread else status
    finally:
        _finish(logger, sys.exc_info()[1], options)


def _on_failure(driver: Driver, options: RunOptions, diagnosis: RunDiagnosis) -> OnFailure:
    """What is done when the script has failed, before the machines end."""

    def act(error: BaseException) -> None:
        if options.diagnosis:
            diagnosis.make(error, [*driver.adopted, *driver.machines_nspawn])
        if options.keep_alive:
            diagnosis.show()
            keep_alive.wait(driver.machines, driver.logger, driver.global_timeout)

    return act


@contextmanager
def _output(driver: Driver, logger: CompositeLogger) -> Generator[Callable[[], None], None, None]:
    """Within the block output is in order with the log, and a live view is shown.

    Yields a function that shows the summary of the live view, if there is one.
    """
    if driver.interactive:
        yield _no_summary  # a prompt uses the terminal exclusively
        return
    with in_order_with(logger.reporter):
        live = next((each for each in logger.logger_list if isinstance(each, LiveLogger)), None)
        if live is None:
            yield _no_summary
            return
        from charioteer.testing.live import display as live_display  # slow to import

        display = live_display.Display(live, style_for(), logger.collect)
        with live_display.shown(display):
            yield display.show_summary


def _no_summary() -> None:
    pass


def _on_terminal(options: RunOptions, machines: Sequence[str]) -> AbstractLogger:
    """The logger for standard error."""
    if options.display is Display.QUIET:
        return QuietLogger()
    if options.display is Display.LOG or options.interactive:
        return TerminalLogger()
    widest = max(map(len, machines), default=0)
    return LiveLogger(Model(machines), Lines(style_for(), min(widest, 24)), options.verbose)


def _make_logger(options: RunOptions, machines: Sequence[str]) -> CompositeLogger:
    logger = CompositeLogger([_on_terminal(options, machines)])
    if options.diagnosis:
        logger.add_logger(StepObserver())
    try:
        if (log_file := os.environ.get("LOGFILE")) is not None and log_file != os.devnull:
            logger.add_logger(XMLLogger(log_file))
    except OSError as error:
        raise InputError(f"the log file of the variable LOGFILE: {error}") from error
    if options.trace:
        try:
            # The page of an earlier run would be taken for that of this one.
            page.remove(options.output_directory)
            logger.add_logger(TraceLogger(options.output_directory / TRACE))
        except OSError as error:
            raise InputError(f"the trace: {error}") from error
    if options.junit_xml is not None:
        logger.add_logger(JunitXMLLogger(options.output_directory / options.junit_xml))
    if options.log_level is not None:
        logger.set_log_level(LogLevel[options.log_level.upper()])
    return logger


def _finish(logger: CompositeLogger, error: BaseException | None, options: RunOptions) -> None:
    """Writes pending reports, since no exit handler runs after SIGTERM.

    `error`: what ends the run, unless its outcome was reported.
    """
    for each in logger.logger_list:
        if isinstance(each, JunitXMLLogger):
            try:
                each.close()
            except OSError as unwritten:
                logger.log(f"cannot write the JUnit report: {unwritten}")
    for each in logger.logger_list:
        if isinstance(each, TraceLogger) and (reason := each.close(error)):
            logger.log(f"the trace is incomplete: {reason}")
    if options.report:
        _write_page(logger, options)
    logger.collect()
    logger.reporter.flush()


def _write_page(logger: CompositeLogger, options: RunOptions) -> None:
    try:
        page.write(options.output_directory)
    except Exception as error:  # The outcome of a run must not depend on its page.
        logger.log(f"cannot write the page of the run: {type(error).__name__}: {error}")


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
