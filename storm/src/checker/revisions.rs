//! I25: what a message has said is kept: as it was sent, each edit that was done, and nothing else, in the order of its versions; and
//! of who was erased nothing is.

use super::Anomaly;
use super::erasure::Erasures;
use super::evidence::text;
use super::findings::Findings;
use super::index::NOWHERE;
use super::model::{Change, Message, Model};
use super::said::{Edit, Said, last, sent};
use crate::endings::Revised;

pub(super) fn look(model: &Model<'_>, said: &Said, erasures: &Erasures, found: &mut Findings) {
    for revised in &model.history.endings.revised {
        let Some((channel, message)) = said.message(model, revised.message) else { continue };
        let at = model.history.rest;
        let tell = |places: Vec<u32>| {
            let mut evidence: Vec<_> = places.iter().map(|place| model.line(*place, channel)).collect();
            evidence.push(format!("node {}: {}", revised.node, text(revised)));
            evidence
        };
        if let Some(done) = erasures.done(model, channel, message) {
            if !revised.revisions.is_empty() {
                found.add(Anomaly::ErasedShown, Some(channel), at, || {
                    let what = format!("user {} was erased, and message {} has revisions", message.sender, message.id);
                    (what, tell(vec![done]))
                });
            }
            continue;
        }
        // It may have been erased.
        if revised.revisions.is_empty() && erasures.may_be(message.sender) {
            continue;
        }
        if let Some((what, places)) = wrong(model, said, message, revised) {
            found.add(Anomaly::WrongRevisions, Some(channel), at, || {
                let places = places.into_iter().filter(|place| *place != NOWHERE).collect();
                (format!("message {}: {what}", message.id), tell(places))
            });
        }
    }
}

/// What is wrong with them, and the records that show it.
fn wrong(model: &Model<'_>, said: &Said, message: &Message, revised: &Revised) -> Option<(String, Vec<u32>)> {
    let revisions = &revised.revisions;
    let edits = said.edits(message.id);
    let first = revisions.first().map(|(_, content)| *content);
    if !sent(model, message).any(|content| Some(content) == first) {
        return Some(("its first revision is not what was sent".to_owned(), vec![]));
    }
    if let Some(pair) = revisions.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        return Some((format!("revision {} comes after {}", pair[1].0, pair[0].0), vec![]));
    }
    if let Some((version, _)) = revisions.iter().skip(1).find(|(_, content)| !asked_for(edits, *content)) {
        return Some((format!("nobody asked for what it said as of version {version}"), vec![]));
    }
    let place = |edit: &Edit| revisions.iter().position(|(_, content)| *content == edit.content);
    for edit in edits.iter().filter(|edit| edit.over != NOWHERE) {
        let Some(at) = place(edit) else {
            return Some((
                "an edit was done, and none of its revisions says so".to_owned(),
                vec![edit.asked, edit.over],
            ));
        };
        let earlier = edits.iter().find(|other| edit.over < other.asked && place(other).is_some_and(|it| it < at));
        if let Some(other) = earlier {
            let places = vec![edit.asked, edit.over, other.asked, other.over];
            return Some(("two edits are kept in another order than they were done in".to_owned(), places));
        }
    }
    as_shown(model, message, revised)
}

fn asked_for(edits: &[Edit], content: u64) -> bool {
    edits.iter().any(|edit| edit.content == content)
}

/// What anybody was shown under a version is what it said then.
fn as_shown(model: &Model<'_>, message: &Message, revised: &Revised) -> Option<(String, Vec<u32>)> {
    let log = model.log(revised.channel)?;
    let elsewhere = |version: i64| {
        let seq = log.changed_message(version)?;
        log.message(seq).map(|other| other.id != message.id)
    };
    if let Some((version, _)) = revised.revisions.iter().find(|(version, _)| elsewhere(*version) == Some(true)) {
        let what = format!("version {version} is another message's");
        return Some((what, vec![log.told_by(*version)]));
    }
    for version in &message.versions {
        let Change::State { content, deleted: false, .. } = log.change(*version) else { continue };
        let then = revised.revisions.iter().rev().find(|(since, _)| since <= version).map(|(_, said)| *said);
        if then != Some(content) {
            let what = format!("it was shown with another content under version {version} than it is said to have had");
            return Some((what, vec![log.told_by(*version)]));
        }
    }
    let now = last(model, revised.node, revised.channel, message.id).filter(|copy| !copy.deleted)?;
    let says = revised.revisions.last().map(|(_, content)| *content);
    (says != Some(now.content)).then(|| ("its last revision is not what it says in the end".to_owned(), vec![]))
}
