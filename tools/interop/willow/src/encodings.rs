//! Encodings of paths, entries and areas, and what the decoders say about damaged ones.

use serde_json::{Value, json};
use ufotofu::codec_prelude::*;
use willow25::groupings::private_context::{PrivateAreaContext, PrivateInterest};
use willow25::paths::path_extends_path::CodecPathExtendsPath;
use willow25::paths::private_context::PrivatePathContext;
use willow25::prelude::*;

use crate::json::{self, encoded, encoded_relative, hex};
use crate::random::Random;

pub fn vectors() -> Value {
    let random = &mut Random::new(1);
    json!({
        "paths": times(40, || path(random)),
        "pathRelative": times(60, || path_relative(random)),
        "pathExtends": times(30, || path_extends(random)),
        "prefixSuccessor": prefix_successors(random),
        "entries": times(30, || entry(random)),
        "areaInArea": times(150, || area_in_area(random)),
        "privatePath": times(40, || private_path(random)),
        "privateArea": times(60, || private_area(random)),
        "damagedPath": times(150, || damaged_path(random)),
        "damagedEntry": times(60, || damaged_entry(random)),
        "damagedAreaInArea": times(200, || damaged_area(random)),
        "damagedPathRelative": times(100, || damaged_path_relative(random)),
    })
}

fn times(count: usize, mut make: impl FnMut() -> Value) -> Value {
    (0..count).map(|_| make()).collect()
}

fn path(random: &mut Random) -> Value {
    let path = random.path();
    json!({ "path": json::path(&path), "code": hex(&encoded(&path)) })
}

fn related(random: &mut Random) -> (Path, Path) {
    let mut path = random.path();
    let mut other = if random.coin() {
        path.clone()
    } else {
        random.path()
    };
    for _ in 0..random.below(3) {
        path = random.extend(&path);
    }
    for _ in 0..random.below(3) {
        other = random.extend(&other);
    }
    (path, other)
}

fn path_relative(random: &mut Random) -> Value {
    let (path, reference) = related(random);
    json!({
        "path": json::path(&path),
        "relativeTo": json::path(&reference),
        "code": hex(&encoded_relative(&path, &reference)),
    })
}

fn path_extends(random: &mut Random) -> Value {
    let prefix = random.path();
    let mut path = prefix.clone();
    for _ in 0..random.below(3) {
        path = random.extend(&path);
    }
    let code = encoded_relative(&CodecPathExtendsPath(path.clone()), &prefix);
    json!({ "path": json::path(&path), "prefix": json::path(&prefix), "code": hex(&code) })
}

/// Paths at the limits, where the successor is not simply one byte more, and others.
fn prefix_successors(random: &mut Random) -> Value {
    let whole = vec![0xff; 4_096];
    let start = vec![b'a'; 4_090];
    let end = [0xff; 6];
    let at_limits = [
        Path::from_slices(&[&whole]),
        Path::from_slices(&[&whole[1..]]),
        Path::from_slices(&[&start, &end]),
        Path::from_slices(&[&start, &end[1..]]),
        Path::from_slices(&[&start, &end[1..], b"a"]),
    ];
    let others: Vec<_> = (0..25).map(|_| Ok(random.path())).collect();
    at_limits
        .into_iter()
        .chain(others)
        .map(|path| {
            let path = path.unwrap();
            let successor = path.greater_but_not_prefixed();
            json!({ "path": json::path(&path), "successor": successor.map(|path| json::path(&path)) })
        })
        .collect()
}

fn entry(random: &mut Random) -> Value {
    let entry = random.entry();
    json!({ "entry": json::entry(&entry), "code": hex(&encoded(&entry)) })
}

fn area_in_area(random: &mut Random) -> Value {
    let reference = random.area();
    let area = random.area_within(&reference);
    json!({
        "area": json::area(&area),
        "relativeTo": json::area(&reference),
        "code": hex(&encoded_relative(&area, &reference)),
    })
}

/// A prefix of a private path, a path that starts with it and is related to the private one.
fn private_paths(random: &mut Random) -> (Path, Path, Path) {
    let private = random.path();
    let count = private.component_count();
    let relative = private.create_prefix(random.below(count + 1)).unwrap();
    let value = if random.coin() {
        let rest = count - relative.component_count();
        private
            .create_prefix(relative.component_count() + random.below(rest + 1))
            .unwrap()
    } else {
        let longer = random.extend(&private);
        if random.coin() {
            random.extend(&longer)
        } else {
            longer
        }
    };
    (private, relative, value)
}

