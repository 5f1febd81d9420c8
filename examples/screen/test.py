# Typing on the keyboard and reading text from the screen.

machine.start()

with subtest("an X server with a terminal"):
    machine.wait_for_x()
    machine.wait_for_window("Terminal")
    machine.wait_for_text("root@machine")
    machine.send_chars("clear; echo typed and read | tr a-z A-Z\n")
    machine.wait_for_text("TYPED AND READ")
    machine.screenshot("terminal")

with subtest("the console of the kernel"):
    machine.send_key("ctrl-alt-f1")
    machine.wait_until_succeeds("grep -x tty1 /sys/class/tty/tty0/active")
    machine.succeed("echo The quick brown fox > /dev/tty1")
    machine.wait_until_tty_matches("1", "quick brown fox")
    machine.wait_for_text("quick brown fox")
    machine.screenshot("console")
