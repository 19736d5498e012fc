//! A Lean peer made of rust-libp2p, driven as js/peer.mjs is: commands come in on stdin and events
//! go out on stdout, one JSON object a line each; the same options, commands and events. What
//! rust-libp2p does not tell is null: the streams of a connection, who it was that grafted.

mod events;
mod options;
mod wire;

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures::StreamExt;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, MessageId, TopicHash, ValidationMode, Version};
use libp2p::request_response::{self, ProtocolSupport};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{ConnectionId, NetworkBehaviour};
use libp2p::{Multiaddr, PeerId, Swarm, SwarmBuilder, identify, identity::Keypair, multiaddr::Protocol, ping};
use serde_json::{Value, json};
use tokio::io::AsyncBufReadExt;

use events::report;
use options::Options;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const MESH_POLL: Duration = Duration::from_millis(20); // changes of the mesh are no events in rust-libp2p
const FAREWELL: Duration = Duration::from_millis(200);

#[derive(NetworkBehaviour)]
struct Behaviour {
    gossipsub: gossipsub::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
    status: request_response::Behaviour<wire::Raw>,
}

struct Peer {
    swarm: Swarm<Behaviour>,
    options: Options,
    addresses: Vec<String>,
    connections: HashMap<ConnectionId, Value>,
    dials: HashSet<ConnectionId>,
    pings: HashSet<PeerId>, // whose next ping is to be reported
    mesh: HashSet<(String, PeerId)>,
}

/// The parameters of Lean networks, under the names that rust-libp2p has for them.
fn make_gossipsub(options: &Options, key: &Keypair) -> Result<gossipsub::Behaviour, Failure> {
    let mut lean = gossipsub::ConfigBuilder::default();
    lean.mesh_n(8).mesh_n_low(6).mesh_n_high(12).gossip_lazy(6).history_length(6).history_gossip(3);
    lean.heartbeat_interval(Duration::from_millis(700)).duplicate_cache_time(Duration::from_secs(24));
    lean.max_transmit_size(options.max_rpc.unwrap_or(10 << 20));
    match options.meshsub.as_deref() {
        None | Some("1.2,1.1,1.0") => {}
        Some("1.0") => _ = lean.protocol_id("/meshsub/1.0.0", Version::V1_0),
        Some(one @ ("1.1" | "1.2")) => _ = lean.protocol_id(format!("/meshsub/{one}.0"), Version::V1_1),
        Some(other) => return Err(format!("--meshsub: rust-libp2p offers all versions or one, not {other}").into()),
    }
    let authenticity = if options.strict {
        MessageAuthenticity::Signed(key.clone())
    } else {
        lean.validation_mode(ValidationMode::Anonymous);
        lean.message_id_fn(|m| MessageId::from(wire::message_id(m.topic.as_str(), &m.data)));
        MessageAuthenticity::Anonymous
    };
    Ok(gossipsub::Behaviour::new(authenticity, lean.build()?)?)
}

fn make_swarm(options: &Options) -> Result<Swarm<Behaviour>, Failure> {
    let status = options.status.then_some((wire::STATUS_PROTOCOL, ProtocolSupport::Full));
    let every_second = ping::Config::new().with_interval(Duration::from_secs(1));
    Ok(SwarmBuilder::with_existing_identity(options.make_key()?)
        .with_tokio()
        .with_quic()
        .with_behaviour(|key| {
            Ok(Behaviour {
                gossipsub: make_gossipsub(options, key)?,
                identify: identify::Behaviour::new(identify::Config::new("/ipfs/0.1.0".into(), key.public())),
                ping: ping::Behaviour::new(every_second),
                status: request_response::Behaviour::new(status, request_response::Config::default()),
            })
        })
        .map_err(|e| e.to_string())?
        .build())
}

