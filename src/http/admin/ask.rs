//! Asks actors for their states, for a limited time.

use std::time::Duration;

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, MailboxError, Message};
use actix_web::rt::time::timeout;
use serde::Serialize;

use crate::protocol::error::Refusal;

/// How long an actor may take to answer, and the database to say what is only nice to know.
pub(super) const WITHIN: Duration = Duration::from_secs(1);

/// What came of asking.
#[derive(Debug)]
pub(super) enum Asked<T> {
    Answered(T),
    /// It has too much to do, or is stuck.
    Unresponsive,
    /// It has ended in the meantime.
    Gone,
}

/// An actor as it is shown: its own state, or that it did not answer and what is known without it.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Shown<T, K> {
    State(T),
    Unresponsive {
        #[serde(flatten)]
        known: K,
        /// Always true.
        unresponsive: bool,
    },
}

/// Nothing is known of an actor without its answer.
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

/// Asks one actor.
pub(super) async fn ask<A, M>(actor: &Addr<A>, message: M) -> Asked<M::Result>
where
    A: Actor + Handler<M>,
    A::Context: ToEnvelope<A, M>,
    M: Message + Send + 'static,
    M::Result: Send,
{
    match timeout(WITHIN, actor.send(message)).await {
        Ok(Ok(answer)) => Asked::Answered(answer),
        Ok(Err(MailboxError::Closed)) => Asked::Gone,
        Ok(Err(MailboxError::Timeout)) | Err(_) => Asked::Unresponsive,
    }
}

impl<T> Asked<T> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Asked<U> {
        match self {
            Self::Answered(answer) => Asked::Answered(change(answer)),
            Self::Unresponsive => Asked::Unresponsive,
            Self::Gone => Asked::Gone,
        }
    }

    /// None: there is nothing to show any more.
    pub(super) fn shown<K>(self, known: impl FnOnce() -> K) -> Option<Shown<T, K>> {
        match self {
            Self::Answered(state) => Some(Shown::State(state)),
            Self::Unresponsive => Some(Shown::unresponsive(known())),
            Self::Gone => None,
        }
    }

    /// For what nothing can be said without.
    pub(super) fn or_unavailable(self, who: &str) -> Result<T, Refusal> {
        match self {
            Self::Answered(answer) => Ok(answer),
            Self::Unresponsive | Self::Gone => {
                let ms = WITHIN.as_millis();
                Err(Refusal::unavailable(format!("{who} does not answer within {ms} ms; try again")))
            }
        }
    }
}

impl<T, K> Shown<T, K> {
    pub(super) fn map<U>(self, change: impl FnOnce(T) -> U) -> Shown<U, K> {
        match self {
            Self::State(state) => Shown::State(change(state)),
            Self::Unresponsive { known, unresponsive } => Shown::Unresponsive { known, unresponsive },
        }
    }

    pub(super) fn unresponsive(known: K) -> Self {
        Self::Unresponsive { known, unresponsive: true }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Instant;

    use actix::{ActorContext, Arbiter, Context};
    use serde_json::json;

    use super::*;

    struct Busy;

    impl Actor for Busy {
        type Context = Context<Self>;
    }

    /// Keeps the actor, and its whole thread, until the sender is dropped.
    #[derive(Message)]
    #[rtype(result = "()")]
    struct Work(mpsc::Receiver<()>);

    #[derive(Message)]
    #[rtype(result = "usize")]
    struct Inspect;

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Stop;

    impl Handler<Work> for Busy {
        type Result = ();

        fn handle(&mut self, Work(done): Work, _: &mut Self::Context) {
            let _ = done.recv();
        }
    }

    impl Handler<Inspect> for Busy {
        type Result = usize;

        fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> usize {
            7
        }
    }

    impl Handler<Stop> for Busy {
        type Result = ();

        fn handle(&mut self, _: Stop, ctx: &mut Self::Context) {
            ctx.stop();
        }
    }

    #[derive(Serialize)]
    struct Known {
        id: u32,
    }

    async fn shown(actor: &Addr<Busy>) -> serde_json::Value {
        let shown = ask(actor, Inspect).await.map(|answer| json!({ "answer": answer })).shown(|| Known { id: 1 });
        serde_json::to_value(shown).unwrap()
    }

    #[actix_web::test]
    async fn an_actor_that_is_busy_is_shown_as_that_within_its_second() {
        let arbiter = Arbiter::new();
        let actor = Busy::start_in_arbiter(&arbiter.handle(), |_| Busy);
        assert_eq!(shown(&actor).await, json!({"answer": 7}));
        let (done, work) = mpsc::channel();
        let working = actor.send(Work(work));
        let (look, _) = futures_util::future::join(
            async {
                let asked = Instant::now();
                let looks = futures_util::future::join_all((0..100).map(|_| shown(&actor))).await;
                assert!(looks.iter().all(|look| *look == json!({"id": 1, "unresponsive": true})), "{looks:?}");
                let refusal = ask(&actor, Inspect).await.or_unavailable("it").unwrap_err();
                drop(done);
                (asked.elapsed(), refusal)
            },
            working,
        )
        .await;
        let (took, refusal) = look;
        assert!((2 * WITHIN..3 * WITHIN).contains(&took), "a second for all, and one more: {took:?}");
        assert_eq!(refusal.message, "it does not answer within 1000 ms; try again");
        assert_eq!(shown(&actor).await, json!({"answer": 7}), "it is not lost by that");
        actor.send(Stop).await.unwrap();
        assert_eq!(shown(&actor).await, json!(null), "it has ended");
        arbiter.stop();
    }
}
