"""A cluster of Kubernetes under test, whose nodes are also in a tailnet."""

import ast
import io
from contextlib import redirect_stdout

from charioteer import paths
from charioteer.testing.machine import QemuMachine

from mesh import Mesh

# Limits for a machine that is emulated beside others, in seconds.
SLOW, VERY_SLOW = 600, 1200

# The server is neither the first machine nor called `primer`, so the cluster in its image is not its own.
NODES = """
[machines.agent]
guest = "kube-worker"
[machines.server]
guest = "kube-primer"
[machines.worker]
guest = "kube-worker"
"""

POD = """
apiVersion: v1
kind: Pod
metadata: {{name: {name}, namespace: default, labels: {{app: {name}}}}}
spec:
  dnsPolicy: Default
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  nodeSelector: {{kubernetes.io/hostname: {node}}}
  containers:
  - {{name: one, image: "{image}", imagePullPolicy: Never, command: [/bin/busybox, "{command}"]}}
"""


class Kubernetes(Mesh):
    """A server with Headscale in a pod, and two workers, in one tailnet and in one cluster."""

    server_name = "server"
    server_address = "192.168.1.2"
    headscale = "kubectl exec -n headscale-system deploy/headscale -- headscale"

    def start(self) -> None:
        """Starts the server, which creates its cluster, and has all nodes join."""
        self.start_node(self.server)
        self.workers = [node for node in self.nodes if node is not self.server]
        self.wait_for_server()
        for worker in self.workers:
            self.start_node(worker)
        self.enrol_all()
        self.token = self.server.succeed("cat /var/lib/rancher/k3s/server/node-token").strip()
        for worker in self.workers:
            self.configure(worker, self.token)
            worker.succeed("systemctl start k3s-agent", timeout=SLOW)
        for worker in self.workers:
            self.kubectl(f"wait --for=create node/{worker.name} --timeout={SLOW}s", VERY_SLOW)
        self.wait_for_nodes()

    def kubectl(self, arguments: str, limit: int = SLOW) -> str:
        """Runs kubectl as administrator, on the server."""
        return self.server.succeed(f"kubectl {arguments}", timeout=limit)

    def wait_for_server(self) -> None:
        """Waits until Kubernetes and Headscale serve."""
        self.server.wait_for_unit("k3s.service", timeout=VERY_SLOW)
        # Not for the pod's condition, which after a reboot is the one from before until the kubelet runs.
        self.server.wait_for_open_port(8080, timeout=VERY_SLOW)

    def wait_for_nodes(self) -> None:
        self.kubectl(f"wait --for=condition=Ready node --all --timeout={SLOW}s", VERY_SLOW)

    def configure(self, node: QemuMachine, token: str) -> None:
        lines = f"server: https://{self.server_address}:6443\\ntoken: {token}\\n"
        node.succeed(f"mkdir -p /etc/rancher/k3s; printf '{lines}' > /etc/rancher/k3s/config.yaml")

    def create_pod(
        self, name: str, node: str, image: str = "busybox:1", command: str = "top"
    ) -> None:
        image = f"charioteer.local/{image}"
        pod = POD.format(name=name, node=node, image=image, command=command)
        self.kubectl(f"create --validate=false -f - << 'END'\n{pod}\nEND")

    def restarts(self, *apps: str) -> list[int]:
        """How often each container of the pods with these labels `app` was restarted."""
        selected = f"get pods -A -l 'app in ({','.join(apps)})'"
        path = "{.items[*].status.containerStatuses[*].restartCount}"
        return [int(count) for count in self.kubectl(f"{selected} -o jsonpath='{path}'").split()]

    def explanation(self) -> str:
        """What the script of the example prints about the server when it fails."""
        script = paths.examples() / "cluster-headscale-k3s" / "test.py"
        functions = [
            statement
            for statement in ast.parse(script.read_text()).body
            if isinstance(statement, ast.FunctionDef) and statement.name == "explain"
        ]
        names = {"primer": self.server}
        exec(compile(ast.Module(functions, []), script, "exec"), names)
        with redirect_stdout(io.StringIO()) as printed:
            names["explain"](self.server)  # type: ignore[operator]
        return printed.getvalue()
