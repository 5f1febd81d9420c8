{
  description = "The examples of Charioteer as NixOS tests";

  # Charioteer itself is the folder above, which is in the same tree and so needs no input.
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { nixpkgs, ... }:
    let
      system = "x86_64-linux";
      charioteer = import ../. { pkgs = nixpkgs.legacyPackages.${system}; };
    in
    {
      # Not `checks`: `nix flake check` would boot all of these machines, for minutes and gigabytes.
      packages.${system} = {
        cluster-headscale = charioteer.mkTest (
          import ./nixos/cluster-headscale.nix ../machines/nixos/primer.nix
        );
        cluster-headscale-k3s = charioteer.mkTest ./nixos/cluster-headscale-k3s.nix;
        ping = charioteer.mkTest ./nixos/ping.nix;
        reboot = charioteer.mkTest ./nixos/reboot.nix;
        remote-unlock = charioteer.mkTest ./nixos/remote-unlock.nix;
      };
    };
}
