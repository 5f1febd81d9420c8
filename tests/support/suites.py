"""A project with a suite of tests whose guests are fake, and runs of `charioteer test`."""

from pathlib import Path

from charioteer.suite import results
from charioteer.suite.results import SuiteResult

from support.fake_guests import ONE, fake_guests
from support.leftovers import expect_nothing_left
from support.run import Run

PASSES = 'web.succeed("true")\n'
FAILS = 'web.succeed("echo the reason; false")\n'
# Without machines: the script alone is enough for many tests, and faster.
QUICK = "pass\n"
QUICK_FAILURE = "raise Exception('the reason')\n"


class Project:
    """Tests below `folder`/project/tests, and the runs of their suite."""

    def __init__(self, folder: Path) -> None:
        self.base = folder
        self.folder = folder / "project"
        self.out = self.folder / "charioteer-out/suite"
        self.folder.mkdir()
        self.environment = fake_guests(folder)
        self._runs: list[Run] = []

    def test(self, name: str, script: str, settings: str = "") -> Path:
        """Writes the test `tests/NAME`; `settings` are lines of its cluster file."""
        folder = self.folder / "tests" / name
        folder.mkdir(parents=True)
        (folder / "cluster.toml").write_text(settings + ONE.replace("one", folder.name))
        (folder / "test.py").write_text(script)
        return folder

    def start(self, *arguments: str | Path, **changes: str) -> Run:
        """Starts the program `charioteer`; `changes` apply to its environment."""
        return self.launch("charioteer", *arguments, **changes)

    def launch(self, program: str | Path, *arguments: str | Path, **changes: str) -> Run:
        """The same with another program."""
        env = {**self.environment, **changes}
        run = Run([program, *arguments], env, self.folder)
        self._runs.append(run)
        return run

    def run(self, *options: str | Path, status: int = 0, **changes: str) -> Run:
        """Runs `charioteer test tests` to its end."""
        run = self.start("test", "tests", *options, **changes)
        run.expect(status, limit=120)
        return run

    @property
    def result(self) -> SuiteResult:
        return results.load(self.out)

    def outcomes(self) -> dict[str, str]:
        """The outcome of each test, by its name without the folder `tests`."""
        return {each.test.removeprefix("tests/"): str(each.outcome) for each in self.result.tests}

    def close(self) -> None:
        """Ends the runs, and checks that nothing is left of them."""
        for run in self._runs:
            run.end()
            print(run.report())
        expect_nothing_left(self.folder)
