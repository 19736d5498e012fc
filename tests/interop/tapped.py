"""What devnet-orphans makes of pairs of foreign nodes through a tap: tapped.py [PAIR...]

For each pair, such as rust-rust, and each course (healthy, restarted, crossed: both dial each other,
fault: ours opens a second gossipsub stream, another is killed and comes back, orphan: js-libp2p's
application opens a second one and forgets it): the first dials the second through devnet-tap, gossip
flows both ways, and the tap's logs are judged. The truth is of the applications' own state:

- what gossip reaches whom, of all;
- how many gossipsub streams of each direction a node lists, of go-libp2p, js-libp2p, the reference and
  ours (rust-libp2p lists none): it uses one of its own, so that more are orphans, and what is called
  live is among them;
- which stream it was that js-libp2p forgot;
- of go-libp2p and ours, who write logs with frames, those: judged by themselves and held against the
  tap's verdict stream by stream, and what our own events say is so.

One JSON line a course, and one of the sums: streams judged, orphans missed, healthy streams accused, and
of how many that both logs know the verdicts agree; a table by pair and course goes to stderr. Exit 1
where any was missed or accused, or one log has an orphan of what the other does not."""

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
COURSES = ["healthy", "restarted", "crossed", "fault", "orphan"]
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

    def lists(self):
        """How many gossipsub streams of each direction it lists; None where it does not tell."""
        if self.kind == "rust":
            return None
        if self.kind == "ours":
            peers = json.loads(self.process.get("/peers"))["peers"]
            return {"outbound": sum(one["outbound_stream"]["state"] == "open" for one in peers),
                    "inbound": sum(len(one["inbound_streams"]) for one in peers)}
        before = len(self.process.events)
        self.process.tell("streams")
        told = self.process.seen("streams", lambda e: e["event"] == "streams", 10, before)
        directions = [stream["direction"] for one in told["connections"] for stream in one["streams"]
                      if "meshsub" in str(stream["protocol"])]
        return {way: directions.count(way) for way in ("outbound", "inbound")}

    def forget_stream(self, other):
        """Has it open a gossipsub stream that nobody uses: which."""
        before = len(self.process.events)
        self.process.tell("orphan", peer_id=other.process.peer_id)
        return self.process.seen("a second gossipsub stream", lambda e: e["event"] == "orphan", 10, before)["stream"]

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


def carried(tap):
    return [one["id"] for one in json.loads(tap.get("/connections"))["connections"]]


def run(course, a, b, tap):
    addresses = {one["name"]: one["address"] for one in tap.events[0]["nodes"]}
    fault = ["--fault", "second-gossip-stream"] if course == "fault" and a.kind == "ours" else []
    b.start()
    a.start(addresses["b"], *fault)
    truth = {"a_to_b": flows(a, b), "b_to_a": flows(b, a), "dead": [], "forgotten": None}
    if course == "restarted" or (course == "fault" and not fault):
        truth["dead"] = carried(tap)
        a.process.end(kill=course == "fault")
        a.start(addresses["b"])
        truth.update(a_to_b=flows(a, b), b_to_a=flows(b, a))
    if course == "crossed":
        b.dial(addresses["a"])
        time.sleep(SETTLED)
        truth.update(a_to_b=flows(a, b), b_to_a=flows(b, a))
    if course == "orphan":
        opener, other = (a, b) if a.kind == "js" else (b, a)
        truth["forgotten"] = {"by": opener.name, "stream": opener.forget_stream(other)}
        time.sleep(SETTLED)
        truth.update(a_to_b=flows(a, b), b_to_a=flows(b, a))
    time.sleep(SETTLED)
    truth.update(a_lists=a.lists(), b_lists=b.lists(), carried=carried(tap))
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


def suspect(stream):
    return stream["orphan"] or stream.get("suspected", False)


def against_own(by_tap, own):
    """What a node's own events say of a stream is so."""
    missed, false = [], []
    for key, stream in own.items():
        if stream["confidence"] == "exact" and key in by_tap:
            told = f"{key}: {by_tap[key]['verdict']}, and by its own events {stream['verdict']}"
            if stream["orphan"] and not suspect(by_tap[key]):
                missed.append(told)
            if by_tap[key]["orphan"] and not stream["orphan"]:
                false.append(told)
    return missed, false


