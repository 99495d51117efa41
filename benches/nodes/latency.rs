//! Delivery on the sender's node beside delivery on the other one.
//!
//! Each channel has three members: the sender and a receiver on node A, a receiver on node B. Messages are sent at an
//! even pace, by each channel in turn. The time is that from before the write of the `message` frame until after the
//! read of what came of it: at the sender the `ack`, at each receiver the `message`. Sender and receivers are sockets of
//! this one thread, so that all times are of one clock. The first ones are a warm-up and do not count.

use std::time::{Duration, Instant};

use crate::ground::{Ground, token};
use crate::lines::{Lines, News, kind};
use crate::options::Options;
use crate::support::table::{self, percentile, verdict};

const CHANNELS: usize = 20;
/// Who somebody is in their channel: the sender, the receiver on the same node, the one on the other.
const ROLES: [&str; 3] = ["ack to the sender", "receiver, same node", "receiver, other node"];
const WARM_UP: Duration = Duration::from_secs(2);
/// For the last ones, after the last send.
const PATIENCE: Duration = Duration::from_secs(5);
const TARGET_MS: f64 = 2.0;

/// The times in milliseconds, by role.
type Times = [Vec<f64>; ROLES.len()];

pub(crate) fn measure(ground: &Ground, options: &Options) {
    let store = ground.store();
    let channels: Vec<String> = (0..CHANNELS)
        .map(|channel| {
            let people: Vec<usize> = (0..ROLES.len()).map(|role| channel * ROLES.len() + role).collect();
            store.group(&format!("Channel {channel}"), &people).id.to_string()
        })
        .collect();
    store.close();
    let (a, b) = (ground.node(), ground.node());
    let mut lines = Lines::new();
    // Lines in the order of the roles: role 0 has the first lines, and so on.
    for (role, node) in [&a, &a, &b].into_iter().enumerate() {
        let tokens: Vec<String> = (0..CHANNELS).map(|channel| token(channel * ROLES.len() + role)).collect();
        lines.join(node.addr, &tokens);
    }
    // Until each node listens to what it has members of.
    lines.rest(Duration::from_secs(2));

    let (cpu, started) = ([a.server.cpu(), b.server.cpu()], Instant::now());
    let (mut times, sent) = run(&mut lines, &channels, options);
    let took = started.elapsed().as_secs_f64();
    let used = [a.server.cpu().saturating_sub(cpu[0]), b.server.cpu().saturating_sub(cpu[1])]
        .map(|cpu| cpu.as_secs_f64() / took * 100.0);
    println!("\nlatency: {} messages a second over {CHANNELS} channels for {:?}\n", options.rate, options.time);
    let rows: Vec<Vec<String>> = ROLES
        .iter()
        .zip(&mut times)
        .map(|(role, times)| {
            times.sort_unstable_by(f64::total_cmp);
            let cells = [0.5, 0.9, 0.99, 1.0].map(|share| format!("{:.2}", percentile(times, share)));
            [(*role).to_owned(), times.len().to_string()].into_iter().chain(cells).collect()
        })
        .collect();
    table::print(&["milliseconds", "of", "p50", "p90", "p99", "max"], &rows);
    for (role, times) in ROLES.iter().zip(&times).filter(|(_, times)| times.len() < sent) {
        println!("  MISSING: {} of {sent} have not come ({role})", sent - times.len());
    }
    let more = percentile(&times[2], 0.5) - percentile(&times[1], 0.5);
    println!("  CPU of the nodes: {:.0} % and {:.0} % of a processor", used[0], used[1]);
    println!(
        "  target: p50 on the other node at most {TARGET_MS} ms above: {more:.2} ms {}",
        verdict(more <= TARGET_MS)
    );
}

/// The times, and how many messages they are of.
fn run(lines: &mut Lines, channels: &[String], options: &Options) -> (Times, usize) {
    let pace = Duration::from_secs(1) / options.rate;
    let count = |time: Duration| usize::try_from(time.as_nanos() / pace.as_nanos()).unwrap();
    let (skip, all) = (count(WARM_UP), count(WARM_UP + options.time));
    let (started, mut sent, mut times) = (Instant::now(), Vec::<Instant>::with_capacity(all), Times::default());
    let (mut missing, mut last) = (all * ROLES.len(), started);
    while missing > 0 && last.elapsed() < PATIENCE {
        let due = started + pace * u32::try_from(sent.len()).unwrap();
        if sent.len() < all && Instant::now() >= due {
            let channel = sent.len() % channels.len();
            let frame = format!(
                r#"{{"type":"message","clientId":"{}","channelId":"{}","content":"{}"}}"#,
                uuid::Uuid::from_u128(sent.len() as u128),
                channels[channel],
                "x".repeat(200)
            );
            last = Instant::now();
            sent.push(last);
            lines.send(channel, &frame);
            continue;
        }
        let wait = if sent.len() < all { due.saturating_duration_since(Instant::now()) } else { PATIENCE / 10 };
        for arrival in lines.turn(wait) {
            let News::Frame(frame) = &arrival.news else { panic!("a socket ended: {:?}", arrival.news) };
            let number = match kind(frame) {
                "message" | "ack" => number(frame),
                "error" => panic!("{}", String::from_utf8_lossy(frame)),
                // Who came.
                _ => continue,
            };
            missing -= 1;
            if number >= skip {
                let role = arrival.line / CHANNELS;
                times[role].push(arrival.at.duration_since(sent[number]).as_secs_f64() * 1000.0);
            }
        }
    }
    (times, all - skip)
}

/// Which message it is, as its `clientId` says.
fn number(frame: &[u8]) -> usize {
    let frame = str::from_utf8(frame).unwrap();
    let (_, id) = frame.split_once(r#""clientId":""#).unwrap();
    usize::try_from(uuid::Uuid::try_parse(&id[..36]).unwrap().as_u128()).unwrap()
}
