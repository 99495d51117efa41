//! All sockets of a killed node arrive at the other one at once.
//!
//! One socket a user; users in groups of 50 and, two by two, in direct channels. When their node is dead (SIGKILL), one
//! message is stored in each group and up to two in each direct channel, so that each user has 1 to 3 unseen. Then all
//! connect at the same moment, without the pause that a client makes, and each asks with its cursors for what `hello`
//! shows to be newer (`sync`). Who is refused (an answer other than 101, a closed socket, an `error` to the `sync`) tries
//! again within a second, at random. The times are those from the first connection until a user's `sync_complete`;
//! transactions are those that PostgreSQL counts, without what the node does while nothing happens.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ground::{Ground, Node, token};
use crate::lines::{Arrival, Lines, News, kind};
use crate::options::Options;
use crate::support::process::own_cpu;
use crate::support::table::{self, percentile};

const GROUP: usize = 50;
const PATIENCE: Duration = Duration::from_secs(120);
/// Until PostgreSQL's connections have told of their transactions.
const COUNTED_AFTER: Duration = Duration::from_secs(12);
/// The longest pause of who was refused.
const PAUSE_MS: u64 = 1000;

/// A user who comes back.
#[derive(Default)]
struct User {
    token: String,
    epoch: String,
    /// The version of each channel that they hold.
    cursors: HashMap<String, i64>,
    unseen: usize,
    got: usize,
    caught_up: Option<Instant>,
    /// What asks for it.
    sync: String,
    /// The socket that they have now.
    line: Option<usize>,
}

pub(crate) fn measure(ground: &Ground, options: &Options) {
    let store = ground.store();
    let people: Vec<usize> = (0..options.sockets).collect();
    let groups: Vec<_> = people
        .chunks(GROUP)
        .enumerate()
        .map(|(number, members)| (store.group(&format!("Group {number}"), members), members))
        .collect();
    let directs: Vec<_> = people
        .chunks_exact(2)
        .enumerate()
        .map(|(number, two)| (store.direct(two[0], two[1]), two, number % 3))
        .collect();
    let (a, b) = (ground.node(), ground.node());
    let mut users: Vec<User> =
        people.iter().map(|number| User { token: token(*number), unseen: 1, ..User::default() }).collect();
    let mut lines = Lines::new();
    let tokens: Vec<String> = users.iter().map(|user| user.token.clone()).collect();
    for (user, (_, hello)) in users.iter_mut().zip(lines.join(b.addr, &tokens)) {
        hello["epoch"].as_str().unwrap().clone_into(&mut user.epoch);
        user.cursors = versions(&hello).collect();
    }
    lines.rest(Duration::from_secs(3));
    drop((b, lines));

    store.append(groups.iter().map(|(channel, members)| (channel, members[0])));
    store.append(directs.iter().flat_map(|(channel, two, count)| std::iter::repeat_n((channel, two[0]), *count)));
    store.close();
    for (_, two, count) in &directs {
        two.iter().for_each(|person| users[*person].unseen += count);
    }

    let rest = || std::thread::sleep(COUNTED_AFTER);
    rest();
    let (counted, since) = (ground.transactions(), Instant::now());
    let (mut storm, cpus) = Storm::new(&a, users).run();
    storm.lines.rest(COUNTED_AFTER);
    let (after, took) = (ground.transactions(), since.elapsed());
    storm.lines.rest(COUNTED_AFTER);
    let idle = ground.transactions() - after;
    // The idle time in between was no other than this.
    let idle_rate = number(idle) / COUNTED_AFTER.as_secs_f64();
    let transactions = number(after - counted) - idle_rate * took.as_secs_f64();
    storm.report(cpus, transactions, idle_rate);
}

struct Storm<'a> {
    node: &'a Node,
    lines: Lines,
    /// Whose each line is.
    owners: Vec<usize>,
    users: Vec<User>,
    missing: usize,
    started: Instant,
    /// Who tries again, and when.
    later: Vec<(Instant, usize)>,
    /// How many were refused, by what they were told.
    refused: BTreeMap<String, usize>,
    presences: usize,
}

impl<'a> Storm<'a> {
    fn new(node: &'a Node, users: Vec<User>) -> Self {
        let (missing, started) = (users.len(), Instant::now());
        let (lines, owners) = (Lines::new(), Vec::new());
        Self { node, lines, owners, users, missing, started, later: Vec::new(), refused: BTreeMap::new(), presences: 0 }
    }

