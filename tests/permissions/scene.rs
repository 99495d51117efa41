//! A channel with everybody and everything in it that the table speaks of, of users that are in no other scene.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};
use tenfour::domain::channel::ChannelState;
use tenfour::domain::ids::{ChannelId, UserId, new_v7};
use tenfour::domain::message::Message;
use tenfour::domain::sync::{HistoryFrom, PageLimits};

use crate::askers::{ASKERS, Asker, Standing, plain};
use crate::daemon::{TestDaemon, id_of};
use crate::law::{Effect, Place, Way};
use crate::talk::{Line, Web};

/// What nobody may read who is not in the channel.
const SECRETS: &[&str] = &["secret", "Dock 4", "Dock 5"];

/// Who of them is the witness: a member who never asks, and hears what the channel tells.
const WITNESS: &str = "max";

static SCENES: AtomicU32 = AtomicU32::new(0);

/// See the module's text.
pub struct Scene<'a> {
    daemon: &'a TestDaemon,
    web: &'a Web,
    number: u32,
    pub channel: ChannelId,
    /// What stands for `{…}` in the table.
    pub words: BTreeMap<&'static str, String>,
    witness: Line,
    /// The asker's socket, once there is one.
    pub line: Option<Line>,
    /// What the channel should have told its members.
    told: Vec<&'static str>,
    /// The cells that were asked, for who has to look for one that told too much.
    asked: Vec<String>,
    seen: Seen,
}

/// All that may not change by what was refused.
#[derive(Debug, PartialEq)]
struct Seen {
    state: Option<ChannelState>,
    messages: Vec<Message>,
}

impl Seen {
    fn version(&self) -> Option<i64> {
        self.state.as_ref().map(|state| state.channel.version)
    }
}

impl<'a> Scene<'a> {
    /// A scene for what `asker` does in this way.
    pub async fn build(daemon: &'a TestDaemon, web: &'a Web, place: Place, asker: Asker, way: Way) -> Self {
        let number = SCENES.fetch_add(1, Ordering::Relaxed);
        let sub = |name: &str| format!("{name}-{number}");
        let own = own_name(asker.standing(way));
        let host = web.with(&host_token());
        let elsewhere =
            host.make(json!({"type": "group", "name": "Yard", "memberIds": [sub("stan"), sub("nora")]})).await;
        let foreign = web.with(&plain(&sub("nora"))).say(&elsewhere, "from the yard").await;
        let channel = if place == Place::Direct {
            host.make(json!({"type": "direct", "memberIds": [sub("mia"), sub(WITNESS)]})).await
        } else {
            let members = ["olga", "otto", "adam", "abel", "mia", "tim", "rita", WITNESS].map(sub);
            let channel = host.make(json!({"type": "group", "name": "Dock 4", "memberIds": members})).await;
            for (name, role) in [("olga", "owner"), ("otto", "owner"), ("adam", "admin"), ("abel", "admin")] {
                host.set_role(&channel, &sub(name), role).await;
            }
            channel
        };
        let mut words = BTreeMap::from([
            ("{id}", channel.clone()),
            ("{one}", sub("mia")),
            ("{member}", sub(if place == Place::Direct { WITNESS } else { "tim" })),
            ("{admin}", sub("abel")),
            ("{owner}", sub("otto")),
            ("{newcomer}", sub("nora")),
            ("{unknown}", sub("ghost")),
            ("{self}", own.map_or_else(|| "host".to_owned(), sub)),
            ("{foreign}", foreign["id"].as_str().unwrap().to_owned()),
        ]);
        let witness = web.with(&plain(&sub(WITNESS)));
        let author = own.filter(|own| place != Place::Direct || *own == "mia").filter(|own| *own != "stan");
        let author = author.map_or_else(|| witness.clone(), |own| web.with(&plain(&sub(own))));
        for (web, name, deleted, said) in
            [(&author, "{own}", "{own-deleted}", "{said}"), (&witness, "{others}", "{others-deleted}", "{theirs}")]
        {
            let text = if name == "{own}" { "secret of one's own" } else { "secret of another" };
            let message = web.say(&channel, text).await;
            words.insert(name, message["id"].as_str().unwrap().to_owned());
            words.insert(said, message["clientId"].as_str().unwrap().to_owned());
            let gone = web.say(&channel, text).await["id"].as_str().unwrap().to_owned();
            web.delete(&format!("/messages/{gone}")).await;
            words.insert(deleted, gone);
        }
        for name in ["{own}", "{others}"] {
            author.put(&format!("/messages/{}/reactions/seen", words[name])).await;
        }
        for (name, of) in [("{asked}", None), ("{asked-another}", Some(sub(WITNESS)))] {
            words.insert(name, witness.ask_for(&channel, of.as_deref()).await);
        }
        words.insert("{own-file}", author.upload().await);
        let file = witness.upload().await;
        witness.say_with(&channel, "secret of another", &[&file]).await;
        words.insert("{others-file}", file);
        if own.is_none_or(|own| own == "stan") {
            // Whoever said nothing there has no key of their own.
            words.insert("{said}", new_v7().to_string());
        }
        let mut line = None;
        if place != Place::Direct {
            if asker.lingers {
                line = Some(Line::open(daemon, asker, &sub("rita")).await);
            }
            host.delete(&format!("/channels/{channel}/members/{}", sub("rita"))).await;
        }
        if let Some(line) = &mut line {
            line.pass_over("channel_removed").await;
        }
        let channel = channel.parse().unwrap();
        let witness = Line::open_as(daemon, &sub(WITNESS)).await;
        let (told, asked, seen) = (Vec::new(), Vec::new(), look(daemon, channel).await);
        Self { daemon, web, number, channel, words, witness, line, told, asked, seen }
    }

