"""`python3 -m charioteer`."""

import sys

from charioteer.cli import main

sys.exit(main())
