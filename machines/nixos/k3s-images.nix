# Images of k3s' own needs and of tests', made by Nix: there is no registry.
{ pkgs }:
{
  # What holds a pod's network.
  pause = pkgs.dockerTools.buildLayeredImage {
    name = "charioteer.local/pause";
    tag = "test";
    contents = [
      pkgs.coreutils
      pkgs.tini
    ];
    config.Entrypoint = [
      "/bin/tini"
      "--"
      "/bin/sleep"
      "infinity"
    ];
  };

  # What tests run in pods.
  busybox = pkgs.dockerTools.buildLayeredImage {
    name = "charioteer.local/busybox";
    tag = "1";
    contents = [ pkgs.busybox ];
    config.Env = [ "PATH=/bin" ];
  };
}
