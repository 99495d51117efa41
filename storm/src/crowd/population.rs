//! Who is in a run: users, channels of two to fifty of them with one hot one, and a client or two a user.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tenfour::auth::mint;
use tenfour::config::AuthSettings;
use tenfour::domain::ids::{ChannelId, UserId};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::host::Host;
use super::rest::{Reply, Rest};
use super::{Person, Phase, World, bare::Bare, kept::Kept};
use crate::Trouble;
use crate::alarms::Alarms;
use crate::history::{ChannelNo, ClientInfo, ClientNo, Kind, Scene, UserNo};
use crate::places::Places;
use crate::recorder::Recorder;
use crate::rig::node::OFFLINE_WITHIN;
use crate::rig::{Rig, SECRET};

/// How many of what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub users: u16,
    pub channels: u16,
    pub clients: u16,
    /// Intentions a second, of all clients together.
    pub rate: u32,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// Changes of a membership come and go for so many pairs.
const FLOATING: usize = 12;
/// The client who erases.
const ERASES: ClientNo = 1;
/// One channel of so many is under a legal hold.
const HELD: ChannelNo = 5;
/// Users whom the host sends for, twice at once.
const TWICE: usize = 3;
/// One client of so many stops reading now and then.
const DEAF: u16 = 16;
const MAX_MEMBERS: usize = 50;

/// A crowd that is ready to start.
pub(crate) struct Crowd {
    pub world: std::sync::Arc<World>,
    pub scene: Scene,
    pub rest: Rest,
    seed: u64,
    members_of: Vec<Vec<ChannelNo>>,
}

fn name(user: UserNo) -> String {
    format!("user-{user}")
}

impl Crowd {
    /// Makes the channels, over REST, while nothing is broken yet.
    pub(crate) async fn gather(
        rig: &Rig,
        size: Size,
        seed: u64,
        phase: watch::Receiver<Phase>,
    ) -> Result<Self, Trouble> {
        let auth = AuthSettings::with_secret(SECRET);
        let alarms = Alarms::default();
        let token = |sub: &str, scope| mint(&auth, sub, sub, scope, DAY);
        let rest = Rest::new(token("host", Some("admin"))?, alarms.clone())?;
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut scene = Scene { offline_within: micros(OFFLINE_WITHIN), ..Scene::default() };
        let mut places = Places::default();
        let mut tokens = Vec::new();
        for user in 0..size.users {
            let id = UserId::from_external(&name(user));
            places.users.insert(id, user);
            scene.users.push(id);
            tokens.push(token(&name(user), None)?);
        }
        let mut members_of = vec![Vec::new(); usize::from(size.users)];
        for channel in 0..size.channels {
            let members = draw(&mut dice, channel, size.users);
            let id = make(&rest, rig, channel, &members).await?;
            if channel % HELD == HELD - 1 {
                hold(&rest, rig, id).await?;
                scene.held.push(channel);
            }
            places.channels.insert(id, channel);
            scene.channels.push(id);
            for &user in &members {
                members_of[usize::from(user)].push(channel);
            }
            scene.members.push(members);
        }
        for _ in 0..FLOATING {
            let channel = dice.u16(1..size.channels);
            // Who asks for nothing else there is added; who is a member is removed first.
            if scene.members[usize::from(channel)].len() > 2 {
                scene.floating.push((channel, dice.u16(..size.users)));
            }
        }
        scene.floating.sort_unstable();
        scene.floating.dedup();
        scene.clients = clients(&mut dice, size);
        let nodes = rig.nodes.iter().map(|node| node.line.addr).collect();
        let direct = rig.nodes.iter().map(crate::rig::node::Node::listens_at).collect();
        let pause = Duration::from_secs(1).mul_f64(f64::from(size.clients) / f64::from(size.rate.max(1)));
        let world = World::new(
            (Recorder::default(), alarms),
            places,
            phase,
            (nodes, direct, rig.front.addr),
            tokens,
            rest.clone(),
            &scene,
            pause,
        );
        Ok(Self { world: std::sync::Arc::new(world), scene, rest, seed, members_of })
    }

