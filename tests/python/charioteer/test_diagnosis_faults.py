"""Findings about clocks, crashes, the host, guests' collectors, and outputs of the failed command."""

import os
from pathlib import Path

import pytest
from charioteer.testing.diagnosis import clock, collectors, command, crashes, host, knowledge
from charioteer.testing.diagnosis.answer import Host, Outside
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Severity

from support.diagnosed import NOW, answer, case, request, texts

YEARS = 2 * 365.25 * 86400


class TestClock:
    def test_one_guest_is_wrong(self) -> None:
        asked = request("client", error="certificate is not yet valid")
        guests = [answer(name, clock=str(NOW + 0.2)) for name in ("a", "b")]
        (finding,) = clock.findings(case(asked, answer("client", clock=str(NOW - YEARS)), *guests))
        assert finding.text == "the clock is 2.0 years behind the host's"
        assert finding.severity is Severity.FATAL
        assert finding.evidence == ("its time is 2023-11-30 12:00:00 UTC",)

    def test_all_guests_of_a_checkpoint_have_its_time(self) -> None:
        guests = [answer(name, clock=str(NOW - 600)) for name in ("a", "b", "c")]
        assert texts(clock.findings(case(request(), *guests))) == []

    def test_a_jump(self) -> None:
        line = '{"MESSAGE": "Time has been changed", "__MONOTONIC_TIMESTAMP": "99000000"}'
        (finding,) = clock.findings(case(request(), answer(clock=str(NOW), journal=line)))
        assert finding.text == "the clock has jumped" and finding.age == 1.0


class TestCrashes:
    def test_core_dumps_of_systemd_have_the_name_of_the_program(self) -> None:
        boot = "0123456789abcdef" * 2
        cores = (
            f"-rw-r----- 1 0 0 9000 2025-11-30 00:00:00.000000000 +0000"
            f" /var/lib/systemd/coredump/core.my.db.0.{boot}.440.1764460790000000.zst\n"
            "-rw------- 1 0 0 0 2025-11-30 00:00:00.000000000 +0000 /core.of.nothing\n"
        )
        guest = answer(cores=cores, clock=str(NOW))
        (finding,) = crashes.findings(case(request(), guest))
        assert finding.text == "my.db (pid 440) crashed with a core dump"
        assert finding.about == {"my.db", "my.db.service"} and finding.age == NOW - 1764460800

    def test_other_core_dumps_are_named_by_their_file(self) -> None:
        cores = "-rw------- 1 0 0 300 2025-11-29 23:59:50.500000000 -0100 /core.440\n"
        (finding,) = crashes.findings(case(request(), answer(cores=cores, clock=str(NOW + 4000))))
        assert finding.text == "a program crashed with a core dump"
        assert finding.evidence == ("/core.440",)
        assert finding.age == NOW + 4000 - 1764464390.5

    def test_programs(self) -> None:
        kernel = (
            "[   98.0] parser[431]: segfault at 0 ip 0000 sp 0000 error 4 in parser[5500+1000]\n"
            "[   98.1] traps: other[432] trap invalid opcode ip:55 sp:7f error:0"
        )
        journal = (
            '{"MESSAGE": "Process 440 (db) of user 0 dumped core.\\n\\nStack", "UNIT": "db.service"}\n'
            '{"MESSAGE": "a.service: Main process exited, code=dumped, status=11/SEGV", "UNIT": "a.service"}'
        )
        assert texts(crashes.findings(case(request(), answer(kernel=kernel, journal=journal)))) == [
            "parser (pid 431) crashed",
            "other (pid 432) crashed",
            "db (pid 440) crashed with a core dump",
            "a.service crashed: signal SIGSEGV",
        ]

    def test_a_panic(self) -> None:
        console = (
            "[ 1.0] x",
            "[ 2.0] Kernel panic - not syncing: sysrq triggered crash",
            "[ 2.1] CPU: 0",
        )
        given = answer(outside=Outside(console))
        (finding,) = crashes.findings(case(request(), given))
        assert finding.text == "the kernel has panicked: sysrq triggered crash"
        assert finding.evidence[1] == "[ 2.1] CPU: 0"

    def test_the_end_of_qemu(self) -> None:
        outside = Outside(has_ended=True, exit_status=1, output=("qemu: disk image is missing",))
        (finding,) = crashes.findings(case(request(), answer(outside=outside)))
        assert finding.text == "QEMU has ended with status 1"
        assert finding.evidence == ("qemu: disk image is missing",)
        killed = answer(outside=Outside(has_ended=True, exit_status=-9))
        assert "no memory left" in texts(crashes.findings(case(request(), killed)))[0]

    def test_a_guest_that_qemu_has_stopped(self) -> None:
        stopped = answer(outside=Outside(run_state="io-error"))
        (text,) = texts(crashes.findings(case(request(), stopped)))
        assert text.startswith("the guest does not run (io-error): a disk of it cannot be written")


