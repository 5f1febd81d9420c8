# Headscale for a closed network; `address` is the machine's own on the first VLAN. The literal, and
# not its name: for a name, Tailscale tries HTTPS as well.
{ address }:
{
  server_url = "http://${address}:8080";
  # Headscale refuses to have no relay, and the public ones, whose map is the default URL, are out of
  # reach: there is one of our own, and no URL.
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
  # Names are the machines' own. Overriding DNS without a server, and MagicDNS without a domain, are
  # errors that end it.
  dns = {
    magic_dns = false;
    base_domain = "";
    override_local_dns = false;
    nameservers.global = [ ];
  };
  logtail.enabled = false;
}
