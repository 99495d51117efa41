//! What the handlers share, and how a request becomes somebody.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use actix_web::http::header::{self, HeaderMap, HeaderName};
use actix_web::{HttpMessage, HttpRequest, web};
use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access_log::Bearer;
use super::demo::Demo;
use super::files::Files;
use super::origin;
use crate::actors::db::Order;
use crate::actors::session::{SessionParts, refusal_of};
use crate::audit::SigningKey;
use crate::auth::{self, AuthError, Identity, Presented};
use crate::limits::address::Client;
use crate::limits::bodies::Bodies;
use crate::limits::caps::Caps;
use crate::limits::lines::Lines;
use crate::logging;
use crate::protocol::error::Refusal;
use crate::socket::Limits;
use crate::store::StoreError;
use crate::webhooks::Hooks;

/// Shared by all handlers of both addresses.
pub struct App {
    pub parts: Arc<SessionParts>,
    /// None: attachments are off.
    pub files: Option<Files>,
    pub caps: Caps,
    pub bodies: Bodies,
    /// TCP connections on the public address.
    pub lines: Lines,
    pub allowed_origins: Vec<String>,
    /// Whose word of who a client is counts, beside loopback's.
    pub trusted_proxies: Vec<IpNet>,
    pub max_frame_bytes: usize,
    pub max_group_members: usize,
    pub outbox: Limits,
    pub draining: AtomicBool,
    pub started: Instant,
    /// One for each export of evidence that may be under way.
    pub exports: Arc<Semaphore>,
    /// By which evidence is sealed; none where there is no key.
    pub seal: Option<Arc<SigningKey>>,
    /// What tells the application's server of what happens.
    pub hooks: Hooks,
    /// Only in `tenfour dev`.
    pub demo: OnceLock<Demo>,
}

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

impl App {
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Who asks, by the token in the header alone: a URL's token is for sockets, which cannot set headers in a browser.
    pub async fn identify(&self, request: &HttpRequest) -> Result<Identity, Refusal> {
        let presented =
            authorization(request.headers()).and_then(|authorization| auth::bearer_of(authorization, "", None));
        self.verify(request, presented).await
    }

    /// Who asks for what only the host application's people may see.
    pub async fn identify_admin(&self, request: &HttpRequest) -> Result<Identity, Refusal> {
        let identity = self.identify(request).await?;
        if identity.admin {
            return Ok(identity);
        }
        self.tell_refused(request, "scope");
        Err(Refusal::forbidden("this takes a token with the scope `admin`"))
    }

    /// Who opens a socket: the token is in one of three places.
    pub async fn identify_socket(&self, request: &HttpRequest) -> Result<Identity, Refusal> {
        let headers = request.headers();
        let protocols = protocols(headers);
        let presented = authorization(headers)
            .and_then(|authorization| auth::bearer_of(authorization, request.query_string(), protocols.as_deref()));
        self.verify(request, presented).await
    }

    async fn verify(
        &self,
        request: &HttpRequest,
        presented: Result<Presented, AuthError>,
    ) -> Result<Identity, Refusal> {
        let verified = match presented {
            Ok(presented) => self.parts.verifier.verify(&presented.token).await,
            Err(error) => Err(error),
        };
        if let (true, Ok(identity)) = (logging::logs_access(), &verified) {
            request.extensions_mut().insert(Bearer(identity.user.id));
        }
        verified.map_err(|error| {
            self.parts.metrics.auth_failure(error.reason());
            if !error.is_unavailable() {
                self.tell_refused(request, error.reason());
            }
            self.parts.notices.tokens.say(format_args!("a token from {} was refused: {error}", from(request)));
            refusal_of(&error)
        })
    }

    /// The host application owns its users: one is made or renamed from what its token says.
    pub async fn ensure_user(&self, identity: &Identity) -> Result<(), Refusal> {
        let known = self.parts.reader.user(identity.user.id).await.map_err(|error| unreadable(&error))?;
        let same = known.is_some_and(|user| {
            user.name == identity.name && user.external_id.as_deref() == identity.user.external_id()
        });
        if !same {
            let order = Order::UpsertUser { user: identity.user.clone(), name: identity.name.clone() };
            self.parts.db.order(order).await?;
        }
        Ok(())
    }

    /// Kept for as long as an export goes on.
    pub fn export_turn(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let busy = "too many exports are under way; try again in a while";
        Arc::clone(&self.exports).try_acquire_owned().map_err(|_| Refusal::unavailable(busy))
    }

    /// Browsers say where a page comes from; only the listed ones are let in.
    pub fn check_origin(&self, request: &HttpRequest) -> Result<(), Refusal> {
        let origins = request.headers().get_all(header::ORIGIN).map(header::HeaderValue::as_bytes);
        let host = text(request.headers(), &header::HOST);
        origin::check(origins, host, &self.allowed_origins).map_err(|error| Refusal::forbidden(error.to_string()))
    }

    /// For the audit trail.
    fn tell_refused(&self, request: &HttpRequest, reason: &'static str) {
        if let Some(peer) = request.peer_addr() {
            self.parts.access.refused(client_of(request, peer).ip, reason);
        }
    }

    /// For who wonders why clients are not let in.
    pub(super) fn note_refused(&self, request: &HttpRequest, reason: &'static str, why: &Refusal) {
        self.tell_refused(request, reason);
        let line = format_args!("a connection from {} was refused: {}", from(request), why.message);
        self.parts.notices.sockets.say(line);
    }
}

/// Of two, another part of the way might look at the other one.
fn authorization(headers: &HeaderMap) -> Result<Option<&str>, AuthError> {
    if headers.get_all(header::AUTHORIZATION).count() > 1 {
        return Err(AuthError::Twice);
    }
    Ok(text(headers, &header::AUTHORIZATION))
}

/// The sub-protocols that are offered: a list may be spread over several lines (RFC 6455, 11.3.4).
pub fn protocols(headers: &HeaderMap) -> Option<String> {
    let lines: Vec<_> =
        headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}

/// What to tell who wanted to read something.
pub(super) fn unreadable(error: &StoreError) -> Refusal {
    log::error!("the database: {error}");
    Refusal::unavailable("the database does not answer; try again")
}

/// The client's address: the peer's, or what a proxy says whose word counts.
pub fn client_of(request: &HttpRequest, peer: std::net::SocketAddr) -> Client {
    let values = |name: &HeaderName| -> Vec<String> {
        let all = request.headers().get_all(name);
        all.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
    };
    let (forwarded_for, forwarded) = (values(&FORWARDED_FOR), values(&header::FORWARDED));
    let trusted = request.app_data::<web::Data<App>>().map_or(&[][..], |app| &app.trusted_proxies);
    Client::of(peer, forwarded_for.iter().map(String::as_str), forwarded.iter().map(String::as_str), trusted)
}

/// Asked from this machine, and for nobody elsewhere: a proxy, or a web page whose name leads here.
pub(super) fn is_from_here(request: &HttpRequest) -> bool {
    request.peer_addr().is_some_and(|peer| !client_of(request, peer).is_counted())
        && origin::is_local(request.headers())
}

/// The client's address, for logs.
fn from(request: &HttpRequest) -> String {
    let client = request.peer_addr().map(|peer| client_of(request, peer));
    client.map_or_else(|| "nowhere".to_owned(), |client| client.ip.to_string())
}

/// For logs and the admin surface.
pub fn agent_of(request: &HttpRequest) -> Option<String> {
    const MAX: usize = 200;
    let agent = text(request.headers(), &header::USER_AGENT)?;
    Some(agent.chars().filter(|c| !c.is_control()).take(MAX).collect())
}

pub(super) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
