//! Which of the valid names somebody may have meant.

/// The nearest of `names`, if one is near enough to be a slip of the fingers.
pub(super) fn nearest<'a>(wrong: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A hostile file is no reason to spend time: no name is this long.
    if wrong.len() > 64 {
        return None;
    }
    let allowed = wrong.chars().count().div_ceil(3).max(1);
    names
        .into_iter()
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// The number of characters to add, drop or change.
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, char) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in to.iter().enumerate() {
            let changed = diagonal + usize::from(char != *other);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let names = ["listen", "rate_limit", "redis_url"];
        assert_eq!(nearest("lissten", names), Some("listen"));
        assert_eq!(nearest("rate-limit", names), Some("rate_limit"));
        assert_eq!(nearest("redisurl", names), Some("redis_url"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest(&"l".repeat(1 << 20), names), None);
    }

    #[test]
    fn distances_count_single_changes() {
        for (from, to, expected) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("ab", "ba", 2)] {
            assert_eq!(distance(from, to), expected, "{from} {to}");
        }
    }
}
