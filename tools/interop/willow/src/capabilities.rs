//! Capabilities, tokens and their encodings relative to what came before.

use serde_json::{Value, json};
use ufotofu::codec_prelude::*;
use willow25::authorisation::raw::*;
use willow25::authorisation::*;
use willow25::prelude::*;

use crate::json::{self, encoded, encoded_relative, hex};
use crate::random::{Random, default_pair, namespace, subspace, user};

pub fn vectors() -> Value {
    let random = &mut Random::new(2);
    let mut capabilities = Vec::new();
    let mut tokens = Vec::new();
    let mut damaged = Vec::new();
    // Each token stands beside the one before it; the first beside the default one.
    let mut prior = default_pair();
    for index in 0..20 {
        let owned = index % 2 == 1;
        let delegations = index / 2 % 5;
        let read = read_capability(random, owned, delegations);
        capabilities.push(described(
            read.genesis(),
            read.delegations(),
            &read.granted_area(),
            encoded(&read),
        ));
        let (capability, receiver) = write_capability(random, owned, delegations, None);
        capabilities.push(described(
            capability.genesis(),
            capability.delegations(),
            &capability.granted_area(),
            encoded(&capability),
        ));
        for _ in 0..4 {
            damaged.push(damaged_capability(random, &encoded(&capability)));
        }
        let authorised = authorised_entry(random, &capability, receiver);
        tokens.push(token(&authorised, &prior));
        // The next one shares the capability, or the first of its delegations.
        let more = 1 + random.below(2);
        let (longer, last) = write_capability(random, owned, more, Some((capability, receiver)));
        let next = authorised_entry(random, &longer, last);
        tokens.push(token(&next, &authorised));
        let again = authorised_entry(random, &longer, last);
        tokens.push(token(&again, &next));
        prior = again;
    }
    json!({ "capabilities": capabilities, "tokens": tokens, "damagedCapability": damaged })
}

fn described(
    genesis: &Genesis,
    delegations: &[Delegation],
    granted: &Area,
    code: Vec<u8>,
) -> Value {
    let receiver = delegations
        .last()
        .map_or(genesis.user_key(), |last| &last.user);
    json!({
        "genesis": json::genesis(genesis),
        "delegations": json::delegations(delegations),
        "receiver": hex(receiver.as_bytes()),
        "grantedArea": json::area(granted),
        "code": hex(&code),
    })
}

fn read_capability(random: &mut Random, owned: bool, delegations: usize) -> ReadCapability {
    let secret = namespace(owned, random.below(20) as u8);
    let mut capability = if owned {
        ReadCapability::new_owned(&secret, subspace(0))
    } else {
        ReadCapability::new_communal(secret.corresponding_namespace_id(), subspace(0))
    };
    for index in 0..delegations {
        let area = random.area_within(&capability.granted_area());
        capability.delegate(&user(index), area, subspace(index + 1));
    }
    capability
}

/// A capability and the number of the user who received it. The areas leave room for an entry.
pub fn write_capability(
    random: &mut Random,
    owned: bool,
    delegations: usize,
    start: Option<(WriteCapability, usize)>,
) -> (WriteCapability, usize) {
    let secret = namespace(owned, random.below(20) as u8);
    let (mut capability, first) = start.unwrap_or_else(|| {
        let capability = if owned {
            WriteCapability::new_owned(&secret, subspace(0))
        } else {
            WriteCapability::new_communal(secret.corresponding_namespace_id(), subspace(0))
        };
        (capability, 0)
    });
    for index in first..first + delegations {
        let area = random.area_within(&capability.granted_area());
        capability.delegate(&user(index), area, subspace(index + 1));
    }
    (capability, first + delegations)
}

/// An entry that the capability lets its receiver write.
pub fn authorised_entry(
    random: &mut Random,
    capability: &WriteCapability,
    receiver: usize,
) -> AuthorisedEntry {
    let area = capability.granted_area();
    let entry = Entry::builder()
        .namespace_id(capability.granted_namespace().clone())
        .subspace_id(
            area.subspace()
                .cloned()
                .unwrap_or_else(|| subspace(random.below(3))),
        )
        .path(if random.coin() {
            area.path().clone()
        } else {
            random.extend(area.path())
        })
        .timestamp(*area.times().start())
        .payload(random.bytes::<11>())
        .build();
    let token = AuthorisationToken::new_for_entry(&entry, capability, &user(receiver)).unwrap();
    PossiblyAuthorisedEntry::new(entry, token)
        .into_authorised_entry()
        .unwrap()
}

fn token(authorised: &AuthorisedEntry, prior: &AuthorisedEntry) -> Value {
    let token = authorised.authorisation_token();
    let before = prior.authorisation_token().capability();
    let pair = PriorAuthedEntryEntryPair::new(prior.clone(), authorised.entry().clone());
    let delegations = token.capability().delegations();
    // A context whose path has nothing to do with the entry's makes the encoder of the crate panic.
    let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        encoded_relative(token, &pair)
    }))
    .ok();
    json!({
        "entry": json::entry(authorised.entry()),
        "capability": hex(&encoded(token.capability())),
        "signature": hex(&encoded(token.signature())),
        "shared": shared(token.capability(), before),
        "delegations": delegations.len(),
        "code": code.map(|code| hex(&code)),
    })
}

/// How many delegations need not be written again.
fn shared(capability: &WriteCapability, prior: &WriteCapability) -> usize {
    let same = match (capability.genesis(), prior.genesis()) {
        (Genesis::Owned(one), Genesis::Owned(other)) => {
            one.user_key == other.user_key
                && one.initial_authorisation == other.initial_authorisation
        }
        (Genesis::Communal(_), Genesis::Communal(_)) => true,
        _ => false,
    };
    if same {
        capability.longest_common_delegation_prefix_len(prior.delegations())
    } else {
        0
    }
}

fn damaged_capability(random: &mut Random, code: &[u8]) -> Value {
    let mut bytes = code.to_vec();
    let at = if random.coin() {
        random.below(bytes.len())
    } else {
        [0, 65, 66, 130][random.below(4)] % bytes.len()
    };
    bytes[at] ^= 1 << random.below(8);
    let decoded = std::panic::catch_unwind(|| {
        let mut producer = bytes.clone().into_producer();
        let value = pollster::block_on(PossiblyValidWriteCapability::decode(&mut producer)).ok()?;
        match pollster::block_on(producer.produce()) {
            Ok(Left(_)) => None,
            _ => Some(value.is_valid()),
        }
    });
    json!({ "bytes": hex(&bytes), "isValid": decoded.ok().flatten().unwrap_or(false) })
}
