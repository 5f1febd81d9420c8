"""The cause of a failure: what all machines are asked before they end, and what is concluded from it.

`request` describes the step that failed, `questions` is the script that each guest runs, `interview`
runs it, and one module for each field of knowledge (`units`, `resources`, `network`, ...) makes
findings of the answers. `findings` ranks them, and `report` writes the first screen. docs/diagnosis.md
"""
