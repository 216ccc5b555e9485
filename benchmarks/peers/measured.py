"""Run a command, and print what it took as the last line: python -S measured.py LIMIT COMMAND ...

A process remembers the memory of what started it, so this one loads nothing that it can do without.
"""

import os
import signal
import sys
import time

limit, *command = sys.argv[1:]
started = time.perf_counter()
child = os.posix_spawnp(command[0], command, os.environ, setpgroup=0)
signal.signal(signal.SIGALRM, lambda *_: os.killpg(child, signal.SIGKILL))
signal.alarm(int(limit))
_, status, used = os.wait4(child, 0)
seconds = time.perf_counter() - started
print(f"\n{os.waitstatus_to_exitcode(status)} {seconds} {used.ru_utime + used.ru_stime} {used.ru_maxrss / 1024}")
