# A primer runs Kubernetes, and in it Headscale as a pod; three workers enrol in its mesh, and then
# join its cluster. The script uses the names of k3s, whatever runs under them.
import base64
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

all_nodes = [primer, worker1, worker2, worker3]
workers = all_nodes[1:]
phases: dict[str, tuple[float, float]] = {}
used: dict[int | None, float] = {}

# Limits for a machine that emulates four others, in seconds.
SLOW, VERY_SLOW = 600, 1200
CONFIGURATION = "/etc/rancher/k3s/config.yaml"
HEADSCALE = "kubectl exec -n headscale-system deploy/headscale -- headscale"

# An account that may read what the workers look at, and nothing else.
READER = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: ["", apps], resources: [nodes, pods, deployments], verbs: [get, list, watch]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
"""

# A pod on each worker that serves the name of its node, and one that is moved to another worker soon
# after its own has become unreachable; by default Kubernetes waits for five minutes more.
PAGES = """
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: pages, namespace: default}
spec:
  selector: {matchLabels: {app: pages}}
  template:
    metadata: {labels: {app: pages}}
    spec:
      dnsPolicy: Default
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions:
              - {key: kubernetes.io/hostname, operator: NotIn, values: [primer]}
      containers:
      - name: pages
        image: charioteer.local/busybox:1
        imagePullPolicy: Never
        env: [{name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}]
        command: [/bin/busybox, sh, -c]
        args:
        - busybox mkdir /www && echo $NODE > /www/name && exec busybox httpd -f -p 8000 -h /www
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: single, namespace: default}
spec:
  selector: {matchLabels: {app: single}}
  template:
    metadata: {labels: {app: single}}
    spec:
      dnsPolicy: Default
      automountServiceAccountToken: false
      terminationGracePeriodSeconds: 1
      tolerations:
      - {key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 5}
      - {key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute, tolerationSeconds: 5}
      affinity:
        nodeAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
            nodeSelectorTerms:
            - matchExpressions:
              - {key: kubernetes.io/hostname, operator: NotIn, values: [primer]}
      containers:
      - name: single
        image: charioteer.local/busybox:1
        imagePullPolicy: Never
        command: [/bin/busybox, sleep, infinity]
