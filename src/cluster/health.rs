//! What a Redis's owner could have set otherwise, and several nodes depend on.
//!
//! For `tenfour doctor` alone. Reads, and changes nothing. Who may not ask for a thing is not told it.

use redis::{Pipeline, pipe};
use tokio::runtime::Handle;

use super::link::{Link, LinkError};

/// How Redis is set up; what it did not say is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    pub version: Option<String>,
    /// In bytes; 0 where there is no limit.
    pub max_memory: Option<u64>,
    pub used_memory: Option<u64>,
    /// What goes where there is no memory left.
    pub policy: Option<String>,
    pub is_cluster: bool,
    pub is_replica: bool,
    /// What of the limits of output buffers is said of subscribers: hard and soft, in bytes, and the seconds of the latter.
    pub subscribers: Option<[u64; 3]>,
    /// Seconds after which who is idle is ended.
    pub timeout: Option<u64>,
    /// Its clock, as milliseconds of Unix time.
    pub clock: Option<i64>,
}

/// Asks the Redis at this URL.
pub async fn look(url: &str, runtime: Handle) -> Result<Health, String> {
    let link = Link::new(url, runtime).map_err(|error| error.to_string())?;
    let told = |error: LinkError| error.to_string();
    let (_pong,): (String,) = link.call(command(&["PING"])).await.map_err(told)?;
    let mut health = Health::default();
    if let Ok((info,)) = link.call::<(String,)>(command(&["INFO"])).await {
        health.take(&info);
    }
    if let Ok((pairs,)) = link.call::<(Vec<String>,)>(command(&["CONFIG", "GET", "client-output-buffer-limit"])).await {
        health.subscribers = pairs.get(1).and_then(|text| subscribers(text));
    }
    if let Ok((pairs,)) = link.call::<(Vec<String>,)>(command(&["CONFIG", "GET", "timeout"])).await {
        health.timeout = pairs.get(1).and_then(|text| text.parse().ok());
    }
    if let Ok(((seconds, micros),)) = link.call::<((i64, i64),)>(command(&["TIME"])).await {
        health.clock = Some(seconds * 1000 + micros / 1000);
    }
    Ok(health)
}

fn command(words: &[&str]) -> Pipeline {
    let mut pipeline = pipe();
    if let Some((name, rest)) = words.split_first() {
        pipeline.cmd(name).arg(rest);
    }
    pipeline
}

impl Health {
    fn take(&mut self, info: &str) {
        for (name, value) in info.lines().filter_map(|line| line.trim_end().split_once(':')) {
            match name {
                "redis_version" => self.version = Some(value.to_owned()),
                "maxmemory" => self.max_memory = value.parse().ok(),
                "used_memory" => self.used_memory = value.parse().ok(),
                "maxmemory_policy" => self.policy = Some(value.to_owned()),
                "cluster_enabled" => self.is_cluster = value == "1",
                "role" => self.is_replica = value == "slave",
                _ => {}
            }
        }
    }
}

/// Such as `normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60`.
fn subscribers(text: &str) -> Option<[u64; 3]> {
    let mut words = text.split_whitespace().skip_while(|word| *word != "pubsub").skip(1);
    let mut next = || words.next()?.parse().ok();
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_redis_says_is_read() {
        let mut health = Health::default();
        health.take(
            "# Server\r\nredis_version:7.0.15\r\nmaxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\nrole:slave\r\nx\r\n",
        );
        assert_eq!(health.version.as_deref(), Some("7.0.15"));
        assert_eq!((health.max_memory, health.policy.as_deref()), (Some(0), Some("allkeys-lru")));
        assert!(health.is_replica && !health.is_cluster);
        let limits = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
        assert_eq!(subscribers(limits), Some([33_554_432, 8_388_608, 60]));
        for bad in ["", "normal 0 0 0", "pubsub 1 2", "pubsub a b c"] {
            assert_eq!(subscribers(bad), None, "{bad}");
        }
    }
}
