# A module for NixOS tests, not for machines: the test runs on Charioteer, on every release since
# 24.05, with or without the overlay. `driverInteractive` is replaced too, because `interactive.*`
# evaluates all modules of the test again.
{
  config,
  hostPkgs,
  lib,
  options,
  ...
}:
let
  # The package set's attribute first, so that later overlays can change the package.
  package = (hostPkgs.charioteer or (hostPkgs.callPackage ./package.nix { })).override {
    inherit (config) enableOCR extraPythonPackages;
    qemu_pkg = config.qemu.package;
    enableNspawn = containers != { };
  };

  # Features of later releases are detected by their option, not by the version.
  takesFile = options ? driverConfigurationFile;
  containers = config.containers or { };
  machines = lib.attrValues config.nodes ++ lib.attrValues containers;

  # The Python identifier of a name, as the driver derives it.
  identifier =
    name:
    let
      characters = lib.stringToCharacters name;
      replace = allowed: c: if builtins.match allowed c == null then "_" else c;
    in
    lib.concatStrings (
      map (replace "[A-Za-z_]") (lib.take 1 characters)
      ++ map (replace "[A-Za-z0-9_]") (lib.drop 1 characters)
    );
  # Releases before 26.05 name a machine by its host name, later ones by its attribute in `nodes`.
  namesOf =
    nodes:
    if takesFile then lib.attrNames nodes else map (node: node.system.name) (lib.attrValues nodes);
  onlyMachine = lib.optional (
    lib.length (lib.attrNames config.nodes) == 1
    && !lib.elem "machine" (map (node: node.system.name) machines)
  ) "machine";
  virtualMachines = map identifier (namesOf config.nodes ++ onlyMachine);
  nspawnMachines = map identifier (namesOf containers);

  vlans = lib.unique (
    lib.concatMap (
      node:
      node.virtualisation.vlans
      ++ lib.mapAttrsToList (_: interface: interface.vlan) node.virtualisation.interfaces
    ) machines
  );

  vlanNames = map (number: "vlan${toString number}") vlans;

  # The driver of an earlier release has fewer names, and Machine as the only machine class. The
  # missing names have the type Any, since a script may use them for its own variables.
  releaseAnnotations =
    if takesFile then
      [
        "from unittest import TestCase as _TestCase"
        "from test_driver.debug import DebugAbstract as _DebugAbstract"
        "from test_driver.machine import BaseMachine, NspawnMachine, QemuMachine"
        "machines: list[BaseMachine]"
        "machines_qemu: list[QemuMachine]"
        "machines_nspawn: list[NspawnMachine]"
        "t: _TestCase"
        "debug: _DebugAbstract"
        "dump_machine_ssh: _Callable[[], None]"
      ]
    else
      [ "machines: list[Machine]" ]
      ++ map (name: "${name}: _Any") [
        "BaseMachine"
        "NspawnMachine"
        "QemuMachine"
        "debug"
        "dump_machine_ssh"
        "machines_nspawn"
        "machines_qemu"
        "t"
      ];
  virtualMachine = if takesFile then "QemuMachine" else "Machine";
  annotations = lib.concatLines (
    releaseAnnotations
    ++ map (name: "${name}: ${virtualMachine}") virtualMachines
    ++ map (name: "${name}: NspawnMachine") nspawnMachines
    ++ map (name: "${name}: _VLan") vlanNames
  );

  typeCheck = ''
    echo "Checking the types of the test script; skipTypeCheck = true does without"
    { cat ${./script_names.py}; echo -n ${lib.escapeShellArg annotations}; cat "$out/test-script"; } \
      >testScriptWithTypes
    mypy --no-implicit-optional --pretty --no-color-output testScriptWithTypes
  '';

  lint = ''
    echo "Linting the test script; skipLint = true does without"
    ${package}/bin/generate-driver-symbols
    PYFLAKES_BUILTINS=${
      lib.escapeShellArg (lib.concatStringsSep "," (virtualMachines ++ nspawnMachines ++ vlanNames))
    },$(cat driver-symbols) \
      ${hostPkgs.python3Packages.pyflakes}/bin/pyflakes "$out/test-script"
  '';

  # How the driver gets the test: by a file since 26.05, by environment variables before.
  configuration =
    if takesFile then
      lib.escapeShellArgs [
        "--add-flags"
        "--config ${config.driverConfigurationFile}"
        "--add-flags"
        "--log-level ${config.logLevel}"
      ]
    else
      lib.concatStringsSep " " [
        "--set startScripts \"$(echo ${
          lib.concatMapStringsSep " " (node: "${node.system.build.vm}/bin/run-*-vm") machines
        })\""
        "--set testScript \"$out/test-script\""
        "--set globalTimeout ${toString config.globalTimeout}"
        "--set vlans ${lib.escapeShellArg (toString vlans)}"
      ];
  extraArguments = lib.escapeShellArgs (
    lib.concatMap (argument: [
      "--add-flags"
      argument
    ]) config.extraDriverArgs
  );

  # A node whose state QEMU can save. The driver unmounts its own shares by 9p; those by virtiofs, which
  # nixpkgs has since August 2026, cannot be saved even so. No option tells them apart.
  sharesByVirtiofs = lib.versionAtLeast lib.trivial.release "26.11";
  savableNode =
    { config, ... }:
    let
      # With a boot loader the store is on the root disk.
      onImage = content: lib.mkIf (!config.virtualisation.useBootLoader) (lib.mkDefault content);
    in
    {
      virtualisation = {
        useNixStoreImage = onImage true;
        # As with the host's store; NixOS makes an image read-only by default.
        writableStore = onImage true;
        sharedDirectories = lib.mkIf sharesByVirtiofs (lib.mkForce { });
      };
    };
  # Since 26.05 `defaults` are also those of containers, which do not have these options.
  defaultsOfNodes = if options ? nodeDefaults then "nodeDefaults" else "defaults";

  driver =
    hostPkgs.runCommand "nixos-test-driver-${config.name}"
      {
        nativeBuildInputs = [
          hostPkgs.makeWrapper
        ]
        ++ lib.optional (!config.skipTypeCheck) hostPkgs.mypy;
        buildInputs = [ package ];
        testScript = config.testScriptString;
        passAsFile = [ "testScript" ];
        preferLocalBuild = true;
        passthru = config.passthru;
        meta = config.meta // {
          mainProgram = "nixos-test-driver";
        };
      }
      ''
        mkdir -p $out/bin
        cp "$testScriptPath" $out/test-script
        ${lib.optionalString (!config.skipTypeCheck) typeCheck}
        ${lib.optionalString (!config.skipLint) lint}
        makeWrapper ${package}/bin/nixos-test-driver $out/bin/nixos-test-driver \
          ${configuration} ${extraArguments}
      '';
in
{
  options.charioteer.checkpoints = lib.mkOption {
    type = lib.types.bool;
    default = false;
    description = ''
      Whether the machines are such that checkpoints of them can be saved: their Nix store is an
      image, and since 26.11 they share no folders with the host.
    '';
  };
  config = {
    driver = lib.mkForce (lib.warnIf config.skipLint "Linting is disabled" driver);
    ${defaultsOfNodes} = lib.mkIf config.charioteer.checkpoints savableNode;
  };
}
