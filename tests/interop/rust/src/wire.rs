//! What Lean nodes put on the wire and rust-libp2p does not bring: message ids, the status exchange.

use std::io::{self, Error, Read, Write};

use futures::prelude::*;
use libp2p::request_response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const STATUS_PROTOCOL: &str = "/leanconsensus/req/status/1/ssz_snappy";
const STATUS_SIZE: usize = 80;
const MAX_BLOCK: usize = 10 << 20;
const MAX_MESSAGE: u64 = 1 << 16;
const MESSAGE_ID_SIZE: usize = 20;

pub fn compress_block(data: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(data).expect("a payload under 4 GiB")
}

pub fn decompress_block(block: &[u8]) -> Result<Vec<u8>, String> {
    match snap::raw::decompress_len(block) {
        Ok(size) if size <= MAX_BLOCK => snap::raw::Decoder::new().decompress_vec(block).map_err(|e| e.to_string()),
        _ => Err(format!("snappy: no block of up to {MAX_BLOCK} bytes")),
    }
}

/// First 20 bytes of SHA-256 over domain, topic length, topic and payload; the domain says whether
/// the payload could be decompressed.
pub fn message_id(topic: &str, data: &[u8]) -> Vec<u8> {
    let (valid, payload) = match decompress_block(data) {
        Ok(payload) => (1u32, payload),
        Err(_) => (0, data.to_vec()),
    };
    let mut hash = Sha256::new();
    hash.update(valid.to_le_bytes());
    hash.update((topic.len() as u64).to_le_bytes());
    hash.update(topic);
    hash.update(payload);
    hash.finalize()[..MESSAGE_ID_SIZE].to_vec()
}

pub fn our_status() -> Vec<u8> {
    let mut ssz = vec![0x11; 32];
    ssz.extend(64u64.to_le_bytes());
    ssz.extend([0x22; 32]);
    ssz.extend(96u64.to_le_bytes());
    let mut frames = snap::write::FrameEncoder::new(vec![STATUS_SIZE as u8]); // a varint of one byte
    frames.write_all(&ssz).expect("memory");
    frames.into_inner().expect("memory")
}

pub fn decode_status(message: &[u8]) -> Result<Value, String> {
    let (announced, frames) = message.split_first().ok_or("status: no length")?;
    let mut ssz = Vec::new();
    snap::read::FrameDecoder::new(frames).read_to_end(&mut ssz).map_err(|e| e.to_string())?;
    if ssz.len() != STATUS_SIZE || *announced as usize != STATUS_SIZE {
        return Err(format!("status: announced {announced} bytes, came {}, instead of {STATUS_SIZE}", ssz.len()));
    }
    let at = |offset: usize| {
        let slot: [u8; 8] = ssz[offset + 32..offset + 40].try_into().expect("8 bytes");
        json!({"root": hex::encode(&ssz[offset..offset + 32]), "slot": u64::from_le_bytes(slot)})
    };
    Ok(json!({"finalized": at(0), "head": at(40)}))
}

pub fn decode_status_response(message: &[u8]) -> Result<Value, String> {
    match message.split_first() {
        None => Err("status: an empty response".into()),
        Some((0, status)) => decode_status(status),
        Some((code, _)) => Err(format!("status: answered with code {code}")),
    }
}

/// Requests and responses as the bytes they are, up to the FIN.
#[derive(Clone, Default)]
pub struct Raw;

async fn read_all<T: AsyncRead + Unpin + Send>(io: &mut T) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.take(MAX_MESSAGE).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

impl request_response::Codec for Raw {
    type Protocol = &'static str;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T: AsyncRead + Unpin + Send>(&mut self, _: &&'static str, io: &mut T) -> io::Result<Vec<u8>> {
        read_all(io).await
    }

    async fn read_response<T: AsyncRead + Unpin + Send>(&mut self, _: &&'static str, io: &mut T) -> io::Result<Vec<u8>> {
        read_all(io).await
    }

    async fn write_request<T: AsyncWrite + Unpin + Send>(&mut self, _: &&'static str, io: &mut T, bytes: Vec<u8>) -> Result<(), Error> {
        io.write_all(&bytes).await
    }

    async fn write_response<T: AsyncWrite + Unpin + Send>(&mut self, _: &&'static str, io: &mut T, bytes: Vec<u8>) -> Result<(), Error> {
        io.write_all(&bytes).await
    }
}
