//! Numbers as people read them.

use crate::history::Micros;

/// With a comma before each three digits.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time with about three digits.
pub(super) fn time(time: Micros) -> String {
    match time {
        0..1_000 => format!("{time} µs"),
        1_000..100_000 => format!("{}.{} ms", time / 1_000, time % 1_000 / 100),
        100_000..1_000_000 => format!("{} ms", time / 1_000),
        1_000_000..100_000_000 => format!("{}.{} s", time / 1_000_000, time % 1_000_000 / 100_000),
        _ => clock(time / 1_000_000),
    }
}

/// Median, 99th percentile and the longest.
pub(super) fn spread([half, most, longest]: [Micros; 3]) -> String {
    format!("p50 {}, p99 {}, longest {}", time(half), time(most), time(longest))
}

/// Minutes and seconds, with hours where there are some.
pub(super) fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// For a place on a page, which needs no more than that.
#[expect(clippy::cast_precision_loss, reason = "microseconds of a run and bytes of a process are far below 2^52")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

/// As it is spoken: one run, two runs.
pub(super) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([17, 1_540, 250_000, 2_340_000].map(time), ["17 µs", "1.5 ms", "250 ms", "2.3 s"]);
        assert_eq!(time(100_000_000), "1:40");
        assert_eq!([59, 61, 3_723].map(clock), ["0:59", "1:01", "1:02:03"]);
        assert_eq!([count(1, "run", "runs"), count(2, "run", "runs")], ["1 run", "2 runs"]);
    }
}
