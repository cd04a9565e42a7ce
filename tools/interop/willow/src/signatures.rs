//! Which signatures the Rust implementation takes: those that libraries disagree about.

use serde_json::{Value, json};
use signature::{Signer, Verifier};
use willow25::prelude::*;

use crate::json::{encoded, hex};
use crate::random::user;

/// The order of the group, little-endian (RFC 8032 section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The 14 encodings of the points whose order divides 8.
const SMALL_ORDER: [&str; 14] = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
];

pub fn vectors() -> Value {
    let secret = user(0);
    let key = secret.corresponding_subspace_id().to_bytes();
    let message = b"x";
    let genuine: [u8; 64] = encoded(&secret.sign(message)).try_into().unwrap();
    let mut cases = vec![
        case("genuine", key, message, genuine),
        case("S + L instead of S", key, message, with_larger_s(genuine)),
        case("another message", key, b"y", genuine),
    ];
    for point in SMALL_ORDER {
        let point: [u8; 32] = const_hex::decode(point).unwrap().try_into().unwrap();
        let mut signature = [0; 64];
        signature[..32].copy_from_slice(&SMALL_ORDER_IDENTITY);
        cases.push(case(
            "public key of small order, R the identity, S = 0",
            point,
            message,
            signature,
        ));
        let mut signature = genuine;
        signature[..32].copy_from_slice(&point);
        cases.push(case("R of small order", key, message, signature));
    }
    cases.push(case(
        "R the identity, S = h * a: the equation holds",
        bytes("6e7a1cdd29b0b78fd13af4c5598feff4ef2a97166e3ca6f2e4fbfccd80505bf1"),
        message,
        bytes(concat!(
            "0100000000000000000000000000000000000000000000000000000000000000",
            "dbae53b75448dcfd0732f33bda0d3f792f466415ee8c07382cbcbee01eca4302"
        )),
    ));
    json!({ "cases": cases })
}

const SMALL_ORDER_IDENTITY: [u8; 32] = {
    let mut identity = [0; 32];
    identity[0] = 1;
    identity
};

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    const_hex::decode(hex).unwrap().try_into().unwrap()
}

fn with_larger_s(mut signature: [u8; 64]) -> [u8; 64] {
    let mut carry = 0u16;
    for (byte, order) in signature[32..].iter_mut().zip(ORDER) {
        carry += u16::from(*byte) + u16::from(order);
        *byte = carry as u8;
        carry >>= 8;
    }
    signature
}

fn case(description: &str, key: [u8; 32], message: &[u8], signature: [u8; 64]) -> Value {
    let valid = SubspaceId::from_bytes(&key)
        .verify(message, &SubspaceSignature::from(signature))
        .is_ok();
    json!({
        "description": description,
        "publicKey": hex(&key),
        "message": hex(message),
        "signature": hex(&signature),
        "valid": valid,
    })
}
