//! The flags and what is shown, without a daemon.

use std::time::Duration;

use clap::Parser;

use super::flags::Bench;
use super::progress::Shown;
use crate::bench::Progress;
use crate::bench::fleet::Moment;
use crate::bench::scenario::Scenario;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    bench: Bench,
}

fn parse(arguments: &[&str]) -> Result<Bench, clap::Error> {
    let words = std::iter::once("bench").chain(arguments.iter().copied());
    Line::try_parse_from(words).map(|line| line.bench)
}

#[test]
fn every_scenario_needs_nothing_but_its_name() {
    let (scenario, flags) = parse(&["fanout"]).unwrap().scenario.into_parts();
    assert_eq!(scenario, Scenario::Fanout { rooms: 20, members: 50, window: 8 });
    assert_eq!((flags.url.as_deref(), flags.common().size), (None, 128));
    let (scenario, _) = parse(&["direct"]).unwrap().scenario.into_parts();
    assert_eq!((scenario.sockets(), scenario.members()), (400, 2));
    let (scenario, _) = parse(&["history", "--messages", "10,20"]).unwrap().scenario.into_parts();
    assert_eq!(scenario, Scenario::History { messages: vec![10, 20], page: 50 });
    for (name, sockets) in [("idle", 1000), ("storm", 1000), ("catchup", 2), ("history", 2), ("knee", 200)] {
        let (scenario, _) = parse(&[name]).unwrap().scenario.into_parts();
        assert_eq!((scenario.name(), scenario.sockets()), (name, sockets));
    }
    let (scenario, flags) =
        parse(&["paced", "--rate", "2.5/s", "--duration", "2m", "--warm-up", "500ms"]).unwrap().scenario.into_parts();
    assert_eq!(scenario, Scenario::Paced { per_second: 2.5, channels: 20, members: 10 });
    assert_eq!((flags.duration, flags.warm_up), (Duration::from_secs(120), Duration::from_millis(500)));
}

#[test]
fn what_cannot_be_is_refused() {
    for arguments in [
        &["fanout", "--members", "1"][..],
        &["fanout", "--self", "--url", "ws://127.0.0.1/ws"],
        &["fanout", "--token-file", "f"],
        &["paced", "--rate", "0"],
        &["paced", "--rate", "NaN"],
        &["direct", "--duration", "5 parsecs"],
        &["direct", "--duration", "-1s"],
        &["history", "--messages", "10,0"],
        &["history", "--page", "201"],
        &["knee", "--factor", "1"],
        &["fly"],
        &[],
    ] {
        assert_eq!(parse(arguments).unwrap_err().exit_code(), 2, "{arguments:?}");
    }
}

#[test]
fn a_terminal_has_one_line_that_is_drawn_again_and_a_file_a_line_now_and_then() {
    let moment = Moment {
        at: Duration::from_secs(3),
        total: Duration::from_secs(12),
        sent_per_second: 1234.0,
        delivered_per_second: 60_466.0,
        ack_p99_ms: Some(1.0),
        delivery_p99_ms: Some(2.25),
    };
    let shown = |is_terminal| {
        let mut shown = Shown::as_if(Vec::new(), is_terminal);
        shown.stage("measuring");
        shown.running(&moment);
        shown.running(&moment);
        shown.clear();
        String::from_utf8(shown.into_inner()).unwrap()
    };
    let line = "measuring  [#####               ] 3/12 s  sent 1,234/s  delivered 60,466/s  p99 2.2 ms";
    assert_eq!(shown(false), format!("tenfour: {line}\n"));
    let drawn = shown(true);
    assert_eq!(drawn.matches(line).count(), 2);
    assert!(!drawn.contains('\n') && drawn.ends_with("\r\x1b[2K"));
}
