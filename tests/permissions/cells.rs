//! Asks every cell of the table and notes what is not as it says.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tenfour::domain::ids::new_v7;

use crate::askers::{ASKERS, Asker, expired, plain};
use crate::daemon::TestDaemon;
use crate::law::{Effect, Place, Row, TABLE, Verdict, Way};
use crate::scene::{Scene, tells, told};
use crate::talk::{Answer, Line, Web, knock, word};

/// Scenes that are played side by side.
const AT_ONCE: usize = 4;

/// What came of asking.
#[derive(Debug, Default)]
pub struct Outcome {
    pub cells: usize,
    /// Refused ones that were asked once more about what does not exist, to see no difference.
    pub twins: usize,
    pub scenes: usize,
    pub wrong: Vec<String>,
}

/// A line of the table, at a place, by somebody.
#[derive(Clone, Copy)]
struct Cell {
    row: &'static Row,
    place: Place,
    asker: Asker,
    verdict: Verdict,
}

/// All cells of the table.
pub async fn ask_all(daemon: &TestDaemon) -> Outcome {
    let web = Web::new(daemon.addr());
    let mut groups = Vec::new();
    for place in Place::ALL {
        for asker in ASKERS {
            for ways in [is_call, is_frame] {
                let rows = TABLE.iter().filter(|row| ways(row.way));
                let cell = |row| Some(Cell { row, place, asker: *asker, verdict: asker.expects(row, place)? });
                let mut cells: Vec<Cell> = rows.filter_map(cell).collect();
                // What changes something comes last, since it takes a scene of its own each.
                cells.sort_by_key(|cell| cell.verdict.effect != Effect::Nothing);
                groups.push(ask_in_scenes(daemon, &web, cells));
            }
        }
    }
    let outcomes: Vec<Outcome> = stream::iter(groups).buffer_unordered(AT_ONCE).collect().await;
    outcomes.into_iter().fold(Outcome::default(), |mut all, some| {
        all.cells += some.cells;
        all.twins += some.twins;
        all.scenes += some.scenes;
        all.wrong.extend(some.wrong);
        all
    })
}

fn is_call(way: Way) -> bool {
    matches!(way, Way::Call { .. })
}

fn is_frame(way: Way) -> bool {
    !is_call(way)
}

async fn ask_in_scenes(daemon: &TestDaemon, web: &Web, cells: Vec<Cell>) -> Outcome {
    let mut outcome = Outcome::default();
    let mut current: Option<Scene<'_>> = None;
    for cell in cells {
        let mut scene = if let Some(scene) = current.take() {
            scene
        } else {
            outcome.scenes += 1;
            Scene::build(daemon, web, cell.place, cell.asker, cell.row.way).await
        };
        let effect = cell.ask(daemon, web, &mut scene, &mut outcome).await;
        if effect == Effect::Nothing {
            current = Some(scene);
        } else {
            scene.leave(&mut outcome.wrong).await;
        }
    }
    if let Some(scene) = current {
        scene.leave(&mut outcome.wrong).await;
    }
    outcome
}

/// An answer, as a word of the table and as what is compared.
struct Heard {
    word: String,
    whole: String,
    /// Of a message: who is said to have sent it.
    sender: Option<Value>,
}

