"""The questions to a guest: one script of the shell, and its answers by section.

The script takes processor time from the guest, of which there is little under TCG: it starts few
programs, and those that need the network or other servers come last, since a program that blocks there
takes the time of all after it. Every program is optional.
"""

import math
import shlex

from charioteer.testing.diagnosis.combined import separated
from charioteer.testing.diagnosis.request import Request
from charioteer.testing.journal import FIELDS

OUTPUT_LIMIT = 2 * 1024 * 1024
_SECTION = "\x1e"

# Each section begins with a line of this name. No program may read the script from standard input.
_START = r"""
set +eu; [ -z "${BASH_VERSION:-}" ] || set +o pipefail
exec </dev/null 2>&1
LC_ALL=C; export LC_ALL
section() { printf '\n\036%s\n' "$1"; }
have() { command -v "$1" >/dev/null; }
# $1 in elevenths of the guest's time, which is 11 s under TCG on a host that is not loaded.
limited() {
  share=$((($1 * limit + 10) / 11)); shift
  if have timeout; then timeout "$share" "$@"; else "$@"; fi
}
section clock; if [ -n "${EPOCHREALTIME:-}" ]; then echo "$EPOCHREALTIME"; else date +%s; fi
proc_sockets="/proc/net/tcp /proc/net/tcp6"
[ -z "$with_sockets" ] || ! have ss || proc_sockets=
section files
head -n 200 /proc/uptime /proc/meminfo /proc/mounts /proc/sys/fs/file-nr /proc/loadavg \
    /proc/vmstat /proc/pressure/memory /proc/sys/kernel/core_pattern \
    /etc/resolv.conf /etc/hosts $proc_sockets
section kernel; dmesg 2>/dev/null
"""

# What systemd knows: of units that are not well, and of those that the step names. Journals are asked for
# by the names of units, since newer lines of others may be many.
_SYSTEMD = r"""
if [ -d /run/systemd/system ] && have systemctl; then
  section show
  shown=$(systemctl show --no-pager --state=failed,activating,auto-restart,deactivating \
      --type=service,socket,target,mount,automount,swap,timer,path,scope \
      -p Id,LoadState,ActiveState,SubState,Result \
      -p NRestarts,ExecMainCode,ExecMainStatus,ConditionResult,StateChangeTimestampMonotonic \
      -p FragmentPath,Job,LimitNOFILE,User,MainPID,ControlPID -- '*' $asked)
  echo "$shown"
  # Jobs of units that are not shown matter where the step failed and names no unit.
  jobs=$concerned; [ -z "$asked" ] || jobs=
  case $shown in *ActiveState=activating*|*Job=[1-9]*) jobs=yes;; esac
  if [ -n "$jobs" ]; then
    section jobs; systemctl list-jobs --no-pager --no-legend --full --after --before
  fi
  if have journalctl; then
    if [ -n "$concerned" ]; then
      section journal
      journalctl -b --no-pager -q -n 200 -o json --output-fields=$fields
    fi
    # Those that are named only are asked where the step failed.
    set --
    name=
    while read -r line; do
      case $line in
        Id=*) name=${line#Id=};;
        ActiveState=*) [ -z "$concerned" ] && case ${line#*=} in active|inactive) name=;; esac;;
        '') [ -z "$name" ] || set -- "$@" -u "$name"; name=;;
      esac
    done <<END
$shown

END
    if [ $# -gt 0 ]; then
      section unit-journal
      journalctl -b --no-pager -q -n 120 -o json --output-fields=$fields "$@"
    fi
  fi
fi
"""

# Where the pattern of core dumps puts them; services run in /.
_CORES = r"""
core=; read -r core </proc/sys/kernel/core_pattern
case $core in
  '|'*) set -- /var/lib/systemd/coredump/core.*;;
  *)
    glob=
    while [ "${core#*%?}" != "$core" ]; do glob=$glob${core%%%*}'*'; core=${core#*%?}; done
    glob=/${glob#/}${core}
    case ${glob##*/} in *[!*]*) set -- $glob $glob.[0-9]*;; *) set --;; esac;;
esac
for each; do if [ -f "$each" ]; then section cores; ls -ln --full-time -- "$@" | tail -n 20; break; fi; done
"""