    /// Until all are caught up. Also what the node used for it, and what this process did.
    fn run(mut self) -> (Self, [Duration; 2]) {
        let cpus = [self.node.server.cpu(), own_cpu()];
        self.started = Instant::now();
        (0..self.users.len()).for_each(|user| self.open(user));
        while self.missing > 0 && self.started.elapsed() < PATIENCE {
            for arrival in self.lines.turn(Duration::from_millis(20)) {
                self.take(arrival);
            }
            let now = Instant::now();
            let due: Vec<_> = self.later.extract_if(.., |(at, _)| *at <= now).collect();
            for (_, user) in due {
                match self.users[user].line {
                    Some(line) => self.lines.send(line, &self.users[user].sync),
                    None => self.open(user),
                }
            }
        }
        let used = [self.node.server.cpu().saturating_sub(cpus[0]), own_cpu().saturating_sub(cpus[1])];
        (self, used)
    }

    fn open(&mut self, user: usize) {
        let line = self.lines.open(self.node.addr, &self.users[user].token);
        assert_eq!(line, self.owners.len(), "lines are counted");
        self.owners.push(user);
        self.users[user].line = Some(line);
    }

    /// They try again in a moment; what they got is asked for once more.
    fn refused(&mut self, user: usize, why: String) {
        *self.refused.entry(why).or_default() += 1;
        self.users[user].got = 0;
        if self.users[user].caught_up.is_none() {
            self.later.push((Instant::now() + Duration::from_millis(fastrand::u64(0..PAUSE_MS)), user));
        }
    }

    fn take(&mut self, arrival: Arrival) {
        let number = self.owners[arrival.line];
        let user = &mut self.users[number];
        let frame = match arrival.news {
            News::Frame(frame) => frame,
            News::Ended(why) => {
                user.line = None;
                self.later.retain(|(_, who)| *who != number);
                return self.refused(number, why);
            }
        };
        match kind(&frame) {
            "hello" => {
                user.sync = user.asks(&serde_json::from_slice(&frame).unwrap());
                self.lines.send(arrival.line, &user.sync);
            }
            "sync" => user.got += messages(&serde_json::from_slice(&frame).unwrap()),
            "sync_complete" => {
                assert_eq!(user.got, user.unseen, "messages that user {number} had not seen");
                user.caught_up = Some(arrival.at);
                self.missing -= 1;
            }
            "error" => self.refused(number, String::from_utf8_lossy(&frame).into_owned()),
            "presence" => self.presences += 1,
            _ => {}
        }
    }

    fn report(&self, cpus: [Duration; 2], transactions: f64, idle_rate: f64) {
        let sockets = self.users.len();
        println!("\nstorm: {sockets} sockets of a killed node arrive at the other one at once\n");
        let caught_up = self.users.iter().filter_map(|user| user.caught_up);
        let mut times: Vec<f64> = caught_up.map(|at| at.duration_since(self.started).as_secs_f64()).collect();
        times.sort_unstable_by(f64::total_cmp);
        let cells = [0.0, 0.5, 0.99, 1.0].map(|share| format!("{:.2}", percentile(&times, share)));
        let row = ["caught up".to_owned(), format!("{} of {sockets}", times.len())].into_iter().chain(cells).collect();
        table::print(&["seconds", "sockets", "first", "half", "99 %", "all"], &[row]);
        println!(
            "  {:.2} transactions of PostgreSQL a socket ({transactions:.0} in all; {idle_rate:.1} a second when idle)",
            transactions / number(sockets as u64)
        );
        let [node, own] = cpus.map(|cpu| cpu.as_secs_f64());
        println!("  {node:.2} CPU seconds of the node ({own:.2} of this process)");
        println!("  {} presence frames came to them all", self.presences);
        println!("  {} times somebody was refused", self.refused.values().sum::<usize>());
        for (why, times) in &self.refused {
            println!("    {times} x {why}");
        }
    }
}

impl User {
    /// Asks for what is newer than what is held.
    fn asks(&self, hello: &Value) -> String {
        let newer: Vec<String> = versions(hello)
            .filter_map(|(channel, version)| {
                let held = self.cursors.get(&channel).copied()?;
                (version > held).then(|| format!(r#""{channel}":{held}"#))
            })
            .collect();
        format!(r#"{{"type":"sync","epoch":"{}","channels":{{{}}}}}"#, self.epoch, newer.join(","))
    }
}

/// How many messages a page brings.
fn messages(sync: &Value) -> usize {
    assert_eq!(sync["hasMore"], false, "a few messages fit on a page");
    sync["messages"].as_array().unwrap().len()
}

fn versions(hello: &Value) -> impl Iterator<Item = (String, i64)> + '_ {
    let channels = hello["channels"].as_array().unwrap();
    channels.iter().map(|channel| (channel["id"].as_str().unwrap().to_owned(), channel["version"].as_i64().unwrap()))
}

fn number(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}
