//! A report as a table for a person.

use std::io::{self, Write};

use crate::bench::report::{Figure, QUANTILES, Report};

/// The report. What is not known is left out.
pub(super) fn table(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let options: Vec<String> = report.options.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let whose = if report.is_own { "a daemon of its own" } else { &report.url };
    writeln!(out, "\n{} on {whose}", report.scenario)?;
    writeln!(out, "  {}\n", options.join(", "))?;
    figures(&report.figures, out)?;
    latencies(report, out)?;
    for rows in &report.rows {
        let head: Vec<String> = rows.columns.iter().map(|(_, label)| (*label).to_owned()).collect();
        let lines = rows.rows.iter().map(|row| row.iter().map(|value| value.map_or_else(String::new, short)).collect());
        grid(&std::iter::once(head).chain(lines).collect::<Vec<_>>(), out)?;
    }
    if report.daemon.iter().any(|figure| figure.value.is_some()) {
        writeln!(out, "daemon")?;
        figures(&report.daemon, out)?;
    }
    generator(report, out)?;
    verdict(report, out)
}

fn figures(figures: &[Figure], out: &mut impl Write) -> io::Result<()> {
    let known: Vec<(&Figure, String)> =
        figures.iter().filter_map(|figure| Some((figure, short(figure.value?)))).collect();
    let wide = |of: fn(&(&Figure, String)) -> usize| known.iter().map(of).max().unwrap_or(0);
    let (label, value) = (wide(|(figure, _)| figure.label.len()), wide(|(_, value)| value.len()));
    for (figure, text) in &known {
        let line = format!("  {:<label$}  {text:>value$} {}", figure.label, figure.unit);
        writeln!(out, "{}", line.trim_end())?;
    }
    if known.is_empty() { Ok(()) } else { writeln!(out) }
}

fn latencies(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let mut lines = vec![["ms", "p50", "p90", "p99", "p99.9", "p99.99", "max"].map(str::to_owned).to_vec()];
    for latency in report.latencies.iter().filter(|latency| latency.times.count() > 0) {
        let times = QUANTILES.map(|(_, share)| latency.times.quantile_ms(share));
        let times = times.into_iter().chain([latency.times.most_ms()]).map(|ms| ms.map_or_else(String::new, short));
        lines.push(std::iter::once(latency.label.to_owned()).chain(times).collect());
    }
    if lines.len() == 1 { Ok(()) } else { grid(&lines, out) }
}

/// The first column to the left, the others to the right, each as wide as it needs to be.
fn grid(lines: &[Vec<String>], out: &mut impl Write) -> io::Result<()> {
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |at: usize| lines.iter().filter_map(|line| line.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for line in lines {
        let cells =
            line.iter().zip(&widths).enumerate().map(|(at, (cell, &width))| {
                if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
            });
        writeln!(out, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    writeln!(out)
}

fn generator(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let generator = &report.generator;
    let mut said = vec![format!("{} thread{}", generator.threads, if generator.threads == 1 { "" } else { "s" })];
    said.extend(generator.cpus.map(|cpus| format!("{cpus:.2} processors used")));
    let late = generator.lateness.as_ref().and_then(|times| times.quantile_ms(0.99));
    said.extend(late.map(|late| format!("sent late by {} ms at p99", short(late))));
    writeln!(out, "load: {}", said.join(", "))
}

fn verdict(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for (code, count) in &report.refused {
        writeln!(out, "refused: {count} with {code}")?;
    }
    for warning in &report.warnings {
        writeln!(out, "warning: {warning}")?;
    }
    if report.is_right() {
        return if report.verified.is_empty() { Ok(()) } else { writeln!(out, "verified: {}", report.verified) };
    }
    for finding in &report.findings.examples {
        writeln!(out, "WRONG: {finding}")?;
    }
    writeln!(out, "WRONG: {} findings in all", report.findings.total())
}

/// As many digits as one reads.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1000.0 || size.fract() == 0.0 => grouped(value),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A whole number, in groups of three digits.
pub(super) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left.is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_exact_as_one_reads_them() {
        let told = [0.004, 1.239, 12.34, 123.4, 1234.5, 1_234_567.0, 3.0].map(short);
        assert_eq!(told, ["0.00", "1.24", "12.3", "123", "1,234", "1,234,567", "3"]);
    }
}
