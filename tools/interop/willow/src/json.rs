//! Values of Willow in the form of the other vectors: bytes in hex, 64-bit numbers as decimal
//! text, `null` for an open end or any subspace.

use serde_json::{Value, json};
use ufotofu::codec_prelude::*;
use willow25::authorisation::raw::{Delegation, Genesis};
use willow25::prelude::*;

pub fn hex(bytes: &[u8]) -> Value {
    Value::String(const_hex::encode(bytes))
}

pub fn encoded<T: Encodable>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    pollster::block_on(async {
        value
            .encode(&mut (&mut bytes).into_consumer())
            .await
            .unwrap()
    });
    bytes
}

pub fn encoded_relative<T: RelativeEncodable<R>, R>(value: &T, reference: &R) -> Vec<u8> {
    let mut bytes = Vec::new();
    pollster::block_on(async {
        value
            .relative_encode(reference, &mut (&mut bytes).into_consumer())
            .await
            .unwrap()
    });
    bytes
}

pub fn path(path: &Path) -> Value {
    path.components()
        .map(|component| hex(component.as_bytes()))
        .collect()
}

pub fn times(times: &TimeRange) -> Value {
    json!([
        u64::from(*times.start()).to_string(),
        times.end().map(|end| u64::from(*end).to_string())
    ])
}

pub fn area(area: &Area) -> Value {
    json!({
        "subspace": area.subspace().map(|id| hex(id.as_bytes())),
        "path": path(area.path()),
        "times": times(area.times()),
    })
}

pub fn entry(entry: &impl Entrylike) -> Value {
    json!({
        "namespace": hex(entry.namespace_id().as_bytes()),
        "subspace": hex(entry.subspace_id().as_bytes()),
        "path": path(entry.path()),
        "timestamp": u64::from(entry.timestamp()).to_string(),
        "payloadLength": entry.payload_length().to_string(),
        "payloadDigest": hex(entry.payload_digest().as_bytes()),
    })
}

pub fn genesis(genesis: &Genesis) -> Value {
    json!({
        "kind": if genesis.is_owned() { "owned" } else { "communal" },
        "mode": match genesis.access_mode() {
            willow25::authorisation::raw::AccessMode::Read => "read",
            willow25::authorisation::raw::AccessMode::Write => "write",
        },
        "namespace": hex(genesis.namespace_key().as_bytes()),
        "user": hex(genesis.user_key().as_bytes()),
        "initialAuthorisation": match genesis {
            Genesis::Communal(_) => Value::Null,
            Genesis::Owned(owned) => hex(&encoded(&owned.initial_authorisation)),
        },
    })
}

pub fn delegations(delegations: &[Delegation]) -> Value {
    delegations
        .iter()
        .map(|delegation| {
            json!({
                "area": area(&delegation.area),
                "user": hex(delegation.user.as_bytes()),
                "signature": hex(&encoded(&delegation.signature)),
            })
        })
        .collect()
}