class TestHost:
    @pytest.mark.parametrize("load, factor", [(0.5, 1), (2, 1), (3, 1.5), (100, 4)])
    def test_questions_take_longer_on_a_loaded_one(
        self, monkeypatch: pytest.MonkeyPatch, load: float, factor: float
    ) -> None:
        monkeypatch.setattr(os, "cpu_count", lambda: 2)
        monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
        assert host.slowness() == factor

    def test_this_host(self, tmp_path: Path) -> None:
        state = host.look([tmp_path, tmp_path / "missing"])
        assert state.memory and state.free_memory and state.full_folders == ()

    def test_findings(self) -> None:
        state = Host(100_000, 8_000_000, ("/tmp (1 MiB left)",), 90.0)
        guest = answer(outside=Outside(is_emulated=True))
        made = Case(request(error="action timed out"), {"server": guest}, host=state)
        assert texts(host.findings(made)) == [
            "the host's disk is full: /tmp (1 MiB left)",
            "the host's memory is nearly exhausted: 97 of 7812 MiB are available",
            "the host's processors are overloaded: tasks waited 90 % of the last 10 s",
            "without KVM the guests are about 10 times slower: server",
        ]

    def test_a_guest_that_does_not_answer(self) -> None:
        silent = answer(outside=Outside(("starting", "waiting for the disk")))
        made = Case(request(), {"server": silent}, {"server": "it has not finished booting"})
        (finding,) = host.findings(made)
        assert finding.text == "it does not answer: it has not finished booting"
        assert finding.evidence == ("starting", "waiting for the disk")


class TestCollectors:
    def test_lines_of_json(self) -> None:
        text = (
            '{"severity": "fatal", "text": "pod web is not ready", "evidence": ["ImagePullBackOff"],'
            ' "about": ["web"], "age": 7}\n{"text": "odd by default"}\n'
        )
        given = answer()
        given.sections["collector kubernetes"] = text
        first, second = collectors.findings(case(request(), given))
        assert (first.text, first.severity, first.source) == (
            "pod web is not ready", Severity.FATAL, "kubernetes",
        )  # fmt: skip
        assert first.evidence == ("ImagePullBackOff",) and first.age == 7.0
        assert first.about == {"web"} and second.severity is Severity.ODD

    def test_other_lines_are_notes(self) -> None:
        given = answer()
        given.sections["collector x"] = 'usage: x\n{"severity": "bad", "text": "t"}\n{}\n[]\n'
        made = list(collectors.findings(case(request(), given)))
        assert [each.severity for each in made] == [Severity.NOTE] * 4
        assert made[0].evidence == ("usage: x",)


def test_the_output_of_the_command_names_the_cause() -> None:
    note = "last lines of its standard error:\n  starting\n  x: No space left on device\n  failed"
    (finding,) = command.findings(case(request(notes=(note,)), answer()))
    assert finding.text == "the command reports: x: No space left on device"
    vague = request(
        notes=("last lines of its output:\n  it failed", "last lines of the console:\n  EIO")
    )
    assert texts(command.findings(case(vague, answer()))) == []


def test_a_field_that_does_not_understand_its_answers_costs_only_itself(
    monkeypatch: object,
) -> None:
    broken = answer(clock="1e400")
    made = list(
        knowledge.findings(
            case(request(), broken, answer("b", kernel="[ 1.0] parser[4]: segfault at 0"))
        )
    )
    assert "parser (pid 4) crashed" in texts(made)
    (note,) = (each for each in made if each.source == "clock")
    assert note.severity is Severity.NOTE and "could not be understood" in note.text
