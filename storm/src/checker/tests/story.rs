//! One sound story in which everything happens at least once, and how a test makes one thing in it wrong.

use super::sim::{Fate, Sim};
use super::sim_record::{ACCEPTED, DONE};
use crate::checker::{Anomaly, Verdict, check};
use crate::history::{Answer, Ask, Broken, Copy, Frame, Handed, History, LineNo, Micros, Record, UserNo, What, hash};

/// Who connects.
pub(super) const READERS: [u16; 5] = [0, 1, 2, 4, 6];

pub(super) fn begin() -> Sim {
    let mut sim = Sim::new();
    for client in READERS {
        sim.open(client);
    }
    for client in [3, 5] {
        sim.kept_connect(client);
    }
    sim
}

pub(super) fn everybody_reads(sim: &mut Sim) {
    for client in READERS {
        sim.deliver(client, usize::MAX);
    }
}

pub(super) fn say(sim: &mut Sim, client: u16, channel: u16) {
    sim.send(client, channel, Fate::Fine);
    everybody_reads(sim);
}

/// Of channel 0: seq 1 is edited twice, 2 is deleted, 3 is of the user who is out from version 7 to 9; 4 and 5 are sent
/// without waiting; 6 is sent while that user is out.
pub(super) fn day() -> History {
    until_evening().finish()
}

/// The same, and it goes on.
pub(super) fn until_evening() -> Sim {
    let mut sim = begin();
    say(&mut sim, 0, 0);
    say(&mut sim, 2, 0);
    say(&mut sim, 4, 0);
    sim.change(0, 0, 1, Some(hash("edited")), Fate::Fine);
    everybody_reads(&mut sim);
    sim.change(0, 0, 1, Some(hash("edited again")), Fate::Fine);
    everybody_reads(&mut sim);
    sim.change(2, 0, 2, None, Fate::Fine);
    everybody_reads(&mut sim);
    sim.membership(false, Fate::Fine, false);
    everybody_reads(&mut sim);
    away(&mut sim);
    sim.membership(true, Fate::Fine, false);
    everybody_reads(&mut sim);
    resumed(&mut sim);
    sim
}

/// While user 3 is out and client 1 away.
fn away(sim: &mut Sim) {
    sim.sync(4, None);
    sim.history(4, 0, None, None);
    sim.close(1, Some(1001));
    sim.send(0, 0, Fate::Fine);
    sim.send(0, 0, Fate::Fine);
    everybody_reads(sim);
    say(sim, 2, 0);
    // Refused, since they are out.
    say(sim, 4, 0);
    sim.kept_disconnect(3);
    say(sim, 0, 1);
    sim.kept_send(3, 1, false);
    sim.kept_connect(3);
    everybody_reads(sim);
}

fn resumed(sim: &mut Sim) {
    sim.open(1);
    sim.sync(1, None);
    everybody_reads(sim);
    sim.sync(0, Some((0, 8)));
    sim.sync(2, Some((1_000, super::sim::EPOCH)));
    everybody_reads(sim);
    sim.history(2, 0, None, None);
    sim.history(2, 0, Some(3), None);
    sim.history(2, 0, None, Some(4));
    sim.send(2, 1, Fate::LostAnswer);
    sim.open(2);
    sim.send(1, 1, Fate::LostAsking);
    sim.open(1);
    sim.retry(2);
    everybody_reads(sim);
    for seq in [2, 4] {
        sim.read(1, 0, seq);
        everybody_reads(sim);
    }
    sim.wait(30_000_000);
    sim.close(4, None);
    everybody_reads(sim);
    sim.wait(30_000_000);
    sim.open(4);
    say(sim, 4, 0);
    sim.kept_send(5, 0, true);
    sim.kept_connect(5);
    record(sim);
    sim.stall(0, 1);
    sim.stall(1, 1);
    say(sim, 0, 1);
    sim.change(0, 1, 1, Some(hash("while nobody looks")), Fate::Fine);
    sim.fill(0, 1);
    sim.fill(1, 1);
    everybody_reads(sim);
}

/// Of channel 1: a reaction that is left and one that is taken back, both of user 1 to seq 1; then a message that asks users 1
/// and 2, of whom one has answered when its deadline passes, and one that asks everybody else, of whom all have.
fn record(sim: &mut Sim) {
    for (sign, set) in [(0, true), (1, true), (1, false)] {
        sim.react(2, (1, 1), sign, set, Fate::Fine);
        everybody_reads(sim);
    }
    for assignees in [vec![1, 2], vec![]] {
        sim.send_asking(0, 1, assignees, Fate::Fine);
        everybody_reads(sim);
    }
    let first = sim.rooms[1].last_seq() - 1;
    sim.reply(2, (1, first), ACCEPTED, Fate::Fine);
    everybody_reads(sim);
    sim.reply(2, (1, first), DONE, Fate::Fine);
    everybody_reads(sim);
    for client in [2, 6] {
        sim.reply(client, (1, first + 1), ACCEPTED, Fate::Fine);
    }
    everybody_reads(sim);
    sim.pass_deadlines();
    everybody_reads(sim);
}

