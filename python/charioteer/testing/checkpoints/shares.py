"""The folders of the host that the driver shares with a guest by 9p.

While one is mounted QEMU refuses to save the machine. Those that only the driver uses are unmounted
for a moment.
"""

from charioteer import _core as core

TAGS = frozenset({"shared", "xchg"})
"""The mount tags of the folders that only the driver uses."""

# Prints `TAG FOLDER OPTIONS` for each share that it has unmounted. When one is busy, the others are
# mounted again by the caller.
_UNMOUNT = r"""
mounts=$(cat /proc/mounts)
printf '%s\n' "$mounts" | while read -r tag folder type options rest; do
    case $type:$tag in
        9p:shared | 9p:xchg) ;;
        *) continue ;;
    esac
    umount "$folder" || {
        # Of all processes: working and root directories, programs and open files below the folder.
        for pid in $(ls -l /proc/[0-9]*/cwd /proc/[0-9]*/root /proc/[0-9]*/exe /proc/[0-9]*/fd/* \
            2> /dev/null | sed -n "s|.* /proc/\([0-9]*\)/.* -> $folder\(/.*\)\{0,1\}$|\1|p" | sort -un)
        do
            echo "used by $(cat "/proc/$pid/comm") (pid $pid)" >&2
        done
        exit 1
    }
    echo "$tag $folder $options"
done
"""


class ShareBusy(Exception):
    """A share cannot be unmounted. The text has the guest's reason."""


Mounts = list[list[str]]
"""Mount tag, folder and options of each share."""


def unmount(guest: core.Machine, mounts: Mounts, limit: float) -> None:
    """Unmounts the driver's shares in `guest` and adds them to `mounts`.

    `limit` in seconds. Raises ShareBusy; `mounts` then has those that were unmounted before.
    """
    outcome = guest.run(_UNMOUNT, timeout=limit)
    mounts += [line.split(" ", 2) for line in outcome.output.decode().splitlines()]
    if outcome.status != 0:
        reason = "; ".join(outcome.errors.decode(errors="replace").splitlines())
        raise ShareBusy(f"{guest.name}: a program in the guest uses a shared folder: {reason}")


def mount(guest: core.Machine, mounts: Mounts, limit: float) -> None:
    """Mounts the shares again. Raises MachineError when the guest cannot."""
    for tag, folder, options in mounts:
        # A share that a program has mounted again by itself is left as it is.
        command = (
            f"grep -q '^{tag} {folder} 9p ' /proc/mounts || "
            f"mount -t 9p -o '{options}' {tag} '{folder}'"
        )
        outcome = guest.run(command, timeout=limit)
        if outcome.status != 0:
            reason = outcome.errors.decode(errors="replace").strip()
            raise core.MachineError(f"{guest.name}: cannot mount {folder} again: {reason}")
