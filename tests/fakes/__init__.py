"""Programs and objects that tests use in place of real ones; those in C++ are for the unit tests."""
