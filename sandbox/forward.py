"""Runs inside the sandbox: relays a loopback port to the proxy's socket, then becomes the command.

Started as a script by an interpreter without site packages, so it imports the standard library alone.
"""

import os
import socket
import sys
import threading
from contextlib import suppress

__all__ = ["variables"]

_CHUNK = 65_536
_BACKLOG = 128


def variables(port: int) -> dict[str, str]:
    """Return what makes package managers use the proxy; Go, git, pip, uv and curl read the first ones."""
    url = f"http://127.0.0.1:{port}"
    own = "localhost,127.0.0.1,::1"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
    tools = ("npm_config_proxy", "npm_config_https_proxy", "YARN_HTTP_PROXY", "YARN_HTTPS_PROXY")
    found = dict.fromkeys((*names, *tools, "CARGO_HTTP_PROXY"), url)
    return found | {"NO_PROXY": own, "no_proxy": own, "NODE_USE_ENV_PROXY": "1"}


def main() -> None:
    """Start the relay as a process of nobody's, so that the command never waits for it."""
    path, *command = sys.argv[1:]
    listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
    port = listener.getsockname()[1]
    child = os.fork()
    if child == 0:
        if os.fork() == 0:
            os.setsid()
            _serve(listener, path)
        os._exit(0)
    os.waitpid(child, 0)
    listener.close()
    os.environ.update(variables(port))
    os.execv(command[0], command)


def _serve(listener: socket.socket, path: str) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    while True:
        client, _ = listener.accept()
        proxy = socket.socket(socket.AF_UNIX)
        try:
            proxy.connect(path)
        except OSError:
            client.close()
            proxy.close()
            continue
        for source, target in ((client, proxy), (proxy, client)):
            threading.Thread(target=_relay, args=(source, target), daemon=True).start()


def _relay(source: socket.socket, target: socket.socket) -> None:
    """Copy until the end of one direction, and pass the end on."""
    try:
        while data := source.recv(_CHUNK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for side in (source, target):
            with suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)


if __name__ == "__main__":
    main()
