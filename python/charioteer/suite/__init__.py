"""Suites: many cluster files as tests, several at once, on this host or in shards (docs/suites.md)."""
