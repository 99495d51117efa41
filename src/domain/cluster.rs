//! What all nodes of one database share.

use std::fmt;

/// A secret of the database, known to every node that has opened it and to nobody else. Only [`ClusterKey::expose`] gives
/// it away, so that a search finds every place that does.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterKey([u8; Self::LEN]);

impl ClusterKey {
    pub const LEN: usize = 32;

    pub fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub fn expose(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for ClusterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_key_never_prints() {
        assert_eq!(format!("{:?}", Some(ClusterKey::new([7; 32]))), "Some([redacted])");
    }
}
