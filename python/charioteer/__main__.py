"""`python3 -m charioteer`."""

import sys

from charioteer.cli.program import main

sys.exit(main())
