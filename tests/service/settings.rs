//! `tenfour config` and `tenfour init`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::process::ProcessDaemon;
use crate::socket::TestSocket;

/// The program in a folder, with nothing in its environment.
fn tenfour(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tenfour"));
    command.args(arguments).env_clear().current_dir(folder).stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    tenfour(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_example_is_right_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let example = run(folder.path(), &["config", "example"]);
    assert!(example.status.success());
    let file = folder.path().join("tenfour.toml");
    fs::write(&file, &example.stdout).unwrap();
    let judged = run(folder.path(), &["config", "check", "--strict", "--config", "tenfour.toml"]);
    assert_eq!(judged.status.code(), Some(0), "{}", text(&judged.stderr));
    assert_eq!(text(&judged.stdout), "the settings are right (tenfour.toml)\n");
    assert_eq!(names(folder.path()), ["tenfour.toml"], "nothing is made");
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_the_code_of_a_wrong_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let file = "lissten = \"127.0.0.1:1\"\nrate_limit = \"fast\"\nheartbeat_interval_ms = \"soon\"\n";
    fs::write(folder.path().join("t.toml"), file).unwrap();
    let check = |file: &str, strict: bool| {
        let mut command = tenfour(folder.path(), &["config", "check", "--config", file]);
        command.args(strict.then_some("--strict")).env("TENFOUR_RATE_LIMT", "5");
        command.output().unwrap()
    };
    let judged = check("t.toml", false);
    assert_eq!(judged.status.code(), Some(78));
    let said: Vec<&str> = text(&judged.stderr).lines().collect();
    assert_eq!(said.len(), 3, "{said:#?}");
    assert!(said[0].contains("t.toml:1: lissten: is no setting; did you mean listen?"), "{said:#?}");
    assert!(said.iter().any(|line| line.contains("t.toml:2: rate_limit")), "{said:#?}");
    assert!(said.iter().any(|line| line.contains("t.toml:3") && line.contains("30s")), "{said:#?}");
    // Keys that cannot be used are told as well, before any daemon is started.
    fs::write(folder.path().join("t.toml"), "jwt_public_key_file = \"issuer.pem\"\n").unwrap();
    fs::write(folder.path().join("issuer.pem"), "no key").unwrap();
    let judged = check("t.toml", false);
    assert_eq!(judged.status.code(), Some(78));
    assert!(text(&judged.stderr).contains("issuer.pem"), "{}", text(&judged.stderr));
    // A variable that is no setting keeps no daemon from starting, but for who is strict.
    fs::write(folder.path().join("t.toml"), "log = \"warn\"\n").unwrap();
    let judged = check("t.toml", false);
    assert_eq!(judged.status.code(), Some(0));
    assert!(text(&judged.stderr).contains("did you mean TENFOUR_RATE_LIMIT?"), "{}", text(&judged.stderr));
    assert!(text(&judged.stdout).contains("with a warning"));
    assert_eq!(check("t.toml", true).status.code(), Some(78));
}

#[test]
fn what_is_in_effect_is_shown_with_who_said_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("t.toml"), "log = \"warn\"\njwt_secret_file = \"secret\"\n").unwrap();
    fs::write(folder.path().join("secret"), "hunter2-hunter2-hunter2-hunter2-hunter2\n").unwrap();
    let credentials = folder.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("redis-url"), "redis://:hunter2@cache\n").unwrap();
    let ask = |what: &str| {
        let mut command = tenfour(folder.path(), &["config", what, "--config", "t.toml", "--rate-limit", "off"]);
        command.env("TENFOUR_LISTEN", "127.0.0.1:9").env("CREDENTIALS_DIRECTORY", &credentials);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let said = text(&output.stdout).to_owned();
        assert!(!said.contains("hunter2"), "{said}");
        said
    };
    let shown = ask("show");
    let line = |key: &str| -> Vec<&str> {
        let line = shown.lines().find(|line| line.starts_with(&format!("{key} "))).unwrap();
        line.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect()
    };
    assert_eq!(line("listen"), ["listen", "127.0.0.1:9", "environment TENFOUR_LISTEN"]);
    assert_eq!(line("rate_limit"), ["rate_limit", "off", "flag --rate-limit"]);
    assert_eq!(line("log"), ["log", "warn", "t.toml:1"]);
    assert_eq!(line("max_group_members"), ["max_group_members", "50", "default"]);
    assert_eq!(line("jwt_secret"), ["jwt_secret", "[redacted]", "secret (named by t.toml:2)"]);
    assert_eq!(line("redis_url")[1], "redis://[redacted]@cache");
    assert!(line("redis_url")[2].starts_with("credential "), "{:?}", line("redis_url"));
    let env = ask("env");
    for expected in
        ["TENFOUR_LISTEN=127.0.0.1:9", "TENFOUR_RATE_LIMIT=off", "TENFOUR_LOG=warn", "# TENFOUR_DB_QUEUE=4096"]
    {
        assert!(env.lines().any(|line| line == expected), "{expected}: {env}");
    }
}

