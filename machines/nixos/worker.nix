# A node of a cluster in a closed network: Tailscale, and what the test serves pages with.
{ lib, pkgs, ... }:
{
  services.tailscale.enable = true;

  # Nothing to report to, no router to ask for a port. Talking to the public control plane ends the
  # daemon, which the test would notice. The relay of a test speaks plain HTTP.
  systemd.services.tailscaled.environment = {
    TS_NO_LOGS_NO_SUPPORT = "true";
    TS_DISABLE_PORTMAPPER = "1";
    TS_PANIC_IF_HIT_MAIN_CONTROL = "1";
    TS_DEBUG_USE_DERP_HTTP = "1";
  };

  boot.kernelModules = [ "tun" ];

  # The test is about the mesh: STUN, the relay and the nodes' pages are reached from everywhere.
  networking.firewall.enable = false;

  environment.systemPackages = [
    pkgs.curl
    # Without taking the place of the usual commands.
    (lib.lowPrio pkgs.busybox)
  ];
}
