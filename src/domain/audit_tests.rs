//! That no two pasts come to the same head, and none to another one than before.

use std::collections::HashSet;

use uuid::Uuid;

use super::*;
use crate::domain::ids::AttachmentId;

fn entries() -> Vec<Entry> {
    let [a, b] = [Uuid::from_u128(1), Uuid::from_u128(2)];
    let hash = TextHash::of("Gate 3");
    let at = DateTime::from_timestamp_micros(1_000_000).unwrap();
    let mut all = Vec::new();
    for what in [
        What::Created { detail: hash },
        What::Changed { detail: hash },
        What::Deleted { message_id: MessageId(a) },
        What::Deleted { message_id: MessageId(b) },
        What::Edited { message_id: MessageId(a), content: hash },
        What::Edited { message_id: MessageId(a), content: TextHash::of("Gate 4") },
        What::Sent {
            message_id: MessageId(a),
            client_id: ClientId(b),
            seq: 1,
            digest: SendDigest([7; 32]),
            files: None,
            mentions: None,
            instruction: None,
        },
        What::Sent {
            message_id: MessageId(b),
            client_id: ClientId(a),
            seq: 1,
            digest: SendDigest([7; 32]),
            files: None,
            mentions: None,
            instruction: None,
        },
        What::Sent {
            message_id: MessageId(a),
            client_id: ClientId(b),
            seq: 2,
            digest: SendDigest([7; 32]),
            files: None,
            mentions: None,
            instruction: None,
        },
        What::Sent {
            message_id: MessageId(a),
            client_id: ClientId(b),
            seq: 1,
            digest: SendDigest([8; 32]),
            files: None,
            mentions: None,
            instruction: None,
        },
    ] {
        let entry = Entry { channel_id: ChannelId(a), version: 1, at, by: Some(UserId(a)), what };
        all.extend([
            entry,
            Entry { by: None, ..entry },
            Entry { by: Some(UserId(b)), ..entry },
            Entry { version: 2, ..entry },
            Entry { channel_id: ChannelId(b), ..entry },
            Entry { at: DateTime::from_timestamp_micros(1_000_001).unwrap(), ..entry },
        ]);
    }
    all
}

#[test]
fn files_are_part_of_a_send_with_all_that_is_told_of_them() {
    let file = Attachment {
        id: AttachmentId(Uuid::from_u128(1)),
        name: "a".to_owned(),
        content_type: "bc".to_owned(),
        size: 1,
        sha256: "00".to_owned(),
        width: None,
        height: Some(1),
    };
    let other = |change: fn(&mut Attachment)| {
        let mut other = file.clone();
        change(&mut other);
        vec![other]
    };
    let lists = [
        vec![file.clone()],
        vec![file.clone(), file.clone()],
        other(|file| file.id = AttachmentId(Uuid::from_u128(2))),
        other(|file| (file.name, file.content_type) = ("ab".to_owned(), "c".to_owned())),
        other(|file| file.size = 2),
        other(|file| file.sha256 = "01".to_owned()),
        other(|file| (file.width, file.height) = (Some(1), None)),
    ];
    let hashes: HashSet<[u8; 32]> = lists.iter().filter_map(|list| FilesHash::of(list)).map(|hash| hash.0).collect();
    assert_eq!((hashes.len(), FilesHash::of(&[])), (lists.len(), None));
    let (id, client_id) = (MessageId(Uuid::from_u128(1)), ClientId(Uuid::from_u128(2)));
    let sent = |files, mentions| What::Sent {
        message_id: id,
        client_id,
        seq: 1,
        digest: SendDigest([7; 32]),
        files,
        mentions,
        instruction: None,
    };
    let entry = entries()[0];
    let files = [None, FilesHash::of(&lists[0]), FilesHash::of(&lists[1])];
    let [ana, bo] = [UserId(Uuid::from_u128(3)), UserId(Uuid::from_u128(4))];
    let names = [&[][..], &[ana], &[bo], &[ana, bo], &[bo, ana]].map(NamesHash::of);
    let heads: HashSet<[u8; 32]> = files
        .iter()
        .flat_map(|files| names.iter().map(|names| sent(*files, *names)))
        .map(|what| Head::NONE.and(&Entry { what, ..entry }).0)
        .collect();
    assert_eq!(heads.len(), 15);
}

#[test]
fn a_reaction_is_of_a_message_and_set_or_taken_back() {
    let [a, b] = [MessageId(Uuid::from_u128(1)), MessageId(Uuid::from_u128(2))];
    let [thumb, heart] = ["👍", "❤️"].map(TextHash::of);
    let entry = entries()[0];
    let heads: HashSet<[u8; 32]> = [(a, thumb, true), (b, thumb, true), (a, heart, true), (a, thumb, false)]
        .into_iter()
        .map(|(message_id, reaction, set)| What::Reacted { message_id, reaction, set })
        .map(|what| Head::NONE.and(&Entry { what, ..entry }).0)
        .collect();
    assert_eq!(heads.len(), 4);
}

#[test]
fn no_two_entries_and_no_two_orders_come_to_the_same() {
    let all = entries();
    let heads: HashSet<[u8; 32]> = all.iter().map(|entry| Head::NONE.and(entry).0).collect();
    assert_eq!(heads.len(), all.len());
    let pairs: HashSet<[u8; 32]> =
        all.iter().flat_map(|a| all.iter().map(move |b| Head::NONE.and(a).and(b).0)).collect();
    assert_eq!(pairs.len(), all.len() * all.len());
}

#[test]
fn a_chain_stays_what_it_is_from_one_release_to_the_next() {
    let head = entries().iter().fold(Head::NONE, Head::and);
    let told = head.0.chunks(16).map(|half| Uuid::from_slice(half).unwrap().simple().to_string());
    assert_eq!(told.collect::<String>(), "897eacb62c6770eb9de78fde798a7ef4b3b7d45dc1d5449042b9b7347e0986e1");
}

#[test]
fn an_instruction_is_part_of_a_send_with_whom_it_is_for_and_until_when() {
    let [ana, bo] = [UserId(Uuid::from_u128(3)), UserId(Uuid::from_u128(4))];
    let at = DateTime::from_timestamp_micros(1_000_000);
    let hashes = [
        InstructionHash::of(None, true, &[ana, bo]),
        InstructionHash::of(None, false, &[ana, bo]),
        InstructionHash::of(None, false, &[bo, ana]),
        InstructionHash::of(None, false, &[ana]),
        InstructionHash::of(at, false, &[ana]),
        InstructionHash::of(DateTime::from_timestamp_micros(0), false, &[ana]),
    ];
    let (id, client_id) = (MessageId(Uuid::from_u128(1)), ClientId(Uuid::from_u128(2)));
    let entry = entries()[0];
    let sent = |mentions, instruction| What::Sent {
        message_id: id,
        client_id,
        seq: 1,
        digest: SendDigest([7; 32]),
        files: None,
        mentions,
        instruction,
    };
    let of = hashes.iter().flat_map(|hash| [sent(None, Some(*hash)), sent(NamesHash::of(&[ana]), Some(*hash))]);
    let rest = [sent(None, None), sent(NamesHash::of(&[ana]), None)];
    let answers = ["accepted\n", "done\n"].map(|text| What::Answered { message_id: id, answer: TextHash::of(text) });
    let all: Vec<What> = of.chain(rest).chain(answers).chain([What::Overdue { message_id: id }]).collect();
    let heads: HashSet<[u8; 32]> = all.iter().map(|what| Head::NONE.and(&Entry { what: *what, ..entry }).0).collect();
    assert_eq!(heads.len(), all.len());
}
