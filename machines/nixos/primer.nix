# The first node of a cluster: a worker that also runs Headscale, as a systemd service. For nodes of
# a NixOS test, which assigns the addresses.
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
    # The unit becomes active when the server accepts commands, not as soon as the process exists.
    postStart = ''
      until [ -S /run/headscale/headscale.sock ]; do
        # The server has exited; the reason is in the journal.
        kill -0 "$MAINPID" || exit 1
        sleep 0.2
      done
    '';
    serviceConfig.TimeoutStartSec = 300;
  };
}
