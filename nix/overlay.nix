# Puts Charioteer in the place of the NixOS test driver. All that nixpkgs 26.05 and later need;
# before, a test's driver is not taken from the package set, and test-module.nix replaces it.
final: _prev: {
  nixos-test-driver = final.callPackage ./package.nix { };
  charioteer = final.nixos-test-driver;
}
