"""Reads the trace of a run, docs/trace.md: converts it and answers queries."""
