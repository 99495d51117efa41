//! I22: a reaction that was acknowledged is there in the end until it was taken back, and is nobody's who did not ask for it.
//!
//! A user's reaction to a message is a switch: whoever may have turned it last decides. That all see the same under one version is
//! looked at where the [`super::model`] is made.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::Anomaly;
use super::findings::Findings;
use super::index::{IdSet, NOWHERE};
use super::model::Model;
use super::states::{Number, copies};
use super::touches::{Touch, Touches, Wish};
use crate::extras::Sign;
use crate::history::{Copy, UserNo};

/// What one user asked for of one sign on one message.
type Switches<'t> = BTreeMap<(Sign, UserNo), Vec<&'t Touch>>;

pub(super) fn look(model: &Model<'_>, touches: &Touches, found: &mut Findings) {
    for log in &model.history.finals {
        for copy in log.messages.iter().filter(|copy| !copy.deleted) {
            let mut switches = switches(touches, copy.id);
            for (sign, users) in &model.history.extra(copy.extra).reactions {
                for user in users {
                    switches.entry((*sign, *user)).or_default();
                }
            }
            for ((sign, user), asked) in switches {
                at_the_end(model, copy, (sign, user), &asked, found);
            }
        }
    }
    shown(model, touches, found);
}

fn switches(touches: &Touches, message: Uuid) -> Switches<'_> {
    let mut switches = Switches::new();
    for touch in touches.on(message) {
        if let Wish::React { sign, .. } = touch.wish {
            switches.entry((sign, touch.user)).or_default().push(touch);
        }
    }
    switches
}

fn sets(touch: &Touch) -> bool {
    matches!(touch.wish, Wish::React { set: true, .. })
}

/// Whether it can stand so at the end: what turned it this way last was not over before something that turned it the other
/// way and was done began.
fn may_be(asked: &[&Touch], set: bool) -> bool {
    let overruled = |touch: &&Touch| asked.iter().any(|it| it.is_done() && sets(it) != set && it.asked > touch.over);
    let at_first = !set && !asked.iter().any(|it| it.is_done() && sets(it));
    at_first || asked.iter().filter(|it| sets(it) == set).any(|touch| !overruled(touch))
}

fn at_the_end(model: &Model<'_>, copy: &Copy, (sign, user): (Sign, UserNo), asked: &[&Touch], found: &mut Findings) {
    let is_set = model.history.extra(copy.extra).has(sign, user);
    if may_be(asked, is_set) {
        return;
    }
    found.add(Anomaly::WrongReaction, Some(copy.channel), model.history.rest, || {
        let what = if is_set {
            format!(
                "user {user} has reaction {sign} on message {} in the end, and it was taken back or never set",
                copy.id
            )
        } else {
            format!("user {user} set reaction {sign} on message {}, and it is not there in the end", copy.id)
        };
        let mut evidence = told(model, copy, asked);
        evidence.push(format!("a final log: {}", model.shown_text(copy)));
        (what, evidence)
    });
}

fn told(model: &Model<'_>, copy: &Copy, asked: &[&Touch]) -> Vec<String> {
    let places = asked.iter().flat_map(|touch| [touch.asked, touch.over]).filter(|place| *place != NOWHERE);
    places.map(|place| model.line(place, copy.channel)).collect()
}

/// Each state that anybody was shown: only what somebody had asked for by then.
fn shown(model: &Model<'_>, touches: &Touches, found: &mut Findings) {
    let mut seen: IdSet<(Uuid, Number)> = IdSet::default();
    let mut first: HashMap<(Uuid, Sign, UserNo), u32> = HashMap::new();
    for (message, touch) in touches.all() {
        if let Wish::React { sign, set: true } = touch.wish {
            let place = first.entry((message, sign, touch.user)).or_insert(touch.asked);
            *place = (*place).min(touch.asked);
        }
    }
    for (place, record) in (0..).zip(&model.history.records) {
        for copy in copies(&record.what) {
            if copy.extra == 0 || !seen.insert((copy.id, Number(copy.extra))) {
                continue;
            }
            for (sign, users) in &model.history.extra(copy.extra).reactions {
                for user in users {
                    let asked = first.get(&(copy.id, *sign, *user)).is_some_and(|asked| *asked < place);
                    if !asked {
                        found.add(Anomaly::WrongReaction, Some(copy.channel), record.at, || {
                            let what = format!(
                                "user {user} is said to react with {sign} to message {}, and never did",
                                copy.id
                            );
                            (what, vec![model.source(copy.channel, copy.seq, place)])
                        });
                    }
                }
            }
        }
    }
}
