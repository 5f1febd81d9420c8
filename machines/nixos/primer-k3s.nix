# The first node of a cluster: a worker that also runs Headscale, as a pod of k3s. There is no
# registry: all container images, including the one for pod sandboxes (pause), are built by Nix and
# imported from the store.
#
# Tests use it like primer.nix: the unit `headscale` is active when the pod is ready and has the
# pod's output in its journal, and there is a command `headscale`.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  address = config.networking.primaryIPAddress;
  k3s = config.services.k3s.package;
  namespace = "headscale-system";
  kubectl = "${lib.getExe k3s} kubectl --namespace=${namespace}";

  settings = import ./headscale-settings.nix { inherit address; } // {
    listen_addr = "0.0.0.0:8080";
    grpc_listen_addr = "127.0.0.1:50443";
    noise.private_key_path = "/var/lib/headscale/noise_private.key";
    prefixes = {
      v4 = "100.64.0.0/10";
      v6 = "fd7a:115c:a1e0::/48";
      allocation = "sequential";
    };
    database = {
      type = "sqlite";
      sqlite.path = "/var/lib/headscale/db.sqlite";
    };
    unix_socket = "/var/lib/headscale/headscale.sock";
  };

  # JSON is also YAML. Both the server and the command read this path.
  configuration = pkgs.writeTextDir "etc/headscale/config.yaml" (builtins.toJSON settings);

  headscaleImage = pkgs.dockerTools.buildLayeredImage {
    name = "charioteer.local/headscale";
    tag = "test";
    contents = [
      configuration
      pkgs.headscale
    ];
    config.Cmd = [
      "/bin/headscale"
      "serve"
    ];
    config.Env = [ "PATH=/bin" ];
  };

  images = import ./k3s-images.nix { inherit pkgs; };

  labels.app = "headscale";
  deployment = {
    apiVersion = "apps/v1";
    kind = "Deployment";
    metadata = {
      inherit namespace;
      name = "headscale";
    };
    spec = {
      selector.matchLabels = labels;
      strategy.type = "Recreate";
      template = {
        metadata = { inherit labels; };
        spec = {
          # Workers connect to the machine's address; the cluster has no DNS.
          hostNetwork = true;
          dnsPolicy = "Default";
          tolerations = [ { operator = "Exists"; } ];
          containers = [
            {
              name = "headscale";
              image = "charioteer.local/headscale:test";
              imagePullPolicy = "Never";
              readinessProbe.httpGet = {
                path = "/health";
                port = 8080;
              };
              volumeMounts = [
                {
                  name = "state";
                  mountPath = "/var/lib/headscale";
                }
              ];
            }
          ];
          volumes = [
            {
              name = "state";
              emptyDir = { };
            }
          ];
        };
      };
    };
  };
in
{
  imports = [ ./worker.nix ];

  services.k3s = {
    enable = true;
    role = "server";
    images = [
      headscaleImage
      images.busybox
      images.pause
    ];
    manifests.headscale.content = deployment;
    # Applied before, since files are in the order of their names.
    manifests.headscale-namespace.content = {
      apiVersion = "v1";
      kind = "Namespace";
      metadata.name = namespace;
    };
    extraFlags = [
      "--disable=coredns"
      "--disable=local-storage"
      "--disable=metrics-server"
      "--disable=servicelb"
      "--disable=traefik"
      "--disable-helm-controller"
      "--disable-network-policy"
      "--pause-image=charioteer.local/pause:test"
      # The default is the interface of the default route, which a test network does not have.
      "--node-ip=${address}"
      "--flannel-iface=eth1"
    ];
  };

  systemd.services.headscale = {
    description = "Headscale, which runs in a pod";
    wantedBy = [ "multi-user.target" ];
    after = [ "k3s.service" ];
    requires = [ "k3s.service" ];
    # If the pod does not become ready, the diagnosis is in the journal before the script's wait for
    # the unit times out after 900 s.
    preStart = ''
      diagnose() {
        ${kubectl} describe pods || true
        ${kubectl} get events --sort-by=.lastTimestamp || true
        ${kubectl} logs deployment/headscale --all-containers --tail=100 || true
      }
      until ${kubectl} get deployment/headscale 2>/dev/null; do
        if [ "$SECONDS" -ge 400 ]; then diagnose; exit 1; fi
        sleep 1
      done
      if ! ${kubectl} rollout status deployment/headscale --timeout=300s; then
        diagnose
        exit 1
      fi
    '';
    script = "exec ${kubectl} logs --follow deployment/headscale";
    serviceConfig.TimeoutStartSec = 800;
  };

  environment.systemPackages = [
    (pkgs.writeShellScriptBin "headscale" ''
      exec ${kubectl} exec deployment/headscale -- /bin/headscale "$@"
    '')
  ];
}
