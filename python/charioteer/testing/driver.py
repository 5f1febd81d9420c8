"""A test run: its machines, VLANs and script."""

import os
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from charioteer import _core as core
from charioteer.testing import containers, failure, script_trace, wording
from charioteer.testing.capture import CLIENTS_LIMIT, DISKS_LIMIT
from charioteer.testing.checkpoints.run_checkpoints import RunCheckpoints
from charioteer.testing.clean_up import CleanUpErrors
from charioteer.testing.config import DriverConfiguration
from charioteer.testing.debug import DebugAbstract, DebugNop
from charioteer.testing.directories import temporary_directory
from charioteer.testing.duration import Duration, deprecate_numbers, render
from charioteer.testing.embedding import Embedding
from charioteer.testing.errors import MachineError, RequestedAssertionFailed
from charioteer.testing.faults.network import MachineNetwork
from charioteer.testing.forked import children_end_here
from charioteer.testing.logger import AbstractLogger
from charioteer.testing.machine import BaseMachine, Machine, NspawnMachine, QemuMachine, retry
from charioteer.testing.machine.alias import MachineAlias
from charioteer.testing.machines import Machines, Outcomes
from charioteer.testing.parameters import checked
from charioteer.testing.polling import PollingConditions
from charioteer.testing.race_timer import Timer
from charioteer.testing.run_captures import RunCaptures
from charioteer.testing.subtests import Subtests
from charioteer.testing.symbols import print_names, pythonized
from charioteer.testing.sync import sync_all
from charioteer.testing.tester import Tester
from charioteer.testing.vlan import VLan
from charioteer.testing.vsock import VHostDeviceVsock, hints, kernel_commands


