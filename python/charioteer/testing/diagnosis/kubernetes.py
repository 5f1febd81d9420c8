"""Pods and nodes of Kubernetes that are not ready, with their events and the end of their logs."""

import json
from collections.abc import Iterator
from typing import Any

from charioteer.testing.diagnosis import symptoms
from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity

SOURCE = "kubernetes"
_LOG = "pod-log "
_IMAGE = frozenset(
    [
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
    ]
)
_STARTING = frozenset(["ContainerCreating", "PodInitializing"])
_SHOWN = 3
_LONGEST_TEXT = 240

Fields = dict[str, Any]


def findings(case: Case) -> Iterator[Finding]:
    for answer in case.answers.values():
        text = answer.sections.get("kubernetes", "").strip()
        if not text.startswith("{"):
            yield from _of_failure(answer, text)
            continue
        items = [each for each in json.loads(text).get("items", ()) if isinstance(each, dict)]
        events = _warnings(items)
        for each in items:
            if each.get("kind") == "Pod":
                yield from _of_pod(answer, each, events)
            elif each.get("kind") == "Node":
                yield from _of_node(answer, each)


def _of_failure(answer: Answer, text: str) -> Iterator[Finding]:
    """What kubectl printed in place of objects; nothing where there is no Kubernetes."""
    if text:
        reason, status = text.splitlines()[0], text.splitlines()[-1]
        yield Finding(
            f"the state of pods and nodes is unknown: {reason}"[:_LONGEST_TEXT], Severity.NOTE, SOURCE,
            answer.machine, (status,), frozenset(["kubectl"]),
        )  # fmt: skip


def _warnings(items: list[Fields]) -> dict[tuple[str, str], list[str]]:
    """The messages of warnings by name space and name of their object, oldest first."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in items:
        if each.get("kind") == "Event" and each.get("type") != "Normal":
            about = each.get("involvedObject", {})
            key = str(about.get("namespace", "")), str(about.get("name", ""))
            found.setdefault(key, []).append(f"{each.get('reason')}: {each.get('message')}")
    return found


def _of_pod(
    answer: Answer, pod: Fields, events: dict[tuple[str, str], list[str]]
) -> Iterator[Finding]:
    name, space = str(pod["metadata"]["name"]), str(pod["metadata"].get("namespace", "default"))
    status = pod.get("status", {})
    reason = _reason(status)
    if reason is None:
        return
    text, severity = reason
    log = answer.lines(f"{_LOG}{space}/{name}")
    reported = events.get((space, name), [])[-_SHOWN:]
    owners = [str(each.get("name", "")) for each in pod["metadata"].get("ownerReferences", ())]
    labels = pod["metadata"].get("labels") or {}
    about = {name, *owners, *map(str, labels.values())}
    if "restart" in text and (line := symptoms.most_telling(log)):
        text += f": {line}"
    yield Finding(
        f"the pod {space}/{name} {text}"[:_LONGEST_TEXT], severity, SOURCE, answer.machine,
        (*log[-_SHOWN:], *reported), frozenset(each for each in about if each),
    )  # fmt: skip


def _reason(status: Fields) -> tuple[str, Severity] | None:
    """Why a pod is not ready, and how much that explains; None if it is ready, or has succeeded."""
    if status.get("phase") == "Succeeded":
        return None
    for each in status.get("conditions", ()):
        if each.get("type") == "PodScheduled" and each.get("status") == "False":
            return f"is not scheduled: {each.get('message', each.get('reason'))}", Severity.FATAL
    containers = [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]
    for each in containers:
        waiting = each.get("state", {}).get("waiting", {})
        why, message = waiting.get("reason"), waiting.get("message", "")
        ended = each.get("lastState", {}).get("terminated") or each.get("state", {}).get(
            "terminated"
        )
        if why in _IMAGE:
            return f"cannot use the image {each.get('image')} ({why}): {message}", Severity.FATAL
        if why == "CrashLoopBackOff" or (each.get("restartCount", 0) > 1 and not each.get("ready")):
            how = _ended(ended or {})
            count = each.get("restartCount", 0)
            return f"is in a crash loop ({count} restarts): {each['name']} {how}", Severity.FATAL
        if why and why not in _STARTING:
            return f"cannot start {each['name']} ({why}): {message}", Severity.FATAL
        if ended and ended.get("exitCode") and not each.get("ready"):
            return f"has failed: {each['name']} {_ended(ended)}", Severity.FATAL
    if status.get("phase") == "Failed":
        return f"has failed ({status.get('reason')}): {status.get('message', '')}", Severity.FATAL
    if not containers or not all(each.get("ready") or _is_done(each) for each in containers):
        return f"is not ready (phase {status.get('phase')})", Severity.ODD
    return None


def _is_done(container: Fields) -> bool:
    """Whether an init container has succeeded."""
    ended = container.get("state", {}).get("terminated")
    return bool(ended) and ended.get("exitCode") == 0


def _ended(ended: Fields) -> str:
    how = f"ended with status {ended.get('exitCode', '?')}"
    reason = ended.get("reason")
    return f"{how} ({reason})" if reason not in (None, "Error", "Completed") else how


def _of_node(answer: Answer, node: Fields) -> Iterator[Finding]:
    name = str(node["metadata"]["name"])
    for each in node.get("status", {}).get("conditions", ()):
        is_bad = each.get("status") != ("True" if each.get("type") == "Ready" else "False")
        if is_bad:
            text = "is not ready" if each["type"] == "Ready" else f"has {each['type']}"
            yield Finding(
                f"the node {name} {text}: {each.get('message', '')}"[:_LONGEST_TEXT],
                Severity.FATAL if each["type"] == "Ready" else Severity.ODD, SOURCE, answer.machine,
                (f"{each.get('reason')}: {each.get('message')}",), frozenset([name]),
            )  # fmt: skip
