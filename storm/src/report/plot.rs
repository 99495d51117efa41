//! Plots over the time of a run, all with the same axis, so that they can be laid under each other; what was broken is
//! shaded behind the lines.
//!
//! Colours come from the page's style sheet. Decides nothing.

use tenfour::svg::{Axis, escaped};

use super::words::{clock, float};

const WIDTH: f64 = 1040.0;
const LEFT: f64 = 150.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 30.0;
const HEIGHT: f64 = 150.0;
const BOTTOM: f64 = 24.0;
/// The height of one kind's row.
const ROW: f64 = 16.0;
/// What lasts for no time is seen all the same.
const THIN: f64 = 1.6;
/// Steps between two times on the axis, in seconds.
const STEPS: [u32; 12] = [5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200];

/// What all plots of a run have in common.
#[derive(Debug, Default)]
pub(super) struct Backdrop {
    /// In seconds.
    pub(super) length: f64,
    pub(super) bands: Vec<Band>,
    /// Moments with a word for each.
    pub(super) marks: Vec<(f64, &'static str)>,
}

/// Something that was broken.
#[derive(Debug)]
pub(super) struct Band {
    pub(super) from: f64,
    pub(super) until: f64,
    pub(super) kind: String,
    /// The class of its colour.
    pub(super) family: &'static str,
    /// Shown to who points at it.
    pub(super) title: String,
}

#[derive(Debug)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// A value as it stands on the axis.
    pub(super) label: fn(f64) -> String,
    pub(super) log: bool,
    pub(super) lines: Vec<Line>,
}

#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    /// The class of its colour.
    pub(super) class: &'static str,
    /// In seconds, in order of time.
    pub(super) points: Vec<(f64, f64)>,
    /// Points further apart than this are not joined.
    pub(super) gap: f64,
}

impl Backdrop {
    pub(super) fn panel(&self, panel: &Panel) -> String {
        let shown = |value: f64| value.is_finite() && (!panel.log || value > 0.0);
        let values = || panel.lines.iter().flat_map(|line| &line.points).map(|point| point.1).filter(|y| shown(*y));
        let (time, y) = (self.time(), Axis::over(values(), panel.log, TOP + HEIGHT, TOP));
        let mut svg = opened(panel.title, TOP + HEIGHT + BOTTOM);
        put!(&mut svg, "<text class=\"title\" x=\"{LEFT}\" y=\"16\">{}</text>", escaped(panel.title));
        self.bands(&mut svg, &time);
        for value in y.ticks() {
            let (at, text) = (y.place(value), (panel.label)(value));
            put!(&mut svg, "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{:.1}\"/>", WIDTH - RIGHT);
            let (x, at) = (LEFT - 8.0, at + 4.0);
            put!(&mut svg, "<text class=\"end\" x=\"{x}\" y=\"{at:.1}\">{}</text>\n", escaped(&text));
        }
        self.times(&mut svg, &time, TOP + HEIGHT);
        let mut right = WIDTH - RIGHT;
        for line in &panel.lines {
            let points: Vec<_> = line.points.iter().copied().filter(|point| shown(point.1)).collect();
            let path = path(&points, line.gap, &time, &y);
            put!(&mut svg, "<path class=\"line {}\" d=\"{path}\"/>\n", line.class);
        }
        for line in panel.lines.iter().rev().filter(|line| !line.name.is_empty()) {
            let name = escaped(&line.name);
            put!(&mut svg, "<text class=\"end\" x=\"{right:.0}\" y=\"16\">{name}</text>");
            right -= 7.2 * count(line.name.chars().count()) + 22.0;
            put!(&mut svg, "<path class=\"line {}\" d=\"M{right:.0} 12h14\"/>", line.class);
            right -= 14.0;
        }
        svg + "</svg>\n"
    }

    /// A row for each kind, with its breaks at their times.
    pub(super) fn lanes(&self) -> String {
        let mut kinds: Vec<(&str, &str)> = Vec::new();
        for band in &self.bands {
            if !kinds.contains(&(&band.kind, band.family)) {
                kinds.push((&band.kind, band.family));
            }
        }
        kinds.sort_unstable_by_key(|(kind, family)| (*family, *kind));
        let bottom = TOP + ROW * count(kinds.len());
        let (time, mut svg) = (self.time(), opened("What was broken", bottom + BOTTOM));
        put!(&mut svg, "<text class=\"title\" x=\"{LEFT}\" y=\"16\">What was broken</text>\n");
        self.times(&mut svg, &time, bottom);
        for (row, (kind, family)) in kinds.iter().enumerate() {
            let y = TOP + ROW * count(row);
            let number = self.bands.iter().filter(|band| band.kind == *kind).count();
            put!(&mut svg, "<path class=\"grid\" d=\"M{LEFT} {y}H{}\"/>", WIDTH - RIGHT);
            let (text, right) = (y + 12.0, WIDTH - RIGHT + 6.0);
            put!(&mut svg, "<text class=\"end\" x=\"{}\" y=\"{text}\">{kind}</text>", LEFT - 8.0);
            put!(&mut svg, "<text class=\"faint\" x=\"{right}\" y=\"{text}\">{number}</text>\n");
            for band in self.bands.iter().filter(|band| band.kind == *kind) {
                rectangle(&mut svg, &format!("lane {family}"), band, &time, (y + 3.0, ROW - 5.0));
            }
        }
        svg + "</svg>\n"
    }

