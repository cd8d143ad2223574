"""A job with multiprocessing: python3 pool.py TOKEN fork|spawn|forkserver

A pool, a process that is a daemon in Python's sense and one that is not, a manager's process, a lock and a block of shared memory.
The last two have names in /dev/shm, outside of every folder for temporary files.
"""

import hashlib
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import shared_memory


def lastly(*words):
    subprocess.run(["lastly", "add", *words], check=True, stdout=subprocess.DEVNULL)


def say(*words):
    print(*words, flush=True)


def item(number):
    with tempfile.NamedTemporaryFile(delete=False) as out:
        out.write(hashlib.sha256(b"%d" % number).digest() * 1000)
    time.sleep(0.01)


def loop(shared, name):
    while True:
        shared[name] = shared.get(name, 0) + 1
        time.sleep(0.01)


def register(token):
    lastly("exec", "--", "sh", "oldest.sh")
    open("registered", "w").close()
    lastly("remove", "registered")
    os.mkdir("folder")
    lastly("remove", "folder")
    open("folder/inside", "w").close()
    escaped = subprocess.Popen(["/bin/sleep", token], env={}, start_new_session=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    lastly("kill", str(escaped.pid))
    lastly("exec", "--", "sh", "newest.sh", str(os.getpid()))


def main():
    say("pid", os.getpid())
    say("temp", tempfile.gettempdir())
    token, method = sys.argv[1:]
    ctx = multiprocessing.get_context(method)
    shared = ctx.Manager().dict()
    register(token)
    lock = ctx.Lock()
    if method != "fork":  # with fork, the name is gone at once
        say("shm", "sem." + lock._semlock.name.lstrip("/"))
    block = shared_memory.SharedMemory(create=True, size=1 << 16)
    say("shm", block.name.lstrip("/"))
    pool = ctx.Pool(2)
    result = pool.map_async(item, range(1000000), chunksize=1)
    for name, daemon in ("daemon", True), ("process", False):
        ctx.Process(target=loop, args=(shared, name), daemon=daemon).start()
    while not (shared.get("daemon") and shared.get("process") and len(os.listdir(tempfile.gettempdir())) > 10):
        time.sleep(0.01)
    say("ready")
    result.wait()


if __name__ == "__main__":
    main()