    fn sub(&self, name: &str) -> String {
        format!("{name}-{}", self.number)
    }

    /// The id of the one with this standing, as the host has it.
    pub fn sub_of(&self, standing: Standing) -> String {
        match standing {
            Standing::Host => "host".to_owned(),
            Standing::Unknown => self.sub("ghost"),
            other => self.sub(own_name(other).unwrap_or_default()),
        }
    }

    /// The table's text with the scene's ids in it.
    pub fn fill(&self, text: &str, nowhere: &BTreeMap<&'static str, String>) -> String {
        let mut text = text.to_owned();
        for (word, value) in nowhere.iter().chain(&self.words) {
            text = text.replace(word, value);
        }
        assert!(!text.contains("-}") && !text.contains("{i"), "{text}");
        text
    }

    /// What changed since the last look, and from what to what. Unless a change is expected only the version is looked
    /// at; the rest of what must not have changed comes to light when the scene ends.
    pub async fn look_again(&mut self, closely: bool) -> (Effect, String) {
        let (id, before) = (self.channel, self.seen.version());
        let heads = self.daemon.parts().reader.heads(vec![id]).await.unwrap();
        let now = heads.first().map(|(_, version)| *version);
        if !closely && now == before {
            return (Effect::Nothing, String::new());
        }
        let seen = look(self.daemon, id).await;
        let what = format!("{:?} became {seen:?}", self.seen);
        let effect = match (seen.version(), before) {
            (now, before) if now == before.map(|version| version + 1) => Effect::Version,
            (now, before) if now != before => Effect::Versions,
            _ if seen != self.seen => Effect::Mark,
            _ => Effect::Nothing,
        };
        self.seen = seen;
        (effect, what)
    }

    /// The channels of everybody here, and whether the unknown user is one still.
    pub async fn surroundings(&self) -> (Vec<Vec<ChannelId>>, bool) {
        let reader = &self.daemon.parts().reader;
        let mut channels = Vec::new();
        for name in ["stan", "nora", "rita", "mia", "tim", "adam", "olga", WITNESS, "ghost"] {
            channels.push(reader.listing(id_of(&self.sub(name))).await.unwrap().channels);
        }
        (channels, reader.user(id_of(&self.sub("ghost"))).await.unwrap().is_some())
    }

    pub fn note(&mut self, cell: String, told: Option<&'static str>) {
        self.asked.push(cell);
        self.told.extend(told);
    }

