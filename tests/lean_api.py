"""Stands in for a Lean node's own HTTP API: lean_api.py ROUTE=ANSWER...

ROUTE is "health", "node/peers" and the like, or "metrics"; ANSWER a body, a status of three digits, or
one of these: huge (a body beyond all limits), slow (headers, and no body), cut (half of what was
announced), mute (no HTTP at all). Other routes are not found. Prints where it listens, as JSON.
"""

import http.server
import json
import sys
import threading

answers = dict(argument.split("=", 1) for argument in sys.argv[1:])
over = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def head(self, status, size):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(size))
        self.end_headers()

    def do_GET(self):
        answer = answers.get(self.path.removeprefix("/lean/v0/").removeprefix("/"), "404")
        self.close_connection = True
        try:
            self.give(answer)
        except OSError:
            pass

    def give(self, answer):
        if answer == "mute":
            self.wfile.write(b"SSH-2.0-x\r\n")
        elif answer == "slow":
            self.head(200, 1000)
            over.wait(60)
        elif answer == "cut":
            self.head(200, 1000)
            self.wfile.write(b'{"status": "')
        elif answer == "huge":
            self.head(200, 20 << 20)
            for _ in range(20):
                self.wfile.write(b" " * (1 << 20))
        elif len(answer) == 3 and answer.isdigit():
            self.head(int(answer), 2)
            self.wfile.write(b"no")
        else:
            self.head(200, len(answer.encode()))
            self.wfile.write(answer.encode())


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(json.dumps({"event": "ready", "api": f"http://127.0.0.1:{server.server_port}"}), flush=True)
server.serve_forever()
