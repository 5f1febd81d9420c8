"""What the Python tests share: runs of the driver, deadlines, and a look at what a run leaves."""
