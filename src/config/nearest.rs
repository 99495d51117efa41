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
        .map(|name| (strsim::osa_distance(wrong, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
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
        // Two letters in the wrong order are one slip.
        assert_eq!(nearest("lgo", ["log"]), Some("log"));
        assert_eq!(nearest("colour", names), None);
        assert_eq!(nearest(&"l".repeat(1 << 20), names), None);
    }
}
