"""The program `nixos-test-driver`."""

import argparse
import os
import sys
import time
import traceback
from contextlib import nullcontext
from typing import NoReturn

from charioteer import _core as core
from charioteer.testing import failure, script_trace
from charioteer.testing.config import DriverConfiguration
from charioteer.testing.debug import Debug, DebugNop
from charioteer.testing.driver import Driver
from charioteer.testing.errors import MachineError
from charioteer.testing.forked import children_end_here
from charioteer.testing.logger import (
    AbstractLogger,
    CompositeLogger,
    JunitXMLLogger,
    LogLevel,
    TerminalLogger,
    XMLLogger,
)
from charioteer.testing.output import in_order_with
from charioteer.testing.signals import Signals, Terminated, die_by_sigterm
from charioteer.testing.wording import kept_state
from test_driver.arguments import parse

INTERRUPTED = 130
UNREAD = 141
"""Of a run that passed, whose standard output was not read to its end."""


def main(argv: list[str] | None = None, prog: str = "nixos-test-driver") -> int:
    """Runs a test, or a prompt; returns the exit status.

    Raises SystemExit for usage errors and when the script does. After SIGTERM, which the time
    limit of the run sends too, it cleans up and ends the process by that signal.
    """
    try:
        return drive(sys.argv[1:] if argv is None else argv, prog)
    finally:
        if core.is_terminating():
            die_by_sigterm()


def drive(argv: list[str], prog: str) -> int:
    """As `main`, but raises Terminated after SIGTERM, for a caller with a clean-up of its own."""
    signals = Signals()
    try:
        options, config = parse(argv, prog)
        logger = _make_logger(options, prog)
        try:
            driver = _make_driver(options, config, logger, prog)
            if not options.keep_machine_state:
                logger.info(f"Machine state will be reset. To keep it, pass {kept_state.flag}")
            # A prompt has the terminal for itself.
            ordered = nullcontext() if driver.interactive else in_order_with(logger.reporter)
            with ordered:
                status = _run(driver, options.dump_vsocks, logger, signals)
            return UNREAD if status == 0 and logger.reporter.output_unread else status
        finally:
            _finish(logger)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        signals.restore()


def _make_logger(options: argparse.Namespace, prog: str) -> CompositeLogger:
    logger = CompositeLogger([TerminalLogger()])
    try:
        if (log_file := os.environ.get("LOGFILE")) is not None and log_file != os.devnull:
            logger.add_logger(XMLLogger(log_file))
    except OSError as error:
        _usage_error(prog, f"the log file of the variable LOGFILE: {error}")
    if options.junit_xml is not None:
        logger.add_logger(JunitXMLLogger(options.output_directory / options.junit_xml))
    if options.log_level is not None:
        logger.set_log_level(LogLevel[options.log_level.upper()])
    return logger


def _finish(logger: CompositeLogger) -> None:
    """Writes what is still to be written; after SIGTERM no exit handler would."""
    for each in logger.logger_list:
        if isinstance(each, JunitXMLLogger):
            try:
                each.close()
            except OSError as error:
                logger.log(f"cannot write the JUnit report: {error}")
    logger.collect()
    logger.reporter.flush()


def _usage_error(prog: str, text: str) -> NoReturn:
    print(f"{prog}: error: {text}", file=sys.stderr)
    sys.exit(2)


def _make_driver(
    options: argparse.Namespace, config: DriverConfiguration, logger: AbstractLogger, prog: str
) -> Driver:
    attach = options.debug_hook_attach
    try:
        driver = Driver(
            config,
            options.output_directory,
            logger,
            keep_machine_state=options.keep_machine_state,
            debug=DebugNop() if attach is None else Debug(logger, attach),
            interactive=bool(options.interactive),
        )
    except (OSError, UnicodeDecodeError) as error:
        _usage_error(prog, f"cannot read the test script {config.test_script}: {error}")
    driver.streams = options.stream
    return driver


def _run(driver: Driver, vsock_offset: int | None, logger: AbstractLogger, signals: Signals) -> int:
    """Sets up, runs, cleans up; then tells of a failure that the script did not handle."""
    try:
        # The clean-up is the driver's __exit__, which signals must not interrupt.
        with signals.prevailing(), driver, signals, children_end_here():
            driver.dump_machine_ssh(vsock_offset)
            _run_inside(driver, logger)
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


def _run_inside(driver: Driver, logger: AbstractLogger) -> None:
    if driver.interactive:
        from charioteer.testing import repl  # slow to import

        repl.run(driver.test_symbols())
        return
    begin = time.monotonic()
    driver.run_tests()
    logger.info(f"test script finished in {time.monotonic() - begin:.2f}s")
