# The client logs in to the server as root, by name and with a password.
start_all()
server.wait_for_unit("multi-user.target")
client.wait_for_unit("multi-user.target")

with subtest("the server listens"):
    server.wait_for_unit("sshd.service")
    server.wait_for_open_port(22)

ssh = (
    "sshpass -p 'unlock me' "
    "ssh -n -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null root@server "
)

with subtest("the right password is accepted"):
    t.assertEqual(client.succeed(ssh + "hostname").strip(), "server")

with subtest("a wrong password is refused"):
    client.fail(ssh.replace("unlock me", "let me in") + "hostname")
