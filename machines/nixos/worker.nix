# A node of a cluster without Internet access: Tailscale, and busybox, whose httpd serves the test's
# pages.
{ lib, pkgs, ... }:
{
  services.tailscale.enable = true;

  # There is no server for logs and no router for port mappings. The daemon panics when it contacts
  # the public control plane, so that the test fails. The test's DERP relay uses plain HTTP.
  systemd.services.tailscaled.environment = {
    TS_NO_LOGS_NO_SUPPORT = "true";
    TS_DISABLE_PORTMAPPER = "1";
    TS_PANIC_IF_HIT_MAIN_CONTROL = "1";
    TS_DEBUG_USE_DERP_HTTP = "1";
  };

  boot.kernelModules = [ "tun" ];

  # STUN, the relay and the nodes' web servers must be reachable from all nodes.
  networking.firewall.enable = false;

  environment.systemPackages = [
    pkgs.curl
    # With low priority, so that it does not replace the commands of other packages.
    (lib.lowPrio pkgs.busybox)
  ];
}
