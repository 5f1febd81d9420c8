# Replaces the NixOS test driver by Charioteer. Sufficient for nixpkgs 26.05 and later; in earlier
# releases a test's driver does not come from the package set, and test-module.nix replaces it.
final: _prev: {
  nixos-test-driver = final.callPackage ./package.nix { };
  charioteer = final.nixos-test-driver;
}
