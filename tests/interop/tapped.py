"""What devnet-orphans makes of pairs of foreign nodes through a tap: tapped.py [PAIR...]

For each pair, such as rust-rust, and each course (healthy, restarted, crossed: both dial each other,
fault): the first dials the second through devnet-tap, gossip flows both ways, and the tap's logs are
judged. The truth is of the applications' own state: what gossip reaches whom, the streams that they
list, and where a node writes a log with its own events, what those say. Where a node writes a log with
frames, go-libp2p or ours, it is judged by itself as well, and both verdicts are held against each other,
stream by stream. One JSON line a course, and one of the sums: streams judged, orphans missed, healthy
streams accused, and of how many that both logs know the verdicts agree. Exit 1 where any was missed or
accused, or one log has an orphan of what the other does not."""

import itertools
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

from pair import BUILD, PEERS, TOPIC, Failed, Process, heard

PAIRS = ["rust-rust", "js-js", "go-rust", "go-go", "go-js", "ours-go", "ours-rust", "ours-js"]
if "reference" in PEERS:
    PAIRS += ["rust-reference", "ours-reference"]
COURSES = ["healthy", "restarted", "crossed", "fault"]
SETTLED = 3  # seconds for who is silent to have been so for a while
FLOWING = 12  # seconds until gossip reaches the other end
ORPHANS = {"orphaned", "orphaned_at_opener", "unread_at_receiver", "orphaned_after_deregistration"}


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Node:
    def __init__(self, name, kind, folder, secret):
        self.name, self.kind, self.folder, self.secret = name, kind, folder, secret
        self.port = free_port()
        (folder / f"{name}.key").write_text(secret + "\n")

    def start(self, dial=None, *options):
        listen = f"/ip4/127.0.0.1/udp/{self.port}/quic-v1"
        if self.kind == "ours":
            command = [BUILD / "devnet-node", "--key-hex", self.secret, "--topic", TOPIC, "--listen", listen,
                       "--qlog", f"{self.name}.qlog", *(["--bootnode", dial] if dial else []), *options]
        else:
            command = [*PEERS[self.kind], "--seed", self.secret, "--status", "--listen", listen,
                       *(["--dial", dial] if dial else [])]
        self.process = Process(command, self.folder, **({"QLOGDIR": f"{self.name}.qlog"} if self.kind == "go" else {}))

    def dial(self, address):
        if self.kind == "ours":
            self.process.post("/connect", addr=address)
        else:
            self.process.tell("dial", address=address)

    def publish(self):
        if self.kind == "ours":
            return json.loads(self.process.post("/publish", topic=TOPIC, data=os.urandom(64).hex()))["id"]
        before = len(self.process.events)
        self.process.tell("publish", bytes=64)
        told = self.process.seen("published", lambda e: e["event"] == "published" or e.get("command") == "publish",
                                 10, before)
        return told.get("id") if told.get("recipients") else None  # to nobody

    def has_streams(self):
        """How many gossipsub streams it lists; None where it does not tell."""
        if self.kind in ("ours", "rust"):
            return None
        before = len(self.process.events)
        self.process.tell("streams")
        told = self.process.seen("streams", lambda e: e["event"] == "streams", 10, before)
        return sum("meshsub" in str(stream["protocol"]) for one in told["connections"] for stream in one["streams"])

    def end(self):
        self.process.end(kill=self.kind in ("js", "reference"))


def start_tap(nodes, folder, *options):
    return Process([BUILD / "devnet-tap", *options,
                    *(f"{one.name}={one.name}.key,127.0.0.1:0,127.0.0.1:{one.port}" for one in nodes)], folder)


def flows(sender, hearer):
    """Whether what the one publishes reaches the other; None where it knows of nobody to publish to."""
    ids, end = set(), time.monotonic() + FLOWING
    while time.monotonic() < end:
        try:
            ids |= {sender.publish()} - {None}
            heard(hearer.process, "a message", ids, 1)
            return True
        except Failed:
            pass
    return False if ids else None


def run(course, a, b, tap):
    addresses = {one["name"]: one["address"] for one in tap.events[0]["nodes"]}
    fault = ["--fault", "second-gossip-stream"] if course == "fault" and a.kind == "ours" else []
    b.start()
    a.start(addresses["b"], *fault)
    truth = {"a_to_b": flows(a, b), "b_to_a": flows(b, a)}
    if course == "restarted" or (course == "fault" and not fault):
        a.process.end(kill=course == "fault")
        a.start(addresses["b"])
        truth.update(a_to_b=flows(a, b), b_to_a=flows(b, a))
    if course == "crossed":
        b.dial(addresses["a"])
        time.sleep(SETTLED)
        truth.update(a_to_b=flows(a, b), b_to_a=flows(b, a))
    time.sleep(SETTLED)
    truth.update(a_lists=a.has_streams(), b_lists=b.has_streams())
    return truth


