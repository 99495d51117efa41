//! A part that is stuck: the service manager hears no more signs of life until it goes on.

use std::time::{Duration, Instant};

use tenfour::fault::Part;
use uuid::Uuid;

use crate::faulty::Ground;
use crate::manager::Manager;
use crate::place::Kind;
use crate::socket::message;

const ALIVE: &str = "WATCHDOG=1";
/// Signs of life come in a third of this.
const WATCHDOG: Duration = Duration::from_millis(900);
/// How long the part is stuck: a manager would have killed by then.
const STUCK: Duration = Duration::from_secs(4);

#[tokio::test]
async fn a_stuck_part_starves_the_watchdog_until_it_goes_on() {
    for (part, name) in [
        (Part::Db, "the database actor"),
        (Part::Registry, "the registry"),
        (Part::Presence, "the presence actor"),
        (Part::Room, "a thread of rooms"),
    ] {
        let (ground, manager) = (Ground::new(Kind::File).await, Manager::start());
        let channel = ground.group(&["ana", "bo"]).await;
        let usec = WATCHDOG.as_micros().to_string();
        let settings = [("NOTIFY_SOCKET", manager.path()), ("WATCHDOG_USEC", &usec)];
        let mut daemon = ground.launch_with(&settings).await;
        let mut ana = daemon.connect("ana").await;
        manager.first(ALIVE).await;
        daemon.stall(part, STUCK);
        let stuck = Instant::now();
        let token = crate::process::token("bo");
        // Whatever brings the part to the point where it stands still. Nobody waits for an answer.
        ana.send(&message(channel, "stuck", Uuid::new_v4())).await;
        let url = daemon.url();
        let other =
            tokio::spawn(async move { crate::socket::TestSocket::try_connect("bo", &url, &token).await.is_ok() });
        let told = manager.told().len();
        let again = manager.after(told, "that it goes on", |told| told.has(ALIVE) && told.at > stuck + STUCK).await;
        let signs: Vec<Instant> = manager.told().iter().filter(|told| told.has(ALIVE)).map(|told| told.at).collect();
        // One that was under way may still have come.
        let last = signs.iter().filter(|at| **at < again.at).max().copied().unwrap();
        assert!(again.at - last > WATCHDOG * 2, "{name}: {:?} without a sign", again.at - last);
        let log = daemon.log();
        assert!(log.lines().any(|line| line.contains("no answer within") && line.contains(name)), "{log}");
        other.abort();
    }
}
