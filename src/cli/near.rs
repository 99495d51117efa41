//! The daemon of these settings, where it is reached on this machine: for commands that ask it.

use reqwest::ClientBuilder;

use super::Failure;
use super::db::failed;
use crate::config::Config;
use crate::daemon::reachable;
use crate::tls;

/// Its public address, and a client that knows it.
pub(super) fn public(config: &Config, client: ClientBuilder) -> Result<(ClientBuilder, String), Failure> {
    let address = reachable(config.listen);
    let Some(tls) = &config.tls else { return Ok((client, format!("http://{address}"))) };
    // By the certificate that the settings name, since that is of another name than this one.
    let files = tls::Files { certificate: tls.certificate.clone(), key: tls.key.clone() };
    let only = tls::only_with(files.read().map_err(failed)?.certificate()).map_err(failed)?;
    Ok((client.tls_backend_preconfigured(only), format!("https://{address}")))
}
