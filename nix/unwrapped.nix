# The compiled driver. Separate from package.nix, so that a test's options (OCR, Python packages,
# QEMU package) do not recompile it.
{
  lib,
  stdenv,
  cmake,
  ninja,
  boost,
  fmt,
  gtest,
  leptonica,
  libpcap,
  procps,
  python3,
  runCommand,
  systemd,
  systemdLibs ? systemd,
  tesseract5,
  util-linux,
  pkgsCross,
  # The compiler of the agent for guests of the other architecture; without it (null) such guests
  # are controlled through their root shell.
  otherCompiler ?
    if stdenv.hostPlatform.isx86_64 then
      pkgsCross.aarch64-multiplatform.stdenv.cc
    else
      pkgsCross.gnu64.stdenv.cc,
}:
let
  # The library without its language data, which would be larger than all other inputs together.
  tesseract = tesseract5.tesseractBase;
  # The data for English, for the unit tests of OCR and for the drivers of tests with OCR.
  language = runCommand "tessdata-eng" { } ''
    mkdir $out
    ln -s ${tesseract5.languages.eng} $out/eng.traineddata
  '';
  sitePackages = python3.sitePackages;
in
stdenv.mkDerivation (finalAttrs: {
  pname = "charioteer-unwrapped";
  version = builtins.head (
    builtins.match ".*project\\(charioteer VERSION ([0-9.]+) .*" (builtins.readFile ../CMakeLists.txt)
  );

  # Only the C++ sources and their tests. package.nix adds Python, the examples and the machines, so
  # that editing those, or the documentation, recompiles nothing.
  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../CMakeLists.txt
      ../cmake
      ../driver
      ../python/CMakeLists.txt
      ../python/src
      ../tests/CMakeLists.txt
      ../tests/fakes
      ../tests/unit
    ];
  };

  nativeBuildInputs = [
    cmake
    ninja
    python3
    python3.pkgs.pybind11
  ];
  buildInputs = [
    boost
    fmt
    leptonica
    libpcap
    python3
    systemdLibs
    tesseract
  ];
  checkInputs = [ gtest ];
  # For pkill and setsid, which are not in stdenv.
  nativeCheckInputs = [
    procps
    util-linux
  ];

  # The tests' fake QEMU has the path of Debian's Python interpreter.
  postPatch = ''
    grep -rl /usr/bin/python3 tests | xargs sed -i 's,/usr/bin/python3,${python3.interpreter},'
  '';

  cmakeBuildType = "RelWithDebInfo";
  cmakeFlags = [
    (lib.cmakeBool "CHARIOTEER_BENCH" false)
    (lib.cmakeBool "BUILD_TESTING" finalAttrs.finalPackage.doCheck)
    (lib.cmakeFeature "Python_EXECUTABLE" python3.interpreter)
    (lib.cmakeFeature "CHARIOTEER_PYTHON_INSTALL_DIR" sitePackages)
  ]
  ++ lib.optional (otherCompiler != null) (
    lib.cmakeFeature "CHARIOTEER_OTHER_CXX" "${otherCompiler}/bin/${otherCompiler.targetPrefix}g++"
  );

  doCheck = true;
  # A test requires an existing home directory; HOME of Nix's builds does not exist.
  preCheck = ''
    export HOME=$TMPDIR TESSDATA_PREFIX=${language}
  '';
  # Without the tests that need what Nix's sandbox does not have: programs in /usr, set-user-ID
  # bits, root's home directory, and an init that reaps orphans immediately.
  checkPhase = ''
    runHook preCheck
    export GTEST_FILTER='-${
      lib.concatMapStringsSep ":" (name: "*${name}*") [
        "AgentScriptTest"
        "ACancelledStartLeavesNothingRunning"
        "RunsRootsShellInACleanEnvironment"
        "KeepsAllPermissionsInTheGuest"
        "ShIsUsedWithoutBash"
      ]
    }'
    ctest --output-on-failure --parallel "$NIX_BUILD_CORES" --timeout 300
    runHook postCheck
  '';

  passthru = { inherit language python3; };

  meta = {
    description = "Drives teams of virtual machines; a native NixOS test driver";
    license = lib.licenses.mit;
    platforms = [
      "x86_64-linux"
      "aarch64-linux"
    ];
  };
})
