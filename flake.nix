{
  description = "Charioteer: a native NixOS test driver";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { nixpkgs, ... }:
    let
      inherit (nixpkgs) lib;
      forEachSystem =
        make:
        lib.genAttrs [
          "x86_64-linux"
          "aarch64-linux"
        ] (system: make nixpkgs.legacyPackages.${system});
      charioteerOf = pkgs: import ./. { inherit pkgs; };
      pingOf = pkgs: (charioteerOf pkgs).mkTest ./tests/nixos/ping.nix;
    in
    {
      packages = forEachSystem (
        pkgs:
        let
          inherit (charioteerOf pkgs) package;
        in
        {
          default = package;
          charioteer = package;
          nixos-test-driver = package;
        }
      );

      overlays.default = import ./nix/overlay.nix;

      lib = {
        # For the imports of a test, on every release since 24.05.
        testModule = ./nix/test-module.nix;
        # Given a package set, makes a test; and puts one that is made on Charioteer, since 25.11.
        mkTest = pkgs: (charioteerOf pkgs).mkTest;
        onCharioteer = import ./nix/on-charioteer.nix;
      };

      # For nodes of tests, which have an address.
      nixosModules = {
        cluster-primer = ./machines/nixos/primer.nix;
        cluster-primer-k3s = ./machines/nixos/primer-k3s.nix;
        cluster-worker = ./machines/nixos/worker.nix;
      };

      # Four machines that ping each other, and the same ones at a prompt.
      apps = forEachSystem (
        pkgs:
        let
          run = driver: description: {
            type = "app";
            program = "${driver}/bin/nixos-test-driver";
            meta = { inherit description; };
          };
          ping = pingOf pkgs;
        in
        {
          demo = run ping.driver "boots four machines that ping each other";
          repl = run ping.driverInteractive "the same machines, at a prompt";
        }
      );

      checks = forEachSystem (
        pkgs:
        let
          inherit (charioteerOf pkgs) package;
        in
        {
          # The C++ tests run when it is built.
          unit = package.unwrapped;
          python = package.tests.python;
          vm = pingOf pkgs;
        }
      );

      devShells = forEachSystem (pkgs: {
        default = pkgs.mkShell {
          inputsFrom = [ (charioteerOf pkgs).package.unwrapped ];
          packages = [
            pkgs.ccache
            pkgs.qemu_test
            (pkgs.python3.withPackages (p: [
              p.black
              p.mypy
              p.ptpython
              p.pyflakes
              p.pytest
              p.pytest-xdist
            ]))
          ];
        };
      });

      # Formats as nixfmt does.
      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
