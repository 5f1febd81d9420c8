"""The part of charioteer._core that is about a run as a whole; there is no module of this name."""

from typing import NoReturn

class Configuration:
    """The driver configuration file. Unknown keys are ignored."""

    @property
    def vms(self) -> dict[str, str]:
        """Machine name to start script, in the order of the file."""
    @property
    def containers(self) -> dict[str, str]: ...
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
        """Whether it has keys that nixpkgs writes since 26.11 alone."""

def load_configuration(path: str) -> Configuration:
    """Raises ValueError naming file, key and what was expected; OSError."""

def watch_sigterm() -> None:
    """Has SIGTERM end this process, whatever Python does; the handler of now is called, too. On the
    main thread, and again when another handler was installed.
    """

def unwatch_sigterm() -> None:
    """SIGTERM is for the handler alone that it was for before."""

def script_ended() -> None:
    """What follows is the clean-up."""

def remove_in_the_end(folder: str) -> None:
    """Should the process be ended without Python, `folder` is removed; empty: none."""

def terminate() -> None:
    """As SIGTERM does. Any thread."""

def is_terminating() -> bool:
    """Whether SIGTERM came, or a time limit struck."""

def die_by_sigterm() -> NoReturn:
    """Ends this process by the signal, now."""
