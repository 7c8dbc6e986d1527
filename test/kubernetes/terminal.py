"""Runs a program on a pseudo-terminal: terminal.py ROWS COLUMNS PROGRAM ARGUMENT...

Standard input goes to the terminal, what the program shows goes to standard output. A line "ROWS COLUMNS" on descriptor 3
changes the size. Ends as the program ends. When standard input ends, the program goes on; when descriptor 3 does, whoever
started it is gone, and it is killed.
"""
import errno
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios


def resize(terminal, rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


def main():
    rows, columns, argv = sys.argv[1], sys.argv[2], sys.argv[3:]
    # The child waits until the size is there.
    go, ready = os.pipe()
    pid, terminal = pty.fork()
    if pid == 0:
        os.close(ready)
        os.read(go, 1)
        os.close(go)
        try:
            os.close(3)
        except OSError:
            pass
        try:
            os.execvp(argv[0], argv)
        except OSError as error:
            print(f"{argv[0]}: {error.strerror}")
            os._exit(127)
    resize(terminal, rows, columns)
    os.close(go)
    os.close(ready)
    # Killed with this program: whoever started it knows no other.
    signal.signal(signal.SIGTERM, lambda *_: (os.killpg(pid, signal.SIGKILL), sys.exit(143)))
    watched = [0, 3, terminal]
    sizes = b""
    while True:
        try:
            for descriptor in select.select(watched, [], [])[0]:
                data = os.read(descriptor, 65536)
                if descriptor == terminal:
                    if not data:
                        raise EOFError
                    write_all(1, data)
                elif not data and descriptor == 3:
                    os.killpg(pid, signal.SIGKILL)
                    raise EOFError
                elif not data:
                    watched.remove(descriptor)
                elif descriptor == 0:
                    write_all(terminal, data)
                else:
                    *lines, sizes = (sizes + data).split(b"\n")
                    for line in lines:
                        resize(terminal, *line.split())
        except (EOFError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in (errno.EIO, errno.EPIPE):
                raise
            break
    os.close(terminal)
    status = os.waitpid(pid, 0)[1]
    sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))


main()
