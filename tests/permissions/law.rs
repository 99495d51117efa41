//! Who may do what: the law as a table that a person can read. Written from the protocol and not from the code.
//!
//! A line is a call or a frame. Its answers stand under the headings of [`CALLS_BY`] or [`FRAMES_BY`]: by what the asker
//! is in the channel. `with` fills the `{userId}` of a member's address, or the `{id}` of a message's or a file's (`{own-file}` is
//! in no message, `{others-file}` is in another's; `{asked}` asks all, `{asked-another}` somebody else), and after a `/` the
//! reaction (`{own}` and `{others}` have the asker's `seen`); where it begins with `?` it is the query.
//!
//! A number is a status with its usual code (`422u` is `unknown_user`); of frames, `ack`, `ok`, `pong` and `quiet` are
//! what they say, `page` and `gone` are a `sync` that shows the channel or tells that it is none of the asker's, and
//! `none` is one that tells nothing of it. `+` takes a version of the channel, `*` moves the asker's read mark and `=`
//! makes another channel; without a mark nothing at all changes. `?A` is `422u`, and A with the scope `admin`. `-` does
//! not occur.

use crate::askers::Standing::{self, Admin, Host, Member, Owner, Removed, Stranger};

/// Where something is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Group,
    Direct,
    /// A channel that does not exist.
    Nowhere,
}

impl Place {
    pub const ALL: [Self; 3] = [Self::Group, Self::Direct, Self::Nowhere];
}

/// A line of the table.
#[derive(Debug)]
pub struct Row {
    pub way: Way,
    /// The body of a call, or the fields of a frame.
    pub body: &'static str,
    answers: &'static str,
}

#[derive(Debug, Clone, Copy)]
pub enum Way {
    Call { route: &'static str, with: &'static str },
    Frame(&'static str),
}

/// What a cell of the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    pub answer: &'static str,
    pub effect: Effect,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Nothing,
    Version,
    /// More than one, which nothing may.
    Versions,
    Mark,
    NewChannel,
}

/// The headings: the place, and what the asker is there.
const CALLS_BY: &[(Place, &[Standing])] = &[
    (Place::Group, &[Stranger, Removed, Member, Admin, Owner, Host]),
    (Place::Direct, &[Stranger, Member, Host]),
    (Place::Nowhere, &[Stranger, Host]),
];

/// On a socket the application's server is a user like others, and in none of these channels.
const FRAMES_BY: &[(Place, &[Standing])] = &[
    (Place::Group, &[Stranger, Removed, Member, Admin, Owner]),
    (Place::Direct, &[Stranger, Member]),
    (Place::Nowhere, &[Stranger]),
];

const GROUP: &str = r#"{"type":"group","name":"New","memberIds":["{member}"]}"#;
const GROUP_OF_UNKNOWN: &str = r#"{"type":"group","name":"New","memberIds":["{unknown}"]}"#;
const DIRECT: &str = r#"{"type":"direct","userId":"{newcomer}"}"#;
const DIRECT_WITH_SELF: &str = r#"{"type":"direct","userId":"{self}"}"#;
const DIRECT_WITH_UNKNOWN: &str = r#"{"type":"direct","userId":"{unknown}"}"#;
const DIRECT_OF_TWO: &str = r#"{"type":"direct","memberIds":["{member}","{newcomer}"]}"#;
const DIRECT_AGAIN: &str = r#"{"type":"direct","userId":"{member}"}"#;
const DIRECT_OF_TWO_AGAIN: &str = r#"{"type":"direct","memberIds":["{one}","{member}"]}"#;
const RENAME: &str = r#"{"name":"Dock 5"}"#;
const HOLD: &str = r#"{"days":30,"legalHold":true}"#;
const SHOW: &str = r#"{"revisionsVisibleTo":"members"}"#;
const SHOWN_SO: &str = r#"{"revisionsVisibleTo":"admins"}"#;
const SAME_NAME: &str = r#"{"name":"Dock 4"}"#;
const NEWCOMER: &str = r#"{"userIds":["{newcomer}"]}"#;
const UNKNOWN: &str = r#"{"userIds":["{unknown}"]}"#;
const SOMEBODY_IN_IT: &str = r#"{"userIds":["{member}"]}"#;
const AS_MEMBER: &str = r#"{"role":"member"}"#;
const AS_ADMIN: &str = r#"{"role":"admin"}"#;
const AS_OWNER: &str = r#"{"role":"owner"}"#;
const SEND: &str = r#"{"clientId":"{new}","content":"hello"}"#;
const SEND_AS_ANOTHER: &str =
    r#"{"clientId":"{new}","content":"hello","senderId":"{owner}","senderName":"{owner}","seq":99,"version":99}"#;
