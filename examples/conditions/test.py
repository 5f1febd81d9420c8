# A web server must answer during the whole test. Changes are waited for, without fixed delays.
from datetime import timedelta

start_all()

with subtest("the server comes up"):
    server.execute("mkdir -p /srv && echo hello > /srv/index && httpd -h /srv -p 80", timeout=30)
    server.wait_for_open_port(80, timeout=timedelta(minutes=5))


# Within `with server_answers:` the condition is checked before every command and during every wait, at
# most once a second; the test fails when it does not hold.
@polling_condition(seconds_interval=1, description="the server answers")
def server_answers():
    return "hello" in client.succeed("wget -q -O - http://server/index")


# Without arguments: checked every 2 s, described by the docstring.
@polling_condition
def has_memory_left():
    "the server has 20 MB left"
    return int(server.succeed("awk '/MemAvailable/ { print $2 }' /proc/meminfo")) > 20_000


# A condition can also be waited for.
server_answers.wait(timeout=60)

with subtest("the server answers while it is busy"), server_answers, has_memory_left:
    server.succeed("head -c 10000000 /dev/urandom | md5sum")
    with client.nested("asking ten times"):
        for _ in range(10):
            client.succeed("wget -q -O /dev/null http://server/index")

with subtest("retry waits for a change"):
    # A reader never sees an empty page: mv replaces the file as a whole.
    change = "sleep 1; echo changed > /srv/next; mv /srv/next /srv/index"
    server.execute(f"({change}) >/dev/null 2>&1 &")
    seen: list[str] = []

    def has_changed(last_try):
        seen.append(client.succeed("wget -q -O - http://server/index").strip())
        if last_try:
            log.info(f"the page never changed; seen: {seen}")
        return seen[-1] == "changed"

    retry(has_changed, timeout=60)

with subtest("a cut cable is noticed"):
    client.block()
    client.fail("wget -q -T 2 -O /dev/null http://server/index")
    client.unblock()
    client.wait_until_succeeds("wget -q -T 2 -O /dev/null http://server/index", timeout=60)
