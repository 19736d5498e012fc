"""A Lean peer made of the reference, leanSpec, whose checkout LEANSPEC_CHECKOUT names. Driven as
../js/peer.mjs is: commands come in on stdin and events go out on stdout, one JSON object a line each.
leanSpec speaks status and gossipsub 1.2 alone, unsigned and with secp256k1: no ping, no identify.
Writes QUIC logs into the folder that QLOGDIR names, and leanSpec's own log to stderr from LOG_LEVEL on."""

import argparse
import asyncio
import functools
import json
import logging
import os
import shutil
import sys

import leanspec  # first: it makes the reference importable

from aioquic.quic.logger import QuicFileLogger
from cryptography.hazmat.primitives.asymmetric import ec
from lean_spec.node.networking.gossipsub.behavior import _try_decompress
from lean_spec.node.networking.gossipsub.message import GossipsubMessage
from lean_spec.node.networking.reqresp.message import Status
from lean_spec.node.networking.service.events import PeerConnectedEvent, PeerStatusEvent
from lean_spec.node.networking.transport.identity import IdentityKeypair
from lean_spec.node.networking.transport.identity.keypair import Secp256k1PublicKey
from lean_spec.node.networking.transport.peer_id import PeerId
from lean_spec.node.networking.transport.quic import connection as transport
from lean_spec.node.networking.varint import encode_varint

from leanspec import Connections, Source, report

DIAL_TIMEOUT = 10  # seconds


Root = Status.model_fields["head"].annotation.model_fields["root"].annotation


def checkpoint(root, slot):
    kind = Status.model_fields["head"].annotation
    return kind(root=Root(bytes([root]) * 32), slot=kind.model_fields["slot"].annotation(slot))


def describe_status(status):
    return {name: {"root": bytes(one.root).hex(), "slot": int(one.slot)}
            for name, one in (("finalized", status.finalized), ("head", status.head))}


def compress_nothing(payload):
    """A snappy block of one literal: leanSpec's own compression takes seconds for a megabyte."""
    literal = bytes([63 << 2]) + (len(payload) - 1).to_bytes(4, "little") + payload if payload else b""
    return encode_varint(len(payload)) + literal


