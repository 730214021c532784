//! Python's `random.Random`: the Mersenne Twister with CPython's seeding, so that `random(seed=...)` and
//! `shuffle(seed=...)` give the results that existing playbooks count on.

use num_bigint::BigUint;
use sha2::{Digest as _, Sha512};

const N: usize = 624;
const M: usize = 397;

/// A seeded generator, or one fed by the system.
pub(crate) enum Random {
    /// Repeatable.
    Seeded(Box<Twister>),
    /// `random.SystemRandom`.
    System,
}

/// MT19937.
pub(crate) struct Twister {
    state: [u32; N],
    index: usize,
}

impl Twister {
    fn from_key(key: &[u32]) -> Self {
        let mut state = [0_u32; N];
        state[0] = 19_650_218;
        for i in 1..N {
            let last = state[i - 1];
            state[i] = 1_812_433_253_u32.wrapping_mul(last ^ (last >> 30)).wrapping_add(i as u32);
        }
        let (mut i, mut j) = (1, 0);
        for _ in 0..N.max(key.len()) {
            let last = state[i - 1];
            state[i] = (state[i] ^ (last ^ (last >> 30)).wrapping_mul(1_664_525))
                .wrapping_add(key.get(j).copied().unwrap_or(0))
                .wrapping_add(j as u32);
            i += 1;
            j += 1;
            if i >= N {
                state[0] = state[N - 1];
                i = 1;
            }
            if j >= key.len() {
                j = 0;
            }
        }
        for _ in 0..N - 1 {
            let last = state[i - 1];
            state[i] = (state[i] ^ (last ^ (last >> 30)).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i >= N {
                state[0] = state[N - 1];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        Self { state, index: N }
    }

    fn next(&mut self) -> u32 {
        if self.index >= N {
            for i in 0..N {
                let y = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % N] & 0x7fff_ffff);
                let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + M) % N] ^ (y >> 1) ^ odd;
            }
            self.index = 0;
        }
        let mut y = self.state[self.index];
        self.index += 1;
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }
}

impl Random {
    /// Seeded by an integer; its sign does not matter.
    pub(crate) fn from_int(seed: &num_bigint::BigInt) -> Self {
        let mut key = seed.magnitude().to_u32_digits();
        if key.is_empty() {
            key.push(0);
        }
        Self::Seeded(Box::new(Twister::from_key(&key)))
    }

    /// Seeded by text (CPython's version 2 seeding: the bytes and their SHA-512 as one number).
    pub(crate) fn from_text(seed: &str) -> Self {
        let mut bytes = seed.as_bytes().to_vec();
        bytes.extend_from_slice(&Sha512::digest(seed.as_bytes()));
        let mut key = BigUint::from_bytes_be(&bytes).to_u32_digits();
        if key.is_empty() {
            key.push(0);
        }
        Self::Seeded(Box::new(Twister::from_key(&key)))
    }

    fn word(&mut self) -> u32 {
        match self {
            Self::Seeded(twister) => twister.next(),
            // A version 4 UUID's first 32 bits come straight from the system's generator.
            Self::System => uuid::Uuid::new_v4().as_fields().0,
        }
    }

    fn bits(&mut self, count: u32) -> u64 {
        match count {
            0 => 0,
            1..=32 => u64::from(self.word() >> (32 - count)),
            _ => {
                let low = u64::from(self.word());
                low | u64::from(self.word() >> (64 - count)) << 32
            }
        }
    }

    /// A number below `limit`, which must not be 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let count = 64 - limit.leading_zeros();
        loop {
            let number = self.bits(count);
            if number < limit || limit == 0 {
                return number;
            }
        }
    }

    /// Mixes a list in place as `random.shuffle` does.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.below(i as u64 + 1) as usize;
            items.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Values recorded from CPython 3.11.
    #[test]
    fn numbers_are_cpythons() {
        let mut random = Random::from_text("inventory_hostname");
        let numbers: Vec<u64> = (0..5).map(|_| random.below(60)).collect();
        assert_eq!(numbers, [17, 5, 54, 27, 22]);
        let mut random = Random::from_int(&42.into());
        let numbers: Vec<u64> = (0..5).map(|_| random.below(1000)).collect();
        assert_eq!(numbers, [654, 114, 25, 759, 281]);
        let mut items = [1, 2, 3, 4, 5];
        Random::from_int(&7.into()).shuffle(&mut items);
        assert_eq!(items, [5, 1, 4, 2, 3]);
    }
}
