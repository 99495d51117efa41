//! `tenfour migrate-store`: from the SQLite file of the settings into PostgreSQL, with every id, number and cursor as it is.

use std::io::{self, Write};

use clap::Args;
use tokio::runtime::Handle;

use super::Failure;
use super::db::{failed, file, settings};
use super::flags::SettingFlags;
use crate::config::{AttachmentPlace, Config};
use crate::store::{self, Care, Settings};

#[derive(Debug, Args)]
pub(super) struct MigrateStore {
    /// The PostgreSQL database to fill, as `postgres://USER:PASSWORD@HOST/DATABASE`. Seen in the list of processes while it runs.
    #[arg(long, value_name = "URL")]
    to: String,
    /// The schema there, empty or not made yet.
    #[arg(long, value_name = "NAME", default_value = "tenfour")]
    to_schema: String,
    #[command(flatten)]
    pub(super) flags: SettingFlags,
}

pub(super) fn run(config: &Config, options: &MigrateStore) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| failed(format!("cannot start: {error}")))?;
    let from = settings(config)?;
    let path = file(&from)?;
    let url: store::DatabaseUrl =
        options.to.parse().map_err(|error: store::InvalidUrl| failed(format!("--to: {error}")))?;
    if !matches!(url, store::DatabaseUrl::Postgres(_)) {
        return Err(failed("--to: has to be postgres://USER:PASSWORD@HOST/DATABASE"));
    }
    let to = Settings { pg_schema: options.to_schema.clone(), ..Settings::new(url) };
    let counts = runtime.block_on(async {
        let mut source = Care::open(&from).await.map_err(failed)?;
        if !source.state().await.map_err(failed)?.pending.is_empty() {
            return Err(failed("the schema of the source is not that of this release: tenfour db migrate"));
        }
        if !source.is_alone().await.map_err(failed)? {
            return Err(failed(format!("{} is open in another process: stop the daemon first", path.display())));
        }
        drop(source);
        let (writer, _) = store::open(to.clone(), Handle::current()).await.map_err(failed)?;
        writer.close().await.map_err(failed)?;
        let told = |table: &str, count: usize| {
            let _ = writeln!(io::stderr(), "tenfour: {table}: {count}");
        };
        store::transfer(&from, &to, told).await.map_err(failed)
    })?;
    let rows: usize = counts.iter().map(|(_, count)| count).sum();
    let mut lines = vec![
        format!("{rows} rows are in PostgreSQL, each compared with what it was; {} is as it was.", path.display()),
        "Before the daemon is started with DATABASE_URL set to PostgreSQL:".to_owned(),
        format!(
            "- the secret of the tokens: TENFOUR_JWT_SECRET_FILE={}.jwt-secret, unless keys are set",
            path.display()
        ),
        format!("- the key of the audit trail: TENFOUR_AUDIT_KEY={}.audit-key", path.display()),
    ];
    if let AttachmentPlace::Folder(folder) = config.attachment_place() {
        lines.push(format!("- the attachments: TENFOUR_ATTACHMENTS=file://{}", folder.display()));
    }
    writeln!(io::stdout(), "{}", lines.join("\n")).map_err(failed)
}
