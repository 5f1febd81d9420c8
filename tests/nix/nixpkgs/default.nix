# A stand-in for nixpkgs, to evaluate Charioteer's Nix files without nixpkgs. It has only the
# attributes, options and arguments that they use and nixpkgs has; others fail. Derivations have the
# names of nixpkgs and cannot be built.
{
  system ? "x86_64-linux",
  release ? "26.05",
  overlays ? [ ],
}:
let
  # lib/trivial.nix
  lib = import ./lib.nix // {
    trivial = { inherit release; };
  };
  releases = [
    "24.05"
    "24.11"
    "25.05"
    "25.11"
    "26.05"
    "26.11"
  ];
  # Whether this release is that one or later.
  since =
    if builtins.elem release releases then
      first: builtins.compareVersions release first >= 0
    else
      throw "unknown release ${release}";

  # The arguments of mkDerivation. They are documented in pkgs/stdenv/generic and, for cmake, ninja
  # and Python, in their hooks. Builders with variables of their own use runCommand.
  known = [
    "buildCommand"
    "buildInputs"
    "checkInputs"
    "checkPhase"
    "cmakeBuildType"
    "cmakeFlags"
    "doCheck"
    "dontBuild"
    "doInstallCheck"
    "dontUnpack"
    "installCheckPhase"
    "installPhase"
    "meta"
    "name"
    "nativeBuildInputs"
    "nativeCheckInputs"
    "passthru"
    "pname"
    "postPatch"
    "preCheck"
    "propagatedBuildInputs"
    "src"
    "version"
  ];

  derivationOf =
    attributes:
    let
      inputs = removeAttrs attributes [
        "meta"
        "passthru"
        "pname"
        "version"
      ];
    in
    derivation (
      inputs
      // {
        inherit system;
        name = attributes.name or "${attributes.pname}-${attributes.version}";
        builder = "/bin/sh";
      }
    )
    // {
      meta = attributes.meta or { };
    }
    // (if attributes ? pname then { inherit (attributes) pname version; } else { })
    // (attributes.passthru or { });

  mkDerivation =
    given:
    let
      attributes = if builtins.isFunction given then given final else given;
      made = derivationOf attributes;
      final = attributes // {
        finalPackage = made // attributes;
      };
      unknown = builtins.filter (name: !builtins.elem name known) (builtins.attrNames attributes);
    in
    if unknown == [ ] then
      made
    else
      throw "mkDerivation: no attribute ${toString unknown} is documented";

  stub =
    name:
    derivationOf {
      inherit name;
      passthru.pname = name;
    };

  # Passes a function its arguments by name; arguments without a default that are not here fail.
  callPackageWith =
    pkgs: file: given:
    let
      function = if builtins.isFunction file then file else import file;
      asked = builtins.functionArgs function;
      missing = builtins.filter (name: !asked.${name} && !(pkgs ? ${name}) && !(given ? ${name})) (
        builtins.attrNames asked
      );
      made = function (builtins.intersectAttrs asked pkgs // given);
    in
    if missing == [ ] then
      made // { override = more: callPackageWith pkgs function (given // more); }
    else
      throw "callPackage: nothing is called ${toString missing}";

  pythonSet = lib.genAttrs (import ./python-packages.nix) stub // {
    makePythonPath = lib.concatMapStringsSep ":" (package: "${package}/lib/python3.13/site-packages");
  };

  compiler = prefix: stub "gcc-wrapper" // { targetPrefix = prefix; };

  base =
    pkgs:
    builtins.mapAttrs (name: _: stub name) (import ./packages.nix { inherit since; })
    // {
      inherit lib pkgs;
      callPackage = callPackageWith pkgs;

      # pkgs/stdenv
      stdenv = {
        inherit mkDerivation;
        hostPlatform.isx86_64 = system == "x86_64-linux";
      };
      mkShell =
        { inputsFrom, packages }:
        mkDerivation {
          name = "nix-shell";
          buildInputs = inputsFrom ++ packages;
        };
      pkgsCross =
        if system == "x86_64-linux" then
          { aarch64-multiplatform.stdenv.cc = compiler "aarch64-unknown-linux-gnu-"; }
        else
          { gnu64.stdenv.cc = compiler "x86_64-unknown-linux-gnu-"; };

      # pkgs/build-support/trivial-builders
      runCommand =
        name: variables: buildCommand:
        derivationOf (variables // { inherit name buildCommand; });
      writeText = name: text: derivationOf { inherit name text; };
      writeTextDir =
        path: text:
        derivationOf {
          name = baseNameOf path;
          inherit path text;
        };
      writeShellScriptBin =
        name: text:
        derivationOf {
          inherit name text;
          meta.mainProgram = name;
        };

      # pkgs/build-support/docker
      dockerTools.buildLayeredImage =
        {
          name,
          tag,
          contents,
          config,
        }:
        derivationOf {
          name = baseNameOf name;
          inherit tag contents;
          config = builtins.toJSON config;
        };

      # pkgs/applications/graphics/tesseract
      tesseract5 = {
        tesseractBase = stub "tesseract";
        languages.eng = stub "eng.traineddata";
      };

      # pkgs/development/interpreters/python
      python3 = stub "python3" // {
        interpreter = "${stub "python3"}/bin/python3.13";
        sitePackages = "lib/python3.13/site-packages";
        pkgs = pythonSet;
        withPackages =
          choose:
          derivationOf {
            name = "python3-env";
            packages = choose pythonSet;
          };
      };
      python3Packages = pythonSet;

      # pkgs/build-support/testers
      testers.runNixOSTest = import ./testing.nix { inherit lib pkgs since; };
    }
    // (
      if since "26.05" then
        {
          # nixos/lib/test-driver, with the arguments from a test's options
          nixos-test-driver = pkgs.callPackage (
            {
              enableNspawn ? false,
              enableOCR ? false,
              extraPythonPackages ? (_: [ ]),
              qemu_pkg ? qemu_test,
              qemu_test,
            }:
            stub "nixos-test-driver"
          ) { };
        }
      else
        { }
    );

  pkgs = builtins.foldl' (previous: overlay: previous // overlay pkgs previous) (base pkgs) overlays;
in
pkgs
