//! The options of js/peer.mjs.

use libp2p::identity::{Keypair, secp256k1};

#[derive(Default)]
pub struct Options {
    pub listen: Vec<String>,
    pub dial: Vec<String>,
    pub topics: Vec<String>,
    pub key_type: Option<String>,
    pub seed: Option<String>,
    pub network: Option<String>,
    pub meshsub: Option<String>,
    pub strict: bool,
    pub status: bool,
    pub status_answer: Option<Vec<u8>>, // raw, code and length first
    pub max_rpc: Option<usize>,
}

impl Options {
    pub fn parse() -> Result<Options, String> {
        let mut o = Options::default();
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            if name == "--status" {
                o.status = true;
                continue;
            }
            let value = arguments.next().ok_or(format!("{name}: no such option, or without its value"))?;
            match name.as_str() {
                "--listen" => o.listen.push(value),
                "--dial" => o.dial.push(value),
                "--topic" => o.topics.push(value),
                "--key-type" => o.key_type = Some(value),
                "--seed" => o.seed = Some(value),
                "--network" => o.network = Some(value),
                "--meshsub" => o.meshsub = Some(value),
                "--sign" => o.strict = value == "strict",
                "--status-answer" => o.status_answer = Some(hex::decode(value).map_err(|e| format!("{name}: {e}"))?),
                "--max-rpc" => o.max_rpc = Some(value.parse().map_err(|e| format!("{name}: {e}"))?),
                _ => return Err(format!("{name}: no such option")),
            }
        }
        if o.listen.is_empty() {
            o.listen.push("/ip4/127.0.0.1/udp/0/quic-v1".into());
        }
        if o.topics.is_empty() {
            o.topics.push("block".into());
        }
        Ok(o)
    }

    pub fn topic_name(&self, name: Option<&str>) -> String {
        let name = name.unwrap_or(&self.topics[0]);
        let network = self.network.as_deref().unwrap_or("12345678");
        if name.starts_with('/') { name.into() } else { format!("/leanconsensus/{network}/{name}/ssz_snappy") }
    }

    pub fn make_key(&self) -> Result<Keypair, String> {
        let seed = self.seed.as_ref().map(hex::decode).transpose().map_err(|e| format!("--seed: {e}"))?;
        match (self.key_type.as_deref().unwrap_or("secp256k1"), seed) {
            ("secp256k1", None) => Ok(Keypair::generate_secp256k1()),
            ("ed25519", None) => Ok(Keypair::generate_ed25519()),
            ("ecdsa", None) => Ok(Keypair::generate_ecdsa()),
            ("secp256k1", Some(raw)) => secp256k1::SecretKey::try_from_bytes(raw)
                .map(|secret| secp256k1::Keypair::from(secret).into())
                .map_err(|e| format!("--seed: {e}")),
            ("ed25519", Some(raw)) => Keypair::ed25519_from_bytes(raw).map_err(|e| format!("--seed: {e}")),
            (other, _) => Err(format!("--key-type: makes no {other} key")),
        }
    }
}
