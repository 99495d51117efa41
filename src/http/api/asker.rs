//! Who asks a REST call, and what of a channel they see.
//!
//! An extractor of every call, so that nothing else of a request is looked at before. Decides nothing about roles:
//! that is the store's, under the channel's lock.

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderMap, HeaderName};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use crate::actors::db::Done;
use crate::actors::session::SessionParts;
use crate::domain::change::{By, Change, Changed};
use crate::domain::channel::{Channel, ChannelView};
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::user::UserRef;
use crate::http::app::{App, unreadable};
use crate::http::problem::Problem;
use crate::protocol::error::{ErrorCode, Refusal};
use crate::protocol::rest::parse_user;
use crate::protocol::server::ChannelBody;

/// Names the user as whom a bearer with scope `admin` acts.
pub(super) const TENFOUR_USER: HeaderName = HeaderName::from_static("tenfour-user");

/// Who asks, within the rate of all calls but sends.
pub(super) struct Asker {
    pub(super) app: Data<App>,
    /// None: the host application's server, acting as nobody.
    acting: Option<Acting>,
    admin: bool,
}

/// Who sends: the same, but the rate is that of messages, which is looked at once the message can be read.
pub(super) struct Sender(pub(super) Asker);

/// The user in whose name something is done.
#[derive(Debug, Clone)]
pub(super) struct Acting {
    pub(super) user: UserRef,
    pub(super) name: String,
}

impl Asker {
    async fn of(request: &HttpRequest, paced: bool) -> Result<Self, Refusal> {
        let Some(app) = request.app_data::<Data<App>>().cloned() else {
            return Err(Refusal::unavailable("the daemon is starting; try again"));
        };
        let identity = app.identify(request).await?;
        if app.is_draining() {
            return Err(Refusal::unavailable("the daemon is stopping; try again"));
        }
        let named = named(request.headers())?;
        if !identity.admin {
            if named.is_some() {
                return Err(Refusal::forbidden("Tenfour-User needs a token with scope admin"));
            }
            if paced {
                app.parts.rates.check_other(identity.user.id).map_err(|retry_after_ms| {
                    app.parts.metrics.rate_limited.inc();
                    Refusal::rate_limited(retry_after_ms)
                })?;
            }
            app.ensure_user(&identity).await?;
            let acting = Acting { user: identity.user, name: identity.name };
            return Ok(Self { app, acting: Some(acting), admin: false });
        }
        let acting = match named {
            None => None,
            Some(user) => {
                let known = app.parts.reader.named(user.clone()).await.map_err(|error| unreadable(&error))?;
                let known = known.ok_or_else(|| {
                    let text = "Tenfour-User names nobody who is known; a user is known from their first token on";
                    Refusal::new(ErrorCode::UnknownUser, text)
                })?;
                Some(Acting { user, name: known.name })
            }
        };
        Ok(Self { app, acting, admin: true })
    }

    pub(super) fn parts(&self) -> &SessionParts {
        &self.app.parts
    }

    pub(super) fn by(&self) -> By {
        self.user_id().map_or(By::Host, By::User)
    }

    /// None: the host's server, acting as nobody.
    pub(super) fn user_id(&self) -> Option<UserId> {
        self.acting.as_ref().map(|acting| acting.user.id)
    }

    /// Refuses everybody but the host's server, acting as nobody.
    pub(super) fn host_alone(&self) -> Result<(), Refusal> {
        match self.user_id() {
            None => Ok(()),
            Some(_) => Err(Refusal::forbidden("this takes a token with the scope `admin`, without Tenfour-User")),
        }
    }

    /// The user who does what the host's server does not do itself.
    pub(super) fn acting(&self, what: &str) -> Result<&Acting, Refusal> {
        self.acting.as_ref().ok_or_else(|| {
            Refusal::forbidden(format!("the host application does not {what} itself: name a user in Tenfour-User"))
        })
    }

    /// Whether the host application's server asks, in whose name ever.
    pub(super) fn is_host(&self) -> bool {
        self.admin
    }

    /// Whether users whom nobody knows yet are made. The host application knows whom it will have.
    pub(super) fn makes_placeholders(&self) -> bool {
        self.admin
    }

    /// A channel, if the asker may see it: the host's server sees any, a user those that they are in.
    pub(super) async fn see(&self, id: ChannelId) -> Result<ChannelView, Refusal> {
        let reader = &self.parts().reader;
        let seen = match self.user_id() {
            Some(user) => reader.view(user, id).await,
            None => reader.channels(vec![id]).await.map(|mut channels| channels.pop().map(unasked)),
        };
        seen.map_err(|error| unreadable(&error))?.ok_or_else(Refusal::no_channel)
    }

    /// Asks who of the members is there, where that is for other nodes to say.
    pub(super) async fn learn(&self, views: &[ChannelView]) {
        self.parts().online.learn(views.iter().flat_map(|view| view.channel.member_ids())).await;
    }

    /// The channel of a view, for the asker.
    pub(super) async fn body(&self, view: &ChannelView) -> ChannelBody {
        self.learn(std::slice::from_ref(view)).await;
        self.known_body(view)
    }

    /// The same, after [`Asker::learn`].
    pub(super) fn known_body(&self, view: &ChannelView) -> ChannelBody {
        let online = |user| self.parts().online.has(user);
        match self.user_id() {
            Some(user) => ChannelBody::new(view, user, online),
            None => ChannelBody::for_host(&view.channel, online),
        }
    }

    /// The channel `id` right after what was done to it, for the asker.
    pub(super) async fn body_after(&self, id: ChannelId, done: Done) -> Result<ChannelBody, Refusal> {
        let view = match done {
            Done::Changed(Change { what: Changed::Channel { state, .. }, .. }) => {
                let unread = self.user_id().and_then(|user| state.unread.get(&user).copied()).unwrap_or_default();
                ChannelView { channel: state.channel, unread }
            }
            _ => self.see(id).await?,
        };
        Ok(self.body(&view).await)
    }
}

/// For who has read nothing and has nothing to read.
pub(super) fn unasked(channel: Channel) -> ChannelView {
    ChannelView { channel, unread: 0 }
}

fn named(headers: &HeaderMap) -> Result<Option<UserRef>, Refusal> {
    let mut values = headers.get_all(TENFOUR_USER);
    let value = match (values.next(), values.next()) {
        (None, _) => return Ok(None),
        (Some(value), None) => value,
        (Some(_), Some(_)) => return Err(Refusal::invalid("Tenfour-User is given twice")),
    };
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Refusal::invalid("Tenfour-User must be UTF-8"))?;
    parse_user("Tenfour-User", text).map(Some)
}

impl FromRequest for Asker {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self::of(&request, true).await?) })
    }
}

impl FromRequest for Sender {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Ok(Self(Asker::of(&request, false).await?)) })
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn named_by(values: &[&[u8]]) -> Result<Option<UserRef>, Refusal> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TENFOUR_USER, HeaderValue::from_bytes(value).unwrap());
        }
        named(&headers)
    }

    #[test]
    fn whom_a_bearer_acts_as_is_one_user_id_in_either_form() {
        assert_eq!(named_by(&[]), Ok(None));
        for id in ["42", "0198c0de-0000-7000-8000-000000000001", "J\u{fc}rgen"] {
            assert_eq!(named_by(&[id.as_bytes()]), Ok(Some(UserRef::new(id))));
        }
        for bad in [&[b"a".as_slice(), b"b"][..], &[b""], &[b"\xff"], &["x".repeat(256).as_bytes()]] {
            assert!(named_by(bad).unwrap_err().message.starts_with("Tenfour-User"));
        }
    }
}
