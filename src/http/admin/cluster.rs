//! One answer for all nodes: each is asked for its part, by way of the bus, and answers for itself.
//!
//! Whoever may ask was checked where the request came in; what comes by the bus was sealed by a node of this cluster.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::page::Page;
use super::{presence, rooms, sessions};
use crate::actors::relay::Answerer;
use crate::cluster::NodeId;
use crate::domain::ids::{ChannelId, SessionId, UserId};
use crate::http::app::App;
use crate::protocol::error::Refusal;

/// What a node is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub(super) enum Question {
    Sessions { user: Option<UserId>, channel: Option<ChannelId>, page: Page<SessionId> },
    Session { id: SessionId },
    EndSession { id: SessionId, admin: UserId },
    Rooms { page: Page<ChannelId> },
    Room { id: ChannelId },
    Presence { page: Page<UserId> },
}

/// A node's part of the answer.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Part {
    /// Ascending by the page's key, one more than the page takes where there are more.
    pub(super) items: Vec<Value>,
    /// All that there are.
    pub(super) total: usize,
    /// Numbers that are added up.
    pub(super) sums: BTreeMap<String, u64>,
}

/// The parts of all nodes.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pub(super) items: Vec<Value>,
    pub(super) total: usize,
    pub(super) sums: BTreeMap<String, u64>,
    /// Who has not answered; none where this node is alone.
    pub(super) unanswered: Option<Vec<NodeId>>,
}

impl Part {
    pub(super) fn of<T: Serialize>(items: &[T], total: usize) -> Result<Self, Refusal> {
        let items = items.iter().map(serde_json::to_value).collect::<Result<_, _>>();
        let items = items.map_err(|error| Refusal::unavailable(format!("it cannot be written: {error}")))?;
        Ok(Self { items, total, sums: BTreeMap::new() })
    }

    pub(super) fn of_one<T: Serialize>(item: Option<T>) -> Result<Self, Refusal> {
        let items: Vec<T> = item.into_iter().collect();
        Self::of(&items, items.len())
    }
}

impl Question {
    async fn here(self, app: &App) -> Result<Part, Refusal> {
        match self {
            Self::Sessions { user, channel, page } => sessions::list_here(app, user, channel, page).await,
            Self::Session { id } => sessions::one_here(app, id).await,
            Self::EndSession { id, admin } => sessions::end_here(app, id, admin).await,
            Self::Rooms { page } => rooms::list_here(app, page).await,
            Self::Room { id } => rooms::one_here(app, id).await,
            Self::Presence { page } => presence::list_here(app, page).await,
        }
    }

    /// Asks this node and all others.
    pub(super) async fn everywhere(self, app: &App) -> Result<Whole, Refusal> {
        let bus = &app.parts.bus;
        let question = serde_json::to_value(&self).unwrap_or_default();
        let (here, there) = futures_util::future::join(self.here(app), bus.ask(question)).await;
        let mut whole = Whole::default();
        whole.add(here?, bus.node());
        let mut missing = there.missing;
        for (node, answer) in there.answers {
            // A node that cannot say it is as good as one that does not answer.
            match serde_json::from_value(answer) {
                Ok(part) => whole.add(part, Some(node)),
                Err(_) => missing.push(node),
            }
        }
        whole.unanswered = bus.node().map(|_| missing);
        Ok(whole)
    }

    /// Asks this node first, and the others only where it has nothing.
    pub(super) async fn somewhere(self, app: &App) -> Result<Whole, Refusal> {
        let here = self.clone().here(app).await?;
        if here.total > 0 || app.parts.bus.is_alone() {
            let mut whole = Whole::default();
            whole.add(here, app.parts.bus.node());
            return Ok(whole);
        }
        let whole = self.everywhere(app).await?;
        match &whole.unanswered {
            Some(missing) if whole.total == 0 && !missing.is_empty() => Err(Refusal::unavailable(format!(
                "{} of the other nodes did not answer, and it is on none that did; try again",
                missing.len()
            ))),
            _ => Ok(whole),
        }
    }
}

