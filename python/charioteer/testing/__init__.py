"""The library for test scripts: the driver, the machines and their methods."""
