//! The daemon that a measurement starts for itself: its settings here, and the hidden command that the child runs.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::process;

use super::super::{Failure, serve as server, warned};
use crate::bench::address::Address;
use crate::bench::own::{Folder, OwnDaemon, READY};
use crate::bench::scenario::Target;
use crate::bench::users::Users;
use crate::config::settings::by_key;
use crate::config::{AuthSettings, Config, Flags, load};

/// The command that the child is started with.
const COMMAND: &str = "bench-daemon";

/// A daemon, its folder, and what its tokens are signed with.
pub(super) struct Own {
    // In this order: the daemon ends before its folder goes.
    daemon: OwnDaemon,
    _folder: Folder,
    auth: AuthSettings,
}

impl Own {
    /// With these settings, and else with those of a daemon that nobody else uses.
    pub(super) fn start(settings: Flags, members: usize) -> Result<Self, Failure> {
        if settings.config.is_some() {
            let text = "--config is for a daemon that runs (--url): give the settings of an own one by flags";
            return Err(Failure::Configuration(text.to_owned()));
        }
        let folder = Folder::make()?;
        let flags = flags(settings, &folder, members)?;
        // Checked here, where what is wrong can be told well.
        let loaded = warned(load(&flags, [])?);
        let program = std::env::current_exe()
            .map_err(|error| Failure::Failed(format!("cannot find this program to start a daemon: {error}")))?;
        let daemon = OwnDaemon::start(&program, &arguments(&flags))?;
        Ok(Self { daemon, _folder: folder, auth: loaded.config.auth })
    }

    pub(super) fn target(&self) -> Result<Target, Failure> {
        let users = Users::minted(self.auth.clone());
        let address = Address::find(&self.daemon.url)?;
        Ok(Target { address, users, process: Some(self.daemon.process()), is_own: true })
    }
}

fn flags(given: Flags, folder: &Folder, members: usize) -> Result<Flags, Failure> {
    let mut values = vec![
        ("listen", "127.0.0.1:0".to_owned()),
        ("admin_listen", "off".to_owned()),
        ("database_url", format!("sqlite:{}", folder.path().join("bench.db").display())),
        // Beside the tables of a daemon that uses the same database, not among them.
        ("database_schema", "tenfour_bench".to_owned()),
        ("rate_limit", "off".to_owned()),
        ("max_group_members", members.max(Config::default().limits.max_group_members).to_string()),
        ("log", "warn".to_owned()),
    ];
    if given.values.iter().any(|(key, _)| *key == "database_url_file") {
        values.retain(|(key, _)| *key != "database_url");
    }
    if !given.values.iter().any(|(key, _)| key.starts_with("jwt_")) {
        values.push(("jwt_secret_file", folder.secret()?.display().to_string()));
    }
    values.extend(given.values);
    Ok(Flags { values, ..Flags::default() })
}

fn arguments(flags: &Flags) -> Vec<String> {
    let named = flags.values.iter().filter_map(|(key, value)| Some((by_key(key)?, value)));
    let mut last: Vec<String> = Vec::new();
    for (setting, value) in named {
        let flag = format!("--{}=", setting.flag());
        last.retain(|argument| !argument.starts_with(&flag));
        last.push(format!("{flag}{value}"));
    }
    last.insert(0, COMMAND.to_owned());
    last
}

/// The child: a daemon that says where it listens, and ends when whoever started it does.
pub(in crate::cli) fn serve(
    flags: &Flags,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<(), Failure> {
    server::run(warned(load(flags, environment)?), async |daemon, _| {
        std::thread::spawn(|| {
            // Whoever started us is gone when this ends, well or not. Nothing of the database is needed any more.
            let _ = io::stdin().read_to_end(&mut Vec::new());
            process::exit(0);
        });
        let mut out = io::stdout().lock();
        writeln!(out, "{READY}{}", daemon.addr())
            .and_then(|()| out.flush())
            .map_err(|error| Failure::Failed(format!("cannot print: {error}")))
    })
}
