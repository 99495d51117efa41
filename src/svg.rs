//! Plots as SVG: lines over axes, in light or dark as whoever looks at them has it.
//!
//! Used by whoever has points to show. Needs no script and no font of its own. Never decides what is plotted.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 72.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 76.0;
/// About so many lines of the grid in each direction.
const TICKS: f64 = 6.0;
/// Told apart also by who sees no red or green.
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const STYLE: &str = "text{font:13px system-ui,sans-serif;fill:#222}.title{font-size:16px;font-weight:600}\
    .back{fill:#fff}.grid{stroke:#ddd}.axis{stroke:#888}.line{fill:none;stroke-width:2}\
    @media(prefers-color-scheme:dark){text{fill:#ddd}.back{fill:#181a1b}.grid{stroke:#333}.axis{stroke:#777}}";

/// Lines over two axes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Plot {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    pub series: Vec<Series>,
    /// Each step up is ten times as much. What is not above zero is then left out.
    pub log_y: bool,
}

/// One line, with its points in the order in which they are joined.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// From values to places on one axis.
#[derive(Debug, Clone, Copy)]
pub struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    log: bool,
}

impl Axis {
    /// With room for these values between two places.
    pub fn over(values: impl Iterator<Item = f64>, log: bool, from: f64, to: f64) -> Self {
        let (low, high) = range(values, log);
        Self { low, high, from, to, log }
    }

