"""Cluster files, and what the driver needs to run their machines: scripts and a configuration."""
