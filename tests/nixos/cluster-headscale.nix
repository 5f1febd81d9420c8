# Four nodes register with Headscale and reach each other through WireGuard. `primer` is the module of the
# first one: Headscale as a unit, or in a pod.
primer:
let
  worker = {
    imports = [ ../../machines/nixos/worker.nix ];
    virtualisation = {
      memorySize = 2048;
      cores = 1;
    };
  };
in
{
  name = "cluster-headscale";
  globalTimeout = 1800;
  nodes = {
    primer = {
      imports = [ primer ];
      virtualisation = {
        memorySize = 4096;
        cores = 2;
        diskSize = 4096;
      };
    };
    worker1 = worker;
    worker2 = worker;
    worker3 = worker;
  };
  testScript = builtins.readFile ../../examples/cluster-headscale/test.py;
}
