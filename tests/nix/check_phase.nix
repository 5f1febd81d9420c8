# The check phase of nix/unwrapped.nix on a built tree, without nixpkgs: a derivation whose build
# runs the phase, with access only to the folders of the host in `visible`.
{
  phase,
  preCheck,
  build,
  programs,
  run,
}:
derivation {
  name = "check-phase-${run}";
  system = builtins.currentSystem;
  inherit phase preCheck;
  builder = "${programs}/bash";
  args = [
    "-euc"
    ''
      # As stdenv has it.
      export PATH=${programs}
      export HOME=/homeless-shelter NIX_BUILD_CORES=$(nproc)
      runHook() { eval "''${!1-}"; }
      cd ${build}
      eval "$phase"
      echo passed >$out
    ''
  ];
}
