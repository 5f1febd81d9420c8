# Files on the disk survive a shutdown, a power failure and a reboot.
{
  name = "reboot";
  globalTimeout = 900;
  nodes.machine = { };
  testScript = builtins.readFile ../../examples/reboot/test.py;
}