def judge(*folders):
    told = subprocess.run([BUILD / "devnet-orphans", "--json", *folders], capture_output=True, text=True, check=False)
    streams = {}
    for connection in json.loads(told.stdout)["connections"]:
        for stream in connection["streams"]:
            if stream["shape"] == "gossip":
                streams[connection["id"], stream["id"]] = {**stream, "names": connection.get("names", {}),
                                                           "began": connection.get("epoch_ms", 0)}
    return streams


def compare(by_tap, truth, own):
    """Missed and false, in words. What a node's own events say of a stream is so; of others, one each way is
    alive where gossip flows, and none on the latest connection where it is published and does not come."""
    missed, false = [], []
    for key, stream in own.items():
        if stream["confidence"] == "exact" and key in by_tap:
            orphan, seen = stream["orphan"], by_tap[key]["orphan"] or by_tap[key].get("suspected", False)
            if orphan and not seen:
                missed.append(f"{key}: {by_tap[key]['verdict']}, and by its own events {stream['verdict']}")
            if by_tap[key]["orphan"] and not orphan:
                false.append(f"{key}: {by_tap[key]['verdict']}, and by its own events {stream['verdict']}")
    latest = max((one["began"] for one in by_tap.values()), default=0)
    for way, opener in (("a_to_b", "a"), ("b_to_a", "b")):
        theirs = [one for key, one in by_tap.items() if one["names"].get(one["opened_by"]) == opener
                  and one["bytes_out"] > 36 and own.get(key, {}).get("confidence") != "exact"]
        if truth[way] and theirs and all(one["orphan"] for one in theirs):
            false.append(f"{way}: gossip flows, and each stream is called an orphan")
        # What a restarted peer left behind is registered until its connection dies.
        if truth[way] is False and any(one["verdict"].startswith("live") and one["began"] == latest for one in theirs):
            missed.append(f"{way}: no gossip flows, and a stream is called live")
    return missed, false


def agreement(by_tap, own):
    """Of the streams that both know: how many have the same verdict, and each that has not."""
    both = [(key, by_tap[key], own[key]) for key in sorted(by_tap.keys() & own.keys())]
    differ = [f"{key[0]} stream {key[1]}: {tap['verdict']} ({tap['confidence']}) by the tap, "
              f"{log['verdict']} ({log['confidence']}) by the node's own log" for key, tap, log in both
              if tap["verdict"] != log["verdict"]]
    orphans = sum(tap["orphan"] != log["orphan"] for _, tap, log in both)
    return {"both": len(both), "agree": len(both) - len(differ), "differ": differ, "orphans_differ": orphans}


def attempt(pair, course):
    with tempfile.TemporaryDirectory(prefix="tapped-") as name:
        folder = pathlib.Path(name)
        kinds = pair.split("-")
        a, b = Node("a", kinds[0], folder, "0a" * 32), Node("b", kinds[1], folder, "0b" * 32)
        tap = start_tap([a, b], folder, "--qlog", "tap")
        try:
            truth = run(course, a, b, tap)
        finally:
            tap.end()
            for one in (a, b):
                if hasattr(one, "process"):
                    one.end()
        by_tap = judge(folder / "tap")
        logs = [folder / f"{one.name}.qlog" for one in (a, b) if one.kind in ("ours", "go")]
        own = judge(*logs) if logs else {}
        missed, false = compare(by_tap, truth, own)
        verdicts = {}
        for stream in by_tap.values():
            verdicts[stream["verdict"]] = verdicts.get(stream["verdict"], 0) + 1
        return {"pair": pair, "course": course, "n": len(by_tap), "missed": missed, "false": false, "verdicts": verdicts,
                "suspected": sum(one.get("suspected", False) for one in by_tap.values()), "own_logs": agreement(by_tap, own), "truth": truth}


def main():
    sums = {"n": 0, "missed": 0, "false": 0, "failed": 0, "both": 0, "agree": 0, "orphans_differ": 0}
    for pair, course in itertools.product(sys.argv[1:] or PAIRS, COURSES):
        try:
            told = attempt(pair, course)
            sums = {**sums, "n": sums["n"] + told["n"], "missed": sums["missed"] + len(told["missed"]),
                    "false": sums["false"] + len(told["false"]),
                    **{key: sums[key] + told["own_logs"][key] for key in ("both", "agree", "orphans_differ")}}
        except (Failed, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
            told = {"pair": pair, "course": course, "error": f"{type(error).__name__}: {error}"}
            sums["failed"] += 1
        print(json.dumps(told), flush=True)
    print(json.dumps({"sums": sums}))
    sys.exit(any(sums[key] for key in ("missed", "false", "failed", "orphans_differ")))


if __name__ == "__main__":
    main()
