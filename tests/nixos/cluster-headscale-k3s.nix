# The nodes of the cluster with Headscale in a pod, whose workers also join the cluster of k3s.
let
  cluster = import ./cluster-headscale.nix ../../machines/nixos/primer-k3s.nix;
  worker = {
    imports = [
      ../../machines/nixos/worker-k3s.nix
      cluster.nodes.worker1
    ];
  };
in
cluster
// {
  name = "cluster-headscale-k3s";
  globalTimeout = 3600;
  nodes = {
    inherit (cluster.nodes) primer;
    worker1 = worker;
    worker2 = worker;
    worker3 = worker;
  };
  testScript = builtins.readFile ../../examples/cluster-headscale-k3s/test.py;
}
