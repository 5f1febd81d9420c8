"""Whether KVM works, which a device file alone does not show."""

import os
import re
import subprocess
from pathlib import Path

from charioteer import _core as core
from charioteer.doctor.check import Check, limited, passed

_NAME = "KVM"
_SLOW = "machines run under TCG, QEMU's emulation, which is slow"
_LIMIT = 2.0
"""Seconds, as before the first start of a machine."""
_NO_DEVICE = (
    "load the module kvm_intel or kvm_amd; in a virtual machine enable nested virtualisation, in a "
    "container pass the device on (--device /dev/kvm)"
)
_NOT_ALLOWED = "sudo usermod --append --groups kvm $USER, and log in again"
_NOT_WORKING = (
    "enable virtualisation (VT-x, AMD-V) in the firmware, or nested virtualisation in the host"
)


def check(
    device: Path = Path("/dev/kvm"),
    cpuinfo: Path = Path("/proc/cpuinfo"),
    guard: Path = Path(core.__file__ or "").with_name("charioteer-guard"),
) -> Check:
    """Runs a tiny guest in a process of its own, since it may hang."""
    if not device.exists():
        return limited(_NAME, f"there is no {device}; {_SLOW}", _NO_DEVICE)
    if not os.access(device, os.R_OK | os.W_OK):
        return limited(_NAME, f"{device} cannot be opened by this user; {_SLOW}", _NOT_ALLOWED)
    if not re.search(r"\b(vmx|svm)\b", cpuinfo.read_text(errors="replace")):
        found = (
            f"{device} opens, but {cpuinfo} shows neither vmx nor svm, so that guests would hang"
        )
        return limited(_NAME, f"{found}; {_SLOW}", _NOT_WORKING)
    failure = _failure_of_guest(guard)
    if failure:
        return limited(_NAME, f"{device} does not work: {failure}; {_SLOW}", _NOT_WORKING)
    return passed(_NAME, f"a tiny guest ran under {device}")


def _failure_of_guest(guard: Path) -> str:
    """Why a guest does not run; empty if it does."""
    probe = subprocess.Popen(
        [guard, "probe-kvm"], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    )
    try:
        output, _ = probe.communicate(timeout=_LIMIT)
    except subprocess.TimeoutExpired:
        # Not waited for: no signal ends it while it hangs in the kernel.
        probe.kill()
        return "a tiny guest hangs"
    if probe.returncode == 0:
        return ""
    return output.strip().split("\n")[-1] or "a tiny guest hangs"
