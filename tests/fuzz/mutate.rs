//! Changes an input by chance: bytes, pieces, words of the target, and where it is JSON, its tree.

use fastrand::Rng;
use serde_json::{Map, Value, json};

/// The longest input.
pub const MAX_LEN: usize = 4096;

const BYTES: [u8; 12] = [0, 1, 9, b'\n', b' ', b'"', b',', b'.', 0x7F, 0x80, 0xC3, 0xFF];
const NUMBERS: [&str; 14] = [
    "0",
    "-0",
    "-1",
    "1",
    "7.0",
    "1e9",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "9223372036854775808",
    "18446744073709551616",
    "1e400",
    "0.5",
];
const TEXTS: [&str; 9] = ["", " ", "\0", "null", "é", "\u{10FFFF}", "a b", "\u{202e}", "%00"];

/// One to six changes of `input`; `others` are inputs to take pieces of.
pub fn mutate(rng: &mut Rng, input: &[u8], others: &[Vec<u8>], words: &[&str]) -> Vec<u8> {
    let mut data = input.to_vec();
    for _ in 0..rng.u8(1..=6) {
        if rng.u8(..4) > 0 || !change_json(rng, &mut data, words) {
            change_bytes(rng, &mut data, others, words);
        }
    }
    data.truncate(MAX_LEN);
    data
}

/// All of it, or where that is no JSON, one of its lines. False where that is none either.
fn change_json(rng: &mut Rng, data: &mut Vec<u8>, words: &[&str]) -> bool {
    let mut place = 0..data.len();
    if serde_json::from_slice::<Value>(data).is_err() {
        let lines: Vec<_> = data.split(|byte| *byte == b'\n').map(<[u8]>::len).collect();
        let chosen = rng.usize(..lines.len());
        let begin = lines[..chosen].iter().map(|len| len + 1).sum();
        place = begin..begin + lines[chosen];
    }
    let Ok(mut tree) = serde_json::from_slice(&data[place.clone()]) else { return false };
    change_tree(rng, &mut tree, words, 0);
    drop(data.splice(place, tree.to_string().into_bytes()));
    true
}

fn change_bytes(rng: &mut Rng, data: &mut Vec<u8>, others: &[Vec<u8>], words: &[&str]) {
    let at = rng.usize(..=data.len());
    let piece = at..(at + rng.usize(1..=16)).min(data.len());
    match rng.u8(..10) {
        0 if at < data.len() => data[at] ^= 1 << rng.u8(..8),
        1 if at < data.len() => data[at] = rng.u8(..),
        2 => data.insert(at, any_of(rng, &BYTES)),
        3 => drop(data.drain(piece)),
        4 => {
            let copy = data[piece].to_vec();
            put_in(data, rng.usize(..=at), &copy);
        }
        5 if !words.is_empty() => put_in(data, at, any_of(rng, words).as_bytes()),
        6 => put_in(data, at, any_of(rng, &TEXTS).as_bytes()),
        7 => {
            // In place of a number that is there, where there is one.
            let digit = |byte: &u8| byte.is_ascii_digit();
            let begin = data[at..].iter().position(digit).map_or(at, |offset| at + offset);
            let end = begin + data[begin..].iter().take_while(|byte| digit(byte)).count();
            drop(data.splice(begin..end, any_of(rng, &NUMBERS).bytes()));
        }
        8 if !others.is_empty() => {
            let other = &others[rng.usize(..others.len())];
            let from = rng.usize(..=other.len());
            data.truncate(at);
            data.extend_from_slice(&other[from..]);
        }
        _ => data.truncate(at),
    }
}

fn change_tree(rng: &mut Rng, value: &mut Value, words: &[&str], depth: usize) {
    // Down into the tree more often than not.
    if depth < 6 && rng.u8(..3) > 0 {
        match value {
            Value::Array(items) if !items.is_empty() => {
                let at = rng.usize(..items.len());
                match rng.u8(..6) {
                    0 => return items.push(items[at].clone()),
                    1 => return drop(items.remove(at)),
                    _ => {}
                }
                return change_tree(rng, &mut items[at], words, depth + 1);
            }
            Value::Object(map) if !map.is_empty() => return change_field(rng, map, words, depth),
            _ => {}
        }
    }
    *value = leaf(rng, value, words);
}

fn change_field(rng: &mut Rng, map: &mut Map<String, Value>, words: &[&str], depth: usize) {
    let Some(name) = map.keys().nth(rng.usize(..map.len())).cloned() else { return };
    match rng.u8(..6) {
        0 => drop(map.remove(&name)),
        1 => {
            let value = map.remove(&name).unwrap_or_default();
            let renamed = if words.is_empty() { format!("{name}x") } else { any_of(rng, words).to_owned() };
            map.insert(renamed, value);
        }
        2 => {
            let value = leaf(rng, &Value::Null, words);
            map.insert(if words.is_empty() { "new".to_owned() } else { any_of(rng, words).to_owned() }, value);
        }
        _ => {
            if let Some(inner) = map.get_mut(&name) {
                change_tree(rng, inner, words, depth + 1);
            }
        }
    }
}

fn leaf(rng: &mut Rng, now: &Value, words: &[&str]) -> Value {
    match rng.u8(..9) {
        0 => Value::Null,
        1 => json!(rng.bool()),
        2 => serde_json::from_str(any_of(rng, &NUMBERS)).unwrap_or_default(),
        3 => json!(any_of(rng, &TEXTS)),
        4 if !words.is_empty() => json!(any_of(rng, words)),
        5 => json!("x".repeat(rng.usize(..300))),
        6 => json!([now, now]),
        7 => (0..rng.u8(..24)).fold(now.clone(), |inner, _| json!([inner])),
        _ => json!({ "type": now }),
    }
}

fn put_in(data: &mut Vec<u8>, at: usize, piece: &[u8]) {
    drop(data.splice(at..at, piece.iter().copied()));
}

fn any_of<T: Copy>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(..of.len())]
}
