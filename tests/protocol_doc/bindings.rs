//! What the document calls by a made-up id or time, and what the daemon really made of it.

use std::collections::HashMap;

use serde_json::Value;

/// Numbers that no document can know: only that they are there.
const VARYING: &[&str] = &["reconnectInMs", "retryAfterMs"];
const ID: usize = 36;
const TIME: usize = 24;

/// Each id and time of the document stands for one real one, from its first use on.
#[derive(Debug, Default)]
pub struct Bindings {
    real: HashMap<String, String>,
}

impl Bindings {
    /// The id is as the document says.
    pub fn fix(&mut self, id: &str) {
        self.real.insert(id.to_owned(), id.to_owned());
    }

    /// What an id of the document was found to stand for.
    pub fn known(&self, id: &str) -> Option<&str> {
        self.real.get(id).map(String::as_str)
    }

    /// The text with real ids. One that was never heard of is the client's own, and stays.
    pub fn real(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let len = if rest.get(..ID).is_some_and(is_id) { ID } else { first.len_utf8() };
            let (piece, behind) = rest.split_at(len);
            if len == ID {
                out.push_str(self.real.entry(piece.to_owned()).or_insert_with(|| piece.to_owned()));
            } else {
                out.push_str(piece);
            }
            rest = behind;
        }
        out
    }

    /// Where the real value is not what the document says. An id or time is bound by the first value that it meets.
    pub fn compare(&mut self, document: &Value, real: &Value) -> Vec<String> {
        let mut wrong = Vec::new();
        self.compare_at("", document, real, &mut wrong);
        wrong
    }

    fn compare_at(&mut self, at: &str, document: &Value, real: &Value, wrong: &mut Vec<String>) {
        match (document, real) {
            (Value::Object(document), Value::Object(real)) => {
                for (name, value) in document {
                    match real.get(name) {
                        Some(real) if VARYING.contains(&name.as_str()) && value.is_u64() && real.is_u64() => {}
                        // The text repeats the number.
                        Some(real) if document.contains_key("retryAfterMs") && worded_alike(value, real) => {}
                        Some(real) => self.compare_at(&format!("{at}.{name}"), value, real, wrong),
                        None => wrong.push(format!("{at}.{name}: is in the document only")),
                    }
                }
                let undocumented = real.iter().filter(|(name, _)| !document.contains_key(*name));
                wrong.extend(undocumented.map(|(name, value)| format!("{at}.{name}: is not in the document: {value}")));
            }
            (Value::Array(document), Value::Array(real)) if document.len() == real.len() => {
                for (index, (document, real)) in document.iter().zip(real).enumerate() {
                    self.compare_at(&format!("{at}[{index}]"), document, real, wrong);
                }
            }
            (Value::String(document), Value::String(real)) if self.are_the_same(document, real) => {}
            (document, real) if document == real => {}
            (document, real) => wrong.push(format!("{at}: the document has {document}, the daemon {real}")),
        }
    }

    fn are_the_same(&mut self, document: &str, real: &str) -> bool {
        if let Some(bound) = self.real.get(document) {
            return bound == real;
        }
        let is_new = match (is_id(document), is_id(real)) {
            // Two ids of the document are never one.
            (true, true) => self.real.values().all(|bound| bound != real),
            _ => is_time(document) && is_time(real),
        };
        if is_new {
            self.real.insert(document.to_owned(), real.to_owned());
        }
        is_new
    }
}

fn worded_alike(one: &Value, other: &Value) -> bool {
    let words = |value: &Value| value.as_str().map(|text| text.replace(|c: char| c.is_ascii_digit(), ""));
    words(one).is_some_and(|one| words(other) == Some(one))
}

fn is_id(text: &str) -> bool {
    text.len() == ID && uuid::Uuid::try_parse(text).is_ok_and(|id| id.to_string() == text)
}

fn is_time(text: &str) -> bool {
    text.len() == TIME && text.ends_with('Z') && chrono::DateTime::parse_from_rfc3339(text).is_ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DOC: &str = "0198c0de-0000-7000-8000-00000000000a";
    const OTHER: &str = "0198c0de-0000-7000-8000-00000000000b";
    const REAL: &str = "019ac6a2-6b5b-7d10-b0aa-3c92d5e0a1f4";

    #[test]
    fn an_id_stands_for_the_first_real_one_that_it_meets() {
        let mut bindings = Bindings::default();
        assert!(bindings.compare(&json!({"id": DOC}), &json!({"id": REAL})).is_empty());
        assert_eq!(bindings.real(&format!("/messages/{DOC}?é")), format!("/messages/{REAL}?é"));
        assert!(!bindings.compare(&json!(DOC), &json!(OTHER)).is_empty());
        assert!(!bindings.compare(&json!(OTHER), &json!(REAL)).is_empty(), "two names of one thing");
    }

    #[test]
    fn fields_and_values_have_to_be_those_of_the_document() {
        let mut bindings = Bindings::default();
        for (document, real, wrong) in [
            (json!({"a": 1}), json!({"a": 1}), 0),
            (json!({"a": 1}), json!({"a": 2}), 1),
            (json!({"a": 1}), json!({}), 1),
            (json!({}), json!({"a": 1}), 1),
            (json!({"a": [1]}), json!({"a": [1, 2]}), 1),
            (json!({"a": null}), json!({"a": 1}), 1),
            (json!({"retryAfterMs": 70}), json!({"retryAfterMs": 80}), 0),
            (json!("2026-01-01T00:00:00.000Z"), json!("2026-02-03T04:05:06.789Z"), 0),
            (json!("2026-01-01T00:00:00.000Z"), json!("2026-02-03T04:05:06.780Z"), 1),
            (json!("2026-01-01T00:00:01.000Z"), json!("yesterday"), 1),
        ] {
            assert_eq!(bindings.compare(&document, &real).len(), wrong, "{document} {real}");
        }
    }
}