    /// Lets everybody go. Each ends with the phase, or with the set.
    pub(crate) fn start(&self, tasks: &mut JoinSet<()>) -> Result<(), Trouble> {
        for (no, info) in self.scene.clients.iter().enumerate() {
            let no = ClientNo::try_from(no)?;
            let me = Person {
                world: std::sync::Arc::clone(&self.world),
                no,
                user: info.user,
                channels: self.members_of[usize::from(info.user)].clone(),
                dice: fastrand::Rng::with_seed(self.seed ^ (u64::from(no) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            };
            match info.kind {
                Kind::Kept => tasks.spawn(Kept::start(me)?.run()),
                Kind::Bare => tasks.spawn(Bare::new(me, false).run()),
                Kind::Deaf => tasks.spawn(Bare::new(me, true).run()),
                Kind::Host if no == 0 => tasks.spawn(
                    Host::new(me, self.rest.clone())
                        .change_members(self.scene.floating.clone(), self.scene.members.clone()),
                ),
                Kind::Host if no == ERASES => tasks.spawn(Host::new(me, self.rest.clone()).erase()),
                Kind::Host => tasks.spawn(Host::new(me, self.rest.clone()).send_twice()),
            };
        }
        Ok(())
    }
}

/// The first channel is the hot one: full. The others are mostly small, a third of them direct in size.
fn draw(dice: &mut fastrand::Rng, channel: ChannelNo, users: u16) -> Vec<UserNo> {
    let size = match channel {
        0 => MAX_MEMBERS.min(usize::from(users)),
        _ if dice.u8(..3) == 0 => 2,
        _ => dice.usize(3..=12.min(usize::from(users))),
    };
    let mut members = BTreeSet::new();
    while members.len() < size {
        members.insert(dice.u16(..users));
    }
    members.into_iter().collect()
}

fn clients(dice: &mut fastrand::Rng, size: Size) -> Vec<ClientInfo> {
    // The one who changes memberships and the one who erases, then those who send twice.
    let mut clients = vec![ClientInfo { user: 0, kind: Kind::Host }; 2];
    for user in 0..u16::try_from(TWICE).unwrap_or_default() {
        clients.push(ClientInfo { user, kind: Kind::Host });
    }
    for client in 0..size.clients {
        // Everybody has one; who is left over is a second device.
        let user = if client < size.users { client } else { dice.u16(..size.users) };
        let kind = match dice.u8(..20) {
            // Few, and some in every run.
            _ if client % DEAF == DEAF / 2 => Kind::Deaf,
            0..8 => Kind::Kept,
            _ => Kind::Bare,
        };
        clients.push(ClientInfo { user, kind });
    }
    clients
}

async fn make(rest: &Rest, rig: &Rig, channel: ChannelNo, members: &[UserNo]) -> Result<ChannelId, Trouble> {
    let members: Vec<String> = members.iter().map(|user| name(*user)).collect();
    let body = json!({"type": "group", "name": format!("channel {channel}"), "memberIds": members});
    match rest.call(reqwest::Method::POST, rig.nodes[0].line.addr, "/channels", Some(body), None).await {
        Reply::Done(body) => Ok(body["id"].as_str().unwrap_or_default().parse()?),
        other => Err(format!("a channel could not be made: {other:?}").into()),
    }
}

async fn hold(rest: &Rest, rig: &Rig, channel: ChannelId) -> Result<(), Trouble> {
    let (path, body) = (format!("/channels/{channel}/retention"), json!({"legalHold": true}));
    match rest.call(reqwest::Method::PUT, rig.nodes[0].line.addr, &path, Some(body), None).await {
        Reply::Done(_) => Ok(()),
        other => Err(format!("a channel could not be held: {other:?}").into()),
    }
}

pub(crate) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
