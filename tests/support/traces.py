"""Traces of runs that never took place, for tests and benchmarks of what reads traces."""

import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]

HOSTILE = "</script><script>window.acted=1</script><img src=x onerror=window.acted=1><b>bold</b>"
"""Text of a guest that would act if a page took it for HTML."""
FAILING_LINE = 9
SCRIPT = """\
start_all()
web.wait_for_unit("multi-user.target")

with subtest("the page is served"):
    web.wait_for_unit("nginx")
    web.wait_for_open_port(80)

with subtest("the client reads it"):
    client.succeed("curl -sf http://web/")
"""


def header(**fields: Any) -> Record:
    """The first record of a trace."""
    return {
        "kind": "run", "t": 0, "version": 1, "wall": "2026-11-29T14:00:00.000000Z",
        "program": "charioteer 0.1.0", "pid": 7, "trace_id": "ab" * 16, **fields,
    }  # fmt: skip


def write(folder: Path, records: list[Record]) -> Path:
    """Writes a trace into `folder`, in the order of time."""
    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(records, key=lambda each: float(each["t"]))
    lines = "".join(json.dumps(each) + "\n" for each in ordered)
    (folder / "trace.jsonl").write_text(lines)
    return folder


def failed(folder: Path) -> Path:
    """A small run that has failed, with findings, traffic, a screenshot and a hostile guest."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "screen & more.png").write_bytes(png(320, 200))
    (folder / "vlan1.pcapng").write_bytes(b"\n\r\r\n")
    (folder / "java\nscript:x.txt").write_text("odd name")
    return write(folder, [*_of_failed(folder), {"kind": "result", "t": 20, "status": "failed",
                                                "exit_status": 1}])  # fmt: skip


def _of_failed(folder: Path) -> Iterator[Record]:
    yield header()
    yield {"kind": "phase", "t": 0.01, "phase": "set-up"}
    yield {"kind": "script", "t": 0.02, "path": "/tests/web/test.py", "text": SCRIPT}
    yield {"kind": "phase", "t": 0.5, "phase": "script"}
    yield from step(1, 0.5, 18, "run the VM test script", ok=False, error="SystemExit: 1")
    yield from step(2, 0.6, 0.3, "start all VMs", parent=1, line=1)
    for machine, at in (("web", 0.7), ("client", 0.8)):
        details = {"pid": "99", "qemu": "10.0", "accelerator": "tcg"}
        yield {"kind": "state", "t": at, "state": "start", "machine": machine, "details": details}
        for line in range(120):
            yield {"kind": "console", "t": at + 0.05 * line, "machine": machine,
                   "text": f"[{0.05 * line:11.6f}] \x1b[0;32msystemd\x1b[0m: unit {line} of {machine} \u2713"}  # fmt: skip
    yield {"kind": "console", "t": 9, "machine": "client", "text": HOSTILE}
    yield {"kind": "console", "t": 9.1, "machine": "client", "text": "null \x00 and <!-- <script>"}
    yield from step(3, 1, 5, "wait for unit multi-user.target", parent=1, line=2, machine="web")
    yield from step(4, 6, 4, "subtest: the page is served", type="subtest", parent=1, line=4)
    yield from step(5, 6.1, 2, "wait for unit nginx", parent=4, line=5, machine="web")
    yield from step(6, 8.2, 1.5, "waiting for TCP port 80", parent=4, line=6, machine="web")
    yield from step(7, 9.8, 0.1, "take a screenshot", parent=4, machine="web",
                    file=str(folder / "screen & more.png"))  # fmt: skip
    error = "RequestedAssertionFailed: command `curl -sf http://web/` failed (exit code 22)"
    yield from step(8, 10.5, 7, "subtest: the client reads it", type="subtest", parent=1, line=8,
                    ok=False, error=error)  # fmt: skip
    yield from step(9, 10.6, 6.8, "must succeed: curl -sf http://web/", parent=8, ok=False,
                    line=FAILING_LINE, machine="client", command="curl -sf http://web/", status=22,
                    output=f"{HOSTILE}\n", errors="curl: (22) The requested URL returned error: 502",
                    error=error, notes=["on client, after 6.80 s"])  # fmt: skip
    yield {"kind": "message", "t": 11, "level": "warning", "text": "still waiting", "span": 9,
           "machine": "client"}  # fmt: skip
    for second in range(2, 18):
        yield {"kind": "traffic", "t": float(second), "vlan": 1,
               "frames": 40 * second, "bytes": 3000 * second * second,
               "senders": ["web.1", "client.1", "plug3"],
               "sender_frames": [20 * second, 19 * second, second],
               "sender_bytes": [2000 * second * second, 999 * second * second, second * second]}  # fmt: skip
    yield {"kind": "finding", "t": 18, "rank": 1, "severity": "fatal", "machine": "web",
           "text": "unit nginx.service has restarted 5 times", "source": "units", "likely": True,
           "evidence": ["nginx[412]: bind() to 0.0.0.0:8080 failed", HOSTILE]}  # fmt: skip
    yield {"kind": "finding", "t": 18, "rank": 2, "severity": "odd", "machine": "client",
           "text": "the clock is 2 s behind", "source": "clock"}  # fmt: skip
    yield {"kind": "failed", "t": 18.5, "reason": "exit status 1"}
    yield {"kind": "phase", "t": 18.6, "phase": "clean-up"}
    yield from step(10, 18.7, 1, "cleanup")
    for machine in ("web", "client"):
        yield {"kind": "state", "t": 19.5, "state": "end", "machine": machine,
               "details": {"status": "killed by signal 15"}}  # fmt: skip


def step(span: int, t: float, duration: float, name: str, **fields: Any) -> Iterator[Record]:
    """Begin and end of a step that takes `duration` seconds from `t` on."""
    of_begin = ("parent", "line", "callers", "machine", "type", "thread")
    begin = {key: value for key, value in fields.items() if key in of_begin}
    end = {key: value for key, value in fields.items() if key not in of_begin}
    yield {"kind": "begin", "t": t, "span": span, "type": "step", "name": name, **begin}
    yield {"kind": "end", "t": t + duration, "span": span, "duration": duration, "ok": True, **end}


def large(folder: Path, events: int) -> Path:
    """A run of four machines that has passed, with `events` events: half of them console lines, the
    others the begins and ends of steps.
    """
    steps = events // 4
    records = [header(), {"kind": "phase", "t": 0.1, "phase": "script"}]
    script = "".join(f'machine{line % 4}.succeed("true {line}")\n' for line in range(400))
    records.append({"kind": "script", "t": 0.2, "path": "test.py", "text": script})
    for number in range(steps):
        machine, t = f"machine{number % 4}", 1 + number * 0.01
        command = f"echo {number}; systemctl is-active unit-{number % 50}.service"
        records += step(number + 1, t, 0.02 + (number % 17) * 0.004, f"must succeed: {command}",
                        machine=machine, line=number % 400 + 1, command=command, status=0,
                        output=f"{number}\nactive\n")  # fmt: skip
        for part in range(2):
            records.append({"kind": "console", "t": t + 0.003 * part, "machine": machine,
                            "text": f"[{t:12.6f}] systemd[1]: Started unit {number}, part {part}."})  # fmt: skip
    end = 2 + steps * 0.01
    records += [{"kind": "traffic", "t": 1.0 + at, "vlan": 1, "frames": 10 + at % 7,
                 "bytes": 900 + 13 * (at % 90)} for at in range(int(end) - 1)]  # fmt: skip
    records.append({"kind": "result", "t": end, "status": "passed", "exit_status": 0})
    return write(folder, records)


def png(width: int, height: int) -> bytes:
    """A picture with a gradient."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)

    rows = b"".join(
        b"\0" + bytes(value for x in range(width) for value in (x % 256, y % 256, 96))
        for y in range(height)
    )
    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