class Driver(PollingConditions):
    """Runs a test. Within `with driver:` its VLANs are up and its machines can be started."""

    def __init__(
        self,
        config: DriverConfiguration,
        out_dir: Path,
        logger: AbstractLogger,
        keep_machine_state: bool = False,
        debug: DebugAbstract = DebugNop(),
        interactive: bool = False,
        *,
        checkpoints: RunCheckpoints | None = None,
        embedding: Embedding | None = None,
    ) -> None:
        """`out_dir`: the folder for files from machines. Raises OSError for a missing script.

        Without `embedding` the machines' state is in `temporary_directory()`, and VLANs are named by
        the environment of this process.
        """
        super().__init__(logger, checkpoints or RunCheckpoints(str(config.test_script)))
        self.config = config
        self.out_dir = out_dir
        self.keep_machine_state = keep_machine_state
        self.debug = debug
        self.interactive = interactive
        self.streams = False
        """Whether machines log the output of commands as it comes; to be set before the start."""
        self.on_failure: Callable[[BaseException], None] = lambda _error: None
        """Called with what has left the script, while the machines run and within the time limit."""
        self.on_success: Callable[[], None] = lambda: None
        """Called when the script has passed, while the machines run."""
        self.captures = RunCaptures(out_dir, logger)
        self.tests = config.test_script.read_text()
        self.vlans: list[VLan] = []
        self.machines_qemu: list[QemuMachine] = []
        self.machines_nspawn: list[NspawnMachine] = []
        self.vhost_vsock: VHostDeviceVsock | None = None
        self.adopted: list[QemuMachine] = []
        """All virtual machines, also those of `create_machine`."""
        self._symbols: dict[str, Any] = {}
        self._embedding = embedding
        prompt = self.prompt if interactive else None
        self._checkpoints.attach(lambda: self.adopted, config.containers, logger, prompt)
        if embedding is not None:
            self._checkpoints.tmp_dir = embedding.tmp_dir
        self._subtests = Subtests(logger, self._checkpoints)
        self._session = core.Session(logger.reporter)
        self.race_timer = Timer(self._session, config.global_timeout)
        script_trace.remember_source(self.tests, config.test_script.name)
        wording.use_release(config.is_legacy)
        deprecate_numbers(config.is_of_26_11)

    @property
    def global_timeout(self) -> Duration:
        """The time limit of the run; in seconds, or a timedelta."""
        return self.race_timer.interval

    @global_timeout.setter
    def global_timeout(self, limit: Duration) -> None:
        self.race_timer.interval = limit

    @property
    def keep_vm_state(self) -> bool:
        """The name of `keep_machine_state` up to NixOS 25.11."""
        return self.keep_machine_state

    @property
    def machines(self) -> list[BaseMachine]:
        """All machines, sorted by name."""
        return sorted([*self.machines_qemu, *self.machines_nspawn], key=lambda each: each.name)

    def __enter__(self) -> "Driver":
        try:
            self._set_up()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def _set_up(self) -> None:
        self.logger.record("phase", {"phase": "set-up"})
        if self.config.containers:
            containers.prepare_host()
        tmp_dir = self._tmp_dir()
        with self.logger.nested("start all VLans"):
            kind = containers.OpenVLan if self.config.containers else VLan
            for nr in dict.fromkeys(self.config.vlans):
                vlan = kind(nr, tmp_dir, self.logger, exports=self._embedding is None)
                self.vlans.append(vlan)
                self.captures.add(vlan)
                self._session.adopt_vlan(vlan.handle)
                if isinstance(vlan, containers.OpenVLan):
                    vlan.name(self.config.container_addresses.get(str(nr), {}))
        if self.config.enable_ssh_backdoor and self.config.vms:
            with self.logger.nested("start vhost-device-vsock"):
                self.vhost_vsock = VHostDeviceVsock(tmp_dir, self.config.vms)
        for name, machine in self.config.vms.items():
            vsock = self.vhost_vsock.sockets[name] if self.vhost_vsock else None
            self.machines_qemu.append(
                self._adopt(
                    QemuMachine(
                        out_dir=self.out_dir,
                        tmp_dir=tmp_dir,
                        start_command=str(machine.start_script),
                        logger=self.logger,
                        name=name,
                        keep_machine_state=self.keep_machine_state,
                        callbacks=[self.check_polling_conditions],
                        vsock_guest=vsock.guest if vsock else None,
                        vsock_host=vsock.host if vsock else None,
                        make_handle=self._checkpoints.make_machine,
                    )
                )
            )
        for name, container in self.config.containers.items():
            made = NspawnMachine(
                out_dir=self.out_dir,
                tmp_dir=tmp_dir,
                start_command=str(container.start_script),
                logger=self.logger,
                name=name,
                keep_machine_state=self.keep_machine_state,
                callbacks=[self.check_polling_conditions],
            )
            made.starting = containers.EarlyNames(self.vlans, name).look
            made.started = partial(containers.join_all, self.vlans, made)
            self._prepare(made)
            self.machines_nspawn.append(made)

    def _tmp_dir(self) -> Path:
        return temporary_directory() if self._embedding is None else self._embedding.tmp_dir

    def _adopt(self, machine: QemuMachine) -> QemuMachine:
        self._session.adopt_machine(machine.handle)
        self.adopted.append(machine)
        self._prepare(machine)
        return machine

    def _prepare(self, machine: BaseMachine) -> None:
        machine.streams = self.streams
        machine.network = MachineNetwork(machine.name, self.vlans)
        if self._embedding is not None:
            machine.limit = self._embedding.limit
            machine.variables = {k: v for vlan in self.vlans for k, v in vlan.variables.items()}

    def __exit__(self, error_type: object, *_details: object) -> None:
        self.clean_up().report(quietly=error_type is not None)

    def clean_up(self) -> CleanUpErrors:
        """Ends all machines and VLANs; returns the errors, which are not logged yet."""
        self.logger.record("phase", {"phase": "clean-up"})
        errors = CleanUpErrors(self.logger)
        with self.logger.nested("cleanup"):
            for vlan in self.vlans:
                errors.attempt(f"vlan{vlan.nr}", vlan.fast)
            for machine in self.machines_qemu:
                # It may be of a subclass; the others must end whatever it raises.
                errors.attempt(machine.name, machine.end)
            errors.attempt_all((each.name, each.release) for each in self.machines_nspawn)
            # Before the session, whose end would write them on the io thread.
            captures = [each for vlan in self.vlans for each in vlan.release_captures()]
            errors.attempt_all((f"the capture {each.path}", each.stop) for each in captures)
            errors.add(self._session.close(CLIENTS_LIMIT, DISKS_LIMIT))
            if self.vhost_vsock is not None:
                errors.attempt("vhost-device-vsock", self.vhost_vsock.stop)
            for vlan in self.vlans:
                errors.attempt(f"vlan{vlan.nr}", vlan.stop)
            errors.attempt("checkpoints", self._checkpoints.close)
            self.logger.collect()
        return errors

    # The script

    def test_symbols(self) -> dict[str, Any]:
        """The names that the script finds, which are also printed."""
        general: dict[str, Any] = {
            "start_all": self.start_all,
            "test_script": self.test_script,
            "machines": self.machines,
            "machines_qemu": self.machines_qemu,
            "machines_nspawn": self.machines_nspawn,
            "vlans": self.vlans,
            "driver": self,
            "log": self.logger,
            "os": os,
            "create_machine": self.create_machine,
            "subtest": self.subtest,
            "run_tests": self.run_tests,
            "join_all": self.join_all,
            "retry": retry,
            "serial_stdout_off": self.serial_stdout_off,
            "serial_stdout_on": self.serial_stdout_on,
            "polling_condition": self.polling_condition,
            "BaseMachine": BaseMachine,
            "Machine": Machine,
            "QemuMachine": QemuMachine,
            "NspawnMachine": NspawnMachine,
            "t": Tester(),
            "debug": self.debug,
            "dump_machine_ssh": self.dump_machine_ssh,
            "all_machines": Machines(self.machines),
        }
        machines: dict[str, Any] = {pythonized(each.name): each for each in self.machines}
        if len(self.machines) == 1:
            machines.setdefault("machine", MachineAlias(self.machines[0]))
        vlans = {f"vlan{vlan.nr}": vlan for vlan in self.vlans}
        print_names(self.logger, [each.name for each in self.machines], vlans, general)
        return {**general, **machines, **vlans}

    def test_script(self) -> None:
        """Runs the script. Raises SystemExit with status 1 if a request of it fails."""
        with self.logger.nested("run the VM test script"):
            self._symbols = self.test_symbols()
            self._checkpoints.begin()
            try:
                with children_end_here(), self._checkpoints.expected_to_resume():
                    exec(compile(self.tests, script_trace.SCRIPT, "exec"), self._symbols, None)
            except MachineError as error:
                failure.report_machine(self.logger, error)
                sys.exit(1)
            except RequestedAssertionFailed as error:
                failure.report_request(self.logger, error, self.tests)
                self.debug.breakpoint()
                sys.exit(1)
            except Exception:
                self.debug.breakpoint()
                raise

    def prompt(self) -> None:
        """Reads and runs code with the script's names, which are printed unless the script has run."""
        from charioteer.testing import repl  # slow to import

        repl.run(self._symbols or self.test_symbols(), self.logger)

    def run_tests(self) -> None:
        """Runs the script within the time limit, then `sync` in the machines.

        No `sync` in a run that has resumed, whose disks are removed in any case.
        """
        seconds = render(self.global_timeout)
        self.logger.info(f"Test will time out and terminate in {seconds} seconds")
        self.logger.record("phase", {"phase": "script"})
        # How the script ended is the outcome; what comes after it has limits of its own.
        with self.race_timer, failure.passed_to(self.on_failure), self.captures.kept_on_failure():
            self.test_script()
        self.on_success()
        if not self._checkpoints.has_resumed:
            sync_all(self.machines, self.logger)

    def start_all(self) -> None:
        """Starts all machines in parallel. Raises MachineError that names those that failed."""
        with self.logger.nested("start all VMs"):
            outcomes = Outcomes[None](self.machines)
            outcomes.gather(lambda machine: machine.start())
            if outcomes.failures:
                raise outcomes.summary("Failed to start the following machines:")

    def join_all(self) -> None:
        """Waits for the end of all machines, and cancels the time limit of the run."""
        with self.logger.nested("wait for all VMs to finish"):
            for machine in self.machines:
                machine.wait_for_shutdown()
            self.race_timer.cancel()

    def terminate_test(self) -> None:
        """Ends the run as if its time limit had passed."""
        with self.logger.nested("timeout reached; test terminating..."):
            core.terminate()

    @contextmanager
    def subtest(self, name: str) -> Generator[None, None, None]:
        """A named part of the test: `with subtest("..."):`."""
        with self._subtests.run(name):
            yield

    # Checkpoints

    def checkpoint(self, name: str) -> None:
        """Saves all machines as `name`, which replaces an earlier checkpoint of that name.

        Raises MachineError when they cannot be saved; they run on then.
        """
        self._checkpoints.save(name)

    def restore(self, name: str) -> None:
        """Replaces all machines by their state at the checkpoint `name`. Raises MachineError."""
        self._checkpoints.restore(name)

    def checkpoints(self) -> list[str]:
        """The names of the checkpoints that `restore` takes, in the order in which they were saved."""
        return [each.name for each in self._checkpoints.saved()]

    @checked
    def create_machine(
        self,
        start_command: str,
        name: str | None = None,
        keep_machine_state: bool = False,
        *,
        keep_vm_state: bool = False,
    ) -> QemuMachine:
        """An additional machine, which ends with the run like those of the configuration.

        It is not among `machines` and no polling condition is checked with it. `keep_vm_state` is
        the older name of `keep_machine_state`. The name may be that of a machine that is off, whose
        state directory it takes over. Raises MachineError when that machine runs, TypeError and
        ValueError for other names and commands than upstream's.
        """
        if self.config.enable_ssh_backdoor:
            self.logger.warning(
                f"create_machine({name}): not enabling SSH backdoor, this is not supported for VMs"
                " created with create_machine!"
            )
        return self._adopt(
            QemuMachine(
                out_dir=self.out_dir,
                tmp_dir=self._tmp_dir(),
                start_command=start_command,
                logger=self.logger,
                name=name,
                keep_machine_state=keep_machine_state or keep_vm_state,
                make_handle=self._checkpoints.make_machine,
            )
        )

    def serial_stdout_on(self) -> None:
        """Shows the serial consoles of machines."""
        self.logger.print_serial_logs(True)

    def serial_stdout_off(self) -> None:
        """Hides the serial consoles of machines."""
        self.logger.print_serial_logs(False)

    def dump_machine_ssh(self, offset: int | None = None) -> None:
        """Prints how to log in by SSH from the host; nothing without the SSH backdoor.

        With `offset`, as up to NixOS 25.11, machines have vsocks of the host's kernel: the first
        has the address `offset` + 1.
        """
        if offset is not None:
            commands = kernel_commands((each.name for each in self.machines), offset)
        elif self.config.enable_ssh_backdoor:
            every: list[QemuMachine | NspawnMachine] = [*self.machines_qemu, *self.machines_nspawn]
            commands = dict(sorted((each.name, each.ssh_backdoor_command()) for each in every))
        else:
            return
        print(hints(commands), flush=True)
