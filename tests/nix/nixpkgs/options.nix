# The options of NixOS that Charioteer's machines set or read, each with the file of nixpkgs that
# declares it. Other options are errors.
let
  # NixOS has defaults for all of them; where a module reads one, it is given below.
  from = file: type: {
    inherit type;
    default = null;
    documented = "nixos/modules/${file}";
  };
  withDefault = default: option: option // { inherit default; };

  headscale = from "services/networking/headscale.nix";
  # rancher/k3s.nix and rancher/default.nix; until 25.05 cluster/k3s/default.nix.
  k3s = from "services/cluster/rancher/default.nix";
  vm = from "virtualisation/qemu-vm.nix";
  # The sections of a unit: system/boot/systemd.nix, lib/systemd-unit-options.nix.
  unit = from "system/boot/systemd.nix";
  users = from "config/users-groups.nix";
  sshd = from "services/networking/ssh/sshd.nix";
  # nixos/lib/testing/network.nix defines it.
  network = from "virtualisation/qemu-vm.nix";
in
pkgs: {
  boot.kernelModules = from "system/boot/kernel.nix" "list";
  environment.systemPackages = from "config/system-path.nix" "list";
  networking = {
    firewall.enable = from "services/networking/firewall.nix" "bool";
    primaryIPAddress = network "str";
  };
  services = {
    headscale = {
      enable = headscale "bool";
      address = headscale "str";
      port = headscale "int";
      # Free-form: the settings of Headscale.
      settings = headscale "attrs";
    };
    k3s = {
      configPath = k3s "str";
      enable = k3s "bool";
      extraFlags = k3s "list";
      images = k3s "list";
      manifests.any.content = k3s "attrs";
      package = withDefault pkgs.k3s (k3s "package");
      role = k3s "str";
    };
    openssh = {
      enable = sshd "bool";
      # Free-form: the settings of sshd_config.
      settings = sshd "attrs";
    };
    tailscale.enable = from "services/networking/tailscale.nix" "bool";
  };
  system = {
    build.vm = vm "package";
    name = from "system/activation/top-level.nix" "str";
  };
  systemd.services.any = {
    after = withDefault [ ] (unit "list");
    aliases = withDefault [ ] (unit "list");
    description = withDefault "" (unit "str");
    environment = withDefault { } (unit "attrs");
    postStart = withDefault "" (unit "lines");
    preStart = withDefault "" (unit "lines");
    requires = withDefault [ ] (unit "list");
    script = withDefault "" (unit "lines");
    serviceConfig = withDefault { } (unit "attrs");
    unitConfig = withDefault { } (unit "attrs");
    wantedBy = withDefault [ ] (unit "list");
  };
  users.users.any = {
    hashedPassword = users "nullOrStr";
    hashedPasswordFile = users "nullOrStr";
    initialHashedPassword = users "nullOrStr";
    password = users "nullOrStr";
  };
  virtualisation = {
    cores = withDefault 1 (vm "int");
    diskSize = withDefault 1024 (vm "int");
    interfaces = withDefault { } (vm "attrs");
    memorySize = withDefault 1024 (vm "int");
    sharedDirectories = withDefault { shared.target = "/tmp/shared"; } (vm "attrs");
    useBootLoader = withDefault false (vm "bool");
    useNixStoreImage = withDefault false (vm "bool");
    vlans = withDefault [ 1 ] (vm "list");
    writableStore = vm "bool";
  };
}
