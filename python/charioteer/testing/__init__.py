"""The library: a driver, machines and what test scripts do with them."""