impl Cell {
    /// Asks, looks what changed, and answers with what did.
    async fn ask(&self, daemon: &TestDaemon, web: &Web, scene: &mut Scene<'_>, outcome: &mut Outcome) -> Effect {
        outcome.cells += 1;
        let mut wrong = Vec::new();
        let key = BTreeMap::from([("{new}", new_v7().to_string())]);
        let nowhere = Self::nowhere(&key);
        let around = self.makes_channels();
        let before = if around { Some(scene.surroundings().await) } else { None };
        let here = if self.place == Place::Nowhere { &nowhere } else { &key };
        let heard = self.put(daemon, web, scene, here).await;
        if heard.word != self.verdict.answer {
            wrong.push(format!("answered {} and not {}: {}", heard.word, self.verdict.answer, heard.whole));
        }
        let (mut effect, what) = scene.look_again(self.verdict.effect != Effect::Nothing).await;
        if around && before != Some(scene.surroundings().await) {
            effect = if effect == Effect::Nothing { Effect::NewChannel } else { effect };
        }
        if effect != self.verdict.effect {
            wrong.push(format!("did {effect:?} and not {:?}: {what}", self.verdict.effect));
        }
        if let Some(sender) = &heard.sender
            && *sender != scene.user_id(self.asker.standing(self.row.way)).to_string()
            && self.is_send()
        {
            wrong.push(format!("{sender} is said to have sent it"));
        }
        if self.asker.sees_nothing(self.row.way) {
            self.compare_with_nothing(daemon, web, scene, &nowhere, &heard, outcome, &mut wrong).await;
        } else if self.row.body.contains("{foreign}") && self.place != Place::Nowhere {
            let mut none = key.clone();
            none.insert("{foreign}", new_v7().to_string());
            let other = self.put(daemon, web, scene, &none).await;
            outcome.twins += 1;
            if other.whole != heard.whole {
                wrong.push(format!("a message of another channel shows: {} and {}", heard.whole, other.whole));
            }
        }
        outcome.wrong.extend(wrong.into_iter().map(|what| format!("{self}: {what}")));
        scene.note(self.to_string(), told(self.row.way, effect, self.verdict.answer));
        effect
    }

    /// That who sees nothing of the channel is told the same about one that does not exist, and nothing of this one.
    #[allow(clippy::too_many_arguments, reason = "the two sides of a comparison and where they come from")]
    async fn compare_with_nothing(
        &self,
        daemon: &TestDaemon,
        web: &Web,
        scene: &mut Scene<'_>,
        nowhere: &BTreeMap<&'static str, String>,
        heard: &Heard,
        outcome: &mut Outcome,
        wrong: &mut Vec<String>,
    ) {
        // The retry of what one said while one was in it is answered as ever.
        let is_answered = heard.word.starts_with('2') || heard.word == "ack";
        let is_told = is_answered || heard.word == "gone";
        if !is_told && tells(&heard.whole, Some(scene.channel)) {
            wrong.push(format!("tells of the channel: {}", heard.whole));
        }
        if self.verdict.effect != Effect::Nothing || is_answered || self.place == Place::Nowhere {
            return;
        }
        outcome.twins += 1;
        let other = self.put(daemon, web, scene, nowhere).await;
        let (one, other) = (neutral(&heard.whole, &scene.words), neutral(&other.whole, nowhere));
        if one != other {
            wrong.push(format!("shows that the channel exists: {one} and {other}"));
        }
    }

