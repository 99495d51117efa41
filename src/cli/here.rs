//! The daemon of the settings, on this machine: where it is, and how it is known when it speaks TLS.

use super::Failure;
use super::db::failed;
use crate::config::Config;
use crate::config::reachable;
use crate::tls;

/// The public address, and a client that takes who answers there for the daemon: its certificate, which the settings name, is of
/// another name than this one.
pub(super) fn reach(
    config: &Config,
    client: reqwest::ClientBuilder,
) -> Result<(reqwest::ClientBuilder, String), Failure> {
    let address = reachable(config.listen);
    let Some(settings) = &config.tls else { return Ok((client, format!("http://{address}"))) };
    let files = tls::Files { certificate: settings.certificate.clone(), key: settings.key.clone() };
    let only = tls::only_with(files.read().map_err(failed)?.certificate()).map_err(failed)?;
    Ok((client.tls_backend_preconfigured(only), format!("https://{address}")))
}