impl Whole {
    fn add(&mut self, part: Part, node: Option<NodeId>) {
        self.items.extend(part.items.into_iter().map(|mut item| {
            if let (Some(item), Some(node)) = (item.as_object_mut(), node) {
                item.insert("node".to_owned(), Value::String(node.to_string()));
            }
            item
        }));
        self.total += part.total;
        for (name, number) in part.sums {
            *self.sums.entry(name).or_default() += number;
        }
    }

    /// The list as it is shown: a page of it by the ids in `key`, and the last of these where there are more. What has
    /// the same id on several nodes stays together.
    pub(super) fn listed(mut self, name: &str, key: &str, limit: usize) -> Value {
        let id = |item: &Value| item[key].as_str().unwrap_or_default().to_owned();
        self.items.sort_by_cached_key(id);
        let mut next = Value::Null;
        if let Some(last) = self.items.get(limit - 1).map(id) {
            let more = self.items.iter().position(|item| id(item) > last);
            if let Some(more) = more {
                self.items.truncate(more);
                next = Value::String(last);
            }
        }
        let mut shown = serde_json::Map::new();
        shown.insert(name.to_owned(), Value::Array(self.items));
        shown.insert("total".to_owned(), self.total.into());
        shown.extend(self.sums.into_iter().map(|(name, number)| (name, number.into())));
        shown.insert("next".to_owned(), next);
        if let Some(unanswered) = self.unanswered {
            let nodes = unanswered.iter().map(|node| Value::String(node.to_string())).collect();
            shown.insert("unanswered".to_owned(), Value::Array(nodes));
        }
        Value::Object(shown)
    }
}

/// What this node answers to the others. What it cannot read or answer is answered by nothing.
pub fn answerer(app: Arc<App>) -> Answerer {
    Arc::new(move |question| {
        let app = Arc::clone(&app);
        Box::pin(async move {
            let Ok(question) = serde_json::from_value::<Question>(question) else { return Value::Null };
            match question.here(&app).await {
                Ok(part) => serde_json::to_value(part).unwrap_or_default(),
                Err(refusal) => {
                    log::debug!("another node's question is not answered: {}", refusal.message);
                    Value::Null
                }
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn whole(ids: &[&str]) -> Whole {
        Whole { items: ids.iter().map(|id| json!({"id": id})).collect(), total: ids.len(), ..Whole::default() }
    }

    #[test]
    fn a_page_keeps_together_what_has_one_id_on_several_nodes() {
        let shown = whole(&["c", "a", "b", "b", "d"]).listed("rooms", "id", 2);
        assert_eq!(shown["rooms"], json!([{"id": "a"}, {"id": "b"}, {"id": "b"}]));
        assert_eq!((&shown["next"], &shown["total"]), (&json!("b"), &json!(5)));
        assert_eq!(whole(&["b", "a"]).listed("rooms", "id", 2)["next"], Value::Null);
        assert_eq!(whole(&["a", "a"]).listed("rooms", "id", 1)["next"], Value::Null);
    }

    #[test]
    fn parts_say_whose_they_are_and_numbers_are_added_up() {
        let (mut whole, node) = (Whole::default(), NodeId::random());
        let part = |total| Part { sums: BTreeMap::from([("sessions".to_owned(), 2)]), total, ..Part::default() };
        whole.add(Part { items: vec![json!({"id": "a"})], ..part(1) }, Some(node));
        whole.add(part(3), Some(NodeId::random()));
        whole.unanswered = Some(vec![node]);
        let shown = whole.listed("online", "id", 9);
        assert_eq!(shown["online"], json!([{"id": "a", "node": node.to_string()}]));
        assert_eq!((&shown["total"], &shown["sessions"]), (&json!(4), &json!(4)));
        assert_eq!(shown["unanswered"], json!([node.to_string()]));
    }
}