const SEND_UNDER_THEIR_KEY: &str = r#"{"clientId":"{theirs}","content":"hello"}"#;
const SEND_AGAIN: &str = r#"{"clientId":"{said}","content":"secret of one's own"}"#;
const REPLY: &str = r#"{"clientId":"{new}","content":"hello","replyToId":"{others}"}"#;
const REPLY_TO_FOREIGN: &str = r#"{"clientId":"{new}","content":"hello","replyToId":"{foreign}"}"#;
const SEND_THEIR_FILE: &str = r#"{"clientId":"{new}","content":"hello","attachmentIds":["{others-file}"]}"#;
const SEND_NAMING: &str = r#"{"clientId":"{new}","content":"hello","mentionIds":["{member}"]}"#;
const SEND_NAMING_OUTSIDER: &str = r#"{"clientId":"{new}","content":"hello","mentionIds":["{newcomer}"]}"#;
const ASK: &str = r#"{"clientId":"{new}","content":"hello","instruction":{"assigneeIds":["{member}"]}}"#;
const ASK_OUTSIDER: &str = r#"{"clientId":"{new}","content":"hello","instruction":{"assigneeIds":["{newcomer}"]}}"#;
const DONE: &str = r#"{"answer":"done"}"#;
const FILE: &str = "a file";
const HOOK: &str = r#"{"url":"https://receiver.invalid/"}"#;
const HOOK_OFF: &str = r#"{"state":"disabled"}"#;
const HOOK_AGAIN: &str = r#"{"failed":true}"#;
const READ: &str = r#"{"seq":1}"#;
const EDIT: &str = r#"{"content":"changed"}"#;

