"""Builds programs that tests use and Debian 12 does not package, so that no test waits for them.

    python3 -m support.programs

Prints the reason if a program cannot be built; the tests that use it are then skipped, or fail.
"""

from charioteer.errors import BuildError

from support import virtiofsd, vsock


def main() -> None:
    """Prints the path of each program, or why it is missing."""
    folder, why_not = vsock.folder_of_program()
    print(folder or why_not)
    try:
        print(virtiofsd.find())
    except BuildError as error:
        print(error)


if __name__ == "__main__":
    main()
