# In the place of nixpkgs' `nixos-test-driver`: takes what a test chooses by the same arguments, and
# gives the programs, and the typed Python package for the check of the script.
{
  lib,
  stdenv,
  callPackage,
  makeWrapper,
  coreutils,
  netpbm,
  qemu_pkg ? qemu_test,
  qemu_test,
  systemd,
  util-linux,
  # Of the SSH backdoor; nixpkgs has it since 26.05.
  vhost-device-vsock ? null,

  enableNspawn ? false,
  enableOCR ? false,
  extraPythonPackages ? (_: [ ]),
  unwrapped ? callPackage ./unwrapped.nix { },
}:
let
  inherit (unwrapped) language python3;
  pythonPackages = [ python3.pkgs.ptpython ] ++ extraPythonPackages python3.pkgs;

  # No socat, VDE, ImageMagick: the driver does their work itself. netpbm converts what the X
  # servers of containers show.
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

  machinesAndExamples = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../examples
      ../machines
    ];
  };
in
stdenv.mkDerivation {
  pname = "nixos-test-driver";
  inherit (unwrapped) version;

  dontUnpack = true;
  dontBuild = true;

  nativeBuildInputs = [ makeWrapper ];
  # Python's set-up hook puts this package and those that a test adds on PYTHONPATH of whoever has
  # this package as an input, which is how the type check finds them.
  propagatedBuildInputs = [ python3 ] ++ pythonPackages;

  installPhase = ''
    runHook preInstall
    # Copies, not links: the packages find the machines and examples above the folder they really
    # are in, and the programs find the packages from theirs.
    mkdir -p $out/${dirOf python3.sitePackages} $out/bin $out/share
    cp -r ${unwrapped}/${python3.sitePackages} $out/${python3.sitePackages}
    cp -r ${unwrapped}/bin $out/libexec
    cp -r ${machinesAndExamples} $out/share/charioteer
    chmod -R u+w $out
    for program in charioteer generate-driver-symbols nixos-test-driver; do
      makeWrapper $out/libexec/$program $out/bin/$program \
        --prefix PATH : ${lib.makeBinPath programs} \
        --prefix PYTHONPATH : ${python3.pkgs.makePythonPath pythonPackages} \
        ${lib.optionalString enableOCR "--set-default TESSDATA_PREFIX ${language}"}
    done
    runHook postInstall
  '';

  # As the programs find them, which nothing does on their account before the first test.
  doInstallCheck = true;
  installCheckPhase = ''
    runHook preInstallCheck
    PYTHONPATH=$out/${python3.sitePackages}:${python3.pkgs.makePythonPath pythonPackages} \
      ${python3.interpreter} -c \
      'import charioteer._core, charioteer.cli, ptpython, test_driver.driver, test_driver.machine'
    $out/bin/generate-driver-symbols
    runHook postInstallCheck
  '';

  passthru = { inherit machinesAndExamples unwrapped; };

  meta = unwrapped.meta // {
    mainProgram = "nixos-test-driver";
  };
}
