"""`python3 -m test_driver` is `nixos-test-driver`."""

import sys

from test_driver.cli import main

sys.exit(main())
