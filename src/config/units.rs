//! Times and sizes as people write them. A bare number is in the unit that the setting's name ends with, as it always was.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytesize::ByteSize;

use super::parse::Parsed;

const DAY: Duration = Duration::from_hours(24);

/// Milliseconds, or a time such as `30s`.
pub(super) fn millis(text: &str, allowed: RangeInclusive<u64>) -> Parsed<Duration> {
    let (low, high) = (*allowed.start(), *allowed.end());
    whole(text, Duration::from_millis(1))
        .filter(|number| allowed.contains(number))
        .map(Duration::from_millis)
        .ok_or_else(|| {
            format!("must be from {low} to {high} milliseconds, or a time with its unit such as 1500ms, 30s or 5min")
        })
}

/// Days, or a time such as `12weeks`.
pub(super) fn days(text: &str, most: i32) -> Parsed<i32> {
    let number = whole(text, DAY).and_then(|number| i32::try_from(number).ok());
    number
        .filter(|number| (1..=most).contains(number))
        .ok_or_else(|| format!("must be from 1 to {most} days, or a time with its unit such as 90d or 12weeks"))
}

/// Bytes, or a size such as `64KiB`.
pub(super) fn bytes(text: &str, allowed: RangeInclusive<usize>) -> Parsed<usize> {
    let (low, high) = (*allowed.start(), *allowed.end());
    let number = text.parse::<ByteSize>().ok().and_then(|size| usize::try_from(size.as_u64()).ok());
    number
        .filter(|number| allowed.contains(number))
        .ok_or_else(|| format!("must be from {low} to {high} bytes, or a size with its unit such as 64KiB or 10MB"))
}

/// How many of that unit; none where it is not a whole number of them.
fn whole(text: &str, unit: Duration) -> Option<u64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let time = humantime::parse_duration(text).ok()?;
    let (nanos, unit) = (time.as_nanos(), unit.as_nanos());
    if nanos.is_multiple_of(unit) { u64::try_from(nanos / unit).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_a_unit_or_is_in_milliseconds() {
        let of = |text: &str| millis(text, 10..=86_400_000).ok().map(|time| time.as_millis());
        for (text, expected) in [
            ("30000", 30_000),
            ("30s", 30_000),
            ("1500ms", 1_500),
            ("1.5s", 1_500),
            ("5min", 300_000),
            ("1h 30min", 5_400_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(of(text), Some(expected), "{text}");
        }
        for bad in
            ["", "9", "9ms", "-1", "1.5", "10.5ms", "soon", "30 parsecs", "2d", "86400001", "99999999999999999999h"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
        let said = millis("soon", 10..=20).unwrap_err();
        assert!(said.contains("from 10 to 20 milliseconds") && said.contains("30s"), "{said}");
    }

    #[test]
    fn a_size_has_a_unit_or_is_in_bytes() {
        let of = |text: &str| bytes(text, 256..=5 << 30).ok();
        for (text, expected) in [
            ("65536", 65_536),
            ("64KiB", 65_536),
            ("64 kib", 65_536),
            ("10MB", 10_000_000),
            ("1.5MiB", 1_572_864),
            ("300B", 300),
            ("5GiB", 5 << 30),
        ] {
            assert_eq!(of(text), Some(expected), "{text}");
        }
        for bad in ["", "255", "255B", "-1", "1e6", "64Kib!", "many", "6GiB", "99999999999999999999"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn days_are_whole() {
        let of = |text: &str| days(text, 36_500).ok();
        for (text, expected) in [("90", 90), ("90d", 90), ("12weeks", 84), ("48h", 2)] {
            assert_eq!(of(text), Some(expected), "{text}");
        }
        for bad in ["0", "0d", "36h", "36501", "", "ever"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
