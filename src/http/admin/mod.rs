//! The admin surface: who is connected, what the actors do, what the daemon counts. On an address of its own.
//!
//! Only for tokens with the scope `admin`; health and the console's page, which holds nothing itself, are open, and the
//! metrics are to whoever asks from this machine. Each
//! actor is asked for its own state and given a second, so that a busy one is shown as such and holds nobody up. What
//! may be long is paged. Nothing here changes anything but the end of a session and of tokens, what is announced and what is logged.

mod announcements;
mod ask;
mod cluster;
mod console;
mod events;
mod log;
mod page;
mod presence;
mod rooms;
mod scrape;
mod sessions;
mod tree;
mod users;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::{Next, from_fn};
use actix_web::web::{self, ServiceConfig};
use actix_web::{Error, HttpMessage};

pub use cluster::answerer;

use super::app::App;
use super::health;
use super::problem::Problem;
use crate::protocol::error::{ErrorCode, Refusal};

/// Who must ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Somebody with the scope `admin`.
    Admin,
    /// The same, or anybody on this machine.
    AdminOrLocal,
    Anybody,
}

/// A route as it is shown to whoever checks them all.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub access: Access,
}

/// Writes the table of the routes and serves what stands in it, so that neither lacks what the other has.
macro_rules! routes {
    (
        guarded { $($method:ident $path:literal => $handler:path;)* }
        others { $($other_method:ident $other_path:literal $access:ident => $other_handler:path;)* }
    ) => {
        /// All routes of the admin address.
        pub const ROUTES: &[Route] = &[
            $(Route { method: stringify!($method), path: concat!("/admin", $path), access: Access::Admin },)*
            $(Route { method: stringify!($other_method), path: $other_path, access: Access::$access },)*
        ];

        /// Serves them.
        pub fn configure(config: &mut ServiceConfig) {
            // What stands in the scope is guarded by it, whatever may be added.
            let guarded = web::scope("/admin")
                .wrap(from_fn(admins_only))
                $(.route($path, web::$method().to($handler)))*
                .default_service(web::to(nothing_here));
            config
                // Before the scope, which takes whatever begins like it.
                $(.route($other_path, web::$other_method().to($other_handler)))*
                .service(guarded)
                .default_service(web::to(nothing_here));
        }
    };
}

routes! {
    guarded {
        get "/sessions" => sessions::list;
        get "/sessions/{id}" => sessions::one;
        delete "/sessions/{id}" => sessions::end;
        get "/rooms" => rooms::list;
        get "/rooms/{id}" => rooms::one;
        get "/actors" => tree::actors;
        get "/presence" => presence::list;
        get "/announcements" => announcements::show;
        post "/announcements" => announcements::make;
        delete "/announcements" => announcements::withdraw;
        get "/events" => events::listen;
        get "/log" => log::show;
        put "/log" => log::set;
        post "/users/{id}/revoke" => users::revoke;
    }
    others {
        get "/admin" Anybody => console::moved;
        get "/admin/" Anybody => console::page;
        get "/admin/app.js" Anybody => console::page;
        get "/admin/icon.svg" Anybody => console::page;
        get "/admin/style.css" Anybody => console::page;
        get "/metrics" AdminOrLocal => scrape::metrics;
        get "/healthz" Anybody => health::healthz;
        get "/livez" Anybody => health::healthz;
        get "/readyz" Anybody => health::readyz;
        head "/healthz" Anybody => health::healthz;
        head "/livez" Anybody => health::healthz;
        head "/readyz" Anybody => health::readyz;
    }
}

/// Lets only admins through, and keeps their answers out of caches. The handlers find who it is in the request.
async fn admins_only(
    app: web::Data<App>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    // A refusal is an answer like all others: as an error it would pass by whatever is further out.
    let mut response = match app.identify_admin(request.request()).await {
        Ok(identity) => {
            request.extensions_mut().insert(identity);
            next.call(request).await?.map_into_left_body()
        }
        Err(refusal) => request.error_response(Problem::from(refusal)).map_into_right_body(),
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn nothing_here() -> Result<String, Problem> {
    let routes: Vec<_> = ROUTES.iter().map(|route| format!("{} {}", route.method.to_uppercase(), route.path)).collect();
    Err(Refusal::new(ErrorCode::NotFound, format!("there is no such address here; there are {}", routes.join(", ")))
        .into())
}
