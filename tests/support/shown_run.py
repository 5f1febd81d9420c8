"""`charioteer run` with a driver configuration in place of that of a cluster file.

    shown_run.py PACKAGES CONFIGURATION OPTION...
"""

import sys
from pathlib import Path

# The caller's search path may be relative to another folder.
sys.path[1:1] = [sys.argv.pop(1)]

from charioteer import paths  # noqa: E402
from charioteer.cli import program  # noqa: E402
from charioteer.cluster import configuration  # noqa: E402

if __name__ == "__main__":
    given, *options = sys.argv[1:]
    setattr(configuration, "write", lambda _cluster, _folder: Path(given))
    sys.exit(program.main(["run", str(paths.examples() / "ping"), *options]))
