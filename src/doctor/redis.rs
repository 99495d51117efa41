//! Rules of Redis, where several nodes share one.

use super::finding::{Finding, fine, problem, warning};
use super::machine::{self, Skew};
use crate::cluster::Health;

const REDIS: &str = "redis";
/// What the tests run on.
const OLDEST_TRIED: u32 = 7;
/// What is asked of the limits of subscribers: hard and soft.
const HARD: u64 = 64 << 20;
const SOFT: u64 = 16 << 20;
const SET_LIMIT: &str = "client-output-buffer-limit pubsub 64mb 16mb 60 in redis.conf, and now: CONFIG SET client-output-buffer-limit \"pubsub 67108864 16777216 60\"";

pub(super) fn judge(health: &Health, now: i64) -> Vec<Finding> {
    let mut findings = Vec::new();
    let major = health.version.as_deref().and_then(|version| version.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major < OLDEST_TRIED) {
        let version = health.version.clone().unwrap_or_default();
        let text = format!("Redis {version} is older than what is tried with");
        findings.push(warning(REDIS, text, "upgrade to Redis 7 or newer"));
    }
    if health.is_replica {
        findings.push(problem(REDIS, "it is a replica, which takes no writes", "let REDIS_URL name the master"));
    }
    if health.is_cluster {
        let text = "it is in cluster mode: redirections between masters are not followed";
        findings.push(warning(REDIS, text, "nothing, if one node holds all slots; else a Redis without cluster mode"));
    }
    match (health.policy.as_deref(), health.max_memory) {
        (Some(policy), _) if policy != "noeviction" => findings.push(warning(
            REDIS,
            format!("maxmemory-policy is {policy}: a lease that goes makes somebody seem offline"),
            "maxmemory-policy noeviction in redis.conf, and now: CONFIG SET maxmemory-policy noeviction",
        )),
        _ => {}
    }
    if let (Some(most), Some(used)) = (health.max_memory.filter(|most| *most > 0), health.used_memory)
        && used > most / 10 * 8
    {
        let text = format!("{} of {} MiB are in use", used >> 20, most >> 20);
        findings.push(warning(
            REDIS,
            text,
            "raise maxmemory: about 500 bytes a user who is there, and 200 for each of their channels",
        ));
    }
    if let Some([hard, soft, _]) = health.subscribers
        && ((hard > 0 && hard < HARD) || (soft > 0 && soft < SOFT))
    {
        let text = format!(
            "subscribers are cut off at {} MiB, or at {} MiB for a while: a node that hangs for a moment loses its subscription",
            hard >> 20,
            soft >> 20
        );
        findings.push(warning(REDIS, text, SET_LIMIT));
    }
    if let Some(seconds) = health.timeout.filter(|seconds| *seconds > 0) {
        let text = format!("who is idle is ended after {seconds} s, subscriptions among them");
        findings.push(warning(REDIS, text, "timeout 0 in redis.conf, and now: CONFIG SET timeout 0"));
    }
    if findings.is_empty() {
        let version = health.version.as_deref().unwrap_or("of a version that it does not tell");
        let unknown =
            if health.subscribers.is_none() { ", which does not tell its limits (CONFIG is not allowed)" } else { "" };
        findings.push(fine(REDIS, format!("Redis {version}{unknown}")));
    }
    findings.extend(health.clock.map(|clock| machine::clock(&Skew { whose: "Redis's", millis: clock - now })));
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::State;
    use super::*;

    #[test]
    fn what_makes_nodes_deaf_or_people_vanish_is_told() {
        let good = Health {
            version: Some("7.0.15".to_owned()),
            policy: Some("noeviction".to_owned()),
            subscribers: Some([HARD, SOFT, 60]),
            timeout: Some(0),
            clock: Some(0),
            ..Health::default()
        };
        assert!(judge(&good, 100).iter().all(|finding| finding.state == State::Ok));
        // Who tells nothing is believed.
        assert!(judge(&Health::default(), 0)[0].state == State::Ok);
        let unlimited = Health { subscribers: Some([0, 0, 0]), ..good.clone() };
        assert!(judge(&unlimited, 0).iter().all(|finding| finding.state == State::Ok));
        for (words, state, health) in [
            ("allkeys-lru", State::Warning, Health { policy: Some("allkeys-lru".to_owned()), ..good.clone() }),
            ("32 MiB", State::Warning, Health { subscribers: Some([32 << 20, 8 << 20, 60]), ..good.clone() }),
            ("Redis 6", State::Warning, Health { version: Some("6.2.1".to_owned()), ..good.clone() }),
            ("replica", State::Problem, Health { is_replica: true, ..good.clone() }),
            ("cluster mode", State::Warning, Health { is_cluster: true, ..good.clone() }),
            ("after 300 s", State::Warning, Health { timeout: Some(300), ..good.clone() }),
            (
                "90 of 100 MiB",
                State::Warning,
                Health { max_memory: Some(100 << 20), used_memory: Some(90 << 20), ..good.clone() },
            ),
        ] {
            let found = judge(&health, 0);
            assert!(found[0].state == state && found[0].to_string().contains(words), "{words}: {found:?}");
        }
        let late = judge(&good, 60_000);
        assert!(late.iter().any(|finding| finding.check == "clock" && finding.state != State::Ok), "{late:?}");
    }
}
