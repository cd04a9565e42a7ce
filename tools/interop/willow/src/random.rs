//! Random values of Willow that follow from a seed, and that meet each other often: few ids, few
//! components, few times.

use willow25::authorisation::*;
use willow25::prelude::*;

/// Times at the borders of compact integers, and some close together.
const TIMES: [u64; 14] = [
    0,
    1,
    2,
    100,
    251,
    252,
    255,
    256,
    65_535,
    65_536,
    4_294_967_295,
    4_294_967_296,
    1_000_000_000_000,
    u64::MAX - 1,
];

const COMPONENTS: [&[u8]; 8] = [
    b"",
    b"a",
    b"ab",
    b"b",
    b"\x00",
    b"\xff",
    b"blog",
    b"a component of some length",
];

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        core::array::from_fn(|_| self.next() as u8)
    }

    pub fn time(&mut self) -> u64 {
        if self.coin() {
            TIMES[self.below(TIMES.len())]
        } else {
            self.next() >> self.below(64)
        }
    }

    pub fn path(&mut self) -> Path {
        let count = self.below(5);
        let mut path = Path::new();
        for _ in 0..count {
            path = self.extend(&path);
        }
        path
    }

    /// One more component; now and then a long one.
    pub fn extend(&mut self, path: &Path) -> Path {
        let long = vec![self.next() as u8; 260];
        let component = if self.below(40) == 0 {
            &long[..]
        } else {
            COMPONENTS[self.below(COMPONENTS.len())]
        };
        path.append_slice(component).expect("few short components")
    }

    pub fn times(&mut self) -> TimeRange {
        let start = self.time();
        if self.below(3) == 0 {
            return TimeRange::new_open(start.into());
        }
        let end = self.time();
        if start == end {
            return TimeRange::new_open(start.into());
        }
        TimeRange::new_closed(start.min(end).into(), start.max(end).into())
    }

    /// A part of `times`; its middle more often than chance would have it.
    pub fn times_within(&mut self, times: &TimeRange) -> TimeRange {
        let start = u64::from(*times.start());
        let end = times.end().map(|end| u64::from(*end));
        let last = end.unwrap_or(u64::MAX);
        let inner = |random: &mut Self| match random.below(4) {
            0 => start,
            1 => start + (last - start) / 2,
            2 => start + (last - start).min(random.time()),
            _ => last,
        };
        let (a, b) = (inner(self), inner(self));
        let open = end.is_none() && self.coin();
        match (a.min(b), a.max(b)) {
            (low, _) if open => TimeRange::new_open(low.into()),
            (low, high) if low == high => *times,
            (low, high) => TimeRange::new_closed(low.into(), high.into()),
        }
    }

    pub fn area(&mut self) -> Area {
        let subspace = if self.coin() {
            None
        } else {
            Some(subspace(self.below(3)))
        };
        Area::new(subspace, self.path(), self.times())
    }

    /// An area that `area` includes.
    pub fn area_within(&mut self, area: &Area) -> Area {
        let subspace = match area.subspace() {
            Some(id) => Some(id.clone()),
            None if self.coin() => None,
            None => Some(subspace(self.below(3))),
        };
        let path = if self.coin() {
            area.path().clone()
        } else {
            self.extend(area.path())
        };
        Area::new(subspace, path, self.times_within(area.times()))
    }

    pub fn entry(&mut self) -> Entry {
        Entry::builder()
            .namespace_id(NamespaceId::from_bytes(&self.bytes()))
            .subspace_id(SubspaceId::from_bytes(&self.bytes()))
            .path(self.path())
            .timestamp(self.time())
            .payload_digest(self.bytes::<32>().into())
            .payload_length(self.time())
            .build()
    }

    /// `bytes` with one bit turned, some bytes cut off, or a byte put in.
    pub fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut damaged = bytes.to_vec();
        if damaged.is_empty() {
            return vec![self.next() as u8];
        }
        // The first bytes hold the tags and lengths; what is wrong there matters most.
        let reach = if self.below(3) == 0 {
            damaged.len()
        } else {
            damaged.len().min(3)
        };
        let at = self.below(reach);
        match self.below(6) {
            0 => damaged.truncate(at),
            1 => damaged.insert(at, self.next() as u8),
            _ => damaged[at] ^= 1 << self.below(8),
        }
        damaged
    }
}

/// One of a few users; deliberately public keys.
pub fn user(index: usize) -> SubspaceSecret {
    SubspaceSecret::from_bytes(&[index as u8 + 1; 32])
}

pub fn subspace(index: usize) -> SubspaceId {
    user(index).corresponding_subspace_id()
}

/// The first namespace key of its kind, counting from `index`.
pub fn namespace(owned: bool, index: u8) -> NamespaceSecret {
    (0x80 + index..=0xff)
        .map(|byte| NamespaceSecret::from_bytes(&[byte; 32]))
        .find(|secret| secret.corresponding_namespace_id().is_owned() == owned)
        .expect("every second key is of either kind")
}

/// The default token and entry, which come before the first record of a drop.
pub fn default_pair() -> AuthorisedEntry {
    willow25::defaults::default_authorised_entry()
}
