# The Python packages that Charioteer takes; pkgs/top-level/python-packages.nix names them.
[
  "black"
  "mypy"
  "ptpython"
  "pybind11"
  "pyflakes"
  "pytest"
  "pytest-xdist"
  "requests" # what a test of ours adds
]
