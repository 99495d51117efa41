//! A run as one page that needs nothing but itself: the verdict, plots with what was broken behind them, every break,
//! every finding with its evidence.

use tenfour::svg::{escaped, told};

use super::campaign::Amounts;
use super::plot::{Backdrop, Band, Line, Panel};
use super::summary::{Kind, Summary};
use super::timeline::{Point, Timeline};
use super::words::{clock, count, float, grouped, spread, time};
use crate::checker::Finding;
use crate::history::Micros;

const STYLE: &str = include_str!("style.css");
/// What takes less, such as a delivery that is there before its acknowledgement, is shown as this: the axis has no zero.
const LEAST_MS: f64 = 0.01;
/// What each kind of break is about, for the legend.
const FAMILIES: [(&str, &str); 7] = [
    ("clients", "lines to clients"),
    ("node", "nodes"),
    ("panic", "panics of parts"),
    ("clock", "clocks"),
    ("database", "database"),
    ("redis", "Redis"),
    ("disk", "disk and power"),
];

pub(super) fn of(run: &Summary<'_>) -> String {
    let title = format!("Storm: {}, seed {}", run.shape.described(), run.seed);
    let mut page = opened(&title);
    let began = run.began.format("%Y-%m-%d %H:%M UTC");
    put!(
        &mut page,
        "<p class=\"faint\">tenfour {}, {began}, {} long, {} of it in the storm</p>\n",
        run.tenfour,
        clock(run.took_seconds),
        clock(run.broke_seconds)
    );
    page += &verdict(run.is_well() == run.sabotage.is_none(), &run.outcome());
    put!(&mut page, "<p>The same seed again:</p><pre>{}</pre>\n", escaped(run.command));
    for why in run.left_out {
        put!(&mut page, "<p class=\"faint\">Left out: {}.</p>\n", escaped(why));
    }
    page += &sums(run);
    if !run.is_well() {
        page += &findings(run);
    }
    page += &plots(run);
    page += &kinds(&run.kinds);
    page += &breaks(run);
    page + "</main></body></html>\n"
}

/// The beginning of a page, up to its first heading.
pub(super) fn opened(title: &str) -> String {
    let title = escaped(title);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style></head>\n<body><main>\n<h1>{title}</h1>\n"
    )
}

pub(super) fn verdict(good: bool, words: &str) -> String {
    let class = if good { "good" } else { "bad" };
    format!("<p class=\"verdict {class}\">{}</p>\n", escaped(words))
}

/// What adds up, of a run or of a campaign.
pub(super) fn cards(sums: &Amounts) -> String {
    let card =
        |(value, name): (u64, &str)| format!("<div class=\"card\"><b>{}</b><span>{name}</span></div>", grouped(value));
    let cards = [
        (sums.sends_acknowledged, "sends acknowledged"),
        (sums.sends_refused, "sends refused"),
        (sums.sends_unknown, "sends unknown"),
        (sums.sends_timed, "sends held to their time"),
        (sums.retries, "retries"),
        (sums.deliveries, "deliveries"),
        (sums.edits + sums.deletions, "edits and deletions"),
        (sums.memberships, "changes of members"),
        (sums.reactions + sums.answers, "reactions and answers"),
        (sums.erasures, "users erased"),
        (sums.files, "downloads at rest"),
        (sums.searches, "searches at rest"),
        (sums.revised, "messages with revisions"),
        (sums.connections, "connections"),
        (sums.syncs, "syncs"),
        (sums.histories, "pages of history"),
        (sums.trail_entries, "entries of the audit trail"),
        (sums.faults, "faults"),
        (sums.power_cuts, "power cuts"),
    ];
    format!("<div class=\"cards\">{}</div>\n", cards.map(card).join("\n"))
}

