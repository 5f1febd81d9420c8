"""Findings about pods, from outputs of kubectl 1.35."""

import json
from typing import Any

from charioteer.testing.diagnosis import kubernetes
from charioteer.testing.diagnosis.findings import Finding

from support.diagnosed import answer, case, request

UNSCHEDULED = {
    "type": "PodScheduled",
    "status": "False",
    "reason": "Unschedulable",
    "message": "0/2 nodes are available: 2 Insufficient memory.",
}


def pod(name: str, phase: str = "Running", **status: Any) -> dict[str, Any]:
    labels = {"app": name.partition("-")[0]}
    metadata = {"name": name, "namespace": "default", "labels": labels}
    return {"kind": "Pod", "metadata": metadata, "status": {"phase": phase, **status}}


def container(ready: bool = False, restarts: int = 0, **states: Any) -> dict[str, Any]:
    image = "charioteer.local/web:2"
    return {"name": "web", "image": image, "ready": ready, "restartCount": restarts, **states}


def found(*items: dict[str, Any], **sections: str) -> list[Finding]:
    given = answer(kubernetes=json.dumps({"kind": "List", "items": items}))
    given.sections.update({name.replace("_", " ", 1): text for name, text in sections.items()})
    return list(kubernetes.findings(case(request(), given)))


def test_pods_that_are_ready_or_done() -> None:
    running = container(True, state={"running": {}})
    done = container(state={"terminated": {"exitCode": 0, "reason": "Completed"}})
    assert found(
        pod("web-1", containerStatuses=[running], initContainerStatuses=[done]),
        pod("job-1", "Succeeded", containerStatuses=[done]),
    ) == []  # fmt: skip


def test_a_wrong_image() -> None:
    waiting = {"reason": "ErrImageNeverPull", "message": 'Container image "web:2" is not present'}
    event = {
        "kind": "Event",
        "type": "Warning",
        "reason": "Failed",
        "message": "Error: ErrImageNeverPull",
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "web-5c9"},
    }
    (finding,) = found(
        pod("web-5c9", "Pending", containerStatuses=[container(state={"waiting": waiting})]), event
    )
    assert finding.text == (
        "the pod default/web-5c9 cannot use the image charioteer.local/web:2 (ErrImageNeverPull): "
        'Container image "web:2" is not present'
    )
    assert finding.evidence == ("Failed: Error: ErrImageNeverPull",)
    assert {"web-5c9", "web"} <= finding.about


def test_a_crash_loop_with_the_line_of_its_log() -> None:
    crashing = container(
        restarts=3,
        state={"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        lastState={"terminated": {"exitCode": 1, "reason": "Error"}},
    )
    sections = {
        "pod-log_default/web-5c9": "starting\ncannot open /data/db: Permission denied\nbye\n"
    }
    (finding,) = found(pod("web-5c9", containerStatuses=[crashing]), **sections)
    assert finding.text == (
        "the pod default/web-5c9 is in a crash loop (3 restarts): web ended with status 1: "
        "cannot open /data/db: Permission denied"
    )


def test_a_pod_that_is_not_scheduled() -> None:
    (finding,) = found(pod("web-5c9", "Pending", conditions=[UNSCHEDULED]))
    assert finding.text == (
        "the pod default/web-5c9 is not scheduled: 0/2 nodes are available: 2 Insufficient memory."
    )


def test_nodes() -> None:
    conditions = [
        {"type": "MemoryPressure", "status": "False", "reason": "Enough", "message": "enough"},
        {
            "type": "Ready",
            "status": "Unknown",
            "reason": "NodeStatusUnknown",
            "message": "no status",
        },
    ]
    node = {"kind": "Node", "metadata": {"name": "worker1"}, "status": {"conditions": conditions}}
    (finding,) = found(node)
    assert finding.text == "the node worker1 is not ready: no status"


def test_no_answer_of_the_server() -> None:
    text = "Unable to connect to the server: net/http: TLS handshake timeout\n\nended\n"
    (finding,) = kubernetes.findings(case(request(), answer(kubernetes=text)))
    assert finding.text == (
        "the state of pods and nodes is unknown: "
        "Unable to connect to the server: net/http: TLS handshake timeout"
    )
    assert list(kubernetes.findings(case(request(), answer()))) == []
