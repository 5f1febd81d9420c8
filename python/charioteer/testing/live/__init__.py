"""The live view of a run on a terminal: docs/terminal.md.

`model` is what happens, fed by `logger`; `view` and `lines` make texts of it, and know nothing of the
terminal; `display` draws them.
"""
