# The first node of a cluster: a worker that also runs Headscale, as a unit. For nodes of a NixOS test,
# which gives each its address.
{ config, ... }:
{
  imports = [ ./worker.nix ];

  services.headscale = {
    enable = true;
    address = "0.0.0.0";
    port = 8080;
    settings = import ./headscale-settings.nix { address = config.networking.primaryIPAddress; };
  };

  systemd.services.headscale = {
    # The unit is active when commands are answered, and not as soon as the process exists.
    postStart = ''
      until [ -S /run/headscale/headscale.sock ]; do
        # When it has ended, the reason is in the journal and there is nothing to wait for.
        kill -0 "$MAINPID" || exit 1
        sleep 0.2
      done
    '';
    serviceConfig.TimeoutStartSec = 300;
  };
}
