"""Stands in for hive: serves its HTTP API to the lean simulator, /app/lean-sim, and runs a process of our
node, by hive.sh, for each container. To be run by `run`, in namespaces of its own. Prints a line a test;
the exit status is 1 where one fails that `known` does not name, or one passes that it does."""

import dataclasses
import http.server
import itertools
import json
import os
import pathlib
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.parse

KIND = "ream"  # what our node goes by: the simulator knows no others
APP, LOGS = pathlib.Path("/app"), pathlib.Path("/app/logs")
HOST, PORT = "10.77.0.1", 3000
START_TIMEOUT = 60  # seconds, as hive has it
# Those that need no chain, and no more of one than helper.py has.
PATTERN = (r"^(gossip|validation|reqresp|rpc-compat)$/^(gossip|validation): |^reqresp/(status|concurrency)/|"
           r"by_root/(unknown|max|too|duplicate|malformed)|by_range/(zero|too)|launch|"
           r"fresh-node|^health|justified (root|fields|genesis)|forkchoice( (no|defaults|zero|hex|includes)|$)")
# In a container: its end of the cable and its /tmp, then the client.
CONTAINER = """
until ip link show eth0 > /dev/null 2>&1; do sleep 0.02; done
ip link set lo up && ip address add "$1/24" dev eth0 && ip link set eth0 up &&
ip route add default via "$2" && mount --bind "$3" /tmp && exec /app/hive.sh
"""

numbers = itertools.count(1)


