# A client logs in to a server by SSH, with a password and by name.
{
  name = "remote-unlock";
  globalTimeout = 900;
  nodes = {
    server =
      { lib, ... }:
      {
        virtualisation = {
          memorySize = 2048;
          cores = 2;
        };
        services.openssh = {
          enable = true;
          settings = {
            PermitRootLogin = "yes";
            PasswordAuthentication = true;
          };
        };
        users.users.root = {
          # Test machines have an empty one; the release determines which of these options sets it.
          hashedPassword = lib.mkForce null;
          hashedPasswordFile = lib.mkForce null;
          initialHashedPassword = lib.mkForce null;
          password = "unlock me";
        };
      };
    client =
      { pkgs, ... }:
      {
        environment.systemPackages = [
          pkgs.openssh
          pkgs.sshpass
        ];
      };
  };
  testScript = builtins.readFile ../../examples/remote-unlock/test.py;
}
