"""Machines of one test on several hosts (docs/hosts.md)."""
