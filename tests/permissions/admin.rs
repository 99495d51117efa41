//! The admin address: each route for everybody, and neither address has what is the other's.

use uuid::Uuid;

use crate::askers::{ASKERS, Asker, Standing};
use crate::daemon::{Setup, TestDaemon};
use crate::law::{Place, TABLE, Way};
use crate::scene::{Scene, tells};
use crate::talk::{Answer, Line, Web};

/// A route and its answers: to a token that is none, to a user, to an admin, and to an admin for what is not there.
#[derive(Debug)]
pub struct Entry {
    pub route: &'static str,
    answers: [&'static str; 4],
    /// Open to who asks from this machine for themselves. The answers are those to who asks for somebody elsewhere.
    open_here: bool,
}

/// All routes.
pub const LINES: &[Entry] = &[
    entry("GET /admin/sessions", ["401", "403", "200", "200"]),
    entry("GET /admin/sessions/{id}", ["401", "403", "200", "404"]),
    entry("DELETE /admin/sessions/{id}", ["401", "403", "204", "404"]),
    entry("GET /admin/rooms", ["401", "403", "200", "200"]),
    entry("GET /admin/rooms/{id}", ["401", "403", "200", "404"]),
    entry("GET /admin/actors", ["401", "403", "200", "200"]),
    entry("GET /admin/presence", ["401", "403", "200", "200"]),
    entry("GET /admin/announcements", ["401", "403", "200", "200"]),
    // Without a body.
    entry("POST /admin/announcements", ["401", "403", "400", "400"]),
    entry("DELETE /admin/announcements", ["401", "403", "204", "204"]),
    // For no longer than a moment.
    entry("GET /admin/events", ["401", "403", "200", "200"]),
    entry("GET /admin/log", ["401", "403", "200", "200"]),
    // Without a body.
    entry("PUT /admin/log", ["401", "403", "400", "400"]),
    // Of a user whom nobody knows as well.
    entry("POST /admin/users/{id}/revoke", ["401", "403", "200", "200"]),
    entry("GET /admin", ["200"; 4]),
    entry("GET /admin/", ["200"; 4]),
    entry("GET /admin/app.js", ["200"; 4]),
    entry("GET /admin/icon.svg", ["200"; 4]),
    entry("GET /admin/style.css", ["200"; 4]),
    Entry { open_here: true, ..entry("GET /metrics", ["401", "403", "200", "200"]) },
    entry("GET /healthz", ["200"; 4]),
    entry("GET /livez", ["200"; 4]),
    entry("GET /readyz", ["200"; 4]),
    entry("HEAD /healthz", ["200"; 4]),
    entry("HEAD /livez", ["200"; 4]),
    entry("HEAD /readyz", ["200"; 4]),
];

const fn entry(route: &'static str, answers: [&'static str; 4]) -> Entry {
    Entry { route, answers, open_here: false }
}

impl Entry {
    fn answer(&self, asker: Asker, there: bool) -> &'static str {
        let [none, user, admin, absent] = self.answers;
        match (asker.is_let_in(), asker.is_scoped()) {
            (false, _) => none,
            (true, false) => user,
            (true, true) if there => admin,
            (true, true) => absent,
        }
    }

    fn is_open(&self) -> bool {
        self.answers == ["200"; 4]
    }

    /// Method and path.
    fn with(&self, id: &str) -> (&'static str, String) {
        let (method, path) = self.route.split_once(' ').unwrap();
        let moment = if path == "/admin/events" { "?for=0" } else { "" };
        (method, path.replace("{id}", id) + moment)
    }
}

async fn scene<'a>(daemon: &'a TestDaemon, web: &'a Web) -> Scene<'a> {
    let owner = ASKERS.iter().find(|asker| asker.is_let_in() && asker.bearer == Standing::Owner).unwrap();
    Scene::build(daemon, web, Place::Group, *owner, Way::Frame("ping")).await
}

fn of(web: &Web, asker: Asker, scene: &Scene<'_>) -> Web {
    let mut web = web.header("x-request-id", "same");
    if let Some(token) = asker.token(&scene.sub_of(asker.bearer)) {
        web = web.with(&token);
    }
    if let Some(named) = asker.named {
        web = web.header("tenfour-user", &scene.sub_of(named));
    }
    web
}

