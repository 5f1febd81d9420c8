"""Findings about memory, disks and files."""

from charioteer.testing.diagnosis import resources
from charioteer.testing.diagnosis.answer import Answer

from support.diagnosed import answer, case, request, texts

DISKS = """\
Filesystem     1024-blocks    Used Available Capacity Mounted on
/dev/vda           1997160 1997160         0     100% /
tmpfs               246832       0    246832       0% /tmp
/dev/loop0            1024    1024         0     100% /snap
"""
INODES = """\
Filesystem     Inodes IUsed IFree IUse% Mounted on
/dev/vda       131072 25000 106072   20% /
none               10    10     0  100% /srv/mail
"""
MOUNTS = """\
/dev/vda / ext4 rw,noatime 0 0
/dev/loop0 /snap squashfs ro 0 0
none /srv/mail tmpfs rw 0 0
"""
KILL = (
    "[   95.500000] Out of memory: Killed process 412 (java) total-vm:9000kB, anon-rss:1kB, UID:0"
    "\n[   96.000000] Memory cgroup out of memory: Killed process 413 (tail) total-vm:9kB"
)


def found(given: Answer) -> list[str]:
    return texts(resources.findings(case(request(), given)))


def test_full_file_systems() -> None:
    given = answer(disks=DISKS, inodes=INODES, files={"/proc/mounts": MOUNTS})
    assert found(given) == [
        "the file system / is full (100 % in use)",
        "the file system /srv/mail has no free inodes (100 % in use)",
    ]


def test_the_oom_killer() -> None:
    assert found(answer(kernel=KILL)) == [
        "memory is exhausted: the OOM killer ended java (pid 412)",
        "memory is exhausted at the limit of its unit: the OOM killer ended tail (pid 413)",
    ]
    (first, _) = resources.findings(case(request(), answer(kernel=KILL)))
    assert first.age == 4.5


def test_little_memory() -> None:
    meminfo = "MemTotal:         500000 kB\nMemFree: 9 kB\nMemAvailable:      10000 kB\n"
    assert found(answer(files={"/proc/meminfo": meminfo})) == [
        "memory is nearly exhausted: 9 of 488 MiB are available"
    ]
    assert found(answer(files={"/proc/meminfo": meminfo.replace("10000", "90000")})) == []


SWAPPED = {"/proc/meminfo": "MemTotal: 500000 kB\nSwapTotal: 204800 kB\nSwapFree: 102400 kB\n"}


def test_processes_that_wait_for_memory() -> None:
    pressure = {"/proc/pressure/memory": "some avg10=35.20 avg60=9.01 total=9\nfull avg10=30.00\n"}
    (finding,) = resources.findings(case(request(), answer(files={**SWAPPED, **pressure})))
    assert finding.text == "the guest swaps: processes waited for memory 35 % of the last 10 s"
    assert finding.evidence[1] == "100 of 200 MiB of swap space are in use"
    assert found(answer(files=pressure)) == [
        "the guest reads its programs again and again: processes waited for memory 35 % of the last 10 s"
    ]


def test_swapping_without_information_on_pressure() -> None:
    vmstat = {"/proc/vmstat": "pgpgin 99999999\npswpin 150000\npswpout 250000\n"}
    assert found(answer(files={**SWAPPED, **vmstat})) == [
        "the guest has swapped 1562 MiB since its boot, more than its memory"
    ]


def test_a_little_swapping_is_no_finding() -> None:
    pressure = {"/proc/pressure/memory": "some avg10=3.10 avg60=9.01 total=9\n"}
    vmstat = {"/proc/vmstat": "pswpin 150000\npswpout 250000\n"}
    assert found(answer(files={**SWAPPED, **pressure, **vmstat})) == []
    assert found(answer(files={**SWAPPED, "/proc/vmstat": "pswpin 15\npswpout 25\n"})) == []


def test_open_files() -> None:
    assert found(answer(files={"/proc/sys/fs/file-nr": "996\t0\t1000\n"})) == [
        "996 files are open, of at most 1000 in the whole system"
    ]
    line = '{"MESSAGE": "accept: Too many open files", "_SYSTEMD_UNIT": "web.service"}'
    assert found(answer(journal=line)) == [
        "web.service has reached its limit of open files (ulimit -n, LimitNOFILE)"
    ]


def test_a_root_that_is_read_only() -> None:
    given = answer(
        files={"/proc/mounts": "/dev/vda / ext4 ro,noatime 0 0\n/dev/vdb /nix/store ext4 ro 0 0\n"},
        kernel="[   90.1] EXT4-fs (vda): Remounting filesystem read-only",
    )
    (finding,) = resources.findings(case(request(), given))
    assert finding.text == "the root file system is read-only"
    assert finding.evidence[0] == "kernel: EXT4-fs (vda): Remounting filesystem read-only"


def test_odd_outputs() -> None:
    given = answer(
        disks="x\n\na b c d e f", inodes="-", kernel="no time", files={"/proc/mounts": "a"}
    )
    assert found(given) == []