/// Columns whose name begins with `#` hold numbers.
pub(super) fn table(columns: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let class = |column: &str| if column.starts_with('#') { " class=\"number\"" } else { "" };
    let mut text = "<div class=\"scroll\"><table><tr>".to_owned();
    for column in columns {
        put!(&mut text, "<th{}>{}</th>", class(column), column.trim_start_matches('#'));
    }
    text += "</tr>\n";
    for row in rows {
        let cells = columns.iter().zip(row).map(|(column, cell)| format!("<td{}>{cell}</td>", class(column)));
        put!(&mut text, "<tr>{}</tr>\n", cells.collect::<String>());
    }
    text + "</table></div>\n"
}

fn sums(run: &Summary<'_>) -> String {
    let sums = &run.verdict.sums;
    let mut text = cards(&Amounts::of(run));
    put!(&mut text, "<p>From a send to its acknowledgement: {}.</p>", spread(sums.acknowledged_after));
    put!(&mut text, "<p>From there to each delivery, catching up included: {}.</p>", spread(sums.lag));
    put!(
        &mut text,
        "<p class=\"faint\">{}, {}, {}, {} a second; {} looked at.</p>\n",
        count(u64::from(run.users), "user", "users"),
        count(u64::from(run.channels), "channel", "channels"),
        count(u64::from(run.clients), "client", "clients"),
        count(u64::from(run.rate), "intention", "intentions"),
        count(run.records as u64, "record", "records"),
    );
    text
}

fn findings(run: &Summary<'_>) -> String {
    let mut text = "<h2>Findings</h2>\n".to_owned();
    let rows = run.verdict.counts.iter().map(|(anomaly, number)| vec![anomaly.to_string(), grouped(*number)]);
    text += &table(&["what", "#number"], rows);
    for (place, finding) in run.verdict.findings.iter().enumerate() {
        text += &one(finding, place < 3);
    }
    text
}

fn one(finding: &Finding, open: bool) -> String {
    let channel = finding.channel.map_or_else(String::new, |channel| format!(", channel {channel}"));
    let (at, what) = (moment(finding.at), escaped(&finding.what));
    let head = format!("<b>{}</b> at {at}{channel}: {what}", finding.anomaly);
    if finding.evidence.is_empty() {
        return format!("<p>{head}</p>\n");
    }
    let open = if open { " open" } else { "" };
    let evidence: Vec<String> = finding.evidence.iter().map(|line| escaped(line)).collect();
    format!("<details{open}><summary>{head}</summary><pre>{}</pre></details>\n", evidence.join("\n"))
}

fn plots(run: &Summary<'_>) -> String {
    let timeline = &run.timeline;
    let bands = run.broken.iter().filter(|broken| broken.took()).map(|broken| Band {
        from: seconds(broken.from),
        until: seconds(broken.until),
        kind: broken.fault.clone(),
        family: run.kinds.iter().find(|kind| kind.fault.name() == broken.fault).map_or("node", |kind| kind.family),
        title: format!(
            "{} of {}, from {} for {}{}{}",
            broken.fault,
            broken.target,
            moment(broken.from),
            time(broken.until.saturating_sub(broken.from)),
            if broken.note.is_empty() { "" } else { ": " },
            broken.note,
        ),
    });
    let length = float(timeline.points.len() as u64 * timeline.step_seconds);
    let marks = vec![(seconds(run.healed_us), "healed"), (seconds(run.rest_us), "rest")];
    let backdrop = Backdrop { length, bands: bands.collect(), marks };
    let mut text =
        "<h2>Over time</h2>\n<p class=\"faint\">Shaded: what was broken; point at it for what and whom.</p>\n<p class=\"faint\">".to_owned();
    for (family, words) in FAMILIES.iter().filter(|(family, _)| run.kinds.iter().any(|kind| kind.family == *family)) {
        put!(&mut text, "<span style=\"white-space:nowrap\"><i class=\"chip {family}\"></i>{words}</span> &ensp;");
    }
    text += "</p>\n";
    for panel in panels(timeline) {
        put!(&mut text, "<figure>{}</figure>\n", backdrop.panel(&panel));
    }
    text + &format!("<figure>{}</figure>\n", backdrop.lanes())
}

