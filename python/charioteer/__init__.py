"""Drives teams of virtual machines: guests, clusters, and the driver of NixOS test scripts."""

__version__: str


def __getattr__(name: str) -> str:
    # The core has the version from CMakeLists.txt. It is not imported with the package, because scripts
    # use modules such as charioteer.images before the core is built.
    if name == "__version__":
        try:
            from charioteer import _core
        except ImportError as error:
            # hasattr(), and tools that inspect modules, expect no other error.
            raise AttributeError(f"the core, which has the version, is missing: {error}") from error
        return _core.version
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