_NETWORK = r"""
section ip
ip -batch - 2>/dev/null <<END || { ip addr; ip route; ip neigh; } 2>/dev/null
addr
route
neigh
END
[ -n "$proc_sockets" ] || { section sockets; ss -Hltunp; }
section leases
for each in /run/systemd/netif/leases/* /var/lib/dhcp/*.leases; do
  [ -e "$each" ] && tail -n 40 -- "$each" /dev/null
done
section firewall
if have iptables-save; then limited 2 iptables-save -c | head -n 300
elif have nft; then limited 2 nft list ruleset | head -n 300; fi
"""

# Of local file systems only: a server of others that does not answer would block all questions after it.
_DISKS = r"""
section filesystems
df -l --output=source,size,used,avail,pcent,itotal,iused,iavail,ipcent,target 2>/dev/null || {
  disks() { df -l -P "$1" 2>/dev/null || limited 3 df -P "$1"; }
  section disks; disks -k
  section inodes; disks -i
}
"""

# Only on machines that may ask the server. The logs are of the first pods that are not ready.
_KUBERNETES = r"""
for each in /etc/rancher/k3s/k3s.yaml /etc/kubernetes/admin.conf; do
  [ -r "$each" ] || continue
  KUBECONFIG=$each; export KUBECONFIG
  if have kubectl; then ask() { limited "$@"; }
  elif have k3s; then ask() { elevenths=$1; shift 2; limited "$elevenths" k3s kubectl "$@"; }
  else break; fi
  section kubernetes
  ask 6 kubectl get nodes,pods,events --all-namespaces --request-timeout=$((limit / 3 + 1))s -o json ||
    echo "kubectl has ended with status $?"
  pods=$(ask 4 kubectl get pods --all-namespaces --no-headers --request-timeout=$((limit / 5 + 1))s |
      while read -r space pod ready state _; do
        case $state in Completed|Pending|ContainerCreating) continue;; esac
        [ "${ready%/*}" = "${ready#*/}" ] || echo "$space/$pod"
      done | head -n 2)
  for pod in $pods; do
    section "pod-log $pod"
    ask 3 kubectl logs -n "${pod%%/*}" "${pod#*/}" --all-containers --tail=20 --request-timeout=$((limit / 5 + 1))s
  done
  break
done
"""

_COLLECTORS = r"""
for each in /etc/charioteer/diagnosis.d/*; do
  if [ -x "$each" ]; then section "collector ${each##*/}"; limited 4 "$each" | head -c 65536; fi
done
"""


def script(request: Request, machine: str, limit: float) -> str:
    """The script for a guest, which has `limit` seconds for it.

    The machine of the failed step is asked whether the hosts that it names answer. Those that the
    step does not concern are asked less, since their processors may be emulated by the same host.
    """
    subjects = request.subjects
    units = " ".join(shlex.quote(each) for each in subjects.units)
    is_failed = request.machine in (machine, None)
    concerned = "yes" if is_failed or machine in subjects.hosts else ""
    # The programs that have sockets are of interest where the step failed, and for ports that it names.
    with_sockets = "yes" if concerned or subjects.ports else ""
    # The limit in whole seconds, since a shell does not calculate with fractions.
    variables = (
        f"asked={shlex.quote(units)} concerned={concerned} with_sockets={with_sockets}"
        f" fields={FIELDS} limit={math.ceil(limit)}"
    )
    parts = [variables, _START, _DISKS, _SYSTEMD, _CORES, _NETWORK, _of_files(subjects.files)]
    if is_failed:
        parts += [_of_host(each) for each in subjects.hosts[:3]]
    return "\n".join([*parts, _KUBERNETES, _COLLECTORS, "section end", "exit 0"])


def _of_files(files: tuple[str, ...]) -> str:
    lines = ["section paths"]
    for each in files:
        quoted = shlex.quote(each)
        lines.append(f"[ -e {quoted} ] && ls -ld {quoted} || printf 'missing %s\\n' {quoted}")
    return "\n".join(lines)


def _of_host(host: str) -> str:
    """Whether the host answers, and to packets of 1500 bytes, too, unless they are fragmented."""
    quoted = shlex.quote(host)
    return (
        f"section {shlex.quote(f'ping {host}')}\n"
        f"if limited 4 ping -c 1 -W 1 {quoted}; then\n"
        f"  section {shlex.quote(f'large-ping {host}')}\n"
        f"  limited 4 ping -M do -c 1 -W 1 -s 1472 {quoted}\nfi"
    )


def sections(output: str) -> dict[str, str]:
    """The answers by the names of their sections; of one that was cut off, what there is."""
    found: dict[str, str] = {}
    for part in output.split("\n" + _SECTION)[1:]:
        name, _, text = part.partition("\n")
        found[name] = text
    return separated(found)
