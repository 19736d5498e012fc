"""A reader that stops for a while, with 10 MB on their way to it: what the other changes meanwhile,
of subscriptions and the mesh, it hears when it reads on, and both ends' own words then agree. Of our
own two nodes tests/slow_reader.bats says the same.

Their habits, which these cells stay within: go-libp2p queues 32 RPCs a peer, control before messages,
and leaves out what is beyond; rust-libp2p leaves out messages that have waited for five seconds;
js-libp2p queues whatever comes, unless an option says how much."""

import json
import os
import time

from pair import DEADLINE, TOPIC, Failed, Pair, attempt

MESSAGES = 10
SIZE = 1_000_000
BEATS = 2  # heartbeats of ours, from the draining of the queue, in which both agree
SETTLED_BEATS = 60  # in which two that have just met agree, or meet again
PATIENCE = 4  # seconds: less than what rust-libp2p gives a message in its queue, and than any idle timeout
TRIES = 5
POLL = 0.05  # seconds
# By topic, who is subscribed at the beginning: the sender changes what is named in CONTROLS.
SENDER_HAS = ["block", "attestation_2", "attestation_4"]
READER_HAS = ["block", "attestation_3", "attestation_4"]
NAMES = ["block", "attestation_1", "attestation_2", "attestation_3", "attestation_4"]


def full(name):
    return f"/leanconsensus/12345678/{name}/ssz_snappy"


class OurEnd:
    """What our node says, and is told, through its API."""

    def __init__(self, pair):
        self.node, self.other = pair.ours, pair.theirs.peer_id

    def view(self):
        """By topic: is it subscribed, does it know the other to be, does it have it in the mesh."""
        topics = json.loads(self.node.get("/mesh"))["topics"]
        none = {"subscribed": False, "subscribers": [], "mesh": []}
        told = {name: topics.get(full(name), none) for name in NAMES}
        return {name: (one["subscribed"], self.other in one["subscribers"], self.other in one["mesh"])
                for name, one in told.items()}

    def change(self, verb, name):
        self.node.post("/" + verb, topic="lean:" + name)

    def prepare(self):
        return [json.dumps({"topic": TOPIC, "data": os.urandom(SIZE).hex()}).encode() for _ in range(MESSAGES)]

    def publish(self, bodies):
        for body in bodies:
            self.node.get("/publish", body)
        return self.unsent() > 2_000_000

    def unsent(self):
        return sum(peer["outbound_stream"]["unsent"] for peer in json.loads(self.node.get("/mesh"))["peers"])

    def await_drained(self):
        until("the queue drains", lambda: self.unsent() == 0)

    def pruned(self, since, name):
        return any(e["event"] == "mesh_left" and e["topic"] == full(name) and e["by"] == "peer"
                   for e in self.node.events[since:])


class TheirEnd:
    """What the peer says, and is told, by its commands."""

    def __init__(self, pair):
        self.pair, self.node, self.other = pair, pair.theirs, pair.ours.peer_id

    def ask(self, name):
        before = len(self.node.events)
        self.node.tell("mesh", topic=name)
        return self.node.seen("the peer's mesh", lambda e: e["event"] == "mesh" and e["topic"] == full(name),
                              since=before)

    def view(self):
        told = {name: self.ask(name) for name in NAMES}
        return {name: (one["subscribed"], self.other in (one["subscribers"] or []), self.other in (one["peers"] or []))
                for name, one in told.items()}

    def change(self, verb, name):
        self.node.tell(verb, topic=name)
        until(f"{verb} is done", lambda: self.ask(name)["subscribed"] == (verb == "subscribe"))

    def prepare(self):
        return [{"bytes": SIZE}] * MESSAGES

    def publish(self, messages):
        before = len(self.node.events)
        for message in messages:
            self.node.tell("publish", **message)
        until("all are published", lambda: count(self.node, before, "published") == MESSAGES)
        return True

    def await_drained(self):
        """Its queue is out of sight: what it sends now comes when all before it has, or was left out."""
        self.pair.receive(100)

    def pruned(self, since, name):
        return any(e["event"] == "prune" and e["topic"] == full(name) for e in self.node.events[since:])


def count(process, since, event):
    return sum(e["event"] == event for e in process.events[since:])


