"""Drives teams of virtual machines: guests, clusters, and the driver of NixOS test scripts."""

__version__ = "0.1.0"
