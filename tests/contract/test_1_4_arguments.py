"""Sections 1.2 to 1.6: options and variables, in the parser alone."""

import json
from pathlib import Path

import pytest
from test_driver.arguments import parse

PROG = "nixos-test-driver"


@pytest.fixture
def config(tmp_path: Path) -> str:
    content = {
        "vms": {"web": {"name": "web", "start_script": "/run-web-vm"}},
        "containers": {},
        "vlans": [1],
        "global_timeout": 60,
        "enable_ssh_backdoor": False,
        "test_script": "/script",
        "more": "ignored",
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_1_4_abbreviations(config: str, tmp_path: Path) -> None:
    arguments = ["--config", config, "--debug-hook=/attach", "--junit=j.xml", f"-o{tmp_path}"]
    options, loaded = parse(arguments, PROG)
    assert options.debug_hook_attach == "/attach"
    assert options.junit_xml == Path("j.xml")
    assert options.output_directory == tmp_path
    assert loaded.vms["web"].start_script == Path("/run-web-vm")


@pytest.mark.parametrize("word", ["--s", "--st", "--sta", "--start-scripts"])
def test_1_4_our_option_makes_no_abbreviation_ambiguous(word: str) -> None:
    options, loaded = parse([word, "/run-a-vm", "--str", "--vlans", "1", "--", "/script"], PROG)
    assert list(loaded.vms) == ["a"] and options.stream
    _, loaded = parse([f"{word}=/run-a-vm", "/script"], PROG)
    assert list(loaded.vms) == ["a"]


def test_1_4_the_last_option_wins(config: str) -> None:
    options, _ = parse(["-c", config, "--interactive", "--no-interactive"], PROG)
    assert options.interactive is False
    assert parse(["-c", config], PROG)[0].interactive is False


def test_1_6_the_log_level_of_the_environment(config: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("logLevel", "warning")
    assert parse(["-c", config], PROG)[0].log_level == "warning"
    assert parse(["-c", config, "--log-level", "debug"], PROG)[0].log_level == "debug"


def test_1_3_variables_of_older_releases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("startScripts", "/a/run-b-vm /a/run-a-vm")
    monkeypatch.setenv("testScript", "/script")
    monkeypatch.setenv("vlans", "2 1 2")
    _, loaded = parse([], PROG)
    assert list(loaded.vms) == ["b", "a"] and loaded.vlans == [1, 2]
    assert loaded.test_script == Path("/script")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "-c/--config"),
        (["-c", "/none.json"], "/none.json"),
        (["-c", "/none.json", "-o", "/nowhere"], "/nowhere is not a directory"),
        (["--nonsense"], "--nonsense"),
    ],
)
def test_1_4_usage_errors(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments, PROG)
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error and f"{PROG}: error: " in error
