# The packages of nixpkgs that Charioteer uses, each with the file that defines or names it. There
# are no other attributes.
{ since }:
let
  byName = name: "pkgs/by-name/${builtins.substring 0 2 name}/${name}/package.nix";
  topLevel = "pkgs/top-level/all-packages.nix";
in
{
  boost = topLevel;
  busybox = topLevel;
  ccache = byName "ccache";
  cmake = byName "cmake";
  coreutils = topLevel;
  curl = topLevel;
  fmt = topLevel;
  gtest = byName "gtest";
  headscale = byName "headscale";
  k3s = topLevel;
  leptonica = byName "leptonica";
  libpcap = byName "libpcap";
  makeWrapper = topLevel;
  mypy = topLevel;
  netpbm = byName "netpbm";
  ninja = byName "ninja";
  openssh = topLevel;
  procps = topLevel;
  qemu = topLevel;
  qemu_test = topLevel;
  sshpass = byName "sshpass";
  systemd = topLevel;
  systemdLibs = topLevel;
  tini = byName "tini";
  util-linux = byName "util-linux";
}
// (
  if since "25.05" then
    {
      nixfmt-tree = byName "nixfmt-tree";
    }
  else
    { }
)
// (
  if since "26.05" then
    {
      vhost-device-vsock = byName "vhost-device-vsock";
    }
  else
    { }
)
