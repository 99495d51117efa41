//! Whatever a sound world goes through, nothing is found; and whatever is wrong in what it left, something is.

use proptest::prelude::*;

use super::flaws::FLAWS;
use super::sim::{Fate, Sim};
use super::sim_record::{ACCEPTED, DONE};
use super::story::{begin, until_evening};
use crate::checker::check;
use crate::history::{ChannelNo, ClientNo, History, UserNo, hash};

#[derive(Debug, Clone, Copy)]
enum Step {
    Send(ClientNo, ChannelNo, Fate),
    Retry(ClientNo),
    Change(ClientNo, ChannelNo, usize, bool, Fate),
    Open(ClientNo),
    Close(ClientNo, Option<u16>),
    Sync(ClientNo, Option<(i64, u64)>),
    History(ClientNo, ChannelNo, usize, u8),
    Read(ClientNo, ChannelNo, usize),
    Membership(bool, Fate, bool),
    BeLate,
    Deliver(ClientNo, usize),
    Stall(u8, ChannelNo),
    Fill(u8, ChannelNo),
    React(ClientNo, ChannelNo, usize, u8, bool, Fate),
    Asking(ClientNo, ChannelNo, bool, Fate),
    Reply(ClientNo, ChannelNo, usize, bool, Fate),
    Deadlines,
    Upload(ClientNo),
    SendFile(ClientNo, ChannelNo, Fate),
    Erase(UserNo, Fate),
    KeptSend(ClientNo, ChannelNo, bool),
    KeptConnect(ClientNo),
    KeptDisconnect(ClientNo),
    Wait,
}

fn step() -> impl Strategy<Value = Step> {
    let client = || prop::sample::select(vec![0, 1, 2, 4, 6]);
    let kept = || prop::sample::select(vec![3, 5]);
    let channel = || 0_u16..2;
    let fate = || prop_oneof![6 => Just(Fate::Fine), 1 => Just(Fate::LostAsking), 1 => Just(Fate::LostAnswer)];
    let forged = prop_oneof![6 => Just(None), 1 => Just(Some((0, 8))), 1 => Just(Some((1_000, super::sim::EPOCH)))];
    prop_oneof![
        20 => (client(), channel(), fate()).prop_map(|(client, channel, fate)| Step::Send(client, channel, fate)),
        3 => client().prop_map(Step::Retry),
        6 => (client(), channel(), 0_usize..100, any::<bool>(), fate())
            .prop_map(|(client, channel, pick, delete, fate)| Step::Change(client, channel, pick, delete, fate)),
        10 => client().prop_map(Step::Open),
        3 => (client(), prop::option::of(Just(1001))).prop_map(|(client, code)| Step::Close(client, code)),
        5 => (client(), forged).prop_map(|(client, forged)| Step::Sync(client, forged)),
        3 => (client(), channel(), 0_usize..100, 0_u8..3)
            .prop_map(|(client, channel, pick, way)| Step::History(client, channel, pick, way)),
        3 => (client(), channel(), 0_usize..100).prop_map(|(client, channel, pick)| Step::Read(client, channel, pick)),
        3 => (any::<bool>(), fate(), any::<bool>()).prop_map(|(add, fate, late)| Step::Membership(add, fate, late)),
        1 => Just(Step::BeLate),
        20 => (client(), 0_usize..10).prop_map(|(client, count)| Step::Deliver(client, count)),
        1 => (0_u8..2, channel()).prop_map(|(node, channel)| Step::Stall(node, channel)),
        2 => (0_u8..2, channel()).prop_map(|(node, channel)| Step::Fill(node, channel)),
        5 => (client(), channel(), 0_usize..100, 0_u8..2, any::<bool>(), fate())
            .prop_map(|(client, channel, pick, sign, set, fate)| Step::React(client, channel, pick, sign, set, fate)),
        2 => (client(), channel(), any::<bool>(), fate())
            .prop_map(|(client, channel, all, fate)| Step::Asking(client, channel, all, fate)),
        4 => (client(), channel(), 0_usize..100, any::<bool>(), fate())
            .prop_map(|(client, channel, pick, done, fate)| Step::Reply(client, channel, pick, done, fate)),
        1 => Just(Step::Deadlines),
        1 => client().prop_map(Step::Upload),
        2 => (client(), channel(), fate()).prop_map(|(client, channel, fate)| Step::SendFile(client, channel, fate)),
        1 => (0_u16..4, fate()).prop_map(|(user, fate)| Step::Erase(user, fate)),
        4 => (kept(), channel(), any::<bool>()).prop_map(|(client, channel, lost)| Step::KeptSend(client, channel, lost)),
        4 => kept().prop_map(Step::KeptConnect),
        1 => kept().prop_map(Step::KeptDisconnect),
        2 => Just(Step::Wait),
    ]
}

