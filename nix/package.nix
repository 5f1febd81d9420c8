# Replaces nixpkgs' `nixos-test-driver`: has the same arguments for a test's options, and contains
# the same programs and the typed Python package for the type check of the test script.
{
  lib,
  stdenv,
  callPackage,
  makeWrapper,
  coreutils,
  netpbm,
  qemu_pkg ? qemu_test,
  qemu_test,
  runCommand,
  systemd,
  util-linux,
  # For the SSH backdoor; in nixpkgs since 26.05.
  vhost-device-vsock ? null,

  enableNspawn ? false,
  enableOCR ? false,
  extraPythonPackages ? (_: [ ]),
  unwrapped ? callPackage ./unwrapped.nix { },
}:
let
  inherit (unwrapped) language python3;
  pythonPackages = [
    python3.pkgs.aiohttp
    python3.pkgs.ptpython
    python3.pkgs.rich
  ]
  ++ extraPythonPackages python3.pkgs;

  # Not socat, VDE and ImageMagick, whose functions the driver implements. netpbm converts the
  # screenshots of the containers' X servers.
  programs = [
    coreutils
    qemu_pkg
  ]
  ++ lib.optional (vhost-device-vsock != null) vhost-device-vsock
  ++ lib.optionals enableNspawn [
    netpbm
    systemd
    util-linux
  ];

  notCompiled = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../examples
      ../machines
      ../python/charioteer
      ../python/test_driver
    ];
  };
  itsTests = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../pyproject.toml
      ../tests/python
    ];
  };
in
stdenv.mkDerivation (finalAttrs: {
  pname = "nixos-test-driver";
  inherit (unwrapped) version;

  dontUnpack = true;
  dontBuild = true;

  nativeBuildInputs = [ makeWrapper ];
  # Python's setup hook adds this package and a test's additional packages to PYTHONPATH of
  # derivations that have this package as an input; the type check finds them there.
  propagatedBuildInputs = [ python3 ] ++ pythonPackages;

  installPhase = ''
    runHook preInstall
    # Copies, not links: the packages and the programs resolve links of their own path, and look for
    # the machines, the examples and the packages relative to it.
    mkdir -p $out/${dirOf python3.sitePackages} $out/bin $out/share/charioteer
    cp -r ${unwrapped}/${python3.sitePackages} $out/${python3.sitePackages}
    cp -r ${unwrapped}/bin $out/libexec
    chmod -R u+w $out
    cp -r ${notCompiled}/python/* $out/${python3.sitePackages}
    cp -r ${notCompiled}/examples ${notCompiled}/machines $out/share/charioteer
    chmod -R u+w $out
    for program in charioteer generate-driver-symbols nixos-test-driver; do
      makeWrapper $out/libexec/$program $out/bin/$program \
        --prefix PATH : ${lib.makeBinPath programs} \
        --prefix PYTHONPATH : ${python3.pkgs.makePythonPath pythonPackages} \
        ${lib.optionalString enableOCR "--set-default TESSDATA_PREFIX ${language}"}
    done
    runHook postInstall
  '';

  # Imports the packages by the programs' search path; no earlier phase does.
  doInstallCheck = true;
  installCheckPhase = ''
    runHook preInstallCheck
    PYTHONPATH=$out/${python3.sitePackages}:${python3.pkgs.makePythonPath pythonPackages} \
      ${python3.interpreter} -c \
      'import aiohttp, charioteer._core, charioteer.cli.program, ptpython, rich.cells, test_driver.driver, test_driver.machine'
    $out/bin/generate-driver-symbols
    runHook postInstallCheck
  '';

  passthru = {
    inherit notCompiled unwrapped;
    tests.python = runCommand "charioteer-python-tests" { } ''
      cp -r ${itsTests}/. source
      chmod -R u+w source
      cd source
      grep -rl /usr/bin/python3 tests | xargs --no-run-if-empty \
        sed -i 's,/usr/bin/python3,${python3.interpreter},'
      export HOME=$PWD PYTHONPATH=${finalAttrs.finalPackage}/${python3.sitePackages}
      ${
        python3.withPackages (p: [
          p.pytest
          p.ptpython
          p.rich
        ])
      }/bin/python3 -m pytest -q tests/python/test_driver
      touch $out
    '';
  };

  meta = unwrapped.meta // {
    mainProgram = "nixos-test-driver";
  };
})
