"""Shared by all Python tests: runs of the driver, deadlines, and checks for leftovers of a run."""
