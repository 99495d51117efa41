//! The REST calls: each turns a request into a read or an order, and what comes back into a body.
//!
//! One table gives the routes and the published description. Decides nothing: who may see a channel is the reader's
//! to say, who may change it the store's.

mod asker;
mod attachments;
mod channels;
mod evidence;
mod gate;
mod input;
mod instructions;
mod members;
mod messages;
mod openapi;
mod reactions;
mod reads;
mod records;
mod search;
mod webhooks;

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, middleware};

use super::problem::Problem;
use super::{nothing_here, only};

/// Where the calls are.
const PREFIX: &str = "/api/v1";

type Answer = Result<HttpResponse, Problem>;

/// Makes of the table the routes and the list of paths that the description is made from.
macro_rules! calls {
    ($($path:literal [$allow:literal] { $($method:ident: $module:ident :: $handler:ident),+ })+) => {
        fn calls(config: &mut ServiceConfig) {
            $(config.service(only($allow, web::resource($path)$(.route(web::$method().to($module::$handler)))+));)+
        }

        #[derive(utoipa::OpenApi)]
        #[openapi(paths($($($module::$handler),+),+))]
        struct Described;

        #[cfg(test)]
        const TABLE: &[(&str, &str, &[&str])] = &[$(($path, $allow, &[$(stringify!($method)),+])),+];
    };
}

calls! {
    "/channels" ["GET, POST"] { get: channels::list, post: channels::create }
    "/channels/{id}" ["GET, PATCH"] { get: channels::show, patch: channels::update }
    "/channels/{id}/evidence" ["GET"] { get: evidence::export }
    "/channels/{id}/members" ["GET, POST"] { get: members::list, post: members::add }
    "/channels/{id}/members/{userId}" ["PATCH, DELETE"] { patch: members::set_role, delete: members::remove }
    "/channels/{id}/messages" ["GET, POST"] { get: messages::history, post: messages::send }
    "/channels/{id}/retention" ["GET, PUT"] { get: records::show, put: records::set }
    "/channels/{id}/read" ["POST"] { post: reads::mark }
    "/messages/{id}/reactions/{reaction}" ["PUT, DELETE"] { put: reactions::add, delete: reactions::remove }
    "/messages/{id}/answer" ["PUT"] { put: instructions::answer }
    "/instructions" ["GET"] { get: instructions::list }
    "/messages/{id}/revisions" ["GET"] { get: messages::revisions }
    "/attachments" ["POST"] { post: attachments::upload }
    "/attachments/{id}" ["GET, HEAD, DELETE"] { get: attachments::download, head: attachments::look, delete: attachments::discard }
    "/messages/{id}" ["PATCH, DELETE"] { patch: messages::edit, delete: messages::delete }
    "/users/{id}" ["DELETE"] { delete: records::erase_user }
    "/users/{id}/export" ["GET"] { get: records::export_user }
    "/search" ["GET"] { get: search::find }
    "/webhooks" ["GET, POST"] { get: webhooks::list, post: webhooks::create }
    "/webhooks/{id}" ["GET, PATCH, DELETE"] { get: webhooks::show, patch: webhooks::change, delete: webhooks::remove }
    "/webhooks/{id}/deliveries" ["GET"] { get: webhooks::deliveries }
    "/webhooks/{id}/replay" ["POST"] { post: webhooks::replay }
    "/webhooks/{id}/secret" ["POST"] { post: webhooks::rotate }
    "/webhooks/{id}/test" ["POST"] { post: webhooks::test }
}

/// All of it, and where it is described.
pub(super) fn routes(config: &mut ServiceConfig) {
    config.service(only("GET", web::resource("/openapi.json").route(web::get().to(openapi::document)))).service(
        web::scope(PREFIX)
            .configure(calls)
            .default_service(web::to(nothing_here))
            .wrap(middleware::from_fn(gate::gate)),
    );
}
