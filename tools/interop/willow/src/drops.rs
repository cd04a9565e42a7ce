//! Drops with complete payloads and without.

use serde_json::{Value, json};
use ufotofu::codec_prelude::*;
use willow25::authorisation::*;
use willow25::drop_format::{DropEncoder, DropSliceMetadata};
use willow25::prelude::*;

use crate::capabilities::write_capability;
use crate::json::{self, encoded, hex};
use crate::random::{Random, subspace, user};

/// A record of a drop; without a payload when the exporter has none of it.
struct Record {
    authorised: AuthorisedEntry,
    payload: Option<Vec<u8>>,
}

pub fn vectors() -> Value {
    let random = &mut Random::new(3);
    let drops: Vec<Value> = (0..10)
        .map(|count| drop_of(records(random, count)))
        .collect();
    json!({ "payload": "byte i of the payload of record n of a drop is (i + n) mod 256", "drops": drops })
}

fn records(random: &mut Random, count: usize) -> Vec<Record> {
    let mut current = write_capability(random, false, 0, None);
    (0..count)
        .map(|index| {
            if random.below(3) == 0 {
                let (owned, delegations) = (random.coin(), random.below(3));
                current = write_capability(random, owned, delegations, None);
            }
            let length = [0, 1, 11, 300, 1_024, 1_025][random.below(6)];
            let payload: Vec<u8> = (0..length).map(|byte| (byte + index) as u8).collect();
            let authorised = authorised_entry(random, &current, &payload);
            let held = length == 0 || random.below(3) > 0;
            Record {
                authorised,
                payload: held.then_some(payload),
            }
        })
        .collect()
}

fn authorised_entry(
    random: &mut Random,
    (capability, receiver): &(WriteCapability, usize),
    payload: &[u8],
) -> AuthorisedEntry {
    let area = capability.granted_area();
    let entry = Entry::builder()
        .namespace_id(capability.granted_namespace().clone())
        .subspace_id(
            area.subspace()
                .cloned()
                .unwrap_or_else(|| subspace(random.below(3))),
        )
        .path(random.extend(area.path()))
        .timestamp(*area.times().start())
        .payload(payload)
        .build();
    let token = AuthorisationToken::new_for_entry(&entry, capability, &user(*receiver)).unwrap();
    PossiblyAuthorisedEntry::new(entry, token)
        .into_authorised_entry()
        .unwrap()
}

fn drop_of(records: Vec<Record>) -> Value {
    let mut bytes = Vec::new();
    pollster::block_on(async {
        let mut encoder = DropEncoder::new((&mut bytes).into_consumer());
        for Record {
            authorised,
            payload,
        } in &records
        {
            let payload = payload.clone().unwrap_or_default();
            let chunks = payload.len().div_ceil(1_024) as u64;
            let metadata = DropSliceMetadata::new(authorised.clone(), 0, chunks, 0, false).unwrap();
            assert!(
                encoder
                    .consume(Left((metadata, payload.into_producer())))
                    .await
                    .is_ok()
            );
        }
        assert!(encoder.consume(Right(())).await.is_ok());
    });
    let described: Vec<Value> = records
        .iter()
        .map(
            |Record {
                 authorised,
                 payload,
             }| {
                let token = authorised.authorisation_token();
                json!({
                    "entry": json::entry(authorised.entry()),
                    "capability": hex(&encoded(token.capability())),
                    "signature": hex(&encoded(token.signature())),
                    "whole": payload.is_some(),
                })
            },
        )
        .collect();
    json!({ "records": described, "code": hex(&bytes) })
}