def until(what, holds):
    end = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {DEADLINE} s")
        time.sleep(POLL)


def beats(node):
    lines = node.get("/metrics").decode().splitlines()
    return next(int(float(line.split()[1])) for line in lines if line.startswith("devnet_heartbeats_total "))


def differ(one, other):
    """The topics on which two views do not fit."""
    return [name for name in NAMES if one[name][0] != other[name][1] or one[name][1] != other[name][0]
            or one[name][2] != other[name][2]]


def await_agreement(ours, first, second, within):
    """Both views once they fit. It is too late when a look that was begun after so many heartbeats
    still finds a difference: how long a look takes does not count."""
    last = beats(ours) + within
    while True:
        now = beats(ours)
        views = first.view(), second.view()
        wrong = differ(*views)
        if not wrong:
            return views
        if now > last:
            raise Failed(f"after {within} heartbeats the ends differ on " +
                         "; ".join(f"{name}: {views[0][name]}, {views[1][name]}" for name in wrong))
        time.sleep(POLL)


def subscribe(sender):
    sender.change("subscribe", "attestation_1")
    return lambda view, _: view["attestation_1"][1]


def unsubscribe(sender):
    sender.change("unsubscribe", "attestation_2")
    return lambda view, _: not view["attestation_2"][1]


def graft(sender):
    """The reader is subscribed: who subscribes too grafts it."""
    sender.change("subscribe", "attestation_3")
    return lambda view, _: view["attestation_3"][2]


def prune(sender):
    """Who leaves and comes back leaves its backoff, so that both stay outside the mesh for a while."""
    sender.change("unsubscribe", "attestation_4")
    sender.change("subscribe", "attestation_4")
    return lambda view, pruned: view["attestation_4"][1] and pruned("attestation_4")


CONTROLS = {"SUBSCRIBE": subscribe, "UNSUBSCRIBE": unsubscribe, "GRAFT": graft, "PRUNE": prune}


def stop_and_fill(ours, reader, sender):
    """Leaves the reader stopped, with all the messages on their way to it. A stop that was longer
    than either end is patient proves nothing, and is made again."""
    for _ in range(TRIES):
        messages = sender.prepare()
        reader.node.stop()
        begun = time.monotonic()
        full = sender.publish(messages)
        if time.monotonic() - begun < PATIENCE:
            if not full:
                raise Failed("nothing waits for the reader")
            return
        reader.node.go_on()
        await_agreement(ours, reader, sender, SETTLED_BEATS)
        sender.await_drained()
    raise Failed(f"{TRIES} times publishing took longer than {PATIENCE} s")


def cell(ours, reader, sender, change):
    """Returns when the reader read on: the stop is not measured."""
    try:
        stop_and_fill(ours, reader, sender)
        since = len(reader.node.events)
        heard = change(sender)
    finally:
        reader.node.go_on()
    begun = time.monotonic()
    sender.await_drained()
    view, _ = await_agreement(ours, reader, sender, BEATS)
    if not heard(view, lambda name: reader.pruned(since, name)):
        raise Failed(f"the reader has not heard of it: {view}")
    return begun


def meet(pair, ours_is_slow):
    """Reader and sender, who dials."""
    theirs_have, ours_have = (SENDER_HAS, READER_HAS) if ours_is_slow else (READER_HAS, SENDER_HAS)
    options = lambda names, prefix="": [word for name in names for word in ("--topic", prefix + name)]
    pair.start_both(not ours_is_slow, *options(theirs_have),
                    ours=["--idle-timeout", "60s", *options(ours_have[1:], "lean:")])
    pair.meshed()
    ends = OurEnd(pair), TheirEnd(pair)
    await_agreement(pair.ours, *ends, SETTLED_BEATS)
    return ends if ours_is_slow else ends[::-1]


def slow_reader(kind, ours_is_slow):
    """Four controls one after the other between two that stay connected."""
    who = "us, slow" if ours_is_slow else "the slow peer"
    with Pair(kind) as pair:
        ends = []

        def run(change):
            if not ends:
                ends.extend(meet(pair, ours_is_slow))
            return cell(pair.ours, *ends, change)
        for control, change in CONTROLS.items():
            yield from attempt(f"{control} to {who}", lambda: run(change))
