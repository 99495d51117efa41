//! What makes this daemon one of several, where there is a Redis.

use std::sync::Arc;

use actix_web::web;
use parking_lot::RwLock;
use tokio::runtime::Handle;

use crate::actors::presence::SharedParts;
use crate::actors::relay::Relay;
use crate::actors::session::SessionParts;
use crate::bus::{Bus, Starting};
use crate::cluster::{InvalidUrl, Key, Link, NodeId};
use crate::config::SecretUrl;
use crate::domain::cluster::ClusterKey;
use crate::ephemeral::{Leases, Online};
use crate::http::admin;
use crate::http::app::App;
use crate::store::Reader;

/// The parts that differ between a node that is alone and one of several.
pub(super) struct Nodes {
    pub(super) bus: Bus,
    pub(super) online: Online,
    pub(super) shared: Option<SharedParts>,
    pub(super) starting: Option<Starting>,
}

impl Nodes {
    pub(super) fn new(
        redis: Option<&SecretUrl>,
        key: &ClusterKey,
        reader: &Reader,
        epoch: &Arc<RwLock<String>>,
        runtime: &Handle,
    ) -> Result<Self, InvalidUrl> {
        let Some(url) = redis else {
            return Ok(Self { bus: Bus::alone(), online: Online::default(), shared: None, starting: None });
        };
        let (node, key) = (NodeId::random(), Key::new(key.expose()));
        log::info!("this is node {node} of cluster {}, which meets at {url}", key.name());
        let link = Link::new(url.expose(), runtime.clone())?;
        let leases = Leases::new(link.clone(), key.clone(), node);
        let (bus, starting) = Bus::new(node, key, link, Arc::clone(epoch));
        let shared = SharedParts { leases: leases.clone(), bus: bus.clone(), reader: reader.clone() };
        Ok(Self { bus, online: Online::shared(leases), shared: Some(shared), starting: Some(starting) })
    }
}

/// Hands what other nodes say to the actors, and their questions to the admin surface.
pub(super) fn listen(starting: Starting, app: &web::Data<App>) {
    let answerer = admin::answerer(app.clone().into_inner());
    let SessionParts { directory, registry, online, bus, .. } = app.parts.as_ref().clone();
    starting.listen(Arc::new(Relay::new(directory, registry, online, bus, answerer)));
}