def against_gossip(by_tap, truth, own):
    """Of the streams each way one is alive where gossip flows, and none on the latest connection where it
    is published and does not come."""
    missed, false = [], []
    latest = max((one["began"] for one in by_tap.values()), default=0)
    for way, opener in (("a_to_b", "a"), ("b_to_a", "b")):
        theirs = {key: one for key, one in by_tap.items() if one["names"].get(one["opened_by"]) == opener
                  and one["bytes_out"] > 36}
        if truth[way] and theirs and all(one["orphan"] for one in theirs.values()):
            false.append(f"{way}: gossip flows, and each stream is called an orphan")
        # What a restarted peer left behind is registered until its connection dies.
        if truth[way] is False and any(one["verdict"].startswith("live") and one["began"] == latest
                                       and own.get(key, {}).get("confidence") != "exact" for key, one in theirs.items()):
            missed.append(f"{way}: no gossip flows, and a stream is called live")
    return missed, false


def against_lists(by_tap, truth):
    """Of its own streams that a node lists it uses one, and what it does not list is not live. What a peer
    left that ended without a word both lists and logs have."""
    missed, left = [], set(truth["dead"]) & set(truth["carried"])
    for name, other in (("a", "b"), ("b", "a")):
        ours, theirs = truth[f"{name}_lists"], truth[f"{other}_lists"]
        if left and name == "b":
            continue
        opened = [one for key, one in by_tap.items() if one["names"].get(one["opened_by"]) == name
                  and key[0] in truth["carried"] and key[0] not in left]
        suspects, live = sum(map(suspect, opened)), sum(one["verdict"].startswith("live") for one in opened)
        if ours and suspects < ours["outbound"] - 1:
            missed.append(f"{name} lists {ours['outbound']} streams of its own and uses one: {suspects} suspected")
        for who, lists, way in ((name, ours, "outbound"), (other, theirs, "inbound")):
            if lists and live > lists[way]:
                missed.append(f"{who} lists {lists[way]} {way} streams, and {live} are called live")
    return missed


def against_forgotten(by_tap, truth):
    """The stream that an application opened and forgot, where it is still open."""
    forgotten = truth["forgotten"]
    if forgotten is None:
        return []
    last = max((key for key, one in by_tap.items() if one["names"].get(one["opened_by"]) == forgotten["by"]),
               key=lambda key: key[1])
    return [] if suspect(by_tap[last]) else [f"{last}: {by_tap[last]['verdict']}, and its opener has forgotten it"]


def compare(by_tap, truth, own):
    """Missed and false, in words."""
    missed, false = map(list.__add__, against_own(by_tap, own), against_gossip(by_tap, truth, own))
    return missed + against_lists(by_tap, truth) + against_forgotten(by_tap, truth), false


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


def built(kind):
    return kind == "ours" or (kind in PEERS and pathlib.Path(PEERS[kind][0]).exists())


def courses(pairs):
    """Of the pairs whose peers are there; js-libp2p alone can be told to forget a stream."""
    for pair in pairs:
        kinds = pair.split("-")
        if not all(map(built, kinds)):
            print(f"{pair} is left out: its peers are not built", file=sys.stderr)
            continue
        yield from ((pair, course) for course in COURSES if course != "orphan" or "js" in kinds)


def print_table(told):
    """Streams judged, missed and false of each pair and course; - where there is none, ? where it failed."""
    def cell(one):
        return "?" if "error" in one else f"{one['n']} {len(one['missed'])} {len(one['false'])}"
    cells = {(one["pair"], one["course"]): cell(one) for one in told}
    print(f"{'n missed false':16}" + "".join(f"{course:12}" for course in COURSES), file=sys.stderr)
    for pair in dict.fromkeys(one["pair"] for one in told):
        print(f"{pair:16}" + "".join(f"{cells.get((pair, course), '-'):12}" for course in COURSES), file=sys.stderr)


def main():
    all_told = []
    sums = {"n": 0, "missed": 0, "false": 0, "failed": 0, "both": 0, "agree": 0, "orphans_differ": 0}
    for pair, course in courses(sys.argv[1:] or PAIRS):
        try:
            told = attempt(pair, course)
            sums = {**sums, "n": sums["n"] + told["n"], "missed": sums["missed"] + len(told["missed"]),
                    "false": sums["false"] + len(told["false"]),
                    **{key: sums[key] + told["own_logs"][key] for key in ("both", "agree", "orphans_differ")}}
        except (Failed, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
            told = {"pair": pair, "course": course, "error": f"{type(error).__name__}: {error}"}
            sums["failed"] += 1
        print(json.dumps(told), flush=True)
        all_told.append(told)
    print_table(all_told)
    print(json.dumps({"sums": sums}))
    sys.exit(any(sums[key] for key in ("missed", "false", "failed", "orphans_differ")))


if __name__ == "__main__":
    main()