    fn time(&self) -> Axis {
        Axis::over([0.0, self.length.max(1.0)].into_iter(), false, LEFT, WIDTH - RIGHT)
    }

    fn bands(&self, svg: &mut String, time: &Axis) {
        for band in &self.bands {
            rectangle(svg, &format!("band {}", band.family), band, time, (TOP, HEIGHT));
        }
    }

    /// The axis, and the moments that have a word.
    fn times(&self, svg: &mut String, time: &Axis, bottom: f64) {
        let step = STEPS.into_iter().find(|step| self.length / f64::from(*step) <= 12.0).unwrap_or(14_400);
        let mut at = 0;
        while f64::from(at) <= self.length && at < 40 * step {
            let (x, text) = (time.place(f64::from(at)), clock(u64::from(at)));
            put!(svg, "<path class=\"grid\" d=\"M{x:.1} {TOP}V{bottom}\"/>");
            put!(svg, "<text class=\"middle\" x=\"{x:.1}\" y=\"{}\">{text}</text>", bottom + 16.0);
            at += step;
        }
        for (at, word) in &self.marks {
            let x = time.place(*at);
            put!(svg, "<path class=\"mark\" d=\"M{x:.1} {TOP}V{bottom}\"/>");
            put!(svg, "<text class=\"faint\" x=\"{:.1}\" y=\"{}\">{word}</text>", x + 4.0, TOP + 11.0);
        }
        put!(svg, "<path class=\"axis\" d=\"M{LEFT} {TOP}V{bottom}H{}\"/>\n", WIDTH - RIGHT);
    }
}

fn opened(title: &str, height: f64) -> String {
    let title = escaped(title);
    format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{title}\">\n")
}

fn rectangle(svg: &mut String, class: &str, band: &Band, time: &Axis, (y, height): (f64, f64)) {
    let x = time.place(band.from);
    let width = (time.place(band.until) - x).max(THIN);
    put!(
        svg,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{height}\"><title>{}</title></rect>\n",
        escaped(&band.title)
    );
}

/// Points that lie alone are dots, by the round ends of the line.
fn path(points: &[(f64, f64)], gap: f64, time: &Axis, y: &Axis) -> String {
    let mut path = String::new();
    let mut before = None;
    for &(at, value) in points {
        let (x, y) = (time.place(at), y.place(value));
        let joined = before.is_some_and(|before| at - before <= gap);
        put!(&mut path, "{}{x:.1} {y:.1}", if joined { "L" } else { "M" });
        if !joined {
            path.push_str("h0");
        }
        before = Some(at);
    }
    path
}

fn count(number: usize) -> f64 {
    float(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backdrop() -> Backdrop {
        let band = |from, until, kind: &str| Band {
            from,
            until,
            kind: kind.to_owned(),
            family: "node",
            title: format!("{kind} <1>"),
        };
        let bands = vec![band(10.0, 20.0, "node_kill"), band(50.0, 50.0, "node_pause"), band(60.0, 70.0, "node_kill")];
        Backdrop { length: 100.0, bands, marks: vec![(80.0, "healed")] }
    }

    fn panel(points: &[(f64, f64)], log: bool) -> String {
        let line = Line { name: "a".to_owned(), class: "l0", points: points.to_vec(), gap: 1.5 };
        backdrop().panel(&Panel { title: "t", label: tenfour::svg::told, log, lines: vec![line] })
    }

    #[test]
    fn what_was_broken_is_shaded_where_it_was() {
        let svg = panel(&[(0.0, 1.0)], false);
        let across = WIDTH - RIGHT - LEFT;
        let (x, width) = (LEFT + across * 0.1, across * 0.1);
        assert!(svg.contains(&format!("class=\"band node\" x=\"{x:.1}\" y=\"{TOP}\" width=\"{width:.1}\"")), "{svg}");
        assert!(svg.contains("<title>node_kill &lt;1&gt;</title>") && !svg.contains("<1>"));
        assert!(svg.contains(&format!("width=\"{THIN:.1}\"")), "what lasts for no time is seen");
        assert!(svg.contains(">healed</text>") && svg.contains(">1:40</text>"));
    }

    #[test]
    fn a_hole_in_time_is_a_hole_in_the_line() {
        let svg = panel(&[(0.0, 1.0), (1.0, 1.0), (5.0, 1.0)], false);
        let path = svg.split("class=\"line l0\" d=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1), "{path}");
    }

    #[test]
    fn each_kind_has_one_row() {
        let svg = backdrop().lanes();
        assert_eq!(svg.matches(">node_kill</text>").count(), 1);
        assert_eq!(svg.matches("class=\"lane node\"").count(), 3);
        assert!(svg.contains(">2</text>"));
    }

    #[test]
    fn nothing_is_a_plot_too() {
        for log in [false, true] {
            for points in [&[][..], &[(0.0, 0.0)], &[(3.0, f64::NAN)]] {
                let svg = panel(points, log);
                assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
        assert!(Backdrop::default().lanes().ends_with("</svg>\n"));
    }
}
