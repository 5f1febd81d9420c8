# What is on the disk outlives shutdown, crash and reboot.
{
  name = "reboot";
  globalTimeout = 900;
  nodes.machine = { };
  testScript = builtins.readFile ../../examples/reboot/test.py;
}
