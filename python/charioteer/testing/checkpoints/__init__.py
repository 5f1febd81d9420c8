"""Checkpoints of all machines of a run, and scripts that resume at one.

`team` saves and restores machines. `recording` notes what each call to a machine returned, `replay`
answers the same calls from that record, and `rehearsal` finds the checkpoint at which a changed script
can resume. `store` keeps all of it on disk. See docs/checkpoints.md.
"""
