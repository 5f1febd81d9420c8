"""The page of a run, docs/report.md: made from its trace and the files beside it."""