    /// Ids of what does not exist, for all that a stranger could guess.
    fn nowhere(key: &BTreeMap<&'static str, String>) -> BTreeMap<&'static str, String> {
        let mut nowhere = key.clone();
        for word in [
            "{id}",
            "{own}",
            "{others}",
            "{own-deleted}",
            "{others-deleted}",
            "{own-file}",
            "{others-file}",
            "{asked}",
            "{asked-another}",
        ] {
            nowhere.insert(word, new_v7().to_string());
        }
        nowhere
    }

    async fn put(
        &self,
        daemon: &TestDaemon,
        web: &Web,
        scene: &mut Scene<'_>,
        ids: &BTreeMap<&'static str, String>,
    ) -> Heard {
        match self.row.way {
            Way::Call { route, with } => self.call(web, scene, ids, route, with).await,
            Way::Frame(kind) => self.frame(daemon, scene, ids, kind).await,
        }
    }

    async fn call(
        &self,
        web: &Web,
        scene: &Scene<'_>,
        ids: &BTreeMap<&'static str, String>,
        route: &str,
        with: &str,
    ) -> Heard {
        let (method, path) = route.split_once(' ').unwrap();
        let hole = if path.contains("{userId}") { "{userId}" } else { "{id}" };
        let path = match with {
            "" => path.to_owned(),
            query if query.starts_with('?') => format!("{path}{query}"),
            id => {
                let (id, reaction) = id.split_once('/').unwrap_or((id, ""));
                path.replace(hole, id).replace("{reaction}", reaction)
            }
        };
        let path = format!("/api/v1{}", scene.fill(&path, ids));
        let mut web = web.header("x-request-id", "same");
        if let Some(token) = self.asker.token(&scene.sub_of(self.asker.bearer)) {
            web = web.with(&token);
        }
        if let Some(named) = self.asker.named {
            web = web.header("tenfour-user", &scene.sub_of(named));
        }
        let answer = web.ask(method, &path, &scene.fill(self.row.body, ids)).await;
        let heard = Heard::of(&answer);
        // Without a body there is no code in it.
        let status = answer.status.to_string();
        if method != "HEAD" {
            heard
        } else if self.verdict.answer.starts_with(&status) {
            Heard { word: self.verdict.answer.to_owned(), ..heard }
        } else {
            Heard { word: status, ..heard }
        }
    }

    async fn frame(
        &self,
        daemon: &TestDaemon,
        scene: &mut Scene<'_>,
        ids: &BTreeMap<&'static str, String>,
        kind: &str,
    ) -> Heard {
        let sub = scene.sub_of(self.asker.bearer);
        let mut body = scene.fill(self.row.body, ids);
        let tokens = [("{fresh-token}", plain(&sub)), ("{token-of-another}", plain(&scene.words["{owner}"]))];
        for (word, token) in tokens.into_iter().chain([("{expired-token}", expired(&sub))]) {
            body = body.replace(word, &token);
        }
        let channel = scene.fill("{id}", ids);
        if ["message", "typing", "read"].contains(&kind) {
            let mut fields: Value = serde_json::from_str(&body).unwrap();
            fields["channelId"] = channel.clone().into();
            body = fields.to_string();
        }
        if !self.asker.is_let_in() {
            let token = self.asker.token(&sub);
            return Heard::of(&knock(daemon.addr(), token.as_deref(), kind, &body).await);
        }
        let mut line = match scene.line.take() {
            Some(line) => line,
            None => Line::open(daemon, self.asker, &sub).await,
        };
        let shown = line.hello.to_string().contains(&scene.channel.to_string());
        let answers = line.ask(kind, &body).await;
        let (word, whole) = (word(&answers, &channel), Value::from(answers).to_string());
        let word =
            if shown == line.is_outside && !self.asker.lingers { format!("{word} after {}", line.hello) } else { word };
        scene.line = Some(line);
        Heard { word, whole, sender: None }
    }

    fn is_send(&self) -> bool {
        matches!(self.row.way, Way::Call { route: "POST /channels/{id}/messages", .. })
    }

    fn makes_channels(&self) -> bool {
        matches!(self.row.way, Way::Call { route: "POST /channels", .. }) || self.row.body.contains("{unknown}")
    }
}

impl Heard {
    fn of(answer: &Answer) -> Self {
        let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
        let sender = body.get("senderId").map(|sender| sender.as_str().unwrap_or_default().into());
        let mut headers = answer.headers.clone();
        // What has no request id of its own is given one, which is in the body as well.
        let id = headers.iter().position(|(name, _)| name == "x-request-id").map(|at| headers.remove(at).1);
        let mut whole = format!("{} {headers:?} {}", answer.status, answer.text);
        if let Some(id) = id {
            whole = whole.replace(&id, "ID");
        }
        Self { word: answer.word(), whole, sender }
    }
}

/// Without the ids that were asked for, and without times.
fn neutral(text: &str, words: &BTreeMap<&'static str, String>) -> String {
    let mut text = text.to_owned();
    for (word, value) in words {
        if word.starts_with("{id") || word.starts_with("{o") {
            text = text.replace(value, word);
        }
    }
    match text.split_once("\"serverTime\":") {
        Some((before, _)) => before.to_owned(),
        None => text,
    }
}

impl std::fmt::Display for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Asker { token, bearer, named, lingers } = self.asker;
        write!(f, "{token:?} token of {bearer:?}")?;
        if let Some(named) = named {
            write!(f, " as {named:?}")?;
        }
        if lingers {
            f.write_str(" on an old socket")?;
        }
        let Row { way, body, .. } = self.row;
        match way {
            Way::Call { route, with } => write!(f, ": {route} {with} {body}")?,
            Way::Frame(kind) => write!(f, ": {kind} {body}")?,
        }
        write!(f, " in {:?}", self.place)
    }
}
