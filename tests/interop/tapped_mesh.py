"""What a tap between five nodes keeps, each dialled by each and all in one mesh: tapped_mesh.py

The nodes are of as many implementations as are built, the other places are ours. Prints {"kinds",
"connections", "edges": mesh edges by what went over the wire, of each of the two ends, "rss_kb": the
most memory that was resident, once each has sent the others 10 messages}."""

import itertools
import json
import pathlib
import sys
import tempfile
import time

sys.dont_write_bytecode = True

from pair import HERE, PEERS, Failed
from tapped import Node, start_tap

NODES, MESSAGES = 5, 10
PATIENCE = 60  # seconds for the mesh
POLL = 0.2


def built():
    """The reference and rust-libp2p do not mesh."""
    there = {kind for kind in ("go", "rust", "js") if pathlib.Path(PEERS[kind][0]).exists()} | {"ours"}
    there |= {"reference"} & PEERS.keys() if (HERE / "reference").exists() else set()
    return sorted(there) + ["ours"] * (NODES - len(there))


def edges(tap):
    return sum(len(topic["mesh"]) for node in json.loads(tap.get("/mesh"))["nodes"] for topic in node["topics"].values())


def full(kinds):
    total = NODES * (NODES - 1)
    return total - 2 * ("rust" in kinds and "reference" in kinds)


def run(kinds, folder):
    nodes = [Node(f"{kind}_{i}", kind, folder, f"{i + 1:02x}" * 32) for i, kind in enumerate(kinds)]
    tap = start_tap(nodes, folder)
    try:
        addresses = {one["name"]: one["address"] for one in tap.events[0]["nodes"]}
        for one in nodes:
            one.start()
        for dialler, listener in itertools.combinations(nodes, 2):
            dialler.dial(addresses[listener.name])
        end = time.monotonic() + PATIENCE
        while edges(tap) < full(kinds):
            if time.monotonic() > end:
                raise Failed(f"{edges(tap)} of {full(kinds)} mesh edges within {PATIENCE} s")
            time.sleep(POLL)
        for one in nodes * MESSAGES:
            one.publish()
        status = pathlib.Path(f"/proc/{tap.program.pid}/status").read_text()
        return {"kinds": kinds, "connections": len(json.loads(tap.get("/connections"))["connections"]),
                "edges": edges(tap), "rss_kb": int(status.split("VmHWM:")[1].split()[0])}
    finally:
        tap.end()
        for one in nodes:
            if hasattr(one, "process"):
                one.end()


def main():
    with tempfile.TemporaryDirectory(prefix="tapped-") as name:
        try:
            print(json.dumps(run(built(), pathlib.Path(name))))
        except Failed as error:
            sys.exit(str(error))


main()
