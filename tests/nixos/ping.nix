# Four machines on one VLAN ping each other by name.
{
  name = "ping";
  globalTimeout = 300;
  nodes = {
    primer = { };
    worker1 = { };
    worker2 = { };
    worker3 = { };
  };
  testScript = builtins.readFile ../../examples/ping/test.py;
}
