# Charioteer for Nix without flakes; flake.nix gives the same.
{
  pkgs ? import <nixpkgs> { },
}:
let
  testModule = ./nix/test-module.nix;
in
{
  inherit testModule;
  package = pkgs.callPackage ./nix/package.nix { };
  overlay = import ./nix/overlay.nix;

  # A NixOS test, given as for `pkgs.testers.runNixOSTest`, that runs on Charioteer.
  mkTest =
    test:
    pkgs.testers.runNixOSTest {
      imports = [
        test
        testModule
      ];
    };

  # The same for an existing test, `pkgs.nixosTests.NAME` for instance; since 25.11.
  onCharioteer = import ./nix/on-charioteer.nix;
}
