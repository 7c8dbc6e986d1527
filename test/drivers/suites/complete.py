"""Types into psql under a pseudo-terminal, presses Tab, and looks for the completion on the screen.

complete.py TYPED EXPECTED: exit 0 when EXPECTED shows up. The connection comes from the PG* environment.
"""
import os
import pty
import select
import sys
import time

typed, expected = sys.argv[1], sys.argv[2]
pid, terminal = pty.fork()
if pid == 0:
    os.environ["TERM"] = "dumb"
    os.execvp("psql", ["psql", "-X"])

screen = b""


def read_until(wanted, seconds):
    global screen
    deadline = time.monotonic() + seconds
    while wanted not in screen:
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        ready, _, _ = select.select([terminal], [], [], left)
        if ready:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                return False
            if not data:
                return False
            screen += data
    return True


found = False
if read_until(b"=", 20):
    screen = b""
    os.write(terminal, typed.encode())
    read_until(typed.encode()[-3:], 5)
    # Twice: where several names begin alike, the second shows them.
    os.write(terminal, b"\t")
    found = read_until(expected.encode(), 5)
    if not found:
        os.write(terminal, b"\t")
        found = read_until(expected.encode(), 5)
os.write(terminal, b"\x03\\q\n")
sys.stdout.write(screen.decode(errors="replace"))
os.close(terminal)
try:
    os.waitpid(pid, 0)
except ChildProcessError:
    pass
sys.exit(0 if found else 1)
