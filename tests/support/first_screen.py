"""The first screen of the failure of a script, on machines that run on after it."""

import pytest
from charioteer.testing import failure, script_trace
from charioteer.testing.diagnosis.failed_step import StepObserver
from charioteer.testing.diagnosis.interview import Limits
from charioteer.testing.diagnosis.run_diagnosis import RunDiagnosis
from charioteer.testing.logger import CompositeLogger

from support.patience import scaled
from support.shared_machines import SharedMachines


def observe_steps(machines: SharedMachines) -> None:
    """Notes failed steps as a run does. To be called once."""
    logger = machines.driver.logger
    assert isinstance(logger, CompositeLogger)
    logger.add_logger(StepObserver())


def first_screen(machines: SharedMachines, script: str) -> str:
    """What is shown after the script has failed; it is run and diagnosed as in a run."""
    driver = machines.driver
    driver.tests = script
    script_trace.remember_source(script)
    diagnosis = RunDiagnosis(machines.out, driver.logger, driver.config.test_script)
    # Guests on a loaded host have more time for their answers.
    limits = Limits(native=scaled(5.0), emulated=scaled(15.0))
    with pytest.raises((Exception, SystemExit)):
        with failure.passed_to(lambda error: diagnosis.make(error, driver.machines, limits)):
            exec(compile(script, script_trace.SCRIPT, "exec"), dict(machines.symbols))
    diagnosis.show()
    return "\n".join(diagnosis.first_screen)
