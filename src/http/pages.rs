//! The built pages and scripts, embedded: the SDK for everybody, the demo of `tenfour dev`, the console of the admin address.
//!
//! They are made from `clients/` and committed as `clients/dist`, so that building the daemon takes no Node. Gives each
//! file the headers that it needs; never decides who may see a page, and no page holds anything that is secret.

use actix_web::http::header::{self, EntityTag, IfNoneMatch};
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rust_embed::{Embed, EmbeddedFile};

use super::problem::Problem;
use crate::protocol::error::{ErrorCode, Refusal};

#[derive(Embed)]
#[folder = "clients/dist"]
struct Dist;

/// A page of the daemon loads from the daemon alone, runs no script that stands in it, and is shown in no other page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

type Headers = &'static [(&'static str, &'static str)];

/// Of a file that pages of any origin may load, as it is the same for everybody. Its parts belong together: each is asked
/// for again, and mostly not sent again.
const SHARED: Headers = &[
    ("cache-control", "no-cache"),
    ("access-control-allow-origin", "*"),
    ("cross-origin-resource-policy", "cross-origin"),
];

/// Of a page that the daemon serves itself, which is never older than the daemon.
const OWN: Headers = &[
    ("cache-control", "no-cache"),
    ("content-security-policy", POLICY),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
    ("referrer-policy", "no-referrer"),
];

/// `/sdk/{file}`.
pub(super) async fn sdk(request: HttpRequest) -> Result<HttpResponse, Problem> {
    answer(&request, &format!("sdk/{}", request.match_info().query("file")), SHARED)
}

/// The folder's file that the path ends with, or its page.
pub(super) fn own(request: &HttpRequest, folder: &str) -> Result<HttpResponse, Problem> {
    let file = request.path().rsplit('/').next().filter(|file| !file.is_empty()).unwrap_or("index.html");
    answer(request, &format!("{folder}/{file}"), OWN)
}

fn answer(request: &HttpRequest, path: &str, headers: Headers) -> Result<HttpResponse, Problem> {
    let (Some(file), Some(kind)) = (Dist::get(path), kind(path)) else {
        return Err(Refusal::new(ErrorCode::NotFound, format!("there is no file {path:?}")).into());
    };
    let tag = tag_of(&file);
    let is_held = match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(held)) => held.iter().any(|held| held.weak_eq(&tag)),
        None => false,
    };
    let mut response = if is_held { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response.insert_header(header::ETag(tag)).insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    for header in headers {
        response.insert_header(*header);
    }
    if is_held {
        return Ok(response.finish());
    }
    Ok(response.content_type(kind).body(file.data))
}

fn tag_of(file: &EmbeddedFile) -> EntityTag {
    EntityTag::new_strong(URL_SAFE_NO_PAD.encode(file.metadata.sha256_hash()))
}

fn kind(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}
