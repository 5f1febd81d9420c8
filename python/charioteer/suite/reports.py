"""The files that a suite leaves beside the folders of its runs."""

from pathlib import Path

from charioteer.suite import index, junit, results
from charioteer.suite.results import SuiteResult


def remove(folder: Path) -> None:
    """Removes the files of an earlier suite, which would be taken for those of one that is killed.

    Raises OSError.
    """
    for name in (results.FILE_NAME, junit.FILE_NAME, index.FILE_NAME):
        (folder / name).unlink(missing_ok=True)


def write(result: SuiteResult, folder: Path, junit_xml: Path | None = None) -> None:
    """Writes the result file, the JUnit report and the page. Raises OSError.

    `junit_xml`: where the JUnit report goes, by default into `folder` like the others.
    """
    results.write(result, folder)
    results.write_file(junit_xml or folder / junit.FILE_NAME, junit.text_of(result))
    results.write_file(folder / index.FILE_NAME, index.text_of(result))
