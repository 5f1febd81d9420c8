#!/usr/bin/python3 -ESs
"""The program that imitates QEMU: `machine.main`.

Tests start it thousands of times. Python compiles a program at each start, but a module only once, and
starts faster without the packages of the host.
"""

import sys

# The folder with the package of this file.
sys.path[0] = sys.path[0].rpartition("/")[0]

from fakes.machine import main  # noqa: E402

main()
