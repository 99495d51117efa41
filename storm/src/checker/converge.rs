//! I11: when all is healed and quiet, every connection is at the head, and whoever connects anew is told how things are.
//!
//! What the project's own client holds is looked at in [`super::kept`], presence in [`super::presence`].

use super::Anomaly;
use super::evidence::text;
use super::findings::Findings;
use super::index::NOWHERE;
use super::live::{AtRest, Lane, Stand, are_late_acks};
use super::model::Model;
use crate::endings::FinalLog;
use crate::history::{ChannelNo, ClientNo, Held, Kind, LineNo, UserNo, What};

pub(super) fn look(model: &Model<'_>, at_rest: &AtRest, found: &mut Findings) {
    for (line, lanes) in &at_rest.lines {
        let Some(client) = model.index.line(*line).map(|line| line.client) else { continue };
        // One that does not read is not told.
        let Some(user) = model.index.user(client).filter(|_| model.index.kind(client) == Kind::Bare) else { continue };
        for (channel, lane) in (0..).zip(lanes) {
            if let Some(log) = model.last(channel) {
                stands(model, *line, user, log, *lane, found);
            }
        }
    }
    for (client, hello) in last_hellos(model) {
        told(model, client, hello, found);
    }
}

fn stands(model: &Model<'_>, line: LineNo, user: UserNo, log: &FinalLog, lane: Lane, found: &mut Findings) {
    let is_member = log.held.members.contains(&user);
    let is_inside = lane.stand == Stand::Inside;
    let channel = log.channel;
    let is_at_head = lane.version == log.held.version
        || (lane.version < log.held.version
            && are_late_acks(model, (line, channel), lane.version + 1, log.held.version));
    if is_inside == is_member && (!is_inside || is_at_head) {
        return;
    }
    found.add(Anomaly::NotConverged, Some(channel), model.history.rest, || {
        let what = match (is_member, is_inside) {
            (true, true) => format!(
                "at rest line {line} is at version {} of channel {channel}, which is at {}",
                lane.version, log.held.version
            ),
            (true, false) => format!("at rest line {line} has not been told that its user is in channel {channel}"),
            (false, _) => format!("at rest line {line} has not been told that its user is out of channel {channel}"),
        };
        let hello = model.index.line(line).map_or(NOWHERE, |line| line.hello);
        let mut evidence = vec![model.line(hello, channel)];
        if lane.stand != Stand::Outside && lane.last != hello {
            evidence.push(model.line(lane.last, channel));
        }
        evidence.push(format!("final log, node {}: {}", log.node, text(&log.held)));
        (what, evidence)
    });
}

/// The last `hello` of each bare client at rest; without a place where there is none.
fn last_hellos(model: &Model<'_>) -> Vec<(ClientNo, Option<u32>)> {
    let clients = (0..).zip(&model.history.scene.clients).filter(|(_, client)| client.kind == Kind::Bare);
    let mut hellos: Vec<(ClientNo, Option<u32>)> = clients.map(|(client, _)| (client, None)).collect();
    let rest = model.history.records.partition_point(|record| record.at < model.history.rest);
    for (place, record) in (0..).zip(&model.history.records).skip(rest) {
        if matches!(record.what, What::Opened { .. })
            && let Some((_, hello)) = hellos.iter_mut().find(|(client, _)| *client == record.client)
        {
            *hello = Some(place);
        }
    }
    hellos
}

fn told(model: &Model<'_>, client: ClientNo, hello: Option<u32>, found: &mut Findings) {
    let record = hello.and_then(|hello| model.index.record(hello));
    let (Some(record), Some(hello)) = (record, hello) else {
        found.add(Anomaly::NotConverged, None, model.history.rest, || {
            (format!("client {client} opened no connection at rest"), Vec::new())
        });
        return;
    };
    let (What::Opened { channels, .. }, Some(user)) = (&record.what, model.index.user(client)) else { return };
    for log in (0..).take(model.logs.len()).filter_map(|channel| model.last(channel)) {
        let held = channels.iter().find(|held| held.channel == log.channel);
        let Some(what) = differs(user, held, log) else { continue };
        found.add(Anomaly::NotConverged, Some(log.channel), record.at, || {
            let evidence =
                vec![model.line(hello, log.channel), format!("final log, node {}: {}", log.node, text(&log.held))];
            (what, evidence)
        });
    }
}

/// Its marks are looked at in [`super::marks`].
fn differs(user: UserNo, held: Option<&Held>, log: &FinalLog) -> Option<String> {
    let channel: ChannelNo = log.channel;
    let is_member = log.held.members.contains(&user);
    let Some(held) = held else {
        return is_member.then(|| format!("at rest hello does not list channel {channel} of user {user}"));
    };
    if !is_member {
        return Some(format!("at rest hello lists channel {channel}, and user {user} is out of it"));
    }
    let sorted = |members: &[UserNo]| {
        let mut members = members.to_vec();
        members.sort_unstable();
        members
    };
    let is_same = (held.version, held.last_seq) == (log.held.version, log.held.last_seq)
        && sorted(&held.members) == sorted(&log.held.members);
    (!is_same).then(|| format!("at rest hello shows channel {channel} otherwise than it is"))
}
