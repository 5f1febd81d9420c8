"""How the blocks of a tutorial are read, and compared with what commands print."""

import pytest

from support.tutorial import Commands, Written, blocks, missing

TEXT = """\
Write `a/test.py`, which is not `a/other.py`:

```python
print()
```

```console
$ one
$ two
its output
[exit status 3]
```
"""


def test_a_file_has_the_last_name_before_its_block() -> None:
    assert blocks(TEXT)[0] == Written("a/other.py", "print()\n")


def test_a_block_without_a_name_is_an_error() -> None:
    with pytest.raises(AssertionError, match="no name of a file"):
        blocks("text\n\n```python\nprint()\n```\n")


def test_commands_have_their_output_and_status() -> None:
    assert blocks(TEXT)[1] == Commands(["one", "two"], ["its output"], 3)


@pytest.mark.parametrize("shown", ["5.2 s", "17 s", "1m 02s", "1h 02m"])
def test_a_run_may_take_any_time(shown: str) -> None:
    assert missing(["passed in 6 s · 2 steps"], f"passed in {shown} · 2 steps") is None


@pytest.mark.parametrize(
    "expected, is_found",
    [
        (["passed in 5.2 s"], True),
        (["...", "passed ... s"], True),
        (["begin", "passed in 1 s"], True),
        (["passed in 1 s", "begin"], False),
        (["failed in 5.2 s"], False),
        (["begin", "begin"], False),
    ],
)
def test_output_is_compared_in_its_order(expected: list[str], is_found: bool) -> None:
    output = "begin\r\n\x1b[2K\x1b[32m✓ passed\x1b[0m  in 17 s · 2 steps\r\n"
    assert (missing(expected, output) is None) == is_found
