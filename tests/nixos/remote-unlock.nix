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
          # The one of test machines is empty; which of these says so depends on the release.
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
