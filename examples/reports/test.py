# Output files of a run. Try it with
#
#     LOGFILE=log.xml charioteer run examples/reports --junit-xml report.xml -o out/
#
# Each subtest is a case of the report in out/report.xml; the rest of the script is the case `main`, the
# last one. The report is written at every end of a run, also at its time limit.
with subtest("the machine boots"):
    server.start()
    server.succeed("uname -a")

with subtest("files are copied out of the machine"):
    server.succeed("dmesg > /tmp/kernel.log")
    # Creates out/logs/kernel.log.
    server.copy_from_machine("/tmp/kernel.log", "logs")

with subtest("steps have names and durations"):
    with server.nested("counting to a thousand"):
        server.succeed("i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done")
    log.info("`info`, `warning` and `debug` are filtered by --log-level; `log` is not")

with subtest("console lines are in the report"):
    serial_stdout_off()
    server.succeed("echo this is not shown >&2")
    serial_stdout_on()
    server.succeed("echo but this is >&2")
    server.wait_for_console_text("but this is")

# Creates out/end.png.
server.screenshot("end")
