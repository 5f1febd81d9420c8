pytest_plugins = ["support.plugin", "support.core_machines", "support.nix_machines"]
