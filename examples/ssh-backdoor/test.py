# With `ssh_backdoor = true` every machine has a vsock, a socket to the host that needs no network. That needs
# `vhost-device-vsock` on the host (cargo install --locked vhost-device-vsock), and a guest whose sshd listens
# on the vsock, as NixOS's does; here it is configured to. The log shows the command to log in by hand.
import subprocess
from pathlib import Path

server.wait_for_unit("multi-user.target")
server.succeed(
    """
    cat > /run/systemd/system/ssh-vsock.socket <<'END'
    [Socket]
    ListenStream=vsock::22
    Accept=yes
END
    cat > /run/systemd/system/ssh-vsock@.service <<'END'
    [Service]
    ExecStart=-/usr/sbin/sshd -i -o PermitEmptyPasswords=yes -o PermitRootLogin=yes
    StandardInput=socket
END
    mkdir -p /run/sshd
    modprobe vmw_vsock_virtio_transport
    systemctl start ssh-vsock.socket
    """
)

# ssh needs a proxy command to reach a vsock. systemd 257 has systemd-ssh-proxy; this program does the same:
# it connects to port 22 through vhost-device-vsock and copies both directions.
assert driver.vhost_vsock is not None  # since the cluster file has ssh_backdoor
host = driver.vhost_vsock.sockets["server"].host
proxy = Path(driver.out_dir) / "vsock-proxy"
proxy.write_text(
    f"""#!/usr/bin/python3
import os, select, socket
wire = socket.socket(socket.AF_UNIX)
wire.connect({str(host)!r})
wire.sendall(b"CONNECT 22\\n")
answer = b""
while not answer.endswith(b"\\n"):
    answer += wire.recv(1)
assert answer.startswith(b"OK"), answer
while True:
    for ready in select.select([0, wire], [], [])[0]:
        data = os.read(0, 65536) if ready == 0 else wire.recv(65536)
        if not data:
            raise SystemExit
        wire.sendall(data) if ready == 0 else os.write(1, data)
"""
)
proxy.chmod(0o755)

with subtest("logging in without a network"):
    server.succeed("ip link set eth0 down; ip link set eth1 down")
    done = subprocess.run(
        ["ssh", "-o", f"ProxyCommand={proxy}", "-o", "StrictHostKeyChecking=no"]
        + ["-o", "UserKnownHostsFile=/dev/null", "root@server", "hostname"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    t.assertEqual((done.returncode, done.stdout), (0, "server\n"), done.stderr)