class Peer:
    def __init__(self, options):
        self.options = options
        self.connections = Connections()

    def topic(self, name):
        name = name or self.options.topic[0]
        return name if name.startswith("/") else f"/leanconsensus/{self.options.network}/{name}/ssz_snappy"

    def identity(self):
        if self.options.seed is None:
            return IdentityKeypair.generate()
        key = ec.derive_private_key(int(self.options.seed, 16), ec.SECP256K1())
        return IdentityKeypair(private_key=key, public_key=Secp256k1PublicKey(_key=key.public_key()))

    async def start(self):
        if folder := os.environ.get("QLOGDIR"):
            logged = functools.partial(transport.QuicConfiguration, quic_logger=QuicFileLogger(folder))
            transport.QuicConfiguration = logged
        manager = await transport.QuicConnectionManager.create(self.identity())
        self.source = await Source.create(manager)
        self.gossip = self.source._gossipsub_behavior
        self.source.set_network_name(self.options.network)
        if self.options.status:
            self.source.set_status(Status(finalized=checkpoint(0x11, 64), head=checkpoint(0x22, 96)))
        if self.options.blocks:
            self.source.keep_blocks(self.options.blocks)
        addresses = [await self.listen(address) for address in self.options.listen]
        shutil.rmtree(manager._temp_directory)  # the key of its certificate, which has been read
        await self.source.start_gossipsub()
        for topic in self.options.topic:
            self.source.subscribe_gossip_topic(self.topic(topic))
        self.watcher = asyncio.create_task(self.watch())
        report("ready", peer_id=str(manager.peer_id), pid=os.getpid(),
               listen=[f"{address}/p2p/{manager.peer_id}" for address in addresses])

    async def listen(self, address):
        """leanSpec keeps no reference to what listens, and so the port is learned on the way there."""
        bound = asyncio.get_running_loop().create_future()
        serve = transport.quic_serve

        async def serve_and_tell(*arguments, **keywords):
            server = await serve(*arguments, **keywords)
            bound.set_result(server._transport.get_extra_info("sockname"))
        transport.quic_serve = serve_and_tell
        self.listener = asyncio.create_task(self.source.listen(address))
        await asyncio.wait([bound, self.listener], return_when=asyncio.FIRST_COMPLETED)
        transport.quic_serve = serve
        if not bound.done():
            self.listener.result()
        host, port = bound.result()[:2]
        return f"/ip4/{host}/udp/{port}/quic-v1"

    async def watch(self):
        async for event in self.source:
            if isinstance(event, PeerConnectedEvent):
                self.connections.opened(self.source._connections[event.peer_id])
            elif isinstance(event, PeerStatusEvent):
                report("status", peer_id=str(event.peer_id), **describe_status(event.status))

    async def dial(self, command):
        if await asyncio.wait_for(self.source.dial(command["address"]), DIAL_TIMEOUT) is None:
            raise ConnectionError(f"{command['address']}: no connection")
        report("dialled", address=command["address"])

    async def publish(self, command):
        topic = self.topic(command.get("topic"))
        payload = os.urandom(command["bytes"]) if "bytes" in command else \
            bytes.fromhex(command["hex"]) if "hex" in command else command.get("text", "").encode()
        data = payload if command.get("raw") else compress_nothing(payload)
        hashed, domain = _try_decompress(data)
        recipients = [str(one) for one in self.gossip.mesh.get_mesh_peers(topic)]
        await self.source.publish(topic, data)
        report("published", topic=topic, recipients=recipients,
               id=bytes(GossipsubMessage.compute_id(topic.encode(), hashed, domain=domain)).hex())

    async def blocks(self, command):
        """By their roots, from a peer."""
        roots = [Root(bytes.fromhex(one)) for one in command["roots"]]
        came = await self.source.reqresp_client.request_blocks_by_root(PeerId.from_base58(command["peer_id"]), roots)
        report("blocks", peer_id=command["peer_id"], slots=[int(one.block.slot) for one in came])

    def mesh(self, topic):
        report("mesh", topic=topic, subscribed=topic in self.gossip.mesh.subscriptions,
               peers=[str(one) for one in self.gossip.mesh.get_mesh_peers(topic)],
               subscribers=[str(one.peer_id) for one in self.gossip._peers.values() if topic in one.subscriptions])

    async def obey(self, command):
        name, topic = command["command"], self.topic(command.get("topic"))
        match name:
            case "dial" | "publish" | "blocks":
                await getattr(self, name)(command)
            case "status":
                await self.source._exchange_status(PeerId.from_base58(command["peer_id"]))
            case "subscribe" | "unsubscribe":
                getattr(self.gossip, name)(topic)
            case "mesh":
                self.mesh(topic)
            case "streams":
                self.connections.streams()
            case "close":
                for peer_id in {one.peer_id for one in self.connections.open}:
                    await self.source.disconnect(peer_id)
            case _:
                raise ValueError("no such command, or none that leanSpec can follow")

    async def try_to_obey(self, command):
        try:
            await self.obey(command)
        except Exception as error:  # whatever it is, the next command counts
            report("error", command=command.get("command"), error=str(error) or type(error).__name__)


async def run(options):
    peer = Peer(options)
    await peer.start()
    running = {asyncio.create_task(peer.try_to_obey({"command": "dial", "address": one})) for one in options.dial}
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        command = json.loads(line)
        if command.get("command") == "exit":
            break
        task = asyncio.create_task(peer.try_to_obey(command))
        running.add(task)
        task.add_done_callback(running.discard)
    # Told to, or whoever drove this peer is gone: leave nothing behind.
    await peer.try_to_obey({"command": "close"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--listen", action="append", help="here (default /ip4/127.0.0.1/udp/0/quic-v1; repeatable)")
    parser.add_argument("--dial", action="append", default=[], help="dial this once listening (repeatable)")
    parser.add_argument("--topic", action="append", help="subscribe: block or a whole topic (default block; repeatable)")
    parser.add_argument("--seed", help="32 bytes of hex that the identity is made of (default: random)")
    parser.add_argument("--network", default="12345678", help="network part of topics")
    parser.add_argument("--status", action="store_true", help="answer status, and ask it where we dialled")
    parser.add_argument("--blocks", help="answer from the blocks of this folder, a file each")
    for option, only in (("--key-type", "secp256k1"), ("--meshsub", "1.2"), ("--sign", "none")):
        parser.add_argument(option, choices=[only], help="as the other peers have it")
    options = parser.parse_args()
    options.listen = options.listen or ["/ip4/127.0.0.1/udp/0/quic-v1"]
    options.topic = options.topic or ["block"]
    logging.basicConfig(level=os.environ.get("LOG_LEVEL", "ERROR"), stream=sys.stderr)
    asyncio.run(run(options))


main()
