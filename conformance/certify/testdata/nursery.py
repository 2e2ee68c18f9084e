"""Runs a program many times and loads its libraries once: python3 nursery.py PROGRAM SOCKET

Each connection to the socket is one run: its arguments come in as a line of JSON, what it prints goes back, and it ends with the connection."""
import importlib
import json
import os
import runpy
import signal
import socket
import sys
import threading

program, address = sys.argv[1:]
sys.path.insert(0, os.path.dirname(program))
importlib.import_module(os.path.basename(program).removesuffix(".py"))
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how a run ended
listener = socket.socket(socket.AF_UNIX)
listener.bind(address)
listener.listen(64)
print("listening", flush=True)
while True:
    connection, _ = listener.accept()
    if os.fork():
        connection.close()
        continue
    listener.close()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    with connection.makefile() as lines:
        sys.argv = [program, *json.loads(lines.readline())]
    os.dup2(connection.fileno(), sys.stdout.fileno())
    threading.Thread(target=lambda: connection.recv(1) or os._exit(0), daemon=True).start()
    runpy.run_path(program, run_name="__main__")
    os._exit(0)
