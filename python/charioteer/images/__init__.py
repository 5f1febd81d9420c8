"""Guest definitions, and the builders of their kernels and images."""