/// Quick even where nothing is optimised: xorshift, from a seed that a new peer id brings.
fn random_bytes(size: usize) -> Vec<u8> {
    let id = PeerId::random().to_bytes();
    let mut state = u64::from_le_bytes(id[id.len() - 8..].try_into().expect("8 bytes")) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn subscribers(router: &gossipsub::Behaviour, topic: &TopicHash) -> Vec<String> {
    router.all_peers().filter(|(_, topics)| topics.contains(&topic)).map(|(peer, _)| peer.to_string()).collect()
}

impl Peer {
    fn on_ready(&mut self) {
        let id = self.swarm.local_peer_id().to_string();
        report("ready", json!({"peer_id": id, "listen": self.addresses, "pid": std::process::id()}));
        for address in self.options.dial.clone() {
            self.obey(&json!({"command": "dial", "address": address}).to_string());
        }
    }

    fn dial(&mut self, address: &str) -> Result<(), Failure> {
        let address: Multiaddr = address.parse()?;
        let peer = address.iter().find_map(|part| if let Protocol::P2p(id) = part { Some(id) } else { None });
        let dial = match peer {
            // Forced, so that a connection is made even where one exists: the simultaneous dial.
            Some(id) => DialOpts::peer_id(id).condition(PeerCondition::Always).addresses(vec![address]).build(),
            None => DialOpts::unknown_peer_id().address(address).build(),
        };
        self.dials.insert(dial.connection_id());
        Ok(self.swarm.dial(dial)?)
    }

    fn publish(&mut self, topic: String, command: &Value) -> Result<(), Failure> {
        let payload = match (command["bytes"].as_u64(), command["hex"].as_str()) {
            (Some(size), _) => random_bytes(size as usize),
            (_, Some(digits)) => hex::decode(digits)?,
            _ => command["text"].as_str().unwrap_or_default().as_bytes().to_vec(),
        };
        let data = if command["raw"] == true { payload } else { wire::compress_block(&payload) };
        let router = &mut self.swarm.behaviour_mut().gossipsub;
        let id = router.publish(IdentTopic::new(&topic), data)?;
        let recipients = subscribers(router, &TopicHash::from_raw(&topic));
        report("published", json!({"topic": topic, "id": hex::encode(id.0), "recipients": recipients}));
        Ok(())
    }

    fn close(&mut self, direction: Option<&str>) {
        for (id, one) in &self.connections {
            if direction.is_none() || one["direction"].as_str() == direction {
                self.swarm.close_connection(*id);
            }
        }
    }

    fn carry_out(&mut self, command: &Value) -> Result<(), Failure> {
        let topic = self.options.topic_name(command["topic"].as_str());
        let peer = command["peer_id"].as_str().unwrap_or_default().parse::<PeerId>();
        let router = &mut self.swarm.behaviour_mut().gossipsub;
        match command["command"].as_str().unwrap_or_default() {
            "dial" => self.dial(command["address"].as_str().unwrap_or_default())?,
            "ping" => _ = self.pings.insert(peer?),
            "status" => _ = self.swarm.behaviour_mut().status.send_request(&peer?, wire::our_status()),
            "publish" => self.publish(topic, command)?,
            "subscribe" => _ = router.subscribe(&IdentTopic::new(topic))?,
            "unsubscribe" => _ = router.unsubscribe(&IdentTopic::new(topic)),
            "mesh" => {
                let hash = TopicHash::from_raw(&topic);
                let peers: Vec<_> = router.mesh_peers(&hash).map(PeerId::to_string).collect();
                let subscribers = subscribers(router, &hash);
                let subscribed = router.topics().any(|one| *one == hash);
                report("mesh", json!({"topic": topic, "peers": peers, "subscribers": subscribers, "subscribed": subscribed}));
            }
            "streams" => report("streams", json!({"connections": self.connections.values().collect::<Vec<_>>()})),
            "close" => self.close(command["direction"].as_str()),
            _ => return Err("no such command".into()),
        }
        Ok(())
    }

    fn obey(&mut self, line: &str) {
        let command: Value = serde_json::from_str(line).unwrap_or_default();
        if let Err(error) = self.carry_out(&command) {
            report("error", json!({"command": command["command"], "error": error.to_string()}));
        }
    }

    async fn run(&mut self) {
        let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
        let mut poll = tokio::time::interval(MESH_POLL);
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                _ = poll.tick() => self.report_mesh(),
                line = lines.next_line() => match line {
                    Ok(Some(line)) if line.contains("\"exit\"") => return,
                    Ok(Some(line)) if !line.trim().is_empty() => self.obey(&line),
                    Ok(Some(_)) => {}
                    _ => return, // whoever drove this peer is gone: leave nothing behind
                },
            }
        }
    }

    async fn say_goodbye(&mut self) {
        self.close(None);
        let until = tokio::time::sleep(FAREWELL);
        tokio::pin!(until);
        loop {
            tokio::select! {
                event = self.swarm.select_next_some() => self.on_event(event),
                () = &mut until => return,
            }
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let options = Options::parse()?;
    let mut swarm = make_swarm(&options)?;
    for topic in &options.topics {
        swarm.behaviour_mut().gossipsub.subscribe(&IdentTopic::new(options.topic_name(Some(topic))))?;
    }
    for address in &options.listen {
        swarm.listen_on(address.parse()?)?;
    }
    let mut peer = Peer { swarm, options, addresses: vec![], connections: HashMap::new(), dials: HashSet::new(),
        pings: HashSet::new(), mesh: HashSet::new() };
    peer.run().await;
    peer.say_goodbye().await;
    Ok(())
}
