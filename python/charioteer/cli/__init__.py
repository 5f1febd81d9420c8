"""The program `charioteer`."""
