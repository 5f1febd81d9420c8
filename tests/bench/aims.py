"""The ratios to the baselines that are aimed at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Aim:
    """`limit` is the largest ratio, or the smallest when `at_least`."""

    limit: float
    at_least: bool = False

    def verdict(self, ratio: float) -> str:
        reached = ratio >= self.limit if self.at_least else ratio <= self.limit
        sign = ">=" if self.at_least else "<="
        return f"{sign} {self.limit:g}{'' if reached else ', missed'}"


_AIMS = {
    "execute_true": Aim(0.6),
    "wait_open_port": Aim(0.2),
    "shell_1mb_in": Aim(0.5),
    "shutdown_quiet": Aim(1),
    "shutdown_busy": Aim(1),
    "agent_true": Aim(0.25),
    "agent_wait_port": Aim(0.2),
    "agent_wait_closed_port": Aim(0.2),
    "agent_wait_unix": Aim(0.2),
    "agent_wait_file": Aim(0.2),
    "agent_wait_unit": Aim(0.2),
    "agent_50mb_in": Aim(1),
    "agent_50mb_out": Aim(1),
    "agent_idle_cpu": Aim(1),
    **{
        f"load_{task}_{load}_{part}": Aim(1)
        for task in ("50_true", "50mb_in", "50mb_out")
        for load in ("quiet", "busy")
        for part in ("wall", "qemu")
    },
    "load_50mb_in_memory": Aim(1),
    "load_50mb_out_memory": Aim(1),
    "bridge_vde_fps_64": Aim(2, at_least=True),
    "bridge_vde_fps_1500": Aim(2, at_least=True),
    "bridge_fps_64": Aim(2, at_least=True),
    "bridge_fps_1500": Aim(2, at_least=True),
    "bridge_capture_ring": Aim(0.9, at_least=True),
    "bridge_fault_idle_64": Aim(1.03),
    "bridge_fault_idle_1500": Aim(1.03),
    "start_to_qemu": Aim(1),
    "checkpoint_recording": Aim(1.1),
    "resume_headscale": Aim(0.08),
    "suite_of_12": Aim(0.6),
    "memory_four_machines": Aim(1),
    "trace_overhead": Aim(1.03),
    "trace_overhead_run": Aim(1.03),
    "report_100k_events": Aim(1),
    "failure_to_first_screen": Aim(1),
    "live_view_overhead": Aim(1.03),
}


def of(name: str) -> Aim | None:
    """The aim for a figure, if there is one."""
    return _AIMS.get(name)
