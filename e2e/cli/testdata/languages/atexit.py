"""A job with atexit: python3 atexit.py TOKEN [handle]

It works in a temporary folder, beside a child, and a daemon that bears the token and nothing else. With "handle" it makes an
ordinary exit of SIGTERM, as Python does not by itself.
"""

import atexit
import os
import signal
import subprocess
import sys
import tempfile
import time
import zlib


def lastly(*words):
    subprocess.run(["lastly", "add", *words], check=True, stdout=subprocess.DEVNULL)


def say(*words):
    print(*words, flush=True)


def daemon(*argv):
    """Starts a daemon by a double fork, with an empty environment, and returns its number."""
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, b"%d" % os.getpid())
            null = os.open(os.devnull, os.O_RDWR)
            for fd in 0, 1, 2:
                os.dup2(null, fd)
            os.closerange(3, 64)
            os.execve(argv[0], argv, {})
        os._exit(0)
    os.wait()
    return os.read(reader, 20).decode()


def register(token):
    lastly("exec", "--", "sh", "oldest.sh")
    open("registered", "w").close()
    lastly("remove", "registered")
    os.mkdir("folder")
    lastly("remove", "folder")
    open("folder/inside", "w").close()
    lastly("kill", daemon("/bin/sleep", token))
    lastly("exec", "--", "sh", "newest.sh", str(os.getpid()))


def at_exit():
    with open("handlers", "a") as log:
        print("atexit", file=log)


def main():
    say("pid", os.getpid())
    atexit.register(at_exit)
    if "handle" in sys.argv:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
    folder = tempfile.mkdtemp()
    say("temp", folder)
    register(sys.argv[1])
    child = subprocess.Popen(["sh", "-c", "while :; do sleep 0.01; done"])
    data, done = b"", 0
    while True:
        data = zlib.compress(data + os.urandom(1000))[-10000:]
        with open(os.path.join(folder, str(done)), "wb") as out:
            out.write(data)
        done += 1
        if done == 5:
            say("ready", child.pid)
        time.sleep(0.005)


main()