fn act(sim: &mut Sim, step: Step) {
    let pick = |sim: &Sim, channel: ChannelNo, pick: usize| {
        let all = sim.rooms[usize::from(channel)].messages.len();
        i64::try_from(pick % (all + 1)).unwrap()
    };
    match step {
        Step::Send(client, channel, fate) => drop(sim.send(client, channel, fate)),
        Step::Retry(client) => sim.retry(client),
        Step::Change(client, channel, at, delete, fate) => {
            let seq = pick(sim, channel, at);
            // As in a run, each content is said once.
            let content = hash(&format!("edit {} of {seq}", sim.id()));
            sim.change(client, channel, seq, (!delete).then_some(content), fate);
        }
        Step::Open(client) => sim.open(client),
        Step::Close(client, code) => sim.close(client, code),
        Step::Sync(client, forged) => sim.sync(client, forged),
        Step::History(client, channel, at, way) => {
            let seq = pick(sim, channel, at);
            let (before, after) = [(None, None), (Some(seq + 1), None), (None, Some(seq))][usize::from(way)];
            sim.history(client, channel, before, after);
        }
        Step::Read(client, channel, at) => sim.read(client, channel, pick(sim, channel, at)),
        Step::Membership(add, fate, late) => sim.membership(add, fate, late),
        Step::BeLate => sim.be_late(),
        Step::Deliver(client, count) => sim.deliver(client, count),
        Step::Stall(node, channel) => sim.stall(node, channel),
        Step::Fill(node, channel) => sim.fill(node, channel),
        Step::React(client, channel, at, sign, set, fate) => {
            let seq = pick(sim, channel, at);
            sim.react(client, (channel, seq), sign, set, fate);
        }
        Step::Asking(client, channel, all, fate) => {
            sim.send_asking(client, channel, if all { vec![] } else { vec![1, 2] }, fate);
        }
        Step::Reply(client, channel, at, done, fate) => {
            let seq = pick(sim, channel, at);
            sim.reply(client, (channel, seq), if done { DONE } else { ACCEPTED }, fate);
        }
        Step::Deadlines => sim.pass_deadlines(),
        Step::Upload(client) => drop(sim.upload(client)),
        Step::SendFile(client, channel, fate) => {
            if let Some(file) = sim.loose_file(client) {
                sim.send_file(client, channel, file, fate);
            }
        }
        Step::Erase(user, fate) => sim.erase(user, fate),
        Step::KeptSend(client, channel, lost) => sim.kept_send(client, channel, lost),
        Step::KeptConnect(client) => sim.kept_connect(client),
        Step::KeptDisconnect(client) => sim.kept_disconnect(client),
        Step::Wait => sim.wait(20_000_000),
    }
}

fn run(mut sim: Sim, steps: Vec<Step>) -> History {
    for step in steps {
        act(&mut sim, step);
    }
    sim.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn in_a_sound_world_nothing_is_found(steps in prop::collection::vec(step(), 0..250)) {
        let verdict = check(&run(begin(), steps));
        let found: Vec<_> = verdict.findings.iter().map(|finding| format!("{finding:#?}")).collect();
        prop_assert!(found.is_empty(), "{}", found.join("\n"));
    }

    #[test]
    fn whatever_is_made_wrong_is_found(
        steps in prop::collection::vec(step(), 0..80),
        flaw in prop::sample::select(FLAWS),
        pick in any::<prop::sample::Index>(),
    ) {
        let mut history = run(until_evening(), steps);
        let places = flaw.places(&history);
        prop_assert!(!places.is_empty(), "nothing to make wrong");
        let (at, within) = places[pick.index(places.len())];
        flaw.make(&mut history, at, within);
        let verdict = check(&history);
        prop_assert!(!verdict.findings.is_empty(), "{:#?}", history.records.get(at));
    }
}
