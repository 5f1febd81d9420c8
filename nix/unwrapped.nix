# The compiled driver. Apart from package.nix, so that what a test chooses (OCR, Python packages,
# its QEMU) does not compile it again.
{
  lib,
  stdenv,
  cmake,
  ninja,
  boost,
  fmt,
  gtest,
  leptonica,
  procps,
  python3,
  runCommand,
  systemd,
  systemdLibs ? systemd,
  tesseract5,
  util-linux,
  pkgsCross,
  # The compiler of the agent for guests of the other architecture; null leaves that agent out, and
  # such guests are driven through their root shell.
  otherCompiler ?
    if stdenv.hostPlatform.isx86_64 then
      pkgsCross.aarch64-multiplatform.stdenv.cc
    else
      pkgsCross.gnu64.stdenv.cc,
}:
let
  # The library alone: with its language data it would be larger than all the rest.
  tesseract = tesseract5.tesseractBase;
  # Data for English, which the tests of the screen read with, and the driver of a test with OCR.
  language = runCommand "tessdata-eng" { } ''
    mkdir $out
    ln -s ${tesseract5.languages.eng} $out/eng.traineddata
  '';
  sitePackages = python3.sitePackages;
in
stdenv.mkDerivation (finalAttrs: {
  pname = "charioteer-unwrapped";
  version = "0.1.0";

  # Only what is compiled or tests that, so that editing a document, or Python, an example or a
  # machine, which package.nix adds, compiles nothing.
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
    python3
    systemdLibs
    tesseract
  ];
  checkInputs = [ gtest ];
  # Of pkill and setsid, which stdenv does not have.
  nativeCheckInputs = [
    procps
    util-linux
  ];

  # The fake QEMU of the tests names Debian's interpreter.
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
  # A test asks for a home that is there, which Nix's is not.
  preCheck = ''
    export HOME=$TMPDIR TESSDATA_PREFIX=${language}
  '';
  # Not those that need what Nix's sandbox does not have: programs below /usr, set-user-ID bits, a
  # home of root, and an init that reaps at once.
  checkPhase = ''
    runHook preCheck
    ctest --output-on-failure --parallel "$NIX_BUILD_CORES" --timeout 120 --exclude-regex '${
      lib.concatStringsSep "|" [
        "AgentScriptTest"
        "ACancelledStartLeavesNothingRunning"
        "IsRootsInACleanEnvironment"
        "KeepsAllPermissionsInTheGuest"
        "ShIsUsedWithoutBash"
      ]
    }'
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
