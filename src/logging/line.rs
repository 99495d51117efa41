//! What a line of the log looks like: for people, for the journal, or as JSON. Always one line, whatever is said.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use env_logger::fmt::Formatter;
use log::kv::{self, Key, VisitSource};
use log::{Level, Record};
use serde::Serialize;
use serde_json::Value;

use super::{Format, request};

/// The field that names the request, which a line may also have by being said while that is answered.
const REQUEST: &str = "request";
/// What each line has by itself.
const OWN: [&str; 4] = ["time", "level", "target", "message"];

#[derive(Serialize)]
struct Line<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    level: String,
    target: &'a str,
    message: String,
    #[serde(flatten)]
    fields: Fields,
}

#[derive(Default, Serialize)]
#[serde(transparent)]
struct Fields(BTreeMap<String, Value>);

pub(super) fn write(out: &mut Formatter, record: &Record<'_>, format: Format) -> io::Result<()> {
    if format.to_journal {
        write!(out, "<{}>", priority(record.level()))?;
    }
    let mut fields = Fields::default();
    // A value that cannot be read is missing; the line is not.
    let _ = record.key_values().visit(&mut fields);
    if let Some(request) = request() {
        fields.0.entry(REQUEST.to_owned()).or_insert_with(|| request.as_ref().into());
    }
    let time = (!format.to_journal).then(|| out.timestamp_millis().to_string());
    let message = record.args().to_string();
    if format.json {
        let level = record.level().as_str().to_ascii_lowercase();
        let line = Line { time, level, target: record.target(), message, fields };
        serde_json::to_writer(&mut *out, &line)?;
        return writeln!(out);
    }
    let level = record.level();
    let style = out.default_level_style(level);
    let time = time.map_or_else(String::new, |time| format!("{time} "));
    write!(out, "[{time}{style}{level:<5}{style:#} {}] {}", record.target(), one_line(&message))?;
    match fields.0.get(REQUEST).and_then(Value::as_str) {
        Some(request) => writeln!(out, " (request {request})"),
        None => writeln!(out),
    }
}

/// As syslog counts them.
fn priority(level: Level) -> u8 {
    match level {
        Level::Error => 3,
        Level::Warn => 4,
        Level::Info => 6,
        Level::Debug | Level::Trace => 7,
    }
}

/// A second line would look like one that the daemon said.
fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(['\n', '\r']) { text.replace('\r', "\\r").replace('\n', "\\n").into() } else { text.into() }
}

impl<'kvs> VisitSource<'kvs> for Fields {
    fn visit_pair(&mut self, key: Key<'kvs>, value: kv::Value<'kvs>) -> Result<(), kv::Error> {
        if !OWN.contains(&key.as_str()) {
            self.0.insert(key.as_str().to_owned(), json(&value));
        }
        Ok(())
    }
}

fn json(value: &kv::Value<'_>) -> Value {
    if let Some(number) = value.to_u64() {
        return number.into();
    }
    if let Some(number) = value.to_i64() {
        return number.into();
    }
    if let Some(number) = value.to_f64() {
        return number.into();
    }
    match value.to_bool() {
        Some(truth) => truth.into(),
        None => value.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_keeps_what_it_is_and_none_takes_the_place_of_what_each_line_has() {
        let mut fields = Fields::default();
        let pairs = [
            ("status", kv::Value::from(200)),
            ("less", kv::Value::from(-1)),
            ("share", kv::Value::from(0.5)),
            ("late", kv::Value::from(true)),
            ("user", kv::Value::from("7")),
            ("message", kv::Value::from("another")),
        ];
        kv::Source::visit(&pairs.as_slice(), &mut fields).unwrap();
        let written = serde_json::to_string(&fields).unwrap();
        assert_eq!(written, r#"{"late":true,"less":-1,"share":0.5,"status":200,"user":"7"}"#);
    }

    #[test]
    fn whatever_is_said_is_one_line() {
        assert_eq!(one_line("a\nb\r\nc"), "a\\nb\\r\\nc");
        assert_eq!(one_line("plain"), "plain");
    }
}
