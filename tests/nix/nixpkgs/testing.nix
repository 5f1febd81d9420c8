# `pkgs.testers.runNixOSTest`: evaluates a test and its nodes, and returns the same derivations as
# nixpkgs, but empty. Documented in nixos/doc/manual/development/writing-nixos-tests.section.md
# and declared below nixos/lib/testing/.
{
  lib,
  pkgs,
  since,
}:
let
  newRelease = since "26.05";
  inherit (import ./modules.nix { inherit lib; }) evalModules;
  from = file: type: {
    inherit type;
    documented = "nixos/lib/testing/${file}";
  };
  withDefault = default: option: option // { inherit default; };
  driverOption = from "driver.nix";

  # Containers have only some of the options below `virtualisation`.
  tableOfNodes = import ./options.nix pkgs;
  tableOfContainers = tableOfNodes // {
    virtualisation = { inherit (tableOfNodes.virtualisation) interfaces vlans; };
  };

  evalNode =
    table: numberOf: defaults: path: modules:
    let
      name = builtins.elemAt path 1;
      own = {
        system = { inherit name; };
        networking.primaryIPAddress = "192.168.1.${toString (numberOf name)}";
        # Depends on the whole configuration, as an image does.
        system.build.vm = pkgs.stdenv.mkDerivation {
          name = "nixos-vm";
          buildCommand = builtins.toJSON (evaluated.config // { system = null; });
        };
      };
      evaluated = evalModules {
        modules = defaults ++ modules ++ [ own ];
        inherit table;
        arguments = { inherit pkgs; };
      };
    in
    evaluated.config;

  nodesOption = table: numberOf: defaults: {
    any = from "nodes.nix" "module" // {
      apply = evalNode table numberOf defaults;
    };
  };
  modulesOption = withDefault [ ] (from "nodes.nix" "module");

  tableFor =
    config: evalAgain:
    let
      names = builtins.attrNames config.nodes;
      # The machine's position among all machines, from 1.
      numberOf = name: 1 + lib.length (builtins.filter (other: other < name) names);
    in
    {
      name = from "name.nix" "str";
      nodes = nodesOption tableOfNodes numberOf (config.defaults ++ config.nodeDefaults or [ ]);
      defaults = modulesOption;
      testScript = from "testScript.nix" "scriptOrFunction";
      testScriptString = from "testScript.nix" "lines";
      hostPkgs = driverOption "raw";
      qemu.package = withDefault pkgs.qemu_test (driverOption "package");
      driver = driverOption "package";
      globalTimeout = withDefault 3600 (driverOption "int");
      enableOCR = withDefault false (driverOption "bool");
      extraPythonPackages = withDefault (_: [ ]) (driverOption "function");
      extraDriverArgs = withDefault [ ] (driverOption "list");
      skipLint = withDefault false (driverOption "bool");
      skipTypeCheck = withDefault false (driverOption "bool");
      meta = withDefault { } (from "meta.nix" "attrs");
      passthru = withDefault { } (from "run.nix" "attrs");
      test = from "run.nix" "package";
      interactive = withDefault [ ] (from "interactive.nix" "module") // {
        apply = _: evalAgain;
      };
    }
    // (
      if newRelease then
        {
          containers = nodesOption tableOfContainers numberOf config.defaults;
          nodeDefaults = modulesOption;
          driverConfigurationFile = from "driver-configuration.nix" "package";
          logLevel = withDefault "info" (driverOption "str");
          pythonTestDriverPackage = withDefault pkgs.nixos-test-driver (driverOption "package");
        }
      else
        { }
    );

  # The driver of nixpkgs, unless a module replaces it.
  base =
    { config, ... }:
    {
      hostPkgs = pkgs;
      testScriptString =
        if builtins.isFunction config.testScript then
          config.testScript { inherit (config) nodes; }
        else
          config.testScript;
      driver = pkgs.stdenv.mkDerivation {
        name = "nixos-test-driver-of-nixpkgs";
        buildCommand =
          if newRelease then
            "${
              config.pythonTestDriverPackage.override {
                inherit (config) enableOCR extraPythonPackages;
                qemu_pkg = config.qemu.package;
                enableNspawn = config.containers != { };
              }
            }/bin/nixos-test-driver"
          else
            "";
      };
      test = pkgs.stdenv.mkDerivation {
        name = "vm-test-run-${config.name}";
        buildCommand = "${config.driver}/bin/nixos-test-driver -o $out";
      };
      interactive.extraDriverArgs = [ "--interactive" ];
      interactive.qemu.package = pkgs.qemu;
    }
    // (
      if newRelease then
        {
          driverConfigurationFile = pkgs.writeText "driverConfiguration.json" (
            builtins.toJSON {
              vms = builtins.mapAttrs (_: node: node.system.build.vm) config.nodes;
              global_timeout = config.globalTimeout;
              test_script = pkgs.writeText "test-script" config.testScriptString;
            }
          );
        }
      else
        { }
    );

  evalTest =
    modules:
    let
      evaluated = evalModules {
        inherit modules;
        table = tableFor evaluated.config (more: evalTest (modules ++ more));
        arguments = {
          inherit pkgs;
          hostPkgs = pkgs;
        };
      };
    in
    evaluated.config;

  made =
    modules:
    let
      config = evalTest modules;
    in
    config.test
    // {
      inherit config;
      inherit (config) driver nodes;
      driverInteractive = config.interactive.driver;
    }
    # call-test.nix, which makes tests extensible.
    // (if since "25.11" then { extend = more: made (modules ++ more.modules); } else { });
in
module:
made [
  base
  module
]
