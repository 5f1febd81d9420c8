"""The ranking of findings, the first screen, and what GitHub Actions gets."""

from pathlib import Path

import pytest
from charioteer.testing.diagnosis import github, report
from charioteer.testing.diagnosis.case import Case
from charioteer.testing.diagnosis.findings import Finding, Severity, ranked
from charioteer.testing.diagnosis.request import Request, ScriptLine

from support.diagnosed import answer, request

FATAL, ODD, NOTE = Severity.FATAL, Severity.ODD, Severity.NOTE


def finding(
    text: str, severity: Severity = ODD, machine: str = "server", **fields: object
) -> Finding:
    return Finding(text, severity, "units", machine, **fields)  # type: ignore[arg-type]


def order(asked: Request, *findings: Finding) -> list[str]:
    return [each.finding.text for each in ranked(findings, asked)]


class TestRanking:
    def test_fatal_before_odd_before_a_note(self) -> None:
        made = [finding("a", NOTE), finding("b", ODD), finding("c", FATAL)]
        assert order(request(), *made) == ["c", "b", "a"]

    def test_the_machine_of_the_step_first(self) -> None:
        assert order(request("server"), finding("a", machine="client"), finding("b")) == ["b", "a"]

    def test_what_happened_during_the_step_first(self) -> None:
        made = [finding("a", age=400.0), finding("b", age=2.0), finding("c", age=60.0)]
        assert order(request(elapsed=5.0), *made) == ["b", "c", "a"]

    def test_what_the_step_names_before_all_of_its_severity(self) -> None:
        about = finding("a", machine="client", about=frozenset(["80"]))
        assert order(request(ports=["80"]), finding("b"), about) == ["a", "b"]

    def test_words_relate_a_finding(self) -> None:
        asked = request(command="etcdctl endpoint health")
        assert order(asked, finding("other"), finding("the etcdctl process ended")) == [
            "the etcdctl process ended",
            "other",
        ]

    def test_only_what_is_near_the_first_is_likely(self) -> None:
        made = [finding(str(number), FATAL) for number in range(5)]
        assert [each.is_likely for each in ranked(made, request())] == [True] * 3 + [False] * 2
        far = ranked(
            [finding("a", FATAL, about=frozenset(["80"])), finding("b")], request(ports=["80"])
        )
        assert [each.is_likely for each in far] == [True, False]
        assert [each.is_likely for each in ranked([finding("n", NOTE, "x")], request())] == [False]

    def test_of_findings_with_the_same_evidence_only_the_first_is_likely(self) -> None:
        made = [finding("a", evidence=("x",)), finding("b", evidence=("y", "x")), finding("c")]
        assert [each.is_likely for each in ranked(made, request())] == [True, False, True]

    def test_equal_findings_are_one(self) -> None:
        assert len(ranked([finding("a"), finding("a", NOTE)], request())) == 1


ASKED = request(
    lines=(ScriptLine(9, "check()"), ScriptLine(3, "server.wait_for_unit('web')")),
    step="waiting for unit web",
    error='unit "web" reached state "failed"\nmore',
)


class TestFirstScreen:
    def lines(self, *findings: Finding, **fields: object) -> list[str]:
        made = Case(ASKED, {"server": answer()}, **fields)  # type: ignore[arg-type]
        return report.first_screen(made, ranked(findings, ASKED), ["out/diagnosis.txt"])

    def test_with_a_cause(self) -> None:
        evidence = ("web.service: \x1b[31mNo such file", "second", "third")
        assert self.lines(finding("web.service has failed", FATAL, evidence=evidence)) == [
            "why the test failed:",
            "  line 9: check()",
            "  line 3: server.wait_for_unit('web')",
            "  asked: waiting for unit web, on server",
            '  happened: unit "web" reached state "failed" ..., after 5.0 s',
            "  the likeliest cause:",
            "  1. server: web.service has failed",
            "       web.service: \\x1b[31mNo such file",
            "       second",
            "  0 other findings and all details: out/diagnosis.txt",
        ]

    def test_what_the_command_printed(self) -> None:
        notes = ("last lines of its output:\n  begin\n  x: No such device\n  end",)
        asked = request(step="must succeed: x", error="failed after 3 s", notes=notes)
        lines = report.first_screen(Case(asked, {}), [], [])
        assert lines[2:4] == ["  happened: failed after 3 s", "  it printed: x: No such device"]

    def test_without_a_cause(self) -> None:
        lines = self.lines(silent={"client": "within 5 s"})
        assert "  no machine has anything that explains it" in lines
        assert "  no answer from client: within 5 s" in lines

    def test_lines_are_bounded(self) -> None:
        assert max(map(len, self.lines(finding("x" * 5000, FATAL)))) == 220


def test_details_have_everything() -> None:
    evidence = tuple(f"line {number}" for number in range(9))
    ranks = ranked([finding("a", FATAL, evidence=evidence)], ASKED)
    text = "\n".join(report.details(Case(ASKED, {"server": answer(kernel="[1.0] x\x07")}), ranks))
    assert "1. [fatal, units] server: a" in text and "line 8" in text
    assert "==== server" in text and "---- kernel\n[1.0] x\\x07" in text


class TestGitHub:
    def test_the_annotation_is_beside_the_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path))
        github.annotate("50% failed\nthere", tmp_path / "a,b/test.py", 7)
        github.annotate("elsewhere", Path("/nix/store/x-test-script"), 7)
        assert capsys.readouterr().out == (
            "::error file=a%2Cb/test.py,line=7,title=Test failed::50%25 failed%0Athere\n"
            "::error title=Test failed::elsewhere\n"
        )

    def test_the_summary_has_the_cause_first_and_is_bounded(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        summary = tmp_path / "summary"
        summary.write_text("earlier\n")
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
        github.summarize("a <b>", ["the cause", "```"], ["x" * 1000] * 2000)
        text = summary.read_text()
        assert text.startswith("earlier\n### a \\<b\\>\n\n````text\nthe cause\n```\n````\n")
        assert 900_000 < len(text.encode()) <= 1024 * 1024
        github.summarize("again", ["the next cause"], ["x" * 1000] * 2000)
        assert "the next cause" in summary.read_text()
        assert summary.stat().st_size <= 1024 * 1024

    def test_without_a_summary(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
        github.summarize("a", ["b"], ["c"])