/// The table. Its lines are as long as they are, so that its columns stay columns.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    //    in a group                          | in a direct one   | nowhere
    //    strgr remvd membr admin owner host  | strgr membr host  | user  host
    call("200   200   200   200   200   200   | 200   200   200   | -     -",   "GET /channels", "", ""),
    call("201=  201=  201=  201=  201=  201=  | -     -     -     | -     -",   "POST /channels", "", GROUP),
    call("?201= ?201= ?201= ?201= ?201= 201=  | -     -     -     | -     -",   "POST /channels", "", GROUP_OF_UNKNOWN),
    call("201=  201=  201=  201=  201=  422   | -     -     -     | -     -",   "POST /channels", "", DIRECT),
    call("409   409   409   409   409   422   | -     -     -     | -     -",   "POST /channels", "", DIRECT_WITH_SELF),
    call("?201= ?201= ?201= ?201= ?201= 422   | -     -     -     | -     -",   "POST /channels", "", DIRECT_WITH_UNKNOWN),
    call("422   422   422   422   422   201=  | -     -     -     | -     -",   "POST /channels", "", DIRECT_OF_TWO),
    call("-     -     -     -     -     -     | 201=  200   422   | -     -",   "POST /channels", "", DIRECT_AGAIN),
    call("-     -     -     -     -     -     | 422   422   200   | -     -",   "POST /channels", "", DIRECT_OF_TWO_AGAIN),
    call("404   404   200   200   200   200   | 404   200   200   | 404   404", "GET /channels/{id}", "", ""),
    call("404   404   403   200+  200+  200+  | 404   403   403   | 404   404", "PATCH /channels/{id}", "", RENAME),
    call("404   404   403   200   200   200   | 404   403   403   | 404   404", "PATCH /channels/{id}", "", SAME_NAME),
    call("404   404   403   200+  200+  200+  | 404   403   200+  | 404   404", "PATCH /channels/{id}", "", SHOW),
    call("404   404   403   200   200   200   | 404   403   200   | 404   404", "PATCH /channels/{id}", "", SHOWN_SO),
    call("404   404   200   200   200   200   | 404   200   200   | 404   404", "GET /channels/{id}/members", "", ""),
    call("404   404   403   200+  200+  200+  | 404   403   403   | 404   404", "POST /channels/{id}/members", "", NEWCOMER),
    call("404   404   403   ?200+ ?200+ 200+  | 404   403   403   | 404   404", "POST /channels/{id}/members", "", UNKNOWN),
    call("404   404   403   200   200   200   | 404   403   403   | 404   404", "POST /channels/{id}/members", "", SOMEBODY_IN_IT),
    call("404   404   403   403   200+  200+  | 404   403   403   | 404   404", "PATCH /channels/{id}/members/{userId}", "{member}", AS_ADMIN),
    call("404   404   403   403   200+  200+  | -     -     -     | 404   404", "PATCH /channels/{id}/members/{userId}", "{admin}", AS_MEMBER),
    call("404   404   403   403   200+  200+  | -     -     -     | 404   404", "PATCH /channels/{id}/members/{userId}", "{owner}", AS_MEMBER),
    call("404   404   403   403   200   404   | 404   403   403   | 404   404", "PATCH /channels/{id}/members/{userId}", "{self}", AS_OWNER),
    call("404   404   403   403   200+  404   | 404   403   403   | 404   404", "PATCH /channels/{id}/members/{userId}", "{self}", AS_MEMBER),
    call("404   404   403   403   404   404   | 404   403   403   | 404   404", "PATCH /channels/{id}/members/{userId}", "{newcomer}", AS_ADMIN),
    call("404   404   403   204+  204+  204+  | 404   403   403   | 404   404", "DELETE /channels/{id}/members/{userId}", "{member}", ""),
    call("404   404   403   403   204+  204+  | -     -     -     | 404   404", "DELETE /channels/{id}/members/{userId}", "{admin}", ""),
    call("404   404   403   403   204+  204+  | -     -     -     | 404   404", "DELETE /channels/{id}/members/{userId}", "{owner}", ""),
    call("404   404   204+  204+  204+  404   | 404   403   404   | 404   404", "DELETE /channels/{id}/members/{userId}", "{self}", ""),
    call("404   404   404   404   404   404   | 404   404   404   | 404   404", "DELETE /channels/{id}/members/{userId}", "{newcomer}", ""),
    call("404   404   200   200   200   200   | 404   200   200   | 404   404", "GET /channels/{id}/messages", "", ""),
    call("404   404   201+  201+  201+  403   | 404   201+  403   | 404   403", "POST /channels/{id}/messages", "", SEND),
    call("404   404   201+  201+  201+  403   | 404   201+  403   | 404   403", "POST /channels/{id}/messages", "", SEND_AS_ANOTHER),
    call("404   404   201+  201+  201+  403   | 404   201+  403   | 404   403", "POST /channels/{id}/messages", "", SEND_UNDER_THEIR_KEY),
    call("404   200   200   200   200   403   | 404   200   403   | -     -",   "POST /channels/{id}/messages", "", SEND_AGAIN),
    call("404   404   201+  201+  201+  403   | 404   201+  403   | 404   403", "POST /channels/{id}/messages", "", REPLY),
    call("404   404   422   422   422   403   | 404   422   403   | 404   403", "POST /channels/{id}/messages", "", REPLY_TO_FOREIGN),
    call("404   404   201+  201+  201+  403   | 404   201+  403   | 404   403", "POST /channels/{id}/messages", "", SEND_NAMING),
    call("404   404   422u  422u  422u  403   | 404   422u  403   | 404   403", "POST /channels/{id}/messages", "", SEND_NAMING_OUTSIDER),
    call("404   404   201+  201+  201+  403   | 404   201+  403   | 404   403", "POST /channels/{id}/messages", "", ASK),
    call("404   404   422u  422u  422u  403   | 404   422u  403   | 404   403", "POST /channels/{id}/messages", "", ASK_OUTSIDER),
    call("404   404   200+  200+  200+  403   | 404   200+  403   | 404   404", "PUT /messages/{id}/answer", "{asked}", DONE),
    call("404   404   403   403   403   403   | 404   403   403   | 404   404", "PUT /messages/{id}/answer", "{asked-another}", DONE),
    call("404   404   409   409   409   403   | 404   409   403   | 404   404", "PUT /messages/{id}/answer", "{others}", DONE),
    call("404   404   409   409   409   403   | 404   409   403   | 404   404", "PUT /messages/{id}/answer", "{others-deleted}", DONE),
    call("200   200   200   200   200   200   | 200   200   200   | -     -",   "GET /instructions", "", ""),
    call("404   404   200   200   200   200   | 404   200   200   | 404   404", "GET /instructions", "?channelId={id}&state=all", ""),
    call("404   404   200*  200*  200*  403   | 404   200*  403   | 404   403", "POST /channels/{id}/read", "", READ),
    call("404   404   200+  200+  200+  403   | 404   200+  403   | 404   404", "PUT /messages/{id}/reactions/{reaction}", "{own}/new", ""),
    call("404   404   200+  200+  200+  403   | 404   200+  403   | 404   404", "PUT /messages/{id}/reactions/{reaction}", "{others}/new", ""),
    call("404   404   200   200   200   403   | 404   200   403   | 404   404", "PUT /messages/{id}/reactions/{reaction}", "{others}/seen", ""),
    call("404   404   409   409   409   403   | 404   409   403   | 404   404", "PUT /messages/{id}/reactions/{reaction}", "{others-deleted}/new", ""),
    call("404   404   200+  200+  200+  403   | 404   200+  403   | 404   404", "DELETE /messages/{id}/reactions/{reaction}", "{others}/seen", ""),
    call("404   404   200   200   200   403   | 404   200   403   | 404   404", "DELETE /messages/{id}/reactions/{reaction}", "{others}/new", ""),
    call("404   404   409   409   409   403   | 404   409   403   | 404   404", "DELETE /messages/{id}/reactions/{reaction}", "{own-deleted}/seen", ""),
    call("404   404   200+  200+  200+  403   | 404   200+  403   | 404   404", "PATCH /messages/{id}", "{own}", EDIT),
    call("404   404   403   403   403   403   | 404   403   403   | 404   404", "PATCH /messages/{id}", "{others}", EDIT),
    call("404   404   409   409   409   403   | 404   409   403   | 404   404", "PATCH /messages/{id}", "{own-deleted}", EDIT),
    call("404   404   403   403   403   403   | 404   403   403   | 404   404", "PATCH /messages/{id}", "{others-deleted}", EDIT),
    call("404   404   200+  200+  200+  200+  | 404   200+  200+  | 404   404", "DELETE /messages/{id}", "{own}", ""),
    call("404   404   403   200+  200+  200+  | 404   403   200+  | 404   404", "DELETE /messages/{id}", "{others}", ""),
    call("404   404   409   409   409   409   | 404   409   409   | 404   404", "DELETE /messages/{id}", "{own-deleted}", ""),
    call("404   404   403   409   409   409   | 404   403   409   | 404   404", "DELETE /messages/{id}", "{others-deleted}", ""),
    call("403   403   403   403   403   200   | 403   403   200   | 403   404", "GET /channels/{id}/evidence", "", ""),
    call("403   403   403   403   403   200   | 403   403   200   | 403   404", "GET /channels/{id}/retention", "", ""),
    call("403   403   403   403   403   200+  | 403   403   200+  | 403   404", "PUT /channels/{id}/retention", "", HOLD),
    call("403   403   403   403   403   404   | 403   403   404   | 403   404", "GET /users/{id}/export", "{unknown}", ""),
    call("403   403   403   403   403   404   | 403   403   404   | 403   404", "DELETE /users/{id}", "{unknown}", ""),
    call("404   404   403   200   200   200   | 404   403   200   | 404   404", "GET /messages/{id}/revisions", "{own}", ""),
    call("404   404   403   200   200   200   | 404   403   200   | 404   404", "GET /messages/{id}/revisions", "{others}", ""),
    call("404   404   403   200   200   200   | 404   403   200   | 404   404", "GET /messages/{id}/revisions", "{others-deleted}", ""),
    call("200   200   200   200   200   200   | 200   200   200   | -     -",   "GET /search", "?q=secret", ""),
    call("404   404   200   200   200   200   | 404   200   200   | 404   404", "GET /search", "?q=secret&channelId={id}", ""),
    call("201   201   201   201   201   403   | 201   201   403   | -     -",   "POST /attachments", "", FILE),
    call("404   404   200   200   200   200   | 404   200   200   | 404   404", "GET /attachments/{id}", "{others-file}", ""),
    call("404   404   200   200   200   200   | 404   200   200   | 404   404", "HEAD /attachments/{id}", "{others-file}", ""),
    call("404   404   404   404   404   403   | 404   404   403   | 404   403", "DELETE /attachments/{id}", "{others-file}", ""),
    call("404   200   200   200   200   404   | 404   200   404   | 404   404", "GET /attachments/{id}", "{own-file}", ""),
    call("404   200   200   200   200   404   | 404   200   404   | 404   404", "HEAD /attachments/{id}", "{own-file}", ""),
    call("404   204   204   204   204   403   | 404   204   403   | 404   403", "DELETE /attachments/{id}", "{own-file}", ""),
    call("404   404   422   422   422   403   | 404   422   403   | 404   403", "POST /channels/{id}/messages", "", SEND_THEIR_FILE),
    call("403   403   403   403   403   200   | 403   403   200   | -     -",   "GET /webhooks", "", ""),
    call("403   403   403   403   403   201   | 403   403   201   | -     -",   "POST /webhooks", "", HOOK),
    call("403   403   403   403   403   404   | 403   403   404   | -     -",   "GET /webhooks/{id}", "{new}", ""),
    call("403   403   403   403   403   404   | 403   403   404   | -     -",   "PATCH /webhooks/{id}", "{new}", HOOK_OFF),
    call("403   403   403   403   403   404   | 403   403   404   | -     -",   "DELETE /webhooks/{id}", "{new}", ""),
    call("403   403   403   403   403   404   | 403   403   404   | -     -",   "GET /webhooks/{id}/deliveries", "{new}", ""),
    call("403   403   403   403   403   404   | 403   403   404   | -     -",   "POST /webhooks/{id}/replay", "{new}", HOOK_AGAIN),
    call("403   403   403   403   403   404   | 403   403   404   | -     -",   "POST /webhooks/{id}/secret", "{new}", "{}"),
    call("403   403   403   403   403   404   | 403   403   404   | -     -",   "POST /webhooks/{id}/test", "{new}", ""),
    //     strgr remvd membr admin owner | strgr membr | user
    frame("ok    ok    ok    ok    ok    | -     -     | -",    "auth", r#"{"token":"{fresh-token}"}"#),
    frame("401   401   401   401   401   | -     -     | -",    "auth", r#"{"token":"{token-of-another}"}"#),
    frame("401   401   401   401   401   | -     -     | -",    "auth", r#"{"token":"{expired-token}"}"#),
    frame("pong  pong  pong  pong  pong  | -     -     | -",    "ping", "{}"),
    frame("404   404   ack+  ack+  ack+  | 404   ack+  | 404",  "message", SEND),
    frame("404   404   ack+  ack+  ack+  | 404   ack+  | 404",  "message", SEND_AS_ANOTHER),
    frame("404   404   ack+  ack+  ack+  | 404   ack+  | 404",  "message", SEND_UNDER_THEIR_KEY),
    frame("404   ack   ack   ack   ack   | 404   ack   | -",    "message", SEND_AGAIN),
    frame("404   404   ack+  ack+  ack+  | 404   ack+  | 404",  "message", REPLY),
    frame("404   404   422   422   422   | 404   422   | 404",  "message", REPLY_TO_FOREIGN),
    frame("404   404   422   422   422   | 404   422   | 404",  "message", SEND_THEIR_FILE),
    frame("404   404   ok+   ok+   ok+   | 404   ok+   | 404",  "edit", r#"{"messageId":"{own}","content":"changed"}"#),
    frame("404   404   403   403   403   | 404   403   | 404",  "edit", r#"{"messageId":"{others}","content":"changed"}"#),
    frame("404   404   409   409   409   | 404   409   | 404",  "edit", r#"{"messageId":"{own-deleted}","content":"changed"}"#),
    frame("404   404   403   403   403   | 404   403   | 404",  "edit", r#"{"messageId":"{others-deleted}","content":"changed"}"#),
    frame("404   404   ok+   ok+   ok+   | 404   ok+   | 404",  "delete", r#"{"messageId":"{own}"}"#),
    frame("404   404   403   ok+   ok+   | 404   403   | 404",  "delete", r#"{"messageId":"{others}"}"#),
    frame("404   404   409   409   409   | 404   409   | 404",  "delete", r#"{"messageId":"{own-deleted}"}"#),
    frame("404   404   403   409   409   | 404   403   | 404",  "delete", r#"{"messageId":"{others-deleted}"}"#),
    frame("404   404   ack+  ack+  ack+  | 404   ack+  | 404",  "message", SEND_NAMING),
    frame("404   404   422u  422u  422u  | 404   422u  | 404",  "message", SEND_NAMING_OUTSIDER),
    frame("404   404   ack+  ack+  ack+  | 404   ack+  | 404",  "message", ASK),
    frame("404   404   422u  422u  422u  | 404   422u  | 404",  "message", ASK_OUTSIDER),
    frame("404   404   ok+   ok+   ok+   | 404   ok+   | 404",  "answer", r#"{"messageId":"{asked}","answer":"accepted"}"#),
    frame("404   404   403   403   403   | 404   403   | 404",  "answer", r#"{"messageId":"{asked-another}","answer":"done"}"#),
    frame("404   404   409   409   409   | 404   409   | 404",  "answer", r#"{"messageId":"{own}","answer":"done"}"#),
    frame("404   404   409   409   409   | 404   409   | 404",  "answer", r#"{"messageId":"{others-deleted}","answer":"done"}"#),
    frame("404   404   ok+   ok+   ok+   | 404   ok+   | 404",  "react", r#"{"messageId":"{others}","reaction":"new"}"#),
    frame("404   404   ok    ok    ok    | 404   ok    | 404",  "react", r#"{"messageId":"{others}","reaction":"seen"}"#),
    frame("404   404   ok+   ok+   ok+   | 404   ok+   | 404",  "react", r#"{"messageId":"{own}","reaction":"seen","remove":true}"#),
    frame("404   404   409   409   409   | 404   409   | 404",  "react", r#"{"messageId":"{others-deleted}","reaction":"new"}"#),
    frame("404   404   quiet quiet quiet | 404   quiet | 404",  "typing", "{}"),
    frame("404   404   ok*   ok*   ok*   | 404   ok*   | 404",  "read", READ),
    frame("gone  gone  page  page  page  | gone  page  | gone", "sync", r#"{"channels":{"{id}":0}}"#),
    frame("gone  gone  page  page  page  | gone  page  | gone", "sync", r#"{"channels":{"{id}":0},"epoch":"another"}"#),
    frame("none  none  page  page  page  | none  page  | none", "sync", r#"{"lastMessageId":"{others}"}"#),
    frame("none  none  page  page  page  | none  page  | none", "sync", r#"{"lastMessageId":"{own-deleted}"}"#),
];

const fn call(answers: &'static str, route: &'static str, with: &'static str, body: &'static str) -> Row {
    Row { way: Way::Call { route, with }, body, answers }
}

const fn frame(answers: &'static str, kind: &'static str, fields: &'static str) -> Row {
    Row { way: Way::Frame(kind), body: fields, answers }
}

impl Row {
    /// The cell under a heading; none where it does not occur.
    pub fn verdict(&self, place: Place, standing: Standing, scoped: bool) -> Option<Verdict> {
        let headings = match self.way {
            Way::Call { .. } => CALLS_BY,
            Way::Frame(_) => FRAMES_BY,
        };
        let parts: Vec<Vec<&'static str>> =
            self.answers.split('|').map(|part| part.split_whitespace().collect()).collect();
        assert_eq!(parts.len(), headings.len(), "{self:?}");
        for (part, (_, standings)) in parts.iter().zip(headings) {
            assert_eq!(part.len(), standings.len(), "{self:?} has a cell for each heading");
        }
        let (part, (_, standings)) = parts.iter().zip(headings).find(|(_, (of, _))| *of == place)?;
        // Nobody was ever in a channel that does not exist.
        let standing = if place == Place::Nowhere && standing != Host { Stranger } else { standing };
        let cell = part[standings.iter().position(|it| *it == standing)?];
        let cell = cell.strip_prefix('?').map_or(cell, |made| if scoped { made } else { "422u" });
        (cell != "-").then(|| Verdict::parse(cell))
    }
}

impl Verdict {
    pub const fn refused(answer: &'static str) -> Self {
        Self { answer, effect: Effect::Nothing }
    }

    fn parse(cell: &'static str) -> Self {
        for (mark, effect) in [('+', Effect::Version), ('*', Effect::Mark), ('=', Effect::NewChannel)] {
            if let Some(answer) = cell.strip_suffix(mark) {
                return Self { answer, effect };
            }
        }
        Self::refused(cell)
    }
}
