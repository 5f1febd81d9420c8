# What nixpkgs makes of a test (contract 6.1), without nixpkgs: a derivation whose build is the run.
#
# Everything is of the host: `driver` is where the driver is installed, `configuration` the JSON file of
# the test, `path` where the start scripts find QEMU.
{
  name,
  driver,
  configuration,
  path,
  accelerator ? "auto",
  logFile ? "/dev/null",
  extraDriverArgs ? "",
  # Not empty for a test with containers, whose build is root in its sandbox.
  containers ? "",
}:
derivation {
  name = "vm-test-run-${name}";
  system = builtins.currentSystem;
  requiredSystemFeatures = [ "nixos-test" ] ++ (if containers == "" then [ ] else [ "uid-range" ]);
  builder = "/bin/sh";
  args = [
    "-euc"
    ''
      PATH=${path}
      mkdir -p $out
      # Its own variables in it are expanded.
      export LOGFILE=$(eval echo "${logFile}")
      export CHARIOTEER_ACCEL=${accelerator}
      ${driver}/bin/nixos-test-driver --config ${configuration} ${extraDriverArgs} -o $out
    ''
  ];
}