fn panels(timeline: &Timeline) -> Vec<Panel> {
    let step = float(timeline.step_seconds);
    let rate = |value: fn(&Point) -> u64| -> Vec<(f64, f64)> {
        timeline.points.iter().map(|point| (middle(point, step), float(value(point)) / step)).collect()
    };
    let alone = |points| vec![Line { name: String::new(), class: "l0", points, gap: step * 1.5 }];
    let times = |value: fn(&Point) -> Option<[Micros; 3]>| -> Vec<Line> {
        let line = |(place, name, class): (usize, &str, &'static str)| {
            let point = |point: &Point| Some((middle(point, step), (float(value(point)?[place]) / 1e3).max(LEAST_MS)));
            let points = timeline.points.iter().filter_map(point).collect();
            Line { name: name.to_owned(), class, points, gap: step * 1.5 }
        };
        [(2, "longest", "l2"), (1, "p99", "l1"), (0, "p50", "l0")].map(line).into()
    };
    let plain = |title, lines| Panel { title, label: told, log: false, lines };
    let late = |title, lines| Panel { title, label: milliseconds, log: true, lines };
    vec![
        plain("Sends acknowledged, a second", alone(rate(|point| point.acknowledged))),
        late("From a send to its acknowledgement", times(|point| point.acknowledged_after_us)),
        plain("Deliveries, a second", alone(rate(|point| point.deliveries))),
        late("From the acknowledgement to a delivery", times(|point| point.lag_us)),
        plain("Connections lost, a second", alone(rate(|point| point.connections_lost))),
        Panel {
            title: "Resident memory",
            label: |value| format!("{} MiB", told(value)),
            log: false,
            lines: memory(timeline),
        },
    ]
}

fn memory(timeline: &Timeline) -> Vec<Line> {
    let mut lines = Vec::new();
    for (node, class) in (0_u8..).zip(["n0", "n1", "n2"]) {
        let of_node = timeline.memory.iter().filter(|moment| moment.node == node);
        let points: Vec<_> =
            of_node.map(|moment| (seconds(moment.at_us), float(moment.bytes) / f64::from(1 << 20))).collect();
        if !points.is_empty() {
            lines.push(Line { name: format!("node {node}"), class, points, gap: 2.5 });
        }
    }
    lines
}

fn kinds(kinds: &[Kind]) -> String {
    let row = |kind: &Kind| {
        vec![
            format!("<i class=\"chip {}\"></i>{}", kind.family, kind.fault),
            grouped(kind.count),
            if kind.missed > 0 { grouped(kind.missed) } else { String::new() },
            time(kind.all_us),
            time(kind.longest_us),
        ]
    };
    "<h2>Kinds of faults</h2>\n<p class=\"faint\">Missed: there was nothing to break at that moment.</p>".to_owned()
        + &table(&["fault", "#number", "#missed", "#in all", "#longest"], kinds.iter().map(row))
}

fn breaks(run: &Summary<'_>) -> String {
    let rows = run.broken.iter().map(|broken| {
        vec![
            moment(broken.from),
            time(broken.until.saturating_sub(broken.from)),
            broken.fault.clone(),
            escaped(&broken.target),
            escaped(&broken.note),
        ]
    });
    let rows = table(&["#at", "#for", "fault", "of", ""], rows);
    format!("<h2>Every fault</h2><details><summary>All {}</summary>{rows}</details>\n", run.broken.len())
}

fn middle(point: &Point, step: f64) -> f64 {
    float(point.second) + step / 2.0
}

fn seconds(at: Micros) -> f64 {
    float(at) / 1e6
}

/// A time of the run, to the tenth of a second.
fn moment(at: Micros) -> String {
    format!("{}.{}", clock(at / 1_000_000), at % 1_000_000 / 100_000)
}

fn milliseconds(value: f64) -> String {
    if value < 1e3 { format!("{} ms", told(value)) } else { format!("{} s", told(value / 1e3)) }
}
