"""What the page of a run shows, made from traces that were written by hand."""

from pathlib import Path
from typing import Any

import pytest
from charioteer.report import cause, files, log, model, script, states, steps, texts, traffic, units
from charioteer.trace import records
from charioteer.trace.records import Record, Trace

from support import traces


@pytest.fixture
def run(tmp_path: Path) -> Trace:
    return records.load(traces.failed(tmp_path / "web"))


def trace_of(*others: Record) -> Trace:
    return Trace([traces.header(), *others])


def test_the_cause_is_the_failed_step_with_its_line_and_findings(run: Trace) -> None:
    found = cause.of(run)
    assert found is not None
    assert found["text"] == "command `curl -sf http://web/` failed (exit code 22)"
    assert (found["step"], found["line"], found["machine"]) == (9, traces.FAILING_LINE, "client")
    assert found["notes"] == ["on client, after 6.80 s"]
    assert [each["severity"] for each in found["findings"]] == ["fatal", "odd"]
    assert found["findings"][0]["likely"] and not found["findings"][1]["likely"]
    assert found["findings"][1]["evidence"] == []


def test_a_run_that_passed_has_no_cause() -> None:
    assert cause.of(trace_of({"kind": "result", "t": 1, "status": "passed"})) is None


@pytest.mark.parametrize(
    ("others", "text"),
    [
        ([{"kind": "failed", "t": 1, "reason": "exit status 3"},
          {"kind": "result", "t": 1, "status": "failed"}], "exit status 3"),
        ([{"kind": "result", "t": 1, "status": "failed"}], "The run has failed."),
        ([{"kind": "result", "t": 1, "status": "interrupted", "reason": "SIGTERM"}],
         "The run was interrupted. SIGTERM."),
        ([{"kind": "begin", "t": 1, "span": 1, "type": "step", "name": "wait for unit a"}],
         "The trace has no result: the run was killed, or it lasts."
         " The last step was: wait for unit a"),
        ([{"kind": "state", "t": 1, "state": "time-limit"},
          {"kind": "result", "t": 1, "status": "interrupted"}],
         "The time limit of the run has passed."),
    ],
)  # fmt: skip
def test_without_a_failed_step_the_cause_is_how_the_run_ended(
    others: list[Record], text: str
) -> None:
    found = cause.of(trace_of(*others))
    assert found is not None and found["text"] == text


def test_panics_are_part_of_the_cause() -> None:
    line = "Kernel panic - not syncing: \x1b[1mno init"
    panic = {"kind": "state", "t": 1, "state": "panic", "machine": "web", "details": {"line": line}}
    found = cause.of(trace_of(panic))
    assert found is not None
    assert found["states"] == [
        {"t": 1, "machine": "web", "line": "Kernel panic - not syncing: no init"}
    ]


def test_steps_have_what_is_known_of_them(run: Trace) -> None:
    by_number = {each["n"]: each for each in steps.of(run)}
    failed = by_number[9]
    assert (failed["state"], failed["status"], failed["line"]) == ("failed", 22, 9)
    assert failed["output"] == f"{traces.HOSTILE}\n"
    assert by_number[2]["state"] == "passed" and "status" not in by_number[2]
    assert by_number[8]["type"] == "subtest" and failed["parent"] == 8


def test_the_log_is_in_columns_of_equal_length(run: Trace) -> None:
    columns = log.of(run, ["client", "web"])
    assert len({len(column) for column in columns.values()}) == 1
    at = columns["text"].index("still waiting")
    assert log.LEVELS[columns["level"][at]] == "warning"
    assert (columns["machine"][at], columns["step"][at]) == (0, 9)
    assert columns["text"][0] == "[   0.000000] systemd: unit 0 of web \u2713"


def test_states_change_with_qemu_and_its_events() -> None:
    def state(t: float, name: str, **details: str) -> Record:
        return {"kind": "state", "t": t, "state": name, "machine": "web", "details": details}

    trace = trace_of(
        state(1, "start", accelerator="kvm"), state(2, "qmp", event="STOP"),
        state(3, "qmp", event="RESUME"), state(4, "qmp", event="RTC_CHANGE"),
        state(5, "panic", line="oops"), state(6, "end", status="exit status 0"),
    )  # fmt: skip
    assert [change[2] for change in states.changes(trace)] == [
        *("running", "paused", "running", "panicked", "off")
    ]
    assert [each["text"] for each in states.events(trace)][::5] == [
        "QEMU started (kvm)", "QEMU ended: exit status 0"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("[  OK  ] Started ssh.service - OpenBSD Secure Shell server.", False),
        ("[   12.345678] systemd[1]: Reached target multi-user.target.", False),
        ("[FAILED] Failed to start web.service - A server.", True),
        ("systemd[1]: web.service: Failed with result 'exit-code'.", True),
        ("[   12.345678] web[7]: Started to listen", None),
        ("systemd[1]: Starting web.service...", None),
    ],
)
def test_units_change_as_systemd_writes_on_the_console(text: str, failed: bool | None) -> None:
    trace = trace_of({"kind": "console", "t": 1, "machine": "web", "text": text})
    found = units.of(trace, log.of(trace, ["web"]))
    change = {"t": 1, "machine": "web", "text": text, "failed": failed, "entry": 0}
    assert found == ([] if failed is None else [change])