class Refused(Exception):
    """What the simulator is told, with an HTTP status."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


class Container:
    def __init__(self, environment, files):
        number = next(numbers)
        self.id, self.ip = f"{KIND}-{number}", f"10.77.{number}.2"
        self.temporary = pathlib.Path("/tmp", self.id)
        self.temporary.mkdir()
        for path, contents in files.items():
            self.write(path, contents)
        environment = {**os.environ, "DEVNET_NODE": str(APP / "devnet-node"), **environment}
        gateway = f"10.77.{number}.1"
        with open(LOGS / f"{self.id}.log", "wb") as log:
            self.process = subprocess.Popen(
                ["unshare", "--net", "--mount", "sh", "-euc", CONTAINER, "-", self.ip, gateway, self.temporary],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True)
        self.await_namespace()
        cable = f"cable{number}"
        for command in (f"link add {cable} type veth peer name far{number}", f"address add {gateway}/24 dev {cable}",
                        f"link set {cable} up", f"link set far{number} netns {self.process.pid} name eth0"):
            subprocess.run(["ip", *command.split()], check=True)  # the last lets it begin
        self.await_port(int(environment.get("HIVE_CHECK_LIVE_PORT", 8545)))

    def write(self, path, contents):
        """A file that the simulator gives is under /tmp."""
        file = (self.temporary / pathlib.Path(path).relative_to("/tmp")).resolve()
        if not file.is_relative_to(self.temporary):
            raise Refused(400, f"{path}: not under /tmp")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(contents)

    def await_namespace(self):
        ours, theirs = os.readlink("/proc/self/ns/net"), f"/proc/{self.process.pid}/ns/net"
        while self.process.poll() is None and os.readlink(theirs) == ours:
            time.sleep(0.01)

    def await_port(self, port):
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection((self.ip, port), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.end()
        raise Refused(500, f"client did not start: see {self.id}.log")

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def end(self):
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()


@dataclasses.dataclass
class Test:
    name: str
    containers: dict = dataclasses.field(default_factory=dict)
    borrowed: dict = dataclasses.field(default_factory=dict)  # of another test, which ends them
    result: dict = None


class Hive:
    def __init__(self):
        self.tests = {}

    def test(self, number):
        if number not in self.tests:
            raise Refused(404, f"there is no test {number}")
        return self.tests[number]

    def node(self, test, node):
        nodes = self.test(test).borrowed | self.test(test).containers
        if node not in nodes:
            raise Refused(404, f"test {test} has no node {node}")
        return nodes[node]

    def start_suite(self, _):
        return next(numbers)

    def start_test(self, body, suite):
        number = next(numbers)
        self.tests[str(number)] = Test(json.loads(body)["name"])
        return number

    def end_test(self, body, suite, number):
        test = self.test(number)
        test.result = json.loads(body)
        for container in test.containers.values():
            container.end()
        said = test.result["details"].strip().splitlines()
        print("pass" if test.result["pass"] else "FAIL", test.name + "".join(f": {line}" for line in said[:1]), flush=True)

    def start_node(self, parts, suite, number):
        config = json.loads(parts.pop("config"))
        if config["client"] != KIND:
            raise Refused(404, f"{config['client']}: there is no such client here")
        try:
            container = Container(config["environment"], parts)
        except (OSError, subprocess.SubprocessError) as error:  # it may end while it is being wired
            raise Refused(500, f"client did not start: {error}") from error
        self.test(number).containers[container.id] = container
        return {"id": container.id, "ip": container.ip}

    def stop_node(self, _, suite, number, node):
        self.node(number, node).end()

    def pause(self, _, suite, number, node):
        self.node(number, node).signal(signal.SIGSTOP)

    def unpause(self, _, suite, number, node):
        self.node(number, node).signal(signal.SIGCONT)

    def register(self, _, suite, number, node, target):
        self.test(target).borrowed[node] = self.node(number, node)


hive = Hive()
TEST = r"/testsuite/(\d+)/test/(\d+)"
NODE = TEST + r"/node/([\w-]+)"
ROUTES = [("GET", r"/hive", lambda _: {"command": [], "sourceCommit": "", "sourceDate": ""}),
          ("GET", r"/clients", lambda _: [{"name": KIND, "version": "devnet-node", "meta": {"roles": ["lean"]}}]),
          ("POST", r"/testsuite", hive.start_suite),
          ("DELETE", r"/testsuite/(\d+)", lambda *_: None),
          ("POST", r"/testsuite/(\d+)/test", hive.start_test),
          ("POST", TEST, hive.end_test),
          ("POST", TEST + "/node", hive.start_node),
          ("GET", NODE, lambda _, suite, test, node: {"id": node, "name": hive.node(test, node) and KIND}),
          ("DELETE", NODE, hive.stop_node),
          ("POST", NODE + "/pause", hive.pause),
          ("DELETE", NODE + "/pause", hive.unpause),
          ("POST", NODE + r"/register/(\d+)", hive.register)]


def read_parts(kind, body):
    """Of a form (multipart/form-data): {name: contents}."""
    boundary = b"--" + re.search(r'boundary="?([^";]+)', kind)[1].encode()
    parts = {}
    for part in body.split(boundary)[1:-1]:
        head, contents = part.split(b"\r\n\r\n", 1)
        name = re.search(r"""[; ]name(?:="|\*=utf-8'')([^";\r]+)""", head.decode(), re.IGNORECASE)[1]
        parts[urllib.parse.unquote(name)] = contents.removesuffix(b"\r\n")
    return parts


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def find_answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.headers.get("Content-Type", "")
        for method, path, serve in ROUTES:
            match = re.fullmatch(path, self.path)
            if match and method == self.command:
                return 200, serve(read_parts(kind, body) if kind.startswith("multipart/") else body, *match.groups())
        raise Refused(501, f"{self.command} {self.path}: not what this stand-in has")

    def answer(self):
        try:
            status, answer = self.find_answer()
        except Refused as refusal:
            status, answer = refusal.status, {"error": str(refusal)}
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_DELETE = answer


def write_keys():
    """Of validators, in the form that hive's assets have it: nobody signs with them here."""
    folder = APP / "hive/prod_scheme_devnet4"
    folder.mkdir()
    for index in range(6):
        key = {f"{use}_{part}": secrets.token_hex(size) for use in ("attestation", "proposal")
               for part, size in (("public", 52), ("secret", 64))}
        (folder / f"{index}.json").write_text(json.dumps(key))


def judge(known):
    """Whether all came out as `known` has it."""
    failed = {test.name for test in hive.tests.values() if not (test.result or {}).get("pass")}
    ran = {test.name for test in hive.tests.values()}
    for name in sorted(failed - known.keys()):
        print(f"not known to fail: {name}")
    for name in sorted(known.keys() & ran - failed):
        print(f"known to fail, and passes: {name}")
    print(f"{len(ran) - len(failed)} passed, {len(failed)} failed, {len(failed & known.keys())} of those known")
    return ran and failed <= known.keys() and not known.keys() & ran - failed


def main():
    known = dict(line.split(" | ", 1) for line in (APP / "known").read_text().splitlines() if line and line[0] != "#")
    subprocess.run(["ip", "address", "add", HOST, "dev", "lo"], check=True)
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")  # from one container to another
    write_keys()
    server = http.server.ThreadingHTTPServer((HOST, PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    environment = {**os.environ, "HIVE_SIMULATOR": f"http://{HOST}:{PORT}",
                   "HIVE_TEST_PATTERN": sys.argv[1] if len(sys.argv) > 1 else PATTERN}
    with open(LOGS / "simulator.log", "wb") as log:
        status = subprocess.run([APP / "lean-sim"], stdout=log, stderr=log, env=environment).returncode
    if status != 0:
        print(f"the simulator ended with {status}: see simulator.log")
    return 0 if judge(known) and status == 0 else 1


sys.exit(main())
