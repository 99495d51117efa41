//! Reads numbers of a file, wherever they are, without a call to the system for each of them.

use super::{Done, Ground, Trouble};

/// What is read at a time.
const WINDOW: u64 = 4096;

pub(super) struct Window<'a> {
    ground: &'a dyn Ground,
    at: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    pub(super) fn new(ground: &'a dyn Ground) -> Self {
        Self { ground, at: 0, bytes: Vec::new() }
    }

    pub(super) fn get<const N: usize>(&mut self, at: u64) -> Done<[u8; N]> {
        const SHORT: Trouble = Trouble::Odd("it ends within what it says of itself");
        let end = at.checked_add(N as u64).filter(|end| *end <= self.ground.len()).ok_or(SHORT)?;
        if at < self.at || end > self.at + self.bytes.len() as u64 {
            let count = (self.ground.len() - at).min(WINDOW);
            // Nothing of an earlier place is taken for this one, where this cannot be read.
            self.bytes.clear();
            let mut bytes = vec![0; usize::try_from(count).unwrap_or(N)];
            self.ground.read(at, &mut bytes)?;
            (self.at, self.bytes) = (at, bytes);
        }
        let from = usize::try_from(at - self.at).map_err(|_| SHORT)?;
        self.bytes.get(from..from + N).and_then(|found| found.try_into().ok()).ok_or(SHORT)
    }

    pub(super) fn byte(&mut self, at: u64) -> Done<u8> {
        self.get(at).map(|[byte]| byte)
    }

    pub(super) fn be16(&mut self, at: u64) -> Done<u16> {
        self.get(at).map(u16::from_be_bytes)
    }

    pub(super) fn be32(&mut self, at: u64) -> Done<u32> {
        self.get(at).map(u32::from_be_bytes)
    }

    pub(super) fn be64(&mut self, at: u64) -> Done<u64> {
        self.get(at).map(u64::from_be_bytes)
    }
}
