//! What a node can listen to, and what that is called in Redis.

use crate::cluster::NodeId;
use crate::domain::ids::{ChannelId, UserId};

/// A topic. Its name in Redis is `tenfour:CLUSTER:KIND:ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Topic {
    /// What happens in a channel: for nodes that have sessions in it.
    Channel(ChannelId),
    /// What happens to a user: for nodes that have sessions of theirs.
    User(UserId),
    /// What is for one node.
    Node(NodeId),
    /// What is for every node.
    All,
}

impl Topic {
    pub(super) fn name(self, cluster: &str) -> String {
        match self {
            Self::Channel(id) => format!("tenfour:{cluster}:channel:{id}"),
            Self::User(id) => format!("tenfour:{cluster}:user:{id}"),
            Self::Node(id) => format!("tenfour:{cluster}:node:{id}"),
            Self::All => format!("tenfour:{cluster}:all"),
        }
    }

    pub(super) fn parse(name: &str, cluster: &str) -> Option<Self> {
        let rest = name.strip_prefix("tenfour:")?.strip_prefix(cluster)?.strip_prefix(':')?;
        match rest.split_once(':') {
            Some(("channel", id)) => id.parse().ok().map(Self::Channel),
            Some(("user", id)) => id.parse().ok().map(Self::User),
            Some(("node", id)) => id.parse().ok().map(Self::Node),
            None if rest == "all" => Some(Self::All),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_topic_is_found_again_by_its_name_in_its_cluster_only() {
        let id = Uuid::from_u128(7);
        for topic in [Topic::Channel(ChannelId(id)), Topic::User(UserId(id)), Topic::Node(NodeId::random()), Topic::All]
        {
            let name = topic.name("c1");
            assert_eq!(Topic::parse(&name, "c1"), Some(topic));
            assert_eq!(Topic::parse(&name, "c2"), None);
        }
        assert_eq!(Topic::parse("tenfour:c1:channel:x", "c1"), None);
        assert_eq!(Topic::parse("other", "c1"), None);
    }
}