#[tokio::test]
async fn the_first_configuration_works_and_is_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let init = || run(folder.path(), &["init", "--dir", "chat", "--allowed-origins", "https://app.example"]);
    let made = init();
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    let told = text(&made.stdout);
    let chat = folder.path().join("chat");
    let mode = |name: &str| fs::metadata(chat.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((names(&chat), mode("jwt_secret")), (vec!["jwt_secret".to_owned(), "tenfour.toml".to_owned()], 0o600));
    let secret = fs::read_to_string(chat.join("jwt_secret")).unwrap();
    assert_eq!(secret.trim().len(), 64);
    // The lines that the application takes, as they are.
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines.contains(&"CHAT_URL=http://127.0.0.1:8080"), "{told}");
    assert!(lines.contains(&&*format!("TENFOUR_JWT_SECRET={}", secret.trim())), "{told}");
    let next = lines.iter().find_map(|line| line.trim().split_once(" serve ")).unwrap().1;
    // What it says to do next, on free ports, from elsewhere than where the files are.
    let mut serve = tenfour(folder.path(), &["serve"]);
    serve.args(next.split(' ')).env("TENFOUR_LISTEN", "127.0.0.1:0").env("TENFOUR_ADMIN_LISTEN", "127.0.0.1:0");
    let daemon = ProcessDaemon::start_as({
        serve.stdout(Stdio::null()).stderr(Stdio::piped());
        serve
    });
    assert!(chat.join("tenfour.db").is_file(), "{:?}", names(&chat));
    let arguments = ["token", "--config", "chat/tenfour.toml", "--sub", "ana", "--name", "Ana"];
    let token = run(folder.path(), &arguments);
    let ana = TestSocket::connect("ana", &daemon.url(), text(&token.stdout).trim()).await;
    drop(ana);
    let before = names(&chat);
    let again = init();
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("nothing was written"), "{}", text(&again.stderr));
    assert_eq!((names(&chat), fs::read_to_string(chat.join("jwt_secret")).unwrap()), (before, secret));
}

#[test]
fn what_is_given_to_init_is_set_and_secrets_go_to_files_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://me:hunter2@db.example/chat";
    let mut init = vec!["init", "--database-url", url, "--max-group-members", "200"];
    init.extend(["--audit-heads", "heads", "--audit-key", "/var/key"]);
    let made = run(folder.path(), &init);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert_eq!(names(folder.path()), ["database_url", "jwt_secret", "tenfour.toml"]);
    let file = fs::read_to_string(folder.path().join("tenfour.toml")).unwrap();
    let set: Vec<&str> = file.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let heads = format!("audit_heads = \"{}\"", folder.path().canonicalize().unwrap().join("heads").display());
    for expected in
        ["database_url_file = \"database_url\"", "max_group_members = 200", "audit_key = \"/var/key\"", &heads]
    {
        assert!(set.contains(&expected), "{expected}: {set:?}");
    }
    assert!(!file.contains("hunter2"));
    // One that is wrong writes nothing.
    let wrong = tempfile::tempdir().unwrap();
    let made = run(wrong.path(), &["init", "--rate-limit", "fast"]);
    assert_eq!((made.status.code(), names(wrong.path())), (Some(78), Vec::new()));
    // A file that is in the way of one keeps all from being written.
    fs::write(wrong.path().join("tenfour.toml"), "mine").unwrap();
    let made = run(wrong.path(), &["init"]);
    assert_eq!((made.status.code(), names(wrong.path())), (Some(1), vec!["tenfour.toml".to_owned()]));
    assert_eq!(fs::read_to_string(wrong.path().join("tenfour.toml")).unwrap(), "mine");
}
