"""The seed of a run's random decisions."""

import os
import threading

from charioteer.testing.logger import AbstractLogger
from charioteer.testing.options import SEED_BITS


def _random() -> int:
    return int.from_bytes(os.urandom(SEED_BITS // 8))


class Seed:
    """The seed, which is logged when it is first used."""

    def __init__(self, value: int | None = None) -> None:
        """None: a random one."""
        self.value = _random() if value is None else value
        self._lock = threading.Lock()
        self._is_announced = False

    def announce(self, logger: AbstractLogger) -> None:
        with self._lock:
            if self._is_announced:
                return
            self._is_announced = True
        logger.info(f"network faults use the seed {self.value}; --seed {self.value} repeats it")


class _Current:
    """The seed of VLANs that are made from now on."""

    seed = Seed()


def use_seed(seed: Seed) -> None:
    """Sets the seed of VLANs that are made later, in the whole process."""
    _Current.seed = seed


def seed_in_use() -> Seed:
    return _Current.seed
