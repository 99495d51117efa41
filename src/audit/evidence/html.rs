//! The HTML of evidence: a page without scripts, which says what happened line by line, with the lines themselves between.

use std::fmt::Write;

use super::form::plain;
use super::line::{EntryLine, Export, Line, MemberLine, Reader, RecordLine, SentLine, Told};
use crate::domain::ids::MessageId;

/// Before and after a block of lines.
pub(super) const BLOCK: (&str, &str) = ("<script type=\"application/x-ndjson\">\n", "</script>\n");

pub(super) const BEGIN: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width">
<title>Evidence</title>
<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.5rem } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
article { border-top: 1px solid #d5d9de; padding: .6rem 0; break-inside: avoid }
p { margin: .15rem 0; overflow-wrap: anywhere } .words { white-space: pre-wrap; font-size: 1.05rem; margin: .3rem 0 }
.small { color: #525a63; font-size: .85rem } .wrong { color: #a40e0e; font-weight: 600 } time { font-variant-numeric: tabular-nums }
code { font-size: .85em; overflow-wrap: anywhere }
@media print { body { margin: 0; max-width: none } }
</style>
</head>
<body>
<main>
"#;

pub(super) const END: &str = "</main>\n</body>\n</html>\n";

/// Lines, and what they say.
pub(super) fn piece(block: &str, lines: &[Line]) -> String {
    let mut html = format!("{}{block}{}", BLOCK.0, BLOCK.1);
    for line in lines {
        // Writing into a String cannot fail.
        let _ = match line {
            Line::Export(export) => head(&mut html, export),
            Line::Member(member) => self::member(&mut html, member),
            Line::Record(record) => self::record(&mut html, record),
            Line::Entry(entry) => self::entry(&mut html, entry),
            Line::Link { version, .. } => {
                writeln!(html, "<p class=\"small\">Version {version} is after the time that was asked for.</p>")
            }
            Line::Seal { public_key, .. } => {
                writeln!(html, "<h2>Seal</h2>\n<p>Signed by the key <code>{}</code>.</p>", escaped(public_key))
            }
        };
    }
    html
}

fn head(html: &mut String, export: &Export) -> std::fmt::Result {
    let name = export.name.as_deref().unwrap_or("a direct channel");
    writeln!(html, "<h1>Evidence: {}</h1>", escaped(name))?;
    writeln!(html, "<p>Channel <code>{}</code> ({}).</p>", export.channel_id, export.channel_type)?;
    let from = export.from.as_deref().unwrap_or("its beginning");
    let to = export.to.as_deref().unwrap_or("the export");
    writeln!(
        html,
        "<p>From {} to {}, exported at {}. All times are UTC.</p>",
        escaped(from),
        escaped(to),
        escaped(&export.exported_at)
    )?;
    match export.findings.as_slice() {
        [] => writeln!(html, "<p>The audit trail of this channel held at that time.</p>")?,
        findings => {
            writeln!(html, "<p class=\"wrong\">The audit trail of this channel did not hold at that time:</p>")?;
            for finding in findings {
                writeln!(html, "<p class=\"wrong\">{}</p>", escaped(finding))?;
            }
        }
    }
    writeln!(
        html,
        "<p class=\"small\">Chain: versions {} to {}, head <code>{}</code>. Journal: records {} to {}, head <code>{}</code>. \
         Judged by <code>tenfour audit check FILE</code>.</p>",
        export.trail.after + 1,
        export.trail.until,
        escaped(&export.trail.head),
        export.journal.after + 1,
        export.journal.until,
        escaped(&export.journal.head)
    )
}

fn member(html: &mut String, member: &MemberLine) -> std::fmt::Result {
    let received = match (member.received_version, &member.received_at) {
        (Some(version), Some(at)) => format!("received version {version} (<time>{}</time>)", escaped(at)),
        _ => "received nothing that is known".to_owned(),
    };
    writeln!(
        html,
        "<article>\n<p><strong>{}</strong>, {} <span class=\"small\">{} <code>{}</code></span></p>\n<p class=\"small\">In it since {}; has {received} and read up to \
         message {} (<time>{}</time>).</p>\n</article>",
        escaped(&member.name),
        member.role,
        escaped(member.external_id.as_deref().unwrap_or_default()),
        member.user_id,
        escaped(member.joined_at.as_deref().unwrap_or("a time that is not known")),
        member.last_read_seq,
        escaped(&member.last_read_at)
    )
}

fn record(html: &mut String, record: &RecordLine) -> std::fmt::Result {
    let words = record.detail.as_deref().map_or_else(|| "(no words)".to_owned(), plain);
    writeln!(
        html,
        "<p class=\"small\"><time>{}</time> {}: {} {}</p>",
        escaped(&record.at),
        escaped(record.by_name.as_deref().unwrap_or("nobody in particular")),
        escaped(&record.kind),
        escaped(&words)
    )
}

fn entry(html: &mut String, entry: &EntryLine) -> std::fmt::Result {
    let EntryLine { version, at, by, by_name, what } = entry;
    let who = match (by, by_name) {
        (None, _) => "The application's server".to_owned(),
        (Some(_), Some(name)) => name.clone(),
        (Some(id), None) => id.to_string(),
    };
    writeln!(html, "<article id=\"v{version}\">")?;
    let did = match what {
        Told::Created { .. } => "made the channel".to_owned(),
        Told::Changed { .. } => "changed the channel".to_owned(),
        Told::Reacted { message_id, seq, set: true, .. } => format!("reacted to message {}", named(*message_id, *seq)),
        Told::Reacted { message_id, seq, .. } => {
            format!("took a reaction to message {} back", named(*message_id, *seq))
        }
        Told::Answered { message_id, seq, .. } => format!("answered message {}", named(*message_id, *seq)),
        Told::Overdue { message_id, seq } => format!("found message {} overdue", named(*message_id, *seq)),
        Told::Edited { message_id, seq, .. } => format!("edited message {}", named(*message_id, *seq)),
        Told::Deleted { message_id, seq } => format!("deleted message {}", named(*message_id, *seq)),
        Told::Sent(sent) if sent.message_id.is_imported() => {
            format!("is said by an import to have sent, elsewhere, what is message {} here", sent.seq)
        }
        Told::Sent(sent) => format!("sent message {}", sent.seq),
    };
    writeln!(
        html,
        "<p><time>{}</time> <strong>{}</strong> {did} <span class=\"small\">version {version}</span></p>",
        escaped(at),
        escaped(&who)
    )?;
    match what {
        Told::Created { detail, .. } | Told::Changed { detail, .. } => {
            words(html, detail.as_deref().map(plain).as_deref())?;
        }
        Told::Edited { content, .. } => words(html, content.as_deref())?,
        Told::Reacted { reaction: text, .. } | Told::Answered { answer: text, .. } => {
            writeln!(html, "<p class=\"words\">{}</p>", escaped(text.as_deref().unwrap_or("(replaced since)")))?;
        }
        Told::Overdue { .. } | Told::Deleted { .. } => {}
        Told::Sent(sent) => self::sent(html, sent)?,
    }
    writeln!(html, "</article>")
}

fn named(message: MessageId, seq: Option<i64>) -> String {
    seq.map_or_else(|| message.to_string(), |seq| seq.to_string())
}

fn words(html: &mut String, text: Option<&str>) -> std::fmt::Result {
    match text {
        Some(text) => writeln!(html, "<p class=\"words\">{}</p>", escaped(text)),
        None => writeln!(html, "<p class=\"small\">What it said was erased.</p>"),
    }
}

fn sent(html: &mut String, sent: &SentLine) -> std::fmt::Result {
    words(html, sent.content.as_deref())?;
    if let Some(ask) = &sent.instruction {
        let whom = ask.assignee_ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let until = ask.deadline.as_deref().map_or_else(String::new, |at| format!(" until {}", escaped(at)));
        writeln!(html, "<p class=\"small\">Asks for an answer{until} of {whom}.</p>")?;
    }
    for file in &sent.attachments {
        writeln!(
            html,
            "<p class=\"small\">File {}: {}, {} bytes, SHA-256 <code>{}</code></p>",
            escaped(&file.name),
            escaped(&file.content_type),
            file.size,
            escaped(&file.sha256)
        )?;
    }
    if sent.attachments.len() < sent.attachment_ids.len() {
        writeln!(html, "<p class=\"small\">It had {} files, which are gone.</p>", sent.attachment_ids.len())?;
    }
    write!(html, "<p class=\"small\"><code>{}</code>. Received by ", sent.message_id)?;
    readers(html, &sent.received_by)?;
    write!(html, ". Read by ")?;
    readers(html, &sent.read_by)?;
    writeln!(html, ".</p>")
}

fn readers(html: &mut String, all: &[Reader]) -> std::fmt::Result {
    if all.is_empty() {
        write!(html, "nobody")?;
    }
    for (at, reader) in all.iter().enumerate() {
        let between = if at == 0 { "" } else { ", " };
        let name = reader.name.clone().unwrap_or_else(|| reader.user_id.to_string());
        write!(html, "{between}{} (<time>{}</time>)", escaped(&name), escaped(&reader.at))?;
    }
    Ok(())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
