"""The test driver under the names that NixOS test scripts and tools import."""