    pub fn place(&self, value: f64) -> f64 {
        let value = if self.log { value.log10() } else { value };
        self.from + (value - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// Round values, where lines of a grid go.
    pub fn ticks(&self) -> Vec<f64> {
        if self.log {
            let decades = steps(self.low, self.high, 1.0).into_iter().map(|power| 10_f64.powf(power));
            return decades.collect();
        }
        steps(self.low, self.high, step(self.high - self.low))
    }
}

impl Plot {
    /// The picture.
    pub fn to_svg(&self) -> String {
        let shown: Vec<Vec<(f64, f64)>> = self.series.iter().map(|series| self.shown(series)).collect();
        let all = || shown.iter().flatten();
        let x = Axis::over(all().map(|point| point.0), false, LEFT, WIDTH - RIGHT);
        let y = Axis::over(all().map(|point| point.1), self.log_y, HEIGHT - BOTTOM, TOP);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\
             <title>{title}</title><style>{STYLE}</style><rect class=\"back\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\
             <text class=\"title\" x=\"{LEFT}\" y=\"24\">{title}</text>\n",
            title = escaped(&self.title)
        );
        self.grid(&mut svg, &x, &y);
        for (index, points) in shown.iter().enumerate() {
            let places: Vec<String> =
                points.iter().map(|point| format!("{:.1},{:.1}", x.place(point.0), y.place(point.1))).collect();
            let colour = COLOURS[index % COLOURS.len()];
            put(&mut svg, &format!("<polyline class=\"line\" stroke=\"{colour}\" points=\"{}\"/>\n", places.join(" ")));
            self.legend(&mut svg, index, colour);
        }
        svg.push_str("</svg>\n");
        svg
    }

    /// The points that have a place.
    fn shown(&self, series: &Series) -> Vec<(f64, f64)> {
        let fits = |(x, y): &&(f64, f64)| x.is_finite() && y.is_finite() && (!self.log_y || *y > 0.0);
        series.points.iter().filter(fits).copied().collect()
    }

    fn grid(&self, svg: &mut String, x: &Axis, y: &Axis) {
        for value in y.ticks() {
            let at = y.place(value);
            put(svg, &format!("<line class=\"grid\" x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>", x.to));
            let text = told(value);
            put(
                svg,
                &format!("<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>\n", LEFT - 8.0, at + 4.0),
            );
        }
        for value in x.ticks() {
            let (at, text) = (x.place(value), told(value));
            put(
                svg,
                &format!("<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{:.1}\"/>", y.from),
            );
            put(svg, &format!("<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}</text>\n", y.from + 18.0));
        }
        put(svg, &format!("<path class=\"axis\" fill=\"none\" d=\"M{LEFT} {TOP}V{:.1}H{:.1}\"/>", y.from, x.to));
        let (middle, below) = (f64::midpoint(x.from, x.to), y.from + 38.0);
        put(
            svg,
            &format!("<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", escaped(&self.x_label)),
        );
        let middle = f64::midpoint(y.from, y.to);
        let turned = format!("transform=\"rotate(-90 16 {middle})\" x=\"16\" y=\"{middle}\" text-anchor=\"middle\"");
        put(svg, &format!("<text {turned}>{}</text>\n", escaped(&self.y_label)));
    }

    fn legend(&self, svg: &mut String, index: usize, colour: &str) {
        let before: usize = self.series[..index].iter().map(|series| series.name.chars().count() + 5).sum();
        let at = LEFT + f64::from(u32::try_from(before).unwrap_or(0)) * 7.5;
        let (y, name) = (HEIGHT - 14.0, escaped(&self.series[index].name));
        put(svg, &format!("<rect x=\"{at:.1}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{colour}\"/>", y - 6.0));
        put(svg, &format!("<text x=\"{:.1}\" y=\"{y}\">{name}</text>\n", at + 20.0));
    }
}

/// Writing to a text does not fail.
fn put(svg: &mut String, text: &str) {
    svg.push_str(text);
}

/// From the least to the most, with something between them; from zero where nothing says otherwise.
fn range(values: impl Iterator<Item = f64>, log: bool) -> (f64, f64) {
    let (least, most) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if least > most {
        return (0.0, 1.0);
    }
    if log {
        let (low, high) = (least.log10().floor(), most.log10().ceil());
        return (low, high.max(low + 1.0));
    }
    let low = least.min(0.0);
    if most > low { (low, most) } else { (low, low + 1.0) }
}

/// One, two or five of some power of ten, so that it fits about [`TICKS`] times.
fn step(span: f64) -> f64 {
    let rough = span / TICKS;
    let power = 10_f64.powf(rough.log10().floor());
    let times = [1.0, 2.0, 5.0].into_iter().find(|times| times * power >= rough).unwrap_or(10.0);
    times * power
}

fn steps(low: f64, high: f64, step: f64) -> Vec<f64> {
    let first = (low / step).ceil();
    let tiny = step / 1000.0;
    (0..50_u32).map(|index| (first + f64::from(index)) * step).take_while(|value| *value <= high + tiny).collect()
}

/// A number without more digits than it needs.
pub fn told(value: f64) -> String {
    let mut text = String::new();
    let size = value.abs();
    let (scaled, unit) = match size {
        _ if size >= 1e6 => (value / 1e6, "M"),
        _ if size >= 1e4 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    // To a text.
    let _ = write!(text, "{scaled:.4}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    format!("{short}{unit}")
}

/// As it may stand in XML or HTML, between quotation marks too.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[(f64, f64)], log_y: bool) -> String {
        let series = vec![Series { name: "a".to_owned(), points: points.to_vec() }];
        Plot { title: "t < 1 & \"x\"".to_owned(), series, log_y, ..Plot::default() }.to_svg()
    }

    fn places(svg: &str) -> Vec<(f64, f64)> {
        let points = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        let pair = |text: &str| text.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()));
        points.split(' ').filter_map(pair).collect()
    }

    #[test]
    fn points_lie_where_the_axes_say() {
        let svg = plot(&[(0.0, 0.0), (5.0, 50.0), (10.0, 100.0)], false);
        let middle = (f64::midpoint(LEFT, WIDTH - RIGHT), f64::midpoint(TOP, HEIGHT - BOTTOM));
        assert_eq!(places(&svg), [(LEFT, HEIGHT - BOTTOM), middle, (WIDTH - RIGHT, TOP)]);
        assert!(svg.contains(">20</text>") && svg.contains(">2</text>") && !svg.contains("t < 1"));
        assert!(svg.contains("prefers-color-scheme:dark"));
    }

    #[test]
    fn a_logarithmic_axis_gives_each_decade_the_same_place_and_leaves_out_what_has_none() {
        let svg = plot(&[(0.0, 0.1), (1.0, 0.0), (2.0, 1.0), (3.0, 10.0), (4.0, f64::NAN)], true);
        let heights: Vec<f64> = places(&svg).iter().map(|place| place.1).collect();
        assert_eq!(heights, [HEIGHT - BOTTOM, f64::midpoint(TOP, HEIGHT - BOTTOM), TOP]);
        assert!(svg.contains(">0.1</text>") && svg.contains(">10</text>"));
    }

    #[test]
    fn nothing_and_one_point_are_plots_too() {
        for points in [&[][..], &[(3.0, 0.0)], &[(0.0, 7.0), (0.0, 7.0)]] {
            for log_y in [false, true] {
                let svg = plot(points, log_y);
                assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([10.0, 0.07, 123_456.0].map(step).map(told), ["2", "0.02", "50k"]);
        assert_eq!(["0.02", "9999", "10k", "1.5M", "0"].map(str::to_owned), [0.02, 9999.0, 1e4, 1.5e6, 0.0].map(told));
    }
}
