"""A server of `charioteer watch`, with the folder that it watches."""

import json
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.patience import scaled

ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/[\w-]{32}/")


class Watched:
    """Asks the server at `address`, which watches `folder`."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address

    def get(self, name: str = "") -> tuple[int, str, Any]:
        """Status, text and headers of an answer."""
        try:
            with urllib.request.urlopen(self.address + name, timeout=scaled(20)) as answer:
                return answer.status, answer.read().decode(), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, "", error.headers

    def content(self, name: str) -> bytes:
        """The bytes of a file. Raises HTTPError."""
        with urllib.request.urlopen(self.address + name, timeout=scaled(20)) as answer:
            return bytes(answer.read())

    def data(self) -> dict[str, Any]:
        """What the page shows; empty if there is nothing yet."""
        status, text, _ = self.get("data.json")
        return dict(json.loads(text)) if status == 200 else {}


@contextmanager
def watching(folder: Path) -> Iterator[Watched]:
    """Runs `charioteer watch`, which must end by Ctrl-C with status 0."""
    command = [sys.executable, "-m", "charioteer", "watch", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        found = ADDRESS.search(line)
        assert found, line
        yield Watched(folder, found[0])
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(scaled(20)) == 0
