//! The console: a page that shows what the calls beside it answer. It holds nothing itself, so everybody may load it.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};

use crate::http::pages;
use crate::http::problem::Problem;

pub(super) async fn page(request: HttpRequest) -> Result<HttpResponse, Problem> {
    pages::own(&request, "admin")
}

/// Where the page's own files are found beside it.
pub(super) async fn moved() -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/admin/")).finish()
}
