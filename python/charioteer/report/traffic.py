"""The traffic of the VLANs over time."""

from typing import Any

from charioteer.trace.records import Record, Trace


def of(trace: Trace) -> list[dict[str, Any]]:
    """For each VLAN: its number, and the columns `t` (the end of the second that was counted),
    `seconds` (1, or less where the record before was later), `frames`, `bytes`, `dropped` and `senders`;
    its `faults`, each with `begin`, `end` and `text`; and `names`, of senders.

    `senders` has a list for each second, the largest first: the number of the sender in `names`, and
    its frames and bytes.
    """
    vlans: dict[int, dict[str, Any]] = {}

    def vlan_of(record: Record) -> dict[str, Any]:
        number = record["vlan"]
        columns = ("t", "seconds", "frames", "bytes", "dropped", "senders", "faults", "names")
        return vlans.setdefault(number, {"vlan": number, **{name: [] for name in columns}})

    for record in trace.of_kind("traffic"):
        vlan = vlan_of(record)
        last = vlan["t"][-1] if vlan["t"] else 0
        vlan["seconds"].append(max(0.001, min(1, record["t"] - last)))
        for name in ("t", "frames", "bytes"):
            vlan[name].append(record[name])
        vlan["dropped"].append(record.get("dropped", 0))
        vlan["senders"].append(_senders(record, vlan["names"]))
    for record in trace.of_kind("fault"):
        _add_fault(vlan_of(record)["faults"], record, trace.end)
    return [vlans[number] for number in sorted(vlans)]


def _senders(record: Record, names: list[str]) -> list[list[int]]:
    """The senders of a second; adds those that are new to `names`."""
    columns = [record.get(name, []) for name in ("senders", "sender_frames", "sender_bytes")]
    found = []
    for name, frames, size in zip(*columns, strict=False):
        if name not in names:
            names.append(name)
        found.append([names.index(name), frames, size])
    return found


def _add_fault(faults: list[dict[str, Any]], record: Record, end_of_trace: float) -> None:
    """Adds the fault that begins, or ends one of the same name."""
    begin = f"{record['name']}: "
    if record["state"] == "begin":
        text = f"{begin}{record['text']}"
        faults.append({"begin": record["t"], "end": end_of_trace, "text": text})
        return
    for fault in reversed(faults):
        if fault["text"].startswith(begin):
            fault["end"] = record["t"]
            return
