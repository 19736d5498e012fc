#!/usr/bin/env python3
"""Stands in for the simulator's helper, a leanSpec node that builds a chain and is a checkpoint source. This
one is a node of ours, which has been told of a finalized block and keeps none: enough for tests that ask
their client for what it does not have."""

import http.server
import json
import os
import secrets
import subprocess
import threading

IP, GENESIS = os.environ["HIVE_LEAN_HELPER_ADVERTISE_IP"], int(os.environ["HIVE_LEAN_GENESIS_TIME"])
FINALIZED, HEAD = {"root": "0x" + "11" * 32, "slot": 64}, {"root": "0x" + "22" * 32, "slot": 66}
AGENT = "devnet-node (stands in for leanSpec)"


def start_node():
    """The line with which it is ready; it ends with this process."""
    head, finalized = (f"{block['root']}:{block['slot']}" for block in (HEAD, FINALIZED))
    command = ["setpriv", "--pdeathsig", "KILL", "/app/devnet-node", "--api", "off", "--agent", AGENT,
               "--listen", f"/ip4/{IP}/udp/{os.environ['HIVE_LEAN_HELPER_P2P_PORT']}/quic-v1",
               "--network", os.environ["HIVE_LEAN_HELPER_GOSSIP_FORK_DIGEST"].removeprefix("0x"),
               "--head", head, "--finalized", finalized,
               "--key-hex", os.environ.get("HIVE_LEAN_HELPER_IDENTITY_PRIVATE_KEY", secrets.token_hex(32))]
    node = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return node, json.loads(node.stdout.readline())


class Handler(http.server.BaseHTTPRequestHandler):
    pages = {}

    def log_message(self, *_):
        pass

    def do_GET(self):
        page = self.pages.get(self.path)
        self.send_response(404 if page is None else 200)
        self.end_headers()
        self.wfile.write(page or b"")


def main():
    node, ready = start_node()
    keys = [{f"{use}_public_key": secrets.token_hex(52) for use in ("attestation", "proposal")}
            for _ in range(int(os.environ["HIVE_LEAN_VALIDATOR_COUNT"]))]
    blocks = [{**block, "parent_root": parent, "proposer_index": 0, "weight": 0}
              for block, parent in ((FINALIZED, "0x" + "00" * 32), (HEAD, FINALIZED["root"]))]
    choice = {"nodes": blocks, "head": HEAD["root"], "justified": FINALIZED, "finalized": FINALIZED,
              "safe_target": FINALIZED["root"], "validator_count": len(keys)}
    genesis = {"genesis_time": GENESIS, "genesis_validator_entries": keys, "bootnode_enr": ready["enr"],
               "bootnode_multiaddr": ready["listen"][0]}
    Handler.pages = {"/hive/genesis": json.dumps(genesis).encode(), "/lean/v0/fork_choice": json.dumps(choice).encode(),
                     "/lean/v0/health": b'{"status":"healthy","service":"lean-rpc-api"}',
                     "/lean/v0/states/finalized": b"no state", "/lean/v0/blocks/finalized": b"no block"}
    for port in ("API", "METADATA"):
        server = http.server.ThreadingHTTPServer((IP, int(os.environ[f"HIVE_LEAN_HELPER_{port}_PORT"])), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    for _ in node.stdout:
        pass
    raise SystemExit("the node has ended")


main()
