"""The traffic of the VLANs over time."""

from typing import Any

from charioteer.trace.records import Trace


def of(trace: Trace) -> list[dict[str, Any]]:
    """For each VLAN: its number, and the columns `t` (the end of the second that was counted),
    `seconds` (1, or less where the record before was later), `frames`, `bytes` and `dropped`.
    """
    vlans: dict[int, dict[str, Any]] = {}
    for record in trace.of_kind("traffic"):
        vlan = vlans.setdefault(
            record["vlan"],
            {"vlan": record["vlan"], "t": [], "seconds": [], "frames": [], "bytes": [],
             "dropped": []},
        )  # fmt: skip
        last = vlan["t"][-1] if vlan["t"] else 0
        vlan["seconds"].append(max(0.001, min(1, record["t"] - last)))
        for name in ("t", "frames", "bytes"):
            vlan[name].append(record[name])
        vlan["dropped"].append(record.get("dropped", 0))
    return [vlans[number] for number in sorted(vlans)]
