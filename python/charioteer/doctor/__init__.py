"""What this host has and lacks for machines and for building their images."""
