# Headscale for a network without Internet access. `address` is the machine's IPv4 address on the
# first VLAN. It is used instead of the host name, for which Tailscale would try HTTPS as well.
{ address }:
{
  server_url = "http://${address}:8080";
  # Headscale requires a DERP relay. The public ones, listed at the default URL, are unreachable, so
  # Headscale runs its embedded relay and loads no URL.
  derp = {
    server = {
      enabled = true;
      region_id = 999;
      region_code = "lab";
      region_name = "Lab";
      verify_clients = true;
      stun_listen_addr = "0.0.0.0:3478";
      private_key_path = "/var/lib/headscale/derp_server_private.key";
      automatically_add_embedded_derp_region = true;
      ipv4 = address;
    };
    urls = [ ];
    paths = [ ];
    auto_update_enabled = false;
  };
  disable_check_updates = true;
  # Host names come from /etc/hosts of the machines. Headscale exits with an error if DNS is
  # overridden without a name server, or if MagicDNS is enabled without a domain.
  dns = {
    magic_dns = false;
    base_domain = "";
    override_local_dns = false;
    nameservers.global = [ ];
  };
  # The command gives up after 5 s by itself, which an emulated machine may need for an answer.
  cli.timeout = "60s";
  logtail.enabled = false;
}
