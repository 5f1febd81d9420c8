"""`generate-driver-symbols`: lists the names defined for test scripts, for the build of a test."""

import argparse
import sys
from pathlib import Path

from charioteer.testing.config import DriverConfiguration
from charioteer.testing.driver import Driver
from charioteer.testing.logger import CompositeLogger


def make_parser() -> argparse.ArgumentParser:
    """For the man page: the program ignores arguments, as that of NixOS does."""
    return argparse.ArgumentParser(
        prog="generate-driver-symbols",
        add_help=False,
        description="Writes the names defined for test scripts to the file driver-symbols in the "
        "current folder.",
    )


def main() -> int:
    """Writes the names to the file `driver-symbols` in the current folder."""
    config = DriverConfiguration({}, {}, [], 3600, False, Path("/dev/null"))
    driver = Driver(config, Path.cwd(), CompositeLogger())
    Path("driver-symbols").write_text(",".join(driver.test_symbols()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