fn private_path(random: &mut Random) -> Value {
    let (private, relative, path) = private_paths(random);
    let context = PrivatePathContext::new(private.clone(), relative.clone()).unwrap();
    json!({
        "path": json::path(&path),
        "private": json::path(&private),
        "relativeTo": json::path(&relative),
        "code": hex(&encoded_relative(&path, &context)),
    })
}

fn private_area(random: &mut Random) -> Value {
    loop {
        let (private, relative, path) = private_paths(random);
        let outer = random.area();
        let subspace = outer.subspace().cloned();
        let reference = Area::new(subspace.clone(), relative, *outer.times());
        let area = Area::new(subspace.clone(), path, random.times_within(outer.times()));
        let namespace = NamespaceId::from_bytes(&[7; 32]);
        let interest = PrivateInterest::new(namespace, subspace, private.clone());
        let Ok(context) = PrivateAreaContext::new(interest, reference.clone()) else {
            continue;
        };
        return json!({
            "area": json::area(&area),
            "privatePath": json::path(&private),
            "relativeTo": json::area(&reference),
            "code": hex(&encoded_relative(&area, &context)),
        });
    }
}

fn damaged_path(random: &mut Random) -> Value {
    let path = random.path();
    let bytes = random.damaged(&encoded(&path));
    json!({ "bytes": hex(&bytes), "value": verdict(&bytes, decode::<Path>).map(|value| json::path(&value)),
        "canonical": verdict(&bytes, decode_canonic::<Path>).is_some() })
}

fn damaged_entry(random: &mut Random) -> Value {
    let entry = random.entry();
    let mut bytes = encoded(&entry);
    // Past the ids, of which all are valid, to what can be wrong.
    let rest = random.damaged(&bytes.split_off(64));
    bytes.extend(rest);
    json!({ "bytes": hex(&bytes), "value": verdict(&bytes, decode::<Entry>).map(|value| json::entry(&value)),
        "canonical": verdict(&bytes, decode_canonic::<Entry>).is_some() })
}

fn damaged_area(random: &mut Random) -> Value {
    let reference = random.area();
    let area = random.area_within(&reference);
    let bytes = random.damaged(&encoded_relative(&area, &reference));
    json!({
        "bytes": hex(&bytes),
        "relativeTo": json::area(&reference),
        "value": verdict(&bytes, |b| decode_relative::<Area, Area>(b, &reference)).map(|value| json::area(&value)),
        "canonical": verdict(&bytes, |b| decode_relative_canonic::<Area, Area>(b, &reference)).is_some(),
    })
}

fn damaged_path_relative(random: &mut Random) -> Value {
    let (path, reference) = related(random);
    let bytes = random.damaged(&encoded_relative(&path, &reference));
    json!({
        "bytes": hex(&bytes),
        "relativeTo": json::path(&reference),
        "value": verdict(&bytes, |b| decode_relative::<Path, Path>(b, &reference)).map(|value| json::path(&value)),
        "canonical": verdict(&bytes, |b| decode_relative_canonic::<Path, Path>(b, &reference)).is_some(),
    })
}

/// The value, when the code is valid and nothing is left over. A panic counts as refused.
fn verdict<T>(bytes: &[u8], decode: impl FnOnce(&[u8]) -> Option<(T, usize)>) -> Option<T> {
    let decoded = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| decode(bytes)));
    match decoded {
        Ok(Some((value, 0))) => Some(value),
        Ok(_) => None,
        Err(_) => {
            eprintln!("a decoder panicked at {}", const_hex::encode(bytes));
            None
        }
    }
}

macro_rules! decoding {
    ($name:ident, $trait:ident, $method:ident) => {
        fn $name<T: $trait>(bytes: &[u8]) -> Option<(T, usize)> {
            let mut producer = bytes.to_vec().into_producer();
            let value = pollster::block_on(T::$method(&mut producer)).ok()?;
            Some((value, left(producer)))
        }
    };
    ($name:ident, $trait:ident, $method:ident, relative) => {
        fn $name<T: $trait<R>, R>(bytes: &[u8], reference: &R) -> Option<(T, usize)> {
            let mut producer = bytes.to_vec().into_producer();
            let value = pollster::block_on(T::$method(reference, &mut producer)).ok()?;
            Some((value, left(producer)))
        }
    };
}

decoding!(decode, Decodable, decode);
decoding!(decode_canonic, DecodableCanonic, decode_canonic);
decoding!(
    decode_relative,
    RelativeDecodable,
    relative_decode,
    relative
);
decoding!(
    decode_relative_canonic,
    RelativeDecodableCanonic,
    relative_decode_canonic,
    relative
);

/// How many bytes nobody took.
fn left(mut producer: impl Producer<Item = u8>) -> usize {
    let mut count = 0;
    while let Ok(Left(_)) = pollster::block_on(producer.produce()) {
        count += 1;
    }
    count
}
