//! What the rust peer reports unasked: connections, identify, status, subscriptions, the mesh, messages.

use std::collections::HashSet;

use libp2p::gossipsub::{self, MessageId, TopicHash};
use libp2p::swarm::SwarmEvent;
use libp2p::{PeerId, identify, ping, request_response};
use serde_json::{Value, json};

use crate::{BehaviourEvent, Peer, wire};

const SHOWN_PAYLOAD: usize = 4096; // bytes, up to which a message's payload is printed

pub fn report(event: &str, mut fields: Value) {
    fields["event"] = event.into();
    println!("{fields}");
}

fn report_message(source: PeerId, id: MessageId, message: gossipsub::Message) {
    let mut fields = json!({"peer_id": source.to_string(), "topic": message.topic.as_str(), "id": hex::encode(id.0)});
    match wire::decompress_block(&message.data) {
        Err(error) => fields["error"] = error.into(),
        Ok(payload) => {
            fields["bytes"] = payload.len().into();
            if payload.len() <= SHOWN_PAYLOAD {
                fields["text"] = String::from_utf8_lossy(&payload).into();
                fields["hex"] = hex::encode(&payload).into();
            }
        }
    }
    report("message", fields);
}

pub fn report_failure(command: &str, error: impl ToString) {
    report("error", json!({"command": command, "error": error.to_string()}));
}

fn told(peer: PeerId, status: Value) -> Value {
    json!({"peer_id": peer.to_string(), "finalized": status["finalized"], "head": status["head"]})
}

impl Peer {
    fn on_status(&mut self, event: request_response::Event<Vec<u8>, Vec<u8>>) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => {
                match wire::decode_status(&request) {
                    Ok(status) => report("status_answered", told(peer, status)),
                    Err(error) => report_failure("status", error),
                }
                let ours = || [vec![0], wire::our_status()].concat();
                let answer = self.options.status_answer.clone().unwrap_or_else(ours);
                _ = self.swarm.behaviour_mut().status.send_response(channel, answer);
            }
            Event::Message { peer, message: Message::Response { response, .. }, .. } => {
                match wire::decode_status_response(&response) {
                    Ok(status) => report("status", told(peer, status)),
                    Err(error) => report("status_failed", json!({"peer_id": peer.to_string(), "error": error})),
                }
            }
            Event::OutboundFailure { peer, error, .. } => {
                report("status_failed", json!({"peer_id": peer.to_string(), "error": error.to_string()}));
            }
            _ => {}
        }
    }

    fn on_behaviour(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Status(event) => self.on_status(event),
            BehaviourEvent::Gossipsub(gossipsub::Event::Message { propagation_source, message_id, message }) => {
                report_message(propagation_source, message_id, message);
            }
            BehaviourEvent::Gossipsub(gossipsub::Event::Subscribed { peer_id, topic, .. }) => {
                report("subscribed", json!({"peer_id": peer_id.to_string(), "topic": topic.as_str()}));
            }
            BehaviourEvent::Gossipsub(gossipsub::Event::Unsubscribed { peer_id, topic }) => {
                report("unsubscribed", json!({"peer_id": peer_id.to_string(), "topic": topic.as_str()}));
            }
            BehaviourEvent::Gossipsub(gossipsub::Event::SlowPeer { peer_id, .. }) => {
                report("dropped", json!({"peer_id": peer_id.to_string()}));
            }
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => report("identified", json!({
                "peer_id": peer_id.to_string(), "agent": info.agent_version, "protocol_version": info.protocol_version,
                "protocols": info.protocols.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "observed_address": info.observed_addr.to_string()})),
            BehaviourEvent::Ping(ping::Event { peer, result, .. }) if self.pings.remove(&peer) => match result {
                Ok(time) => report("pinged", json!({"peer_id": peer.to_string(), "rtt_ms": time.as_secs_f64() * 1000.0})),
                Err(error) => report_failure("ping", error),
            },
            _ => {}
        }
    }

    pub fn on_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.on_behaviour(event),
            SwarmEvent::NewListenAddr { address, .. } => {
                self.addresses.push(format!("{address}/p2p/{}", self.swarm.local_peer_id()));
                if self.addresses.len() == self.options.listen.len() {
                    self.on_ready();
                }
            }
            SwarmEvent::ConnectionEstablished { peer_id, connection_id, endpoint, num_established, .. } => {
                let direction = if endpoint.is_dialer() { "outbound" } else { "inbound" };
                let one = json!({"id": connection_id.to_string(), "peer_id": peer_id.to_string(), "streams": null,
                    "direction": direction, "address": endpoint.get_remote_address().to_string()});
                report("connection_opened", one.clone());
                if self.dials.remove(&connection_id) {
                    report("dialled", one.clone());
                }
                self.connections.insert(connection_id, one);
                if num_established.get() == 1 {
                    report("connected", json!({"peer_id": peer_id.to_string()}));
                }
                if self.options.status && endpoint.is_dialer() {
                    self.swarm.behaviour_mut().status.send_request(&peer_id, wire::our_status());
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, connection_id, num_established, .. } => {
                report("connection_closed", self.connections.remove(&connection_id).unwrap_or_default());
                if num_established == 0 {
                    report("disconnected", json!({"peer_id": peer_id.to_string()}));
                }
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => report_failure("dial", error),
            _ => {}
        }
    }

    pub fn report_mesh(&mut self) {
        let router = &self.swarm.behaviour().gossipsub;
        let members = |t: &TopicHash| router.mesh_peers(t).map(|p| (t.to_string(), *p)).collect::<Vec<_>>();
        let now: HashSet<_> = router.topics().flat_map(members).collect();
        for (change, set, other) in [("graft", &now, &self.mesh), ("prune", &self.mesh, &now)] {
            for (topic, peer) in set.difference(other) {
                report(change, json!({"peer_id": peer.to_string(), "topic": topic, "direction": null}));
            }
        }
        self.mesh = now;
    }
}
