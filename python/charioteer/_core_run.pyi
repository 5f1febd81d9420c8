"""The part of charioteer._core for a whole run; there is no module of this name."""

from typing import NoReturn

class Configuration:
    """The driver configuration file. Unknown keys are ignored."""

    @property
    def vms(self) -> dict[str, str]:
        """Machine name to start script, in the order of the file."""
    @property
    def containers(self) -> dict[str, str]: ...
    @property
    def container_addresses(self) -> dict[str, dict[str, str]]:
        """By VLAN: Ethernet address to the name of its container, as far as the file has them."""
    @property
    def vlans(self) -> list[int]: ...
    @property
    def global_timeout(self) -> int | float: ...
    @property
    def enable_ssh_backdoor(self) -> bool: ...
    @property
    def test_script(self) -> str: ...
    @property
    def is_of_26_11(self) -> bool:
        """Whether it has keys that only nixpkgs 26.11 and later write."""

class ClaimedDirectory:
    """A directory that only this driver uses. Sockets in it are removed even if the driver is killed."""

    def __init__(self, path: str) -> None:
        """Creates the directory if missing. Raises MachineError when another running driver uses it."""
    def release(self) -> None:
        """Unlocks the directory, and removes it if it is empty. Idempotent."""

def load_configuration(path: str) -> Configuration:
    """Raises ValueError naming file, key and what was expected; OSError."""

def watch_sigterm() -> None:
    """Makes SIGTERM end this process even if Python does not respond; also calls the current handler.

    To be called on the main thread, and again after another handler was installed.
    """

def unwatch_sigterm() -> None:
    """Restores the handler of SIGTERM from before `watch_sigterm`."""

def script_ended() -> None:
    """To be called at the end of the script, before the clean-up, which has a limit of its own."""

def remove_at_end(folder: str) -> None:
    """Removes `folder` if the process is ended without Python; an empty string cancels this."""

def terminate() -> None:
    """Ends the process as SIGTERM does. Any thread."""

def is_terminating() -> bool:
    """Whether the process received SIGTERM, or reached a time limit."""

def end_by_sigterm() -> NoReturn:
    """Ends this process by SIGTERM immediately."""
