"""Network faults: what happens to the frames between machines (docs/faults.md)."""
