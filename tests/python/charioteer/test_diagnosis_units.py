"""Findings about units, from outputs of systemctl and journalctl of guests with systemd 257."""

import json
from typing import Any

from charioteer.testing.diagnosis import units
from charioteer.testing.diagnosis.answer import Answer
from charioteer.testing.diagnosis.findings import Finding, Severity

from support.diagnosed import answer, case, request, texts

BAD_PROGRAM = """\
Id=web.service
LoadState=loaded
ActiveState=failed
SubState=failed
Result=exit-code
NRestarts=0
ExecMainCode=1
ExecMainStatus=203
ConditionResult=yes
StateChangeTimestampMonotonic=98000000
"""
WAITING_JOBS = """\
 812 second.service start waiting
`-           waiting for job 790 (first.service/start)
 790 first.service  start running
`-           blocking job 812 (second.service/start)
"""


def entry(message: str, unit: str, seconds: float = 98.0, **fields: str) -> str:
    return json.dumps(
        {
            "MESSAGE": message,
            "UNIT": unit,
            "SYSLOG_IDENTIFIER": "systemd",
            "PRIORITY": "6",
            "__MONOTONIC_TIMESTAMP": str(int(seconds * 1e6)),
            **fields,
        }
    )


def found(given: Answer, **asked: Any) -> list[Finding]:
    return list(units.findings(case(request(**asked), given)))


def test_a_failed_unit_with_the_line_of_its_journal_that_explains_most() -> None:
    journal = [
        entry("Starting web.service...", "web.service"),
        entry("web.service: Unable to locate executable '/usr/bin/web': No such file or directory",
              "web.service"),
        entry("web.service: Failed at step EXEC spawning /usr/bin/web: No such file or directory",
              "web.service"),
        entry("web.service: Main process exited, code=exited, status=203/EXEC", "web.service"),
        entry("web.service: Failed with result 'exit-code'.", "web.service"),
        entry("something else has failed", "other.service"),
    ]  # fmt: skip
    (finding,) = found(answer(show=BAD_PROGRAM, unit_journal="\n".join(journal)))
    assert finding.text == (
        "web.service has failed: its program cannot be executed: "
        "web.service: Unable to locate executable '/usr/bin/web': No such file or directory"
    )
    assert finding.severity is Severity.FATAL and finding.about == {"web.service"}
    assert finding.age == 2.0 and finding.machine == "server"
    assert "systemd: web.service: Unable to locate executable" in finding.evidence[0]


def test_each_way_to_fail_has_words() -> None:
    def how(result: str, status: str = "0") -> str:
        block = f"Id=a.service\nActiveState=failed\nResult={result}\nExecMainStatus={status}\n"
        return texts(found(answer(show=block)))[0]

    assert how("exit-code", "1") == "a.service has failed: exit status 1"
    assert how("signal", "9") == "a.service has failed: signal 9 ended it"
    assert how("core-dump", "11") == "a.service has failed: it crashed with a core dump"
    assert how("oom-kill") == "a.service has failed: the OOM killer ended it"
    assert how("resources") == "a.service has failed: systemd could not prepare its start"
    assert how("new-in-systemd-300") == "a.service has failed: new-in-systemd-300"


def test_a_unit_that_is_restarted() -> None:
    block = "Id=a.service\nActiveState=activating\nSubState=auto-restart\nNRestarts=4\nResult=exit-code\n"
    (finding,) = found(answer(show=block + "ExecMainStatus=1\n"))
    assert finding.text.startswith("a.service fails and is restarted (4 times so far)")


def test_the_unit_of_the_step() -> None:
    def about(block: str, machine: str = "server") -> list[str]:
        given = answer(show=f"Id=a.service\n{block}")
        return texts(found(given, machine=machine, units=["a.service"]))

    assert about("LoadState=not-found\nActiveState=inactive\n") == ["a.service does not exist here"]
    assert about("LoadState=masked\nActiveState=inactive\n") == ["a.service is masked"]
    stopped = "LoadState=loaded\nActiveState=inactive\n"
    assert about(stopped) == ["a.service is inactive, and has never been started"]
    assert about(stopped, machine="client") == []
    starting = "ActiveState=activating\nSubState=start\nStateChangeTimestampMonotonic=60000000\n"
    assert about(starting) == ["a.service is still activating (start), for 40 s"]
    assert about("LoadState=loaded\nActiveState=active\n") == []


def test_jobs_that_wait_for_each_other() -> None:
    (finding,) = found(answer(jobs=WAITING_JOBS))
    assert finding.text == "second.service/start waits for first.service/start, which is running"
    assert finding.about == {"first.service", "second.service"}


def test_a_cycle_that_systemd_has_broken() -> None:
    message = "sysinit.target: Found ordering cycle on a.service/start"
    (finding,) = found(answer(journal=entry(message, "sysinit.target")))
    assert finding.text == "a.service is in a cycle of units that wait for each other"


def test_odd_outputs() -> None:
    given = answer(
        show="Id\n\n=\nActiveState=failed\n", jobs="x\n└─ y", journal='{"MESSAGE": [1, 2]}\n{"cut'
    )
    assert found(given) == []
    binary = (
        '{"MESSAGE": null, "PRIORITY": 3}\n7\n"text"\n{"MESSAGE": "x", "__MONOTONIC_TIMESTAMP": []}'
    )
    assert answer(journal=binary).journal == []
