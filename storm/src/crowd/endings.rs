//! What the host application's server asks each node for when all is at rest, past every line, also in the name of users.
//!
//! Reads alone. Where a node does not answer, the run was not carried through.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::Value;
use tenfour::domain::ids::UserId;
use tokio::time::sleep;
use uuid::Uuid;

use super::World;
use super::rest::{Messages, Rest};
use super::samples::Said;
use crate::Trouble;
use crate::endings::{Endings, Export, Fetched, FinalLog, OpenList, Received, Revised, Searched};
use crate::history::{Copy, UserNo, hash, hash_bytes};

/// Users whose own lists are read.
const USERS: u16 = 2;
const PAGE: usize = 200;
/// So many messages are in the index by then, at rest.
const INDEXED: usize = 10_000;
const INDEXED_WITHIN: Duration = Duration::from_secs(10);
/// Messages of either kind whose revisions are read.
const REVISED: usize = 16;
/// Users and channels that are exported.
const EXPORTS: usize = 2;

struct Asker<'w> {
    world: &'w World,
    rest: &'w Rest,
    dice: fastrand::Rng,
    node: u8,
    address: SocketAddr,
}

pub(crate) async fn read(
    world: &World,
    rest: &Rest,
    finals: &[FinalLog],
    dice: fastrand::Rng,
) -> Result<Endings, Trouble> {
    let mut endings = Endings::default();
    let (said, files, erased) = world.samples.all();
    for (node, address) in (0..).zip(world.direct.iter().copied()) {
        let mut asker = Asker { world, rest, dice: dice.clone(), node, address };
        for overdue in [false, true] {
            for user in std::iter::once(None).chain((0..USERS).map(Some)) {
                endings.lists.push(asker.open(user, overdue).await?);
            }
        }
        for file in &files {
            for by in asker.somebody(None) {
                endings.files.push(asker.fetch(*file, by).await?);
            }
        }
        if !asker.is_indexed(&said, finals).await? {
            endings.behind.push(node);
        }
        for said in &said {
            for by in asker.somebody(Some(said)) {
                endings.searches.push(asker.search(said, by).await?);
            }
        }
        asker.revisions(finals, &mut endings.revised).await?;
        asker.received(&mut endings.received).await?;
        // They take long, and are read from the same database.
        if node == 0 {
            asker.exports((&said, &erased), finals, &mut endings.exports).await?;
        }
    }
    Ok(endings)
}

