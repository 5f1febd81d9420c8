# The Python packages that Charioteer uses; pkgs/top-level/python-packages.nix names them.
[
  "aiohttp"
  "black"
  "mypy"
  "ptpython"
  "pybind11"
  "pyflakes"
  "pytest"
  "pytest-xdist"
  "requests" # used by a test
  "rich"
  "selenium"
]