/// What is found once the day is made wrong; nothing is before that.
pub(super) fn with(flaw: impl FnOnce(&mut History)) -> Verdict {
    let mut history = day();
    nothing(&check(&history));
    flaw(&mut history);
    check(&history)
}

pub(super) fn nothing(verdict: &Verdict) {
    assert!(verdict.findings.is_empty(), "{:#?}", verdict.findings);
}

/// That it is found, with records that show it and one of which says this.
pub(super) fn finds(verdict: &Verdict, anomaly: Anomaly, shown: &str) {
    let found: Vec<_> = verdict.findings.iter().filter(|finding| finding.anomaly == anomaly).collect();
    assert!(!found.is_empty(), "{anomaly:?} is not among {:#?}", verdict.findings);
    assert_eq!(verdict.counts.get(&anomaly).copied(), u64::try_from(found.len()).ok());
    let said = |line: &String| line.contains(shown);
    assert!(
        found.iter().any(|finding| said(&finding.what) || finding.evidence.iter().any(said)),
        "nothing shows {shown:?}: {found:#?}"
    );
}

/// The nth record of a kind.
pub(super) fn nth(history: &History, n: usize, wanted: impl Fn(&Record) -> bool) -> usize {
    let mut found = (0..).zip(&history.records).filter(|(_, record)| wanted(record));
    found.nth(n).expect("the day has such a record").0
}

pub(super) fn last(history: &History, wanted: impl Fn(&Record) -> bool) -> usize {
    history.records.iter().rposition(wanted).expect("the day has such a record")
}

/// A record with what it says, moved behind another one.
pub(super) fn move_behind(history: &mut History, from: usize, to: usize) {
    let mut record = history.records.remove(from);
    let to = if from < to { to - 1 } else { to };
    record.at = history.records[to].at + 1;
    history.records.insert(to + 1, record);
}

/// One more record just behind another one, by the same client.
pub(super) fn add_behind(history: &mut History, at: usize, what: What) {
    let mut record = history.records[at].clone();
    record.at += 1;
    record.what = what;
    history.records.insert(at + 1, record);
}

/// Every place where a message is shown.
pub(super) fn copies(history: &mut History) -> impl Iterator<Item = &mut Copy> {
    let shown = history.records.iter_mut().flat_map(|record| record_copies(&mut record.what));
    shown.chain(history.finals.iter_mut().flat_map(|log| &mut log.messages))
}

pub(super) fn record_copies(what: &mut What) -> Vec<&mut Copy> {
    match what {
        What::Came {
            frame: Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. },
        }
        | What::Handed { event: Handed::Message { copy } | Handed::Updated { copy } | Handed::Deleted { copy } } => {
            vec![copy]
        }
        What::Answered { answer: Answer::Page { messages, .. }, .. } => messages.iter_mut().collect(),
        _ => Vec::new(),
    }
}

pub(super) fn frame(record: &Record) -> Option<&Frame> {
    match &record.what {
        What::Came { frame } => Some(frame),
        _ => None,
    }
}

/// A frame with a message of this channel in it.
pub(super) fn message_frame(record: &Record, channel: u16) -> Option<&Copy> {
    match frame(record)? {
        Frame::Message { copy, .. } | Frame::Updated { copy, .. } | Frame::Deleted { copy, .. } => {
            Some(copy).filter(|copy| copy.channel == channel)
        }
        _ => None,
    }
}

pub(super) fn is_ask(record: &Record, wanted: impl Fn(&Ask) -> bool) -> bool {
    matches!(&record.what, What::Asked { ask, .. } if wanted(ask))
}

pub(super) fn ask_mut(record: &mut Record) -> &mut Ask {
    match &mut record.what {
        What::Asked { ask, .. } => ask,
        other => panic!("{other:?} is no request"),
    }
}

pub(super) fn answer_mut(record: &mut Record) -> &mut Answer {
    match &mut record.what {
        What::Answered { answer, .. } => answer,
        other => panic!("{other:?} is no answer"),
    }
}

/// The answer to what was asked here, `n` answers (pages) on.
pub(super) fn answer_to(history: &History, asked: usize, n: usize) -> usize {
    let What::Asked { op, .. } = history.records[asked].what else { panic!("no request") };
    nth(history, n, |record| matches!(record.what, What::Answered { op: of, .. } if of == op))
}

/// The connection that a client has last.
pub(super) fn last_line(history: &History, client: u16) -> LineNo {
    let opened = last(history, |record| record.client == client && matches!(record.what, What::Opened { .. }));
    history.records[opened].line
}

pub(super) fn broken(fault: &str, from: Micros, until: Micros) -> Broken {
    let (fault, target, note) = (fault.to_owned(), String::new(), String::new());
    Broken { from, until, fault, target, node: None, note, slow: true, restarts: false }
}

pub(super) fn user_of(history: &History, client: u16) -> UserNo {
    history.scene.clients[usize::from(client)].user
}
