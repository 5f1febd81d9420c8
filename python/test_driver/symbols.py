"""The names that every test script finds."""

import re
import sys
from collections.abc import Iterable
from pathlib import Path


def pythonized(name: str) -> str:
    """`name` as an identifier: other characters become underscores."""
    return re.sub(r"^[^A-Za-z_]|[^A-Za-z0-9_]", "_", name)


def banner(machines: Iterable[str], vlans: Iterable[str], general: Iterable[str]) -> str:
    """What tells the reader of a test which names there are."""
    return (
        "additionally exposed symbols:\n"
        f"    {', '.join(machines)},\n    {', '.join(vlans)},\n    {', '.join(general)}"
    )


def main() -> int:
    """`generate-driver-symbols`: writes the names into the file `driver-symbols` here."""
    from test_driver.config import DriverConfiguration
    from test_driver.driver import Driver
    from test_driver.logger import CompositeLogger

    config = DriverConfiguration({}, {}, [], 3600, False, Path("/dev/null"))
    driver = Driver(config, Path.cwd(), CompositeLogger())
    Path("driver-symbols").write_text(",".join(driver.test_symbols()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
