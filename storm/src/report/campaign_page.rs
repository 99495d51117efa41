//! Many runs as one page: the sums, how often each kind of fault came, and a line for each run that leads to its own page.

use tenfour::svg::escaped;

use super::campaign::{Campaign, Row, told};
use super::page::{cards, opened, table, verdict};
use super::words::{clock, count, grouped, time};
use crate::nemesis::fault::Fault;

pub(super) fn of(campaign: &Campaign) -> String {
    let sums = campaign.sums();
    let runs = count(campaign.runs.len() as u64, "run", "runs");
    let mut page = opened(&format!("Storm campaign: {runs}"));
    if let (Some(first), Some(last)) = (campaign.runs.first(), campaign.runs.last()) {
        let form = "%Y-%m-%d %H:%M";
        put!(
            &mut page,
            "<p class=\"faint\">{} to {} UTC, {} of runs, {} of it in the storm</p>\n",
            first.began.format(form),
            last.began.format(form),
            clock(sums.took_seconds),
            clock(sums.broke_seconds)
        );
    }
    page += &verdict(campaign.runs.iter().all(Row::is_well), &campaign.outcome());
    page += &cards(&sums);
    let findings = campaign.findings();
    if !findings.is_empty() {
        page += "<h2>Findings</h2>\n";
        page +=
            &table(&["what", "#number"], findings.iter().map(|(name, number)| vec![escaped(name), grouped(*number)]));
    }
    page += "<h2>Runs</h2>\n";
    let columns = [
        "deployment",
        "seed",
        "began",
        "#long",
        "#faults",
        "#power cuts",
        "#acknowledged",
        "#deliveries",
        "#ack p99",
        "#lag p99",
        "verdict",
    ];
    page += &table(&columns, campaign.runs.iter().map(cells));
    page += "<h2>Kinds of faults</h2>\n";
    let kinds = campaign.kinds();
    let kind = |(name, number): (&&str, &u64)| {
        let family = name.parse::<Fault>().map_or("", Fault::family);
        format!("<li><i class=\"chip {family}\"></i>{} <b>{}</b></li>", escaped(name), grouped(*number))
    };
    put!(&mut page, "<ul class=\"kinds\">{}</ul>\n", kinds.iter().map(kind).collect::<String>());
    page + "</main></body></html>\n"
}

fn cells(run: &Row) -> Vec<String> {
    let amounts = &run.amounts;
    let seed = match &run.report {
        Some(folder) => format!("<a href=\"{}/report.html\">{}</a>", escaped(folder), run.seed),
        None => run.seed.to_string(),
    };
    let verdict = match &run.trouble {
        Some(trouble) => format!("<span class=\"bad\">not carried through: {}</span>", escaped(trouble)),
        None if run.findings.is_empty() => "<span class=\"good\">nothing found</span>".to_owned(),
        None => format!("<span class=\"bad\">{}</span>", escaped(&told(&run.findings))),
    };
    vec![
        escaped(&run.shape),
        seed,
        run.began.format("%m-%d %H:%M").to_string(),
        clock(amounts.took_seconds),
        grouped(amounts.faults),
        grouped(amounts.power_cuts),
        grouped(amounts.sends_acknowledged),
        grouped(amounts.deliveries),
        time(run.acknowledged_after_us[1]),
        time(run.lag_us[1]),
        verdict,
    ]
}
