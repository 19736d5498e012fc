"""The networking of leanSpec as it is, taken from a checkout, with an eye on what it does not tell."""

import contextvars
import importlib
import json
import os
import pathlib
import sys
import types

checkout = os.environ.get("LEANSPEC_CHECKOUT")
if not checkout or not pathlib.Path(checkout, "src/lean_spec").is_dir():
    sys.exit("leanspec.py: LEANSPEC_CHECKOUT does not name a checkout of leanSpec")
sys.path.insert(0, str(pathlib.Path(checkout, "src")))


class Prover(types.ModuleType):
    """Stands in for the prover of signatures, a module of native code: networking never proves."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *_, **__: None


sys.modules["lean_multisig_py"] = Prover("lean_multisig_py")
for name in ("", ".Hash", ".Hash.keccak"):  # the name under which it lives beside other libraries
    sys.modules["Crypto" + name] = importlib.import_module("Cryptodome" + name)

from aioquic.quic.events import ConnectionTerminated
from lean_spec.node.networking.client.event_source.live import LiveNetworkEventSource
from lean_spec.node.networking.gossipsub import behavior
from lean_spec.node.networking.reqresp.handler import RequestHandler, ReqRespServer
from lean_spec.node.networking.transport.quic.connection import QuicConnection
from lean_spec.node.networking.transport.quic.stream import QuicStream
from lean_spec.spec.crypto.merkleization import hash_tree_root
from lean_spec.spec.forks.lstar.containers.block import SignedBlock

SHOWN_PAYLOAD = 4096  # bytes, up to which a message's payload is printed

asking = contextvars.ContextVar("the peer whose request is being answered")


def report(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Mesh(behavior.MeshState):
    """leanSpec has no events for changes of the mesh."""

    def add_to_mesh(self, topic, peer_id):
        if added := super().add_to_mesh(topic, peer_id):
            report("graft", peer_id=str(peer_id), topic=str(topic))
        return added

    def remove_from_mesh(self, topic, peer_id):
        if removed := super().remove_from_mesh(topic, peer_id):
            report("prune", peer_id=str(peer_id), topic=str(topic))
        return removed


behavior.MeshState = Mesh


close = QuicStream.close


async def close_once(stream):
    """leanSpec closes the stream of a request after its FIN, which aioquic refuses: the blocks that
    have come by then would be lost to it, whoever has sent them."""
    if not stream._write_closed:
        await close(stream)
    stream._closed = stream._read_closed = True


QuicStream.close = close_once


class Blocks:
    """Those of a folder, a file each, which leanSpec answers from."""

    def __init__(self, folder):
        signed = [SignedBlock.decode_bytes(path.read_bytes()) for path in sorted(pathlib.Path(folder).iterdir())]
        self.by_root = {bytes(hash_tree_root(one.block)): one for one in signed}
        self.by_slot = {int(one.block.slot): one for one in signed}

    async def of_root(self, root):
        return self.by_root.get(bytes(root))

    async def of_slot(self, slot):
        return self.by_slot.get(int(slot))


class Answers(RequestHandler):
    async def handle_status(self, response):
        report("status_answered", peer_id=str(asking.get()))
        await super().handle_status(response)

    async def handle_blocks_by_root(self, request, response):
        report("blocks_answered", peer_id=str(asking.get()), roots=len(request.roots.data))
        await super().handle_blocks_by_root(request, response)


class Source(LiveNetworkEventSource):
    """leanSpec's own, but that messages are reported whatever they hold, and who asks is known."""

    def __post_init__(self):
        super().__post_init__()
        self._reqresp_handler = Answers()
        self._reqresp_server = ReqRespServer(handler=self._reqresp_handler)

    def keep_blocks(self, folder):
        blocks = Blocks(folder)
        self._reqresp_handler.block_lookup = blocks.of_root
        self._reqresp_handler.block_by_slot_lookup = blocks.of_slot
        self._reqresp_handler.current_slot_lookup = lambda: max(one.block.slot for one in blocks.by_slot.values())

    def _handle_reqresp_inbound_stream(self, peer_id, protocol_id, wrapper):
        asking.set(peer_id)  # the task that is made next begins with it
        super()._handle_reqresp_inbound_stream(peer_id, protocol_id, wrapper)

    async def _forward_gossipsub_events(self):
        while (event := await self._gossipsub_behavior.get_next_event()) is not None:
            fields = {"peer_id": str(event.peer_id), "topic": str(event.topic)}
            if not isinstance(event, behavior.GossipsubMessageEvent):
                report("subscribed" if event.subscribed else "unsubscribed", **fields)
                continue
            shown = {"text": event.data.decode(errors="replace"), "hex": event.data.hex()}
            report("message", **fields, id=bytes(event.message_id).hex(), bytes=len(event.data),
                   **(shown if len(event.data) <= SHOWN_PAYLOAD else {}))


class Connections:
    """Those that live: leanSpec keeps the newest of each peer, dead or not, and tells of no end."""

    def __init__(self):
        self.open = []
        handle = QuicConnection._handle_event

        def handle_event(connection, event):
            handle(connection, event)
            if isinstance(event, ConnectionTerminated):
                self.closed(connection, event)
        QuicConnection._handle_event = handle_event

    @staticmethod
    def describe(connection):
        quic = connection._protocol._quic
        return {"id": quic.host_cid.hex(), "peer_id": str(connection.peer_id), "address": connection.remote_address,
                "direction": "outbound" if quic._is_client else "inbound"}

    def opened(self, connection):
        report("connection_opened", **self.describe(connection))
        if not any(one.peer_id == connection.peer_id for one in self.open):
            report("connected", peer_id=str(connection.peer_id))
        self.open.append(connection)

    def closed(self, connection, event):
        report("connection_closed", **self.describe(connection), code=event.error_code, reason=event.reason_phrase)
        self.open = [one for one in self.open if one is not connection]
        if not any(one.peer_id == connection.peer_id for one in self.open):
            report("disconnected", peer_id=str(connection.peer_id))

    def streams(self):
        report("streams", connections=[{**self.describe(one), "streams": [
            {"id": number, "protocol": str(stream.protocol_id),
             "direction": "outbound" if (number & 1 == 0) == one._protocol._quic._is_client else "inbound"}
            for number, stream in one._streams.items() if not stream._closed]} for one in self.open])