#[tokio::test]
async fn each_route_of_the_admin_address_is_open_to_whom_the_table_says() {
    let daemon = Setup::in_memory().start().await;
    let (public, admin) = (Web::new(daemon.addr()), Web::new(daemon.admin_addr()));
    let scene = scene(&daemon, &public).await;
    let mut wrong = Vec::new();
    let mut cells = 0;
    let mut line = Line::open_as(&daemon, &scene.sub_of(Standing::Owner)).await;
    for asker in ASKERS {
        let web = of(&admin, *asker, &scene).header("x-forwarded-for", "203.0.113.9");
        for entry in LINES {
            let session = line.hello["sessionId"].as_str().unwrap().to_owned();
            let id = if entry.route.contains("rooms") { scene.channel.to_string() } else { session };
            let mut answers: Vec<Answer> = Vec::new();
            for (there, id) in [(true, id), (false, Uuid::now_v7().to_string())] {
                cells += 1;
                let (method, path) = entry.with(&id);
                let answer = web.ask(method, &path, "").await;
                let expected = entry.answer(*asker, there);
                if answer.word() != expected {
                    wrong.push(format!("{asker:?}: {method} {path} is {answer:?} and not {expected}"));
                }
                if !asker.is_scoped() && tells(&answer.text, Some(scene.channel)) {
                    wrong.push(format!("{asker:?}: {method} {path} tells {answer:?}"));
                }
                answers.push(answer);
            }
            if !asker.is_scoped() && !entry.is_open() && answers[0] != answers[1] {
                wrong.push(format!("{asker:?}: {} shows what is there: {answers:?}", entry.route));
            }
            if entry.route.starts_with("DELETE /admin/sessions") && asker.is_scoped() {
                assert!(line.ends_with(4403).await, "an admin ends a session");
                line = Line::open_as(&daemon, &scene.sub_of(Standing::Owner)).await;
            } else {
                // It lives: nobody else has ended it.
                line.rest().await;
            }
            if entry.open_here {
                cells += 1;
                let (method, path) = entry.with("");
                let here = of(&admin, *asker, &scene).ask(method, &path, "").await;
                if here.status != 200 {
                    wrong.push(format!("{asker:?}: {method} {path} is not open from this machine: {here:?}"));
                }
            }
        }
    }
    println!("{cells} cells of the admin address");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn neither_address_has_what_is_the_others() {
    let daemon = Setup::in_memory().start().await;
    let (public, admin) = (Web::new(daemon.addr()), Web::new(daemon.admin_addr()));
    let scene = scene(&daemon, &public).await;
    let mut wrong = Vec::new();
    let mut cells = 0;
    let calls = TABLE.iter().filter_map(|row| match row.way {
        Way::Call { route, with } => Some((route, with, row.body)),
        Way::Frame(_) => None,
    });
    let calls: Vec<_> = calls.collect();
    for asker in ASKERS {
        let web = of(&public, *asker, &scene);
        for entry in LINES.iter().filter(|entry| !entry.is_open()) {
            cells += 1;
            let (method, path) = entry.with(&scene.channel.to_string());
            let answer = web.ask(method, &path, "").await;
            if answer.word() != "404" {
                wrong.push(format!("{asker:?}: the public address answers {method} {path} with {answer:?}"));
            }
        }
        let web = of(&admin, *asker, &scene);
        for (route, with, body) in &calls {
            cells += 1;
            let (method, path) = route.split_once(' ').unwrap();
            let path = if with.is_empty() { path.to_owned() } else { path.replace("{userId}", with) };
            let key = [("{new}", Uuid::now_v7().to_string())].into();
            let path = format!("/api/v1{}", scene.fill(&path, &key));
            let answer = web.ask(method, &path, &scene.fill(body, &key)).await;
            let word = if method == "HEAD" { answer.status.to_string() } else { answer.word() };
            if word != "404" {
                wrong.push(format!("{asker:?}: the admin address answers {method} {path} with {answer:?}"));
            }
        }
    }
    scene.leave(&mut wrong).await;
    println!("{cells} cells of the wrong address");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
