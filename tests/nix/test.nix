# A test as nixpkgs builds it (contract 6.1), without nixpkgs: a derivation whose build is the run.
#
# All files are the host's: `driver` is the folder of the installed driver, `configuration` the JSON
# file of the test, `path` the folder in which start scripts find QEMU.
{
  name,
  driver,
  configuration,
  path,
  accelerator ? "auto",
  logFile ? "/dev/null",
  extraDriverArgs ? "",
  # Not empty for a test with containers, whose build runs as root in its sandbox.
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
      # With the variables in it expanded.
      export LOGFILE=$(eval echo "${logFile}")
      export CHARIOTEER_ACCEL=${accelerator}
      ${driver}/bin/nixos-test-driver --config ${configuration} ${extraDriverArgs} -o $out
    ''
  ];
}
