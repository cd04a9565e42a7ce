//! Makes vectors for Willow'25 with the crates `willow25` and `bab_rs` and prints them as one
//! JSON object: the name of a file, and what it holds. `run.mjs` puts them where they belong.
//!
//! Everything follows from a fixed seed: two runs print the same.

mod capabilities;
mod drops;
mod encodings;
mod json;
mod random;
mod signatures;
mod william3;

use serde_json::{Map, Value};

fn main() {
    let mut files = Map::new();
    files.insert("william3".into(), william3::vectors());
    files.insert("encodings".into(), encodings::vectors());
    files.insert("capabilities".into(), capabilities::vectors());
    files.insert("signatures".into(), signatures::vectors());
    files.insert("drops".into(), drops::vectors());
    println!("{}", Value::Object(files));
}