impl Asker<'_> {
    /// The host, anybody, and who is likely to be in the channel of what was said.
    fn somebody(&mut self, of: Option<&Said>) -> Vec<Option<UserNo>> {
        let anybody = UserNo::try_from(self.dice.usize(..self.world.user_ids.len())).ok();
        let other = match of {
            Some(said) => self.dice.choice(&self.world.members[usize::from(said.channel)]).copied(),
            None => UserNo::try_from(self.dice.usize(..self.world.user_ids.len())).ok(),
        };
        vec![None, anybody, other]
    }

    fn id(&self, user: Option<UserNo>) -> Option<UserId> {
        user.and_then(|user| self.world.user_ids.get(usize::from(user)).copied())
    }

    async fn open(&self, user: Option<UserNo>, overdue: bool) -> Result<OpenList, Trouble> {
        let state = if overdue { "overdue" } else { "open" };
        let whose = self.id(user).map_or_else(String::new, |id| format!("&userId={id}"));
        let mut messages = Vec::new();
        loop {
            let before = messages.last().map_or_else(String::new, |last| format!("&before={last}"));
            let path = format!("/instructions?state={state}&limit={PAGE}{whose}{before}");
            let page: Messages = self.rest.get(self.address, &path).await?;
            let more = page.has_more && !page.messages.is_empty();
            messages.extend(page.messages.iter().map(|message| message.id.0));
            if !more {
                return Ok(OpenList { node: self.node, user, overdue, messages });
            }
        }
    }

    async fn fetch(&self, file: Uuid, by: Option<UserNo>) -> Result<Fetched, Trouble> {
        let bytes = self.rest.bytes(self.address, &format!("/attachments/{file}"), self.id(by)).await?;
        Ok(Fetched { node: self.node, by, file, bytes: bytes.map(|bytes| hash_bytes(&bytes)) })
    }

    async fn search(&self, said: &Said, by: Option<UserNo>) -> Result<Searched, Trouble> {
        let path = format!("/search?q={}&limit=5", said.word);
        let found: Value = self.rest.get_as(self.address, &path, self.id(by)).await?;
        let hits = found["hits"].as_array().ok_or("a search without hits")?;
        let hits = hits.iter().filter_map(|hit| hit["message"]["id"].as_str()?.parse().ok()).collect();
        Ok(Searched { node: self.node, by, content: said.content, hits })
    }

    /// Whether the index of search has everything, or has to: it takes what many sends leave at a tenth of the daemon's time.
    async fn is_indexed(&self, said: &[Said], finals: &[FinalLog]) -> Result<bool, Trouble> {
        let logs = || finals.iter().filter(|log| log.node == self.node);
        let is_much = logs().map(|log| log.messages.len()).sum::<usize>() > INDEXED;
        let says: BTreeSet<u64> =
            logs().flat_map(|log| &log.messages).filter(|copy| !copy.deleted).map(|copy| copy.content).collect();
        let deadline = Instant::now() + INDEXED_WITHIN;
        for said in said.iter().filter(|said| says.contains(&said.content)) {
            while self.search(said, None).await?.hits.is_empty() {
                if Instant::now() >= deadline {
                    return Ok(!is_much);
                }
                sleep(Duration::from_millis(250)).await;
            }
        }
        Ok(true)
    }

    async fn received(&self, received: &mut Vec<Received>) -> Result<(), Trouble> {
        for (channel, id) in (0..).zip(&self.world.channel_ids) {
            let told: Value = self.rest.get(self.address, &format!("/channels/{id}/members")).await?;
            let members = told["members"].as_array().ok_or("an answer without members")?;
            received.extend(members.iter().filter_map(|member| {
                let is_it = |id: &UserId| member["id"] == id.to_string();
                let user = UserNo::try_from(self.world.user_ids.iter().position(is_it)?).ok()?;
                Some(Received { node: self.node, channel, user, version: member["receivedVersion"].as_i64()? })
            }));
        }
        Ok(())
    }

    /// Of what was edited, and of what is deleted, above all what was both: spread over all channels.
    async fn revisions(&self, finals: &[FinalLog], revised: &mut Vec<Revised>) -> Result<(), Trouble> {
        let logs = finals.iter().filter(|log| log.node == self.node);
        let changed = logs.flat_map(|log| &log.messages).filter(|copy| copy.edited || copy.deleted);
        let (both, one): (Vec<&Copy>, Vec<&Copy>) = changed.partition(|copy| copy.edited && copy.deleted);
        let some = |all: &[&Copy]| all.iter().copied().step_by(all.len().div_ceil(REVISED).max(1)).copied().collect();
        let (both, one): (Vec<Copy>, Vec<Copy>) = (some(&both), some(&one));
        for copy in both.into_iter().chain(one) {
            let told: Value = self.rest.get(self.address, &format!("/messages/{}/revisions", copy.id)).await?;
            let all = told["revisions"].as_array().ok_or("an answer without revisions")?;
            let revisions =
                all.iter().filter_map(|it| Some((it["version"].as_i64()?, hash(it["content"].as_str()?)))).collect();
            revised.push(Revised { node: self.node, channel: copy.channel, message: copy.id, revisions });
        }
        Ok(())
    }

    /// Of users who were erased, and of the smallest channels in which they spoke: evidence keeps all changes of a channel in memory.
    async fn exports(
        &self,
        (said, erased): (&[Said], &[UserNo]),
        finals: &[FinalLog],
        exports: &mut Vec<Export>,
    ) -> Result<(), Trouble> {
        let spoke = |log: &&FinalLog| said.iter().any(|it| it.channel == log.channel && erased.contains(&it.user));
        let logs = finals.iter().filter(|log| log.node == self.node).filter(spoke);
        let mut channels: Vec<_> = logs.map(|log| (log.messages.len(), log.channel)).collect();
        channels.sort_unstable();
        let mut paths = Vec::new();
        for user in erased.iter().take(EXPORTS) {
            let id = self.id(Some(*user)).ok_or("a user of the scene")?;
            paths.push((format!("the export of user {user}"), format!("/users/{id}/export")));
        }
        for (_, channel) in channels.into_iter().take(EXPORTS) {
            let id = self.world.channel_ids[usize::from(channel)];
            let path = format!("/channels/{id}/evidence?format=ndjson");
            paths.push((format!("the evidence of channel {channel}"), path));
        }
        for (what, path) in paths {
            let bytes =
                self.rest.bytes(self.address, &path, None).await?.ok_or_else(|| format!("{path}: not found"))?;
            let text = String::from_utf8_lossy(&bytes);
            let contents = said.iter().filter(|it| text.contains(&it.word)).map(|it| it.content).collect();
            exports.push(Export { node: self.node, what, contents });
        }
        Ok(())
    }
}
