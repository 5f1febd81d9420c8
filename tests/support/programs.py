"""Builds what tests use and Debian 12 has no package of, so that no test waits for it.

    python3 -m support.programs

What cannot be built is named; the tests that use it skip or fail by themselves.
"""

from charioteer.errors import BuildError

from support import virtiofsd, vsock


def main() -> None:
    """Prints where each is, or why it is not there."""
    folder, why_not = vsock.folder_of_program()
    print(folder or why_not)
    try:
        print(virtiofsd.find())
    except BuildError as error:
        print(error)


if __name__ == "__main__":
    main()
