"""The modules of scripts/ that make the site, and a site that they have made."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))

sources: Any = importlib.import_module("site_sources")
pages: Any = importlib.import_module("reference_pages")


def make_site(folder: Path) -> None:
    """Makes the site in `folder`, which must succeed."""
    command = [str(ROOT / "scripts/make-site"), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
