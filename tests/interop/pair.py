"""Our node and a peer of another stack, a process each, in a folder of their own."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("BUILD", HERE.parent.parent / "build")).resolve()
PEERS = {
    "go": [BUILD / "interop/go-peer"],
    "rust": [BUILD / "interop/rust-peer"],
    "js": [HERE / "js/node_modules/.bin/node", HERE / "js/peer.mjs"],
}
if os.environ.get("LEANSPEC_CHECKOUT"):
    PEERS["reference"] = [BUILD / "interop/reference/bin/python", HERE / "reference/peer.py"]
TOPIC = "lean:block"
THEIR_SEED = "01" * 32
OUR_SECRET = "02" * 32
DEADLINE = 15  # seconds for what takes well below one
START_DEADLINE = 60  # seconds for a program to start: Node is slow on a busy machine
AGAIN = 0.25  # seconds between two messages until one arrives
PATH_DELAY = "50ms"


class Failed(Exception):
    pass


class Process:
    """A program that prints JSON lines; `seen` waits for one."""

    def __init__(self, command, folder, **environment):
        self.events = []
        self.over = False
        self.changed = threading.Condition()
        self.program = subprocess.Popen([str(word) for word in command], cwd=folder, text=True, bufsize=1,
                                        env={**os.environ, **environment}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        threading.Thread(target=self.read, daemon=True).start()
        ready = self.seen("the ready line", lambda e: e["event"] == "ready", START_DEADLINE)
        listen = ready.get("listen")
        self.address = listen[0] if isinstance(listen, list) else listen
        self.peer_id = ready.get("peer_id")
        self.api = ready.get("api")

    def read(self):
        for line in self.program.stdout:
            with self.changed:
                self.events.append(json.loads(line))
                self.changed.notify_all()
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def seen(self, what, holds, deadline=DEADLINE, since=0):
        """The first event after `since` others for which `holds`."""
        end = time.monotonic() + deadline
        with self.changed:
            while True:
                for event in self.events[since:]:
                    if holds(event):
                        return event
                since = len(self.events)
                if self.over:
                    raise Failed(f"{what}: the program has ended")
                if not self.changed.wait(end - time.monotonic()) and time.monotonic() > end:
                    raise Failed(f"{what}: not within {deadline:g} s")

    def named(self, event, **fields):
        return self.seen(event, lambda e: e["event"] == event and all(e.get(k) == v for k, v in fields.items()))

    def tell(self, command, **fields):
        self.program.stdin.write(json.dumps({"command": command, **fields}) + "\n")

    def get(self, path, body=None):
        with urllib.request.urlopen(self.api + path, body, timeout=DEADLINE) as answer:
            return answer.read()

    def post(self, path, **fields):
        return self.get(path, json.dumps(fields).encode())

    def stop(self):
        self.program.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.program.send_signal(signal.SIGCONT)

    def end(self, kill=False):
        self.program.kill() if kill else self.program.terminate()
        self.program.wait(DEADLINE)


class Pair:
    """Our node and a peer, in a folder of their own."""

    def __init__(self, kind):
        self.kind = kind
        self.folder = tempfile.TemporaryDirectory(prefix="interop-")
        self.processes = []
        self.our_listen = self.their_listen = []  # options, where the port matters
        self.our_policy, self.their_identity = [], ["--seed", THEIR_SEED]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self.processes:
            process.program.kill()
            process.program.wait()
        self.folder.cleanup()

    def start(self, *command):
        self.processes.append(Process(command, self.folder.name))
        return self.processes[-1]

    def start_ours(self, *options):
        self.ours = self.start(BUILD / "devnet-node", "--key-hex", OUR_SECRET, "--topic", TOPIC,
                               "--qlog", "ours.qlog", *self.our_listen, *self.our_policy, *options)

    def start_theirs(self, *options):
        self.theirs = self.start(*PEERS[self.kind], *self.their_identity, "--status", *self.their_listen, *options)

    def start_both(self, we_dial, *their_options, ours=()):
        """The listener first, then who dials it."""
        if we_dial:
            self.start_theirs(*their_options)
            self.start_ours("--bootnode", self.theirs.address, *ours)
        else:
            self.start_ours(*ours)
            self.start_theirs("--dial", self.ours.address, *their_options)

    def start_relay(self, target):
        relay = self.start(BUILD / "devnet-relay", "--to", target.address.split("/p2p/")[0], "--delay", PATH_DELAY)
        return f"{relay.address}/p2p/{target.peer_id}"

    def meshed(self, deadline=DEADLINE):
        """Returns when it began to wait: what went before is the start of programs."""
        begun = time.monotonic()
        self.ours.seen("we have the peer in the mesh", lambda e: e["event"] == "mesh_joined", deadline)
        self.theirs.seen("the peer has us in the mesh", lambda e: e["event"] == "graft", deadline)
        return begun

    def publish_ours(self, size):
        return json.loads(self.ours.post("/publish", topic=TOPIC, data=os.urandom(size).hex()))["id"]

    def publish_theirs(self, size):
        before = len(self.theirs.events)
        self.theirs.tell("publish", bytes=size)
        return self.theirs.seen("published", lambda e: e["event"] == "published", DEADLINE, before)["id"]

    def send(self, size):
        heard(self.theirs, f"our message of {size} bytes", {self.publish_ours(size)})

    def receive(self, size):
        heard(self.ours, f"the peer's message of {size} bytes", {self.publish_theirs(size)})

    def until_flows(self, deadline, between=lambda: None):
        """Publishes until a message of each side has reached the other."""
        end = time.monotonic() + deadline
        for what, publish, hearer in [("to the peer", self.publish_ours, self.theirs),
                                      ("to us", self.publish_theirs, self.ours)]:
            ids = set()
            while True:
                between()
                try:
                    ids.add(publish(100))
                    heard(hearer, "one", ids, AGAIN)
                    break
                except Failed:
                    if time.monotonic() > end:
                        raise Failed(f"no gossip {what} within {deadline} s") from None


def heard(process, what, ids, deadline=DEADLINE):
    process.seen(what, lambda e: e["event"] == "message" and e["id"] in ids, deadline)


def attempt(cell, run):
    """One cell; `run` may return when what it measures began."""
    start = time.monotonic()
    try:
        start = run() or start
        yield cell, "passed", None, time.monotonic() - start
    except Exception as error:  # whatever it is, the other cells count
        yield cell, "failed", str(error) or type(error).__name__, time.monotonic() - start
