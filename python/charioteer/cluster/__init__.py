"""Cluster files, and the start scripts and driver configuration that are generated from them."""
