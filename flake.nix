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
        # For the `imports` of a test, on every release since 24.05.
        testModule = ./nix/test-module.nix;
        # Takes a package set and returns a function that makes a test.
        mkTest = pkgs: (charioteerOf pkgs).mkTest;
        # Makes an existing test run on Charioteer, since 25.11.
        onCharioteer = import ./nix/on-charioteer.nix;
      };

      # For the nodes of tests, which must have an IP address.
      nixosModules = {
        cluster-primer = ./machines/nixos/primer.nix;
        cluster-primer-k3s = ./machines/nixos/primer-k3s.nix;
        cluster-worker = ./machines/nixos/worker.nix;
        cluster-worker-k3s = ./machines/nixos/worker-k3s.nix;
      };

      # Four machines that ping each other, as a test and at an interactive prompt.
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
          repl = run ping.driverInteractive "the same machines, at an interactive prompt";
        }
      );

      checks = forEachSystem (
        pkgs:
        let
          inherit (charioteerOf pkgs) package;
        in
        {
          # Building the package runs the C++ tests.
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
              p.aiohttp
              p.black
              p.mypy
              p.ptpython
              p.rich
              p.pyflakes
              p.pytest
              p.pytest-xdist
              p.selenium
            ]))
          ];
        };
      });

      formatter = forEachSystem (pkgs: pkgs.nixfmt-tree);
    };
}
