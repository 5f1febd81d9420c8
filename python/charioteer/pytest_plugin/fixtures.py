"""The fixture `cluster`, and one for each machine of the cluster file that the ini file names."""

import os
import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from charioteer.pytest_plugin import settings, testinfra

if TYPE_CHECKING:
    from charioteer.cluster import definition
    from charioteer.pytest_plugin.repair import Repair
    from charioteer.testing.cluster import Cluster

_CLUSTER = "cluster"


def _plugin(fixtures: dict[str, Any]) -> ModuleType:
    """A plugin with these fixtures: a module, since pytest 8.4 ignores attributes of other objects."""
    made = ModuleType("charioteer_fixtures")
    vars(made).update(fixtures)
    return made


def made_for(config: pytest.Config) -> ModuleType:
    """A plugin whose attributes are the fixtures. Raises InputError."""
    scope = settings.scope(config)
    file = settings.cluster_file(config)
    made = {"_charioteer_machines_work": _repairing(config)}
    if file is None:
        made[_CLUSTER] = pytest.fixture(scope=scope, name=_CLUSTER)(_missing_setting)
        return _plugin(made)
    from charioteer.cluster import definition

    defined = definition.load(file, needs_script=False)
    made[_CLUSTER] = pytest.fixture(scope=scope, name=_CLUSTER)(_cluster_of(defined, config))
    names = [each.name for each in defined.machines] + [each.name for each in defined.containers]
    for name in names:
        if name == _CLUSTER:
            continue  # it is cluster["cluster"]
        fixture = pytest.fixture(scope=scope, name=name.replace("-", "_"))
        made[f"machine {name}"] = fixture(_machine(name))
    return _plugin(made)


def _missing_setting() -> None:
    """The machines of the cluster file that the ini file names."""
    pytest.fail(
        "the fixture `cluster` needs the setting charioteer_cluster in the ini file of pytest: the "
        "path of a cluster file",
        pytrace=False,
    )


def _cluster_of(
    defined: "definition.Cluster", config: pytest.Config
) -> "Callable[[], Iterator[Cluster]]":
    def cluster() -> "Iterator[Cluster]":
        """The machines of the cluster file that the ini file names."""
        from charioteer.pytest_plugin import room
        from charioteer.suite.demand import Demand, declared
        from charioteer.testing.cluster import Cluster, ClusterOptions

        # Not of processors: most of the time the machines wait for the tests.
        demand = Demand(declared(defined).memory, 0)
        # The workers of pytest-xdist have machines of their own.
        worker = os.environ.get("PYTEST_XDIST_WORKER")
        out = settings.output_directory(config, f"{defined.name}-{worker or 'fixtures'}")
        with room.of(config).claimed(demand):
            with Cluster(defined, ClusterOptions(output_directory=out)) as opened:
                yield opened

    return cluster


def _machine(name: str) -> Callable[..., Any]:
    def machine(cluster: "Cluster") -> Any:
        return cluster[name]

    machine.__doc__ = f"The machine {name} of the fixture `cluster`."
    return machine


def _repairing(config: pytest.Config) -> Any:
    # Machines for one test are not repaired.
    uses_checkpoint = settings.checkpoint(config) and settings.scope(config) != "function"
    repairs: "weakref.WeakKeyDictionary[Cluster, Repair]" = weakref.WeakKeyDictionary()

    @pytest.fixture(autouse=True, name="_charioteer_machines_work")
    def machines_work(request: pytest.FixtureRequest) -> None:
        """Before each test that uses machines: starts them, or repairs what the last test broke."""
        host = testinfra.backend_of(request.node)
        if _CLUSTER not in request.fixturenames and host is None:
            return
        from charioteer.pytest_plugin.repair import Repair
        from charioteer.testing.cluster import Cluster

        cluster = request.getfixturevalue(_CLUSTER)
        if not isinstance(cluster, Cluster):
            return  # of another plugin, or of the project itself
        if cluster not in repairs:
            repairs[cluster] = Repair(cluster, uses_checkpoint)
        repairs[cluster].before_test(request.node.nodeid)
        if host is not None:
            host.machine = cluster[host.get_hostname()]

    return machines_work
