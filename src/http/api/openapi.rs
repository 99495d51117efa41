//! `GET /openapi.json`: what the calls take and give, made from the types. It also holds the WebSocket's frames
//! and the events that webhooks are told.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, Ref, RefOr, Response};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::Described;
use crate::http::problem::{PROBLEM_JSON, ProblemBody};
use crate::protocol::error::ErrorCode;
use crate::protocol::event::WebhookEvent;
use crate::protocol::schema::ClientFrame;
use crate::protocol::server::ServerFrame;

/// What the calls have in common.
#[derive(OpenApi)]
#[openapi(
    info(title = "tenfour", description = "Chat beside an existing application. A bearer with scope `admin` acts as the user whom the header `Tenfour-User` names. User ids are taken in either form, the host's own or the UUID; answers have the UUID."),
    components(schemas(ClientFrame, ServerFrame, WebhookEvent, ProblemBody)),
    modifiers(&Bearer),
    security(("bearer" = []))
)]
struct Common;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.bearer_format = Some("JWT".to_owned());
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

fn description() -> utoipa::openapi::OpenApi {
    let mut document = Common::openapi();
    document.merge(Described::openapi());
    document
}

static TEXT: LazyLock<Bytes> = LazyLock::new(|| match description().to_json() {
    Ok(text) => text.into(),
    Err(error) => {
        // Not reachable: it holds nothing but texts and numbers.
        log::error!("the description of the calls could not be written: {error}");
        Bytes::from_static(b"{}")
    }
});

pub(super) async fn document() -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(TEXT.clone())
}

/// The refusals of a call without a body.
pub(super) struct Reading;

/// The refusals of a call that changes something.
pub(super) struct Writing;

impl IntoResponses for Reading {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        use ErrorCode::{Forbidden, InvalidFrame, NotFound, RateLimited, Unauthorized, Unavailable};
        refusals(&[InvalidFrame, Unauthorized, Forbidden, NotFound, RateLimited, Unavailable])
    }
}

impl IntoResponses for Writing {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        refusals(&ErrorCode::ALL)
    }
}

fn refusals(codes: &[ErrorCode]) -> BTreeMap<String, RefOr<Response>> {
    let mut by_status = BTreeMap::<u16, Vec<&str>>::new();
    // A call has no type of frame.
    for code in codes.iter().filter(|code| **code != ErrorCode::UnknownType) {
        by_status.entry(code.status()).or_default().push(code.as_str());
    }
    let response = |words: Vec<&str>| {
        let mut response = Response::new(words.join(" or "));
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        response.content.insert(PROBLEM_JSON.to_owned(), RefOr::T(content));
        RefOr::T(response)
    };
    by_status.into_iter().map(|(status, words)| (status.to_string(), response(words))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::super::{PREFIX, TABLE};
    use super::*;

    fn json() -> Value {
        serde_json::to_value(description()).unwrap()
    }

    #[test]
    fn the_description_lists_every_call_and_no_other() {
        let document = json();
        let described: BTreeSet<String> = document["paths"]
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, calls)| calls.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
            .collect();
        let routed: BTreeSet<String> = TABLE
            .iter()
            .flat_map(|(path, _, methods)| methods.iter().map(move |method| format!("{method} {PREFIX}{path}")))
            .collect();
        assert_eq!(described, routed);
        assert_eq!(routed.len(), 37);
    }

    #[test]
    fn each_address_says_which_methods_it_takes() {
        for (path, allow, methods) in TABLE {
            assert_eq!(*allow, methods.join(", ").to_uppercase(), "{path}");
        }
    }

    #[test]
    fn each_call_describes_its_answer_and_its_refusals() {
        let document = json();
        let mut operations = BTreeSet::new();
        for (path, calls) in document["paths"].as_object().unwrap() {
            for (method, call) in calls.as_object().unwrap() {
                let responses = call["responses"].as_object().unwrap();
                assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
                for status in ["401", "403", "404", "422", "429", "503"] {
                    let schema = &responses[status]["content"][PROBLEM_JSON]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
                }
                let has_body = call.get("requestBody").is_some();
                // What is put there, or asked for, is all in the address.
                let in_address = path.ends_with("/{reaction}") || path.ends_with("/test");
                let is_bare = matches!(method.as_str(), "get" | "head" | "delete") || in_address;
                assert!(has_body || is_bare, "{method} {path}");
                for name in path.split(['{', '}']).skip(1).step_by(2) {
                    let parameters = call["parameters"].as_array().unwrap();
                    assert!(parameters.iter().any(|parameter| parameter["name"] == name), "{method} {path} {name}");
                }
                assert!(operations.insert(call["operationId"].as_str().unwrap().to_owned()), "{method} {path}");
            }
        }
    }

    #[test]
    fn it_is_of_version_3_1_with_a_bearer_and_the_frames_and_no_dangling_reference() {
        let document = json();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
        let schemas = document["components"]["schemas"].as_object().unwrap();
        for name in ["ServerFrame", "ClientFrame", "Hello", "Ack", "Message", "Channel", "Member", "Problem"] {
            assert!(schemas.contains_key(name), "{name}");
        }
        let mut references = BTreeSet::new();
        collect(&document, &mut references);
        let dangling: Vec<_> = references.iter().filter(|name| !schemas.contains_key(name.as_str())).collect();
        assert!(dangling.is_empty(), "{dangling:?}");
    }

    #[test]
    fn fields_are_described_as_they_are_written() {
        let mut fields = BTreeSet::new();
        properties(&json()["components"]["schemas"], &mut fields);
        for name in ["channelId", "memberIds", "expiresInMs", "lastMessageId", "externalId", "requestId", "ref"] {
            assert!(fields.contains(name), "{name}");
        }
        assert!(fields.iter().all(|name| name.chars().all(char::is_alphanumeric)), "{fields:?}");
    }

    fn properties(value: &Value, fields: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| properties(item, fields)),
            Value::Object(map) => {
                if let Some(Value::Object(own)) = map.get("properties") {
                    fields.extend(own.keys().cloned());
                }
                map.values().for_each(|item| properties(item, fields));
            }
            _ => {}
        }
    }

    fn collect(value: &Value, references: &mut BTreeSet<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
            Value::Object(map) => {
                if let Some(name) = map.get("$ref").and_then(Value::as_str) {
                    references.insert(name.trim_start_matches("#/components/schemas/").to_owned());
                }
                map.values().for_each(|item| collect(item, references));
            }
            _ => {}
        }
    }
}
