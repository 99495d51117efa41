//! I26: at rest a word is found in what says it, by who may see that, and by nobody else; and I21: nothing that was erased is found or
//! exported.

use super::Anomaly;
use super::erasure::Erasures;
use super::evidence::text;
use super::findings::Findings;
use super::model::Model;
use super::said::{Said, last};
use crate::endings::{Export, Searched};
use crate::history::ChannelNo;

pub(super) fn look(model: &Model<'_>, said: &Said, erasures: &Erasures, found: &mut Findings) {
    for searched in &model.history.endings.searches {
        search(model, said, searched, found);
    }
    for export in &model.history.endings.exports {
        exported(model, said, erasures, export, found);
    }
}

fn search(model: &Model<'_>, said: &Said, searched: &Searched, found: &mut Findings) {
    let place = said.said_by(searched.content).and_then(|id| said.message(model, id));
    let Some((channel, message)) = place else {
        // What was asked for is nowhere: it was never stored.
        if !searched.hits.is_empty() {
            tell(model, None, searched, "a word is found that nothing that is stored ever said", found);
        }
        return;
    };
    let now = last(model, searched.node, channel, message.id);
    let says = now.is_some_and(|copy| !copy.deleted && copy.content == searched.content);
    let log = model.history.finals.iter().find(|log| (log.node, log.channel) == (searched.node, channel));
    let may_see = searched.by.is_none_or(|user| log.is_some_and(|log| log.held.members.contains(&user)));
    let is_found = searched.hits.contains(&message.id);
    let others = searched.hits.len() > usize::from(is_found);
    let is_behind = model.history.endings.behind.contains(&searched.node);
    let what = match (says && may_see, is_found) {
        (true, false) if is_behind && !others => return,
        (true, false) => "a message says a word, and who may see it does not find it",
        (false, true) if says => "a message is found by who may not see it",
        (false, true) => "a message is found by what it does not say any more",
        _ if others => "a word is found in what does not say it",
        _ => return,
    };
    tell(model, Some(channel), searched, what, found);
}

fn tell(model: &Model<'_>, channel: Option<ChannelNo>, searched: &Searched, what: &str, found: &mut Findings) {
    found.add(Anomaly::WrongSearch, channel, model.history.rest, || {
        let now = channel.and_then(|channel| {
            let log = model.history.finals.iter().find(|log| (log.node, log.channel) == (searched.node, channel))?;
            let copy = log
                .messages
                .iter()
                .find(|copy| copy.content == searched.content || searched.hits.contains(&copy.id))?;
            Some(format!("a final log: {}, members {}", model.shown_text(copy), text(&log.held.members)))
        });
        let evidence = std::iter::once(text(searched)).chain(now).collect();
        (what.to_owned(), evidence)
    });
}

fn exported(model: &Model<'_>, said: &Said, erasures: &Erasures, export: &Export, found: &mut Findings) {
    for content in &export.contents {
        let Some((channel, message)) = said.said_by(*content).and_then(|id| said.message(model, id)) else { continue };
        let Some(done) = erasures.done(model, channel, message) else { continue };
        found.add(Anomaly::ErasedShown, Some(channel), model.history.rest, || {
            let what = format!(
                "user {} was erased, and {} at node {} has words of their message {}",
                message.sender, export.what, export.node, message.id
            );
            (what, vec![model.line(done, channel)])
        });
    }
}
