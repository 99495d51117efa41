//! How long a lost publish stays lost, where nothing comes after it that would show the hole.
//!
//! A channel with the sender and a receiver on node A and a receiver on node B. Node A's link to Redis is a proxy, which
//! in each round cuts the connection that the message's publish goes through before it has passed. Nothing else is said
//! in the channel. The time is that from the send until the receiver on node B has it. Rounds begin at random times,
//! since the other node looks at regular ones.

use std::time::{Duration, Instant};

use crate::ground::{Ground, token};
use crate::lines::{Lines, News, kind};
use crate::options::Options;
use crate::proxy::{Cut, Direction};
use crate::support::table::{self, median, verdict};

const RECEIVERS: [&str; 2] = ["same node", "other node"];
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest pause between two rounds.
const PAUSE_MS: u64 = 4000;
const TARGET: f64 = 5.0;

pub(crate) fn measure(ground: &Ground, options: &Options) {
    let store = ground.store();
    let channel = store.group("Channel", &[0, 1, 2]).id.to_string();
    store.close();
    let ((a, proxy), b) = (ground.node_behind_proxy(), ground.node());
    let mut lines = Lines::new();
    let on_a = lines.join(a.addr, &[token(0), token(1)]);
    let on_b = lines.join(b.addr, &[token(2)]);
    let (sender, receivers) = (on_a[0].0, [on_a[1].0, on_b[0].0]);
    let mut times: [Vec<f64>; RECEIVERS.len()] = Default::default();
    for round in 0..options.rounds {
        lines.rest(Duration::from_millis(2000 + fastrand::u64(0..PAUSE_MS)));
        let content = format!("lost-{round:06}-{:016x}", fastrand::u64(..));
        // It stands in the publish as it is.
        proxy.cut_when(Direction::Up, content.as_bytes(), Cut::Before);
        let client_id = uuid::Uuid::new_v4();
        let sent = Instant::now();
        lines.send(
            sender,
            &format!(r#"{{"type":"message","clientId":"{client_id}","channelId":"{channel}","content":"{content}"}}"#),
        );
        let mut came = [None; RECEIVERS.len()];
        while came.contains(&None) {
            assert!(sent.elapsed() < PATIENCE, "not repaired within {PATIENCE:?}: {came:?}");
            for arrival in lines.turn(Duration::from_millis(100)) {
                let News::Frame(frame) = &arrival.news else { panic!("a socket ended: {:?}", arrival.news) };
                let receiver = receivers.iter().position(|line| *line == arrival.line);
                if let Some(receiver) = receiver.filter(|_| kind(frame) == "message") {
                    assert!(String::from_utf8_lossy(frame).contains(&content), "another message");
                    came[receiver] = Some(arrival.at.duration_since(sent).as_secs_f64());
                }
            }
        }
        assert!(!proxy.armed(), "the publish was not seen, and so not lost");
        times.iter_mut().zip(came).for_each(|(times, came)| times.extend(came));
    }
    println!("\nrepair: a lost publish with nothing after it, {} rounds\n", options.rounds);
    let rows: Vec<Vec<String>> = RECEIVERS
        .iter()
        .zip(&mut times)
        .map(|(name, times)| {
            times.sort_unstable_by(f64::total_cmp);
            let cells = [times[0], median(times.iter().copied()), times[times.len() - 1]];
            [(*name).to_owned()].into_iter().chain(cells.map(|cell| format!("{cell:.3}"))).collect()
        })
        .collect();
    table::print(&["seconds", "min", "median", "max"], &rows);
    let longest = times[1][times[1].len() - 1];
    println!("  target: below {TARGET} s: {longest:.2} s {}", verdict(longest < TARGET));
}
