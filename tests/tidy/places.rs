//! No file of the repository names a place that is there on one machine only.

use std::fs;

use crate::source::root;
use crate::{none, tracked_files};

#[test]
fn the_repository_names_no_place_of_somebodys_machine() {
    let mut wrong = Vec::new();
    for file in tracked_files() {
        // What is no text has no lines to look at.
        let Ok(text) = fs::read_to_string(root().join(&file)) else { continue };
        for (number, line) in text.lines().enumerate() {
            wrong.extend(places_in(line).map(|place| format!("{file}:{}: {place}", number + 1)));
        }
    }
    none("a path that is there on one machine only", &wrong);
}

/// The top folders of a machine that hold what somebody put there: the absolute paths below them that a line names.
fn places_in(line: &str) -> impl Iterator<Item = &str> {
    const PRIVATE: &[&str] = &["home", "root", "tmp", "work", "workspace", "mnt", "media", "srv", "Users", "private"];
    let begins = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_-.*/{}<>$~".contains(c));
    line.match_indices('/').filter(move |(at, _)| begins(*at)).filter_map(|(at, _)| {
        let path = line[at..].split(|c: char| !(c.is_alphanumeric() || "_-./".contains(c))).next()?;
        let (folder, below) = path[1..].split_once('/')?;
        (PRIVATE.contains(&folder) && !below.is_empty()).then_some(path)
    })
}

#[test]
fn a_place_is_told_from_what_only_looks_like_one() {
    let place = ["", "home", "somebody", "notes"].join("/");
    for line in [place.clone(), format!("see `{place}`."), format!("KEY={place}"), format!("\"{place}\"")] {
        assert_eq!(places_in(&line).collect::<Vec<_>>(), [place.as_str()], "{line}");
    }
    for line in
        [&format!("https://example.org{place}"), &format!("$HOME{place}"), "a /home page", "/usr/bin/env", "/ws"]
    {
        assert_eq!(places_in(line).count(), 0, "{line}");
    }
}