    pub fn user_id(&self, standing: Standing) -> UserId {
        id_of(&self.sub_of(standing))
    }

    /// That the members were told of what was done, of nothing more, and nobody else of anything.
    pub async fn leave(mut self, wrong: &mut Vec<String>) {
        if self.look_again(true).await.0 != Effect::Nothing {
            wrong.push(format!("something changed by what changes nothing: {:#?}", self.asked));
        }
        let marker = self.web.with(&plain(&self.sub(WITNESS)));
        marker.say(&self.channel.to_string(), "the end").await;
        let heard = self.witness.until(|frame| frame["data"]["content"] == "the end").await;
        let is_news = |frame: &&Value| {
            let of = [&frame["channelId"], &frame["data"]["channelId"], &frame["data"]["id"]];
            let ends = frame["data"]["content"] == "the end";
            let quiet = ["presence", "typing_stopped"].iter().any(|kind| frame["type"] == *kind);
            of.iter().any(|id| **id == self.channel.to_string()) && !ends && !quiet
        };
        let kinds: Vec<&str> = heard.iter().filter(is_news).map(|frame| frame["type"].as_str().unwrap()).collect();
        if kinds != self.told {
            wrong.push(format!("a member heard {kinds:?} and not {:?} of {:#?}", self.told, self.asked));
        }
        if let Some(mut line) = self.line.take() {
            let outsider = line.is_outside;
            let heard = line.rest().await;
            let told = heard.iter().filter(|frame| tells(&frame.to_string(), Some(self.channel)));
            wrong.extend(told.filter(|_| outsider).map(|frame| format!("who is not in it heard {frame}")));
        }
    }
}

/// Whether a text has anything of a channel in it.
pub fn tells(text: &str, channel: Option<ChannelId>) -> bool {
    SECRETS.iter().any(|secret| text.contains(secret)) || channel.is_some_and(|id| text.contains(&id.to_string()))
}

async fn look(daemon: &TestDaemon, channel: ChannelId) -> Seen {
    let reader = &daemon.parts().reader;
    let state = reader.state(channel).await.unwrap();
    let (messages, _) =
        reader.history(channel, HistoryFrom::Latest, PageLimits { messages: 100, bytes: 1 << 20 }).await.unwrap();
    Seen { state, messages }
}

/// The name of the one who is asking with this standing.
fn own_name(standing: Standing) -> Option<&'static str> {
    match standing {
        Standing::Stranger => Some("stan"),
        Standing::Removed => Some("rita"),
        Standing::Member => Some("mia"),
        Standing::Admin => Some("adam"),
        Standing::Owner => Some("olga"),
        Standing::Host | Standing::Unknown => None,
    }
}

pub fn host_token() -> String {
    let host = ASKERS.iter().find(|asker| asker.is_scoped() && asker.named.is_none()).unwrap();
    host.token("host").unwrap()
}

/// What a cell that changes something tells the channel's members.
pub fn told(way: Way, effect: Effect, answer: &str) -> Option<&'static str> {
    if answer == "quiet" {
        return Some("typing");
    }
    if !matches!(effect, Effect::Version | Effect::Mark) {
        return None;
    }
    Some(match way {
        Way::Frame("message") => "message",
        Way::Frame("edit" | "react" | "answer") => "message_updated",
        Way::Frame("delete") => "message_deleted",
        Way::Frame(_) => "read",
        Way::Call { route, .. } => match route {
            "POST /channels/{id}/messages" => "message",
            "PATCH /messages/{id}"
            | "PUT /messages/{id}/answer"
            | "PUT /messages/{id}/reactions/{reaction}"
            | "DELETE /messages/{id}/reactions/{reaction}" => "message_updated",
            "DELETE /messages/{id}" => "message_deleted",
            "POST /channels/{id}/read" => "read",
            "PATCH /channels/{id}" | "PUT /channels/{id}/retention" | "PATCH /channels/{id}/members/{userId}" => {
                "channel"
            }
            _ => "members",
        },
    })
}
