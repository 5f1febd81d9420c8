"""Files for guests that are downloaded, and verified by their checksum."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from charioteer.errors import BuildError
from charioteer.images import store
from charioteer.images.progress import Step

# Seconds without data from the server, before its response and within it.
_TIMEOUT = 60
_PIECE = 1 << 20


@dataclass(frozen=True)
class Download:
    """A file at `url` and its path in the guest."""

    url: str
    sha256: str
    target: str
    mode: int

    @property
    def name(self) -> str:
        """The file's name in the guest, without its folder."""
        return self.target.rpartition("/")[2]


def obtain(download: Download, step: Step) -> Path:
    """The file, downloaded unless it is in the cache. Raises BuildError.

    The proxy is taken from the environment (http_proxy, https_proxy, no_proxy).
    """

    def waiting() -> None:
        step.show(f"waiting for another run that downloads {download.name}")

    def make(folder: Path) -> None:
        # Slow to import, and definitions of guests need only `Download`.
        import http.client
        import urllib.error

        step.show(f"downloading {download.url}")
        try:
            _fetch(download, folder / "file")
        except urllib.error.HTTPError as error:
            raise BuildError(f"{download.url}: {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise BuildError(f"{download.url}: cannot be reached: {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            raise BuildError(f"{download.url}: {error}") from error

    return store.obtain(f"download-{download.sha256[:20]}", make, waiting) / "file"


def _fetch(download: Download, file: Path) -> None:
    import urllib.request

    state = hashlib.sha256()
    size = 0
    # A new one each time, since urlopen() keeps using the proxy of its first call.
    opener = urllib.request.build_opener()
    with opener.open(download.url, timeout=_TIMEOUT) as response, file.open("wb") as output:
        expected = response.headers.get("Content-Length")
        while piece := response.read(_PIECE):
            output.write(piece)
            state.update(piece)
            size += len(piece)
    if expected is not None and size != int(expected):
        raise BuildError(f"{download.url}: ended after {size} of {expected} bytes")
    if state.hexdigest() != download.sha256:
        raise BuildError(
            f"{download.url}: has the SHA-256 {state.hexdigest()}, expected {download.sha256}"
        )
