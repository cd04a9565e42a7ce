//! Digests of WILLIAM3 by `bab_rs`: what every payload is addressed by.

use anyhash::{Hasher, HasherWrite};
use serde_json::{Value, json};

use crate::json::hex;

pub fn vectors() -> Value {
    let message: Vec<u8> = (0..1_048_577usize)
        .map(|index| (index % 251) as u8)
        .collect();
    let key: [u8; 32] = core::array::from_fn(|index| index as u8);
    let words: [u32; 8] =
        core::array::from_fn(|i| u32::from_le_bytes(key[4 * i..4 * i + 4].try_into().unwrap()));
    let digests: Vec<Value> = lengths()
        .into_iter()
        .map(|length| {
            let bytes = &message[..length];
            let mut plain = [0; 32].into();
            bab_rs::batch_hash(bytes, &mut plain);
            let mut keyed = [0; 32].into();
            bab_rs::batch_hash_keyed(bytes, words, &mut keyed);
            let mut hasher = bab_rs::William3Hasher::new();
            for piece in bytes.chunks(777) {
                hasher.write(piece);
            }
            assert_eq!(hasher.finish(), plain, "the hasher of bab_rs agrees with itself");
            json!({ "length": length, "digest": hex(plain.as_bytes()), "keyed": hex(keyed.as_bytes()) })
        })
        .collect();
    json!({ "message": "byte i is i mod 251", "key": hex(&key), "digests": digests })
}

/// Sizes around the borders of blocks, chunks and subtrees.
fn lengths() -> Vec<usize> {
    let mut lengths = vec![0, 1, 3, 63, 64, 65, 127, 128, 129, 250, 960, 1_000];
    for chunks in [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 100, 128, 1_024,
    ] {
        lengths.extend([chunks * 1_024 - 1, chunks * 1_024, chunks * 1_024 + 1]);
    }
    lengths
}
