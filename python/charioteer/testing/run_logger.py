"""The loggers of a run, and the reports that they write."""

import os

from charioteer.errors import InputError
from charioteer.testing.diagnosis.failed_step import StepObserver
from charioteer.testing.logger import (
    AbstractLogger,
    CompositeLogger,
    JunitXMLLogger,
    LogLevel,
    TraceLogger,
    XMLLogger,
)
from charioteer.testing.options import TRACE, RunOptions


def make_logger(first: AbstractLogger, options: RunOptions) -> CompositeLogger:
    """The logger `first` with those that the options name. Main thread only. Raises InputError."""
    logger = CompositeLogger([first])
    if options.diagnosis:
        logger.add_logger(StepObserver())
    try:
        if (log_file := os.environ.get("LOGFILE")) is not None and log_file != os.devnull:
            logger.add_logger(XMLLogger(log_file))
    except OSError as error:
        raise InputError(f"the log file of the variable LOGFILE: {error}") from error
    if options.trace:
        try:
            from charioteer.report import page  # slow to import

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


def finish(logger: CompositeLogger, error: BaseException | None, options: RunOptions) -> None:
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
    from charioteer.report import page

    try:
        page.write(options.output_directory)
    except Exception as error:  # The outcome of a run must not depend on its page.
        logger.log(f"cannot write the page of the run: {type(error).__name__}: {error}")
