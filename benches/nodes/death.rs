//! How long the users of a dead node are shown on another one, and with how many words they go.
//!
//! Users with a socket each on node B, each in two groups; a watcher on node A is in all of them. Pings are answered. Node
//! B is killed (SIGKILL) when each socket has answered one; the time is that from then until the watcher is told of each
//! user in each group. It goes on to listen for a while, for what is said twice or taken back.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ground::{Ground, token};
use crate::lines::{Arrival, Lines, News, kind};
use crate::options::Options;
use crate::support::table::{self, verdict};

/// Of the users, in a group; the watcher comes on top.
const IN_A_GROUP: usize = 49;
/// A ping goes out every 30 s.
const BEFORE_DEATH: Duration = Duration::from_secs(40);
/// The heartbeat's time-out of 90 s, and as much time again.
const PATIENCE: Duration = Duration::from_secs(180);
/// What the nodes compare by themselves, they compare every 15 s.
const AFTERWARDS: Duration = Duration::from_secs(20);
/// The time-out, and what a node takes to find it.
const TARGET: f64 = 95.0;

/// A channel and a user in it.
type Pair = (String, String);

pub(crate) fn measure(ground: &Ground, options: &Options) {
    let (users, watcher) = (options.users, options.users);
    let groups = users.div_ceil(IN_A_GROUP);
    let store = ground.store();
    for group in 0..groups {
        let neighbours = group * IN_A_GROUP..users.min((group + 1) * IN_A_GROUP);
        let strangers = (group..users).step_by(groups);
        store.group(&format!("Neighbours {group}"), &std::iter::once(watcher).chain(neighbours).collect::<Vec<_>>());
        store.group(&format!("Strangers {group}"), &std::iter::once(watcher).chain(strangers).collect::<Vec<_>>());
    }
    store.close();
    let (a, b) = (ground.node(), ground.node());
    let mut lines = Lines::new();
    let watching = lines.join(a.addr, &[token(watcher)])[0].0;
    let tokens: Vec<String> = (0..users).map(token).collect();
    lines.join(b.addr, &tokens);
    let opened = Instant::now();

    let (mut online, mut frames) = (HashSet::new(), 0);
    while online.len() < 2 * users {
        assert!(opened.elapsed() < PATIENCE, "{} of {} were shown online", online.len(), 2 * users);
        for (pair, _, _) in presences(lines.turn(Duration::from_millis(100)), watching) {
            online.insert(pair);
            frames += 1;
        }
    }
    println!("\ndeath: {users} users with a socket each on a node that is killed, in two groups each\n");
    println!("  {frames} presence frames told the watcher of {} arrivals", online.len());
    frames = presences(lines.rest(BEFORE_DEATH.saturating_sub(opened.elapsed())), watching).len();
    println!("  {frames} presence frames while nothing happened");

    let killed = Instant::now();
    drop(b);
    let mut told = Told::default();
    while told.offline.len() < 2 * users && killed.elapsed() < PATIENCE {
        told.note(presences(lines.turn(Duration::from_millis(100)), watching));
    }
    told.note(presences(lines.rest(AFTERWARDS), watching));
    told.report(killed, users);
}

/// What the watcher was told after the death.
#[derive(Default)]
struct Told {
    /// When each was first shown offline, and how often.
    offline: HashMap<Pair, (Instant, usize)>,
    online: usize,
}

impl Told {
    fn note(&mut self, presences: Vec<(Pair, bool, Instant)>) {
        for (pair, online, at) in presences {
            if online {
                self.online += 1;
            } else {
                self.offline.entry(pair).or_insert((at, 0)).1 += 1;
            }
        }
    }

    fn report(&self, killed: Instant, users: usize) {
        let pairs = 2 * users;
        let mut times: Vec<f64> =
            self.offline.values().map(|(at, _)| at.duration_since(killed).as_secs_f64()).collect();
        times.sort_unstable_by(f64::total_cmp);
        let frames: usize = self.offline.values().map(|(_, times)| times).sum();
        let second = |at: usize| times.get(at).map_or("-".to_owned(), |time| format!("{time:.2}"));
        let row = vec![
            "shown offline".to_owned(),
            format!("{} of {pairs}", times.len()),
            second(0),
            second(times.len() / 2),
            second(times.len().saturating_sub(1)),
            frames.to_string(),
            self.online.to_string(),
        ];
        println!();
        table::print(
            &["seconds after SIGKILL", "users x groups", "first", "median", "last", "frames", "of `online`"],
            &[row],
        );
        let (last, all) = (times.last().copied().unwrap_or(f64::NAN), times.len() == pairs);
        println!("  target: all within {TARGET} s: {}", verdict(all && last <= TARGET));
        let once = frames == pairs && self.online == 0;
        println!("  target: one frame a user and group: {}", verdict(all && once));
    }
}

/// What the watcher is told: of whom in which group, whether they are there, when.
fn presences(arrivals: Vec<Arrival>, watching: usize) -> Vec<(Pair, bool, Instant)> {
    let of_watcher = arrivals.into_iter().filter(|arrival| arrival.line == watching);
    of_watcher
        .filter_map(|arrival| {
            let News::Frame(frame) = &arrival.news else { panic!("the watcher's socket ended: {:?}", arrival.news) };
            (kind(frame) == "presence").then(|| {
                let frame: Value = serde_json::from_slice(frame).unwrap();
                let text = |field: &str| frame[field].as_str().unwrap().to_owned();
                ((text("channelId"), text("userId")), frame["status"] == "online", arrival.at)
            })
        })
        .collect()
}
