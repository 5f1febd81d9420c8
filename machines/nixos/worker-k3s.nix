# A worker that joins a cluster of k3s: when a test has written `server` and `token` into the agent's
# configuration and starts the unit, and from then on at each boot.
{ config, pkgs, ... }:
let
  images = import ./k3s-images.nix { inherit pkgs; };
  configuration = "/etc/rancher/k3s/config.yaml";
in
{
  imports = [ ./worker.nix ];

  services.k3s = {
    enable = true;
    role = "agent";
    configPath = configuration;
    images = [
      images.busybox
      images.pause
    ];
    extraFlags = [
      "--pause-image=charioteer.local/pause:test"
      # By itself it takes the interface of the default route, which a test does not have.
      "--node-ip=${config.networking.primaryIPAddress}"
      "--flannel-iface=eth1"
    ];
  };

  systemd.services.k3s = {
    # The name that k3s's own installer gives it.
    aliases = [ "k3s-agent.service" ];
    unitConfig.ConditionPathExists = configuration;
  };
}