def test_units_change_as_systemd_signals_once_it_does() -> None:
    def signalled(t: float, active: str, sub: str) -> Record:
        details = {"unit": "web.service", "active": active, "sub": sub}
        return {"kind": "state", "t": t, "state": "unit", "machine": "web", "details": details}

    def written(t: float, machine: str) -> Record:
        return {"kind": "console", "t": t, "machine": machine, "text": "[  OK  ] Started a"}

    trace = trace_of(
        written(1, "web"), signalled(1.9, "inactive", "dead"),
        signalled(2, "activating", "start"), signalled(3, "active", "running"),
        written(4, "web"), written(4, "db"), signalled(5, "activating", "auto-restart"),
        signalled(6, "inactive", "dead"),
    )  # fmt: skip
    found = units.of(trace, log.of(trace, trace.machines))
    assert [(each["t"], each["text"], each["failed"]) for each in found] == [
        (1, "[  OK  ] Started a", False),
        (3, "web.service: active (running)", False),
        (4, "[  OK  ] Started a", False),
        (5, "web.service: activating (auto-restart)", True),
        (6, "web.service: inactive (dead)", False),
    ]
    assert states.events(trace) == []


def test_the_script_is_the_text_of_all_its_records() -> None:
    part = {"kind": "script", "t": 0, "path": "/a/test.py"}
    trace = trace_of({**part, "text": "one\ntwo\n"}, {**part, "text": "three\n"})
    assert script.of(trace) == {"path": "/a/test.py", "lines": ["one", "two", "three", ""]}
    assert script.of(trace_of()) is None


def test_traffic_is_of_the_second_before_a_record_or_since_the_last() -> None:
    def record(t: float, vlan: int, **fields: int) -> Record:
        return {"kind": "traffic", "t": t, "vlan": vlan, "frames": 1, "bytes": 60, **fields}

    found = traffic.of(trace_of(record(2, 2), record(5, 1), record(5.25, 1, dropped=3)))
    assert [each["vlan"] for each in found] == [1, 2]
    assert found[0]["seconds"] == [1, 0.25] and found[0]["dropped"] == [0, 3]


def test_traffic_has_its_senders() -> None:
    def record(t: float, **fields: list[Any]) -> Record:
        return {"kind": "traffic", "t": t, "vlan": 1, "frames": 3, "bytes": 180, **fields}

    first = record(1, senders=["web.1", "db.1"], sender_frames=[2, 1], sender_bytes=[120, 60])
    second = record(2, senders=["db.1"], sender_frames=[3], sender_bytes=[180])
    (found,) = traffic.of(trace_of(first, second, record(3)))
    assert found["names"] == ["web.1", "db.1"]
    assert found["senders"] == [[[0, 2, 120], [1, 1, 60]], [[1, 3, 180]], []]


def test_faults_of_a_vlan_have_their_begin_and_end() -> None:
    def record(t: float, name: str, state: str) -> Record:
        return {"kind": "fault", "t": t, "vlan": 2, "name": name, "state": state, "text": "a <-> b"}

    (found,) = traffic.of(
        trace_of(
            *(record(1, "drop-1", "begin"), record(2, "slow-1", "begin")),
            *(record(4, "drop-1", "end"), {"kind": "message", "t": 9, "text": "last"}),
        )
    )
    assert found["vlan"] == 2 and found["t"] == []
    assert found["faults"] == [
        {"begin": 1, "end": 4, "text": "drop-1: a <-> b"},
        {"begin": 2, "end": 9, "text": "slow-1: a <-> b"},
    ]


class TestFiles:
    def named(self, run: Trace, folder: Path) -> dict[str, dict[str, Any]]:
        return {each["name"]: each for each in files.of(run, folder)}

    def test_links_stay_below_the_folder_of_the_page(self, run: Trace, tmp_path: Path) -> None:
        found = self.named(run, tmp_path / "web")
        assert found["java\nscript:x.txt"]["href"] == "./java%0Ascript%3Ax.txt"
        assert all(each["href"].startswith("./") for each in found.values())
        assert found["vlan1.pcapng"]["capture"]

    def test_screenshots_are_in_the_page_with_their_step(self, run: Trace, tmp_path: Path) -> None:
        picture = self.named(run, tmp_path / "web")["screen & more.png"]
        assert picture["image"].startswith("data:image/png;base64,") and picture["step"] == 7

    def test_the_folder_may_have_been_moved(self, run: Trace, tmp_path: Path) -> None:
        moved = (tmp_path / "web").rename(tmp_path / "moved")
        assert self.named(run, moved)["screen & more.png"]["step"] == 7

    def test_links_and_the_page_itself_are_left_out(self, run: Trace, tmp_path: Path) -> None:
        folder = tmp_path / "web"
        (folder / "report.html").write_text("old")
        (folder / "report.html.part").write_text("partial")
        (folder / "link").symlink_to("/etc/passwd")
        assert set(self.named(run, folder)) == {
            "java\nscript:x.txt", "screen & more.png", "trace.jsonl", "vlan1.pcapng"
        }  # fmt: skip

    def test_a_large_picture_is_only_linked(
        self, run: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(files, "_LARGEST_IMAGE", 10)
        assert "image" not in self.named(run, tmp_path / "web")["screen & more.png"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[0;1;32mOK\x1b[0m", "OK"),
        ("\x1b]0;title\x07a\x1b(Bb", "ab"),
        ("a\tb\r\nc\x00\x9f", "a\tb\nc"),
        ("\u00e9 \u2713 <b>", "\u00e9 \u2713 <b>"),
    ],
)
def test_texts_are_shown_without_controls_of_terminals(text: str, expected: str) -> None:
    assert texts.shown(text) == expected


def test_the_model_names_the_run_by_its_folder(run: Trace, tmp_path: Path) -> None:
    data = model.of(run, tmp_path / "web")
    assert (data["title"], data["status"], data["exit_status"]) == ("web", "failed", 1)
    assert data["machines"] == ["client", "web"] and data["duration"] == 20