"""


def processor_seconds():
    """The processor time of all machines until now; 0 where the system does not show it."""
    for machine in all_nodes:
        try:
            with open(f"/proc/{machine.pid}/stat") as stat:
                times = stat.read().rpartition(")")[2].split()[11:13]
        except OSError:
            continue
        used[machine.pid] = sum(map(int, times)) / os.sysconf("SC_CLK_TCK")
    return sum(used.values())


@contextmanager
def phase(name):
    """A subtest whose duration is in the table at the end."""
    began, before = time.monotonic(), processor_seconds()
    with subtest(name):
        yield
    phases[name] = time.monotonic() - began, processor_seconds() - before


def in_parallel(action, machines):
    """Runs `action` on all machines in parallel; the results, in order."""
    with ThreadPoolExecutor(len(machines)) as threads:
        return list(threads.map(action, machines))


def write(machine, path, text):
    """Writes a file in the machine, for root only."""
    encoded = base64.b64encode(text.encode()).decode()
    machine.succeed(f"install -D -m 600 /dev/null {path}", f"echo {encoded} | base64 -d > {path}")


def create(objects):
    """Creates objects of Kubernetes."""
    write(primer, "/tmp/objects.yaml", objects)
    # For validation the server would describe all of its types, which takes emulated machines seconds.
    primer.succeed("kubectl create --validate=false -f /tmp/objects.yaml", timeout=SLOW)


def pods_of(app):
    """The pods with the label `app` that are not about to be deleted."""
    pods = json.loads(primer.succeed(f"kubectl get pods -l app={app} -o json", timeout=SLOW))
    return [pod for pod in pods["items"] if "deletionTimestamp" not in pod["metadata"]]


def enrol(machine):
    """Registers the machine with the key."""
    machine.wait_for_unit("tailscaled.service")
    machine.succeed(
        f"tailscale up --login-server=http://{address}:8080 --auth-key={key} "
        f"--hostname={machine.name} --accept-dns=false --netfilter-mode=off --timeout=300s",
        timeout=SLOW,
    )


def reach_all(machine):
    """Pings every other node by its name through the mesh, without a relay; returns their number."""
    others = [other for other in all_nodes if other is not machine]
    for other in others:
        pong = machine.succeed(
            f"tailscale ping -c 20 --timeout=20s --until-direct=true {other.name}", timeout=SLOW
        ).splitlines()[-1]
        t.assertNotIn("DERP", pong)
        t.assertIn(pong.split()[3].strip("()"), addresses[other.name])
    return len(others)


def join(machine):
    """Has the machine join the cluster."""
    write(machine, CONFIGURATION, f"server: https://{address}:6443\ntoken: {token}\n")
    machine.succeed("systemctl start k3s-agent", timeout=SLOW)


def explain(machine):
    """Prints what is known about the machine and, on the primer, about the cluster."""
    commands = ["systemctl --failed --no-pager", "journalctl --no-pager -n 40 -u tailscaled"]
    commands += [
        "tail -n 20 /var/log/kubelet.log",
        "journalctl --no-pager -n 20 -u k3s-agent -u k3s",
    ]
    if machine is primer:
        commands += ["kubectl get nodes,pods -A -o wide", "kubectl describe pods -A"]
        commands += ["kubectl get events -A --sort-by=.lastTimestamp"]
        commands += ["kubectl logs -n headscale-system deploy/headscale --tail=40"]
        commands += ["tail -n 20 /var/log/kube-server.log"]
    for command in commands:
        print(
            f"--- {machine.name}: {command}\n{machine.execute(command + ' 2>&1', timeout=120)[1]}"
        )


try:
    with phase("k3s serves"):
        primer.start()
        primer.wait_for_unit("k3s.service", timeout=VERY_SLOW)
        primer.wait_for_open_port(6443)

    with phase("Headscale's pod is ready"):
        ready = "kubectl wait --for=condition=ready pod -l app=headscale -n headscale-system"
        primer.wait_until_succeeds(f"{ready} --timeout={SLOW}s", timeout=VERY_SLOW)

    with phase("there is a user with a key"):
        user = json.loads(primer.succeed(f"{HEADSCALE} users create lab -o json", timeout=SLOW))
        key = primer.succeed(
            f"{HEADSCALE} preauthkeys create --user {user['id']} --reusable --expiration 24h",
            timeout=SLOW,
        ).strip()

    with phase("the workers start, and all nodes enrol"):
        start_all()
        # From another machine: on the primer itself its name may have a loopback address.
        address = worker1.succeed("getent ahostsv4 primer").split()[0]
        in_parallel(enrol, all_nodes)

    with phase("every node reaches every other directly, by name"):
        nodes = json.loads(primer.succeed(f"{HEADSCALE} nodes list -o json", timeout=SLOW))
        t.assertEqual(sorted(node["given_name"] for node in nodes), [m.name for m in all_nodes])
        addresses = {node["given_name"]: node["ip_addresses"] for node in nodes}
        reached = sum(in_parallel(reach_all, all_nodes))

    with phase("workers read the cluster by an account that may not change it"):
        create(READER)
        kubeconfig = json.loads(primer.succeed("kubectl config view --raw -o json", timeout=SLOW))
        cluster = kubeconfig["clusters"][0]["cluster"]
        cluster["server"] = cluster["server"].replace("127.0.0.1", address)
        granted = primer.succeed("kubectl create token reader --duration=1h", timeout=SLOW).strip()
        kubeconfig["users"][0]["user"] = {"token": granted}

        def read(worker):
            write(worker, "/root/reader.json", json.dumps(kubeconfig))
            kubectl = "KUBECONFIG=/root/reader.json kubectl"
            t.assertIn("primer", worker.succeed(f"{kubectl} get nodes", timeout=SLOW))
            deployment = f"{kubectl} get deployment headscale -n headscale-system -o json"
            status = json.loads(worker.succeed(deployment, timeout=SLOW))["status"]
            t.assertEqual(status["readyReplicas"], 1)
            refused = worker.fail(f"{kubectl} delete node primer 2>&1", timeout=SLOW)
            t.assertIn("Forbidden", refused)

        in_parallel(read, workers)

    with phase("the workers join, and all nodes are ready"):
        token = primer.succeed("cat /var/lib/rancher/k3s/server/node-token").strip()
        in_parallel(join, workers)
        for worker in workers:
            waiting = f"kubectl wait --for=create node/{worker.name} --timeout={SLOW}s"
            primer.succeed(waiting, timeout=VERY_SLOW)
        waiting = f"kubectl wait --for=condition=Ready node --all --timeout={SLOW}s"
        primer.succeed(waiting, timeout=VERY_SLOW)

    with phase("a pod runs on each worker, and pods reach each other"):
        create(PAGES)
        for name in ("daemonset/pages", "deployment/single"):
            rollout = f"kubectl rollout status {name} --timeout={SLOW}s"
            primer.succeed(rollout, timeout=VERY_SLOW)
        pods = pods_of("pages")
        t.assertEqual(sorted(pod["spec"]["nodeName"] for pod in pods), [w.name for w in workers])
        pages = " ".join(f"http://{pod['status']['podIP']}:8000/name" for pod in pods)
        for pod in pods:
            name = pod["metadata"]["name"]
            fetch = f"for page in {pages}; do busybox wget -q -O - $page; done"
            answers = primer.succeed(
                f"kubectl exec {name} -- /bin/busybox sh -c '{fetch}'", timeout=SLOW
            )
            t.assertEqual(sorted(answers.split()), [worker.name for worker in workers])

    with phase("a pod is moved when its worker crashes"):
        (pod,) = pods_of("single")
        (crashed,) = [worker for worker in workers if worker.name == pod["spec"]["nodeName"]]
        crashed.crash()
        # The first when the server regards the worker as unreachable, the second on another one.
        for available in ("false", "true"):
            waiting = f"kubectl wait --for=condition=Available={available} deployment/single"
            primer.succeed(f"{waiting} --timeout={SLOW}s", timeout=VERY_SLOW)
        (moved,) = pods_of("single")
        t.assertIn(moved["spec"]["nodeName"], [w.name for w in workers if w is not crashed])
except BaseException:
    for machine in all_nodes:
        if machine.is_up():
            explain(machine)
    raise

print("| phase | seconds | of processors |\n|---|---|---|")
total = [sum(column) for column in zip(*phases.values())]
for name, (taken, processors) in [*phases.items(), ("total", total)]:
    print(f"| {name} | {taken:.0f} | {processors:.0f} |")
print(f"{reached} of {len(all_nodes) * (len(all_nodes) - 1)} pings through the mesh passed")
