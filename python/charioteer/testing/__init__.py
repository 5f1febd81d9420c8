"""The library for tests on machines: clusters for programs, and the driver for test scripts.

    from charioteer.testing import Cluster

    with Cluster.load("cluster.toml") as cluster:
        cluster.web.succeed("systemctl is-active nginx")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from charioteer.testing.cluster import Cluster, ClusterOptions, Log

__all__ = ["Cluster", "ClusterOptions", "Log"]


def __getattr__(name: str) -> Any:
    # Imported when they are used, since each module of the driver imports this one first.
    if name in __all__:
        from charioteer.testing import cluster

        return getattr(cluster, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
