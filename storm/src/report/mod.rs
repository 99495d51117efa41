//! What a run has shown: text for the terminal, JSON for programs, a page for people; and the same of many runs.
//!
//! Called when a run is over and checked. Judges nothing: the verdict is the checker's.

/// Writes to the end of a text, which does not fail.
macro_rules! put {
    ($text:expr, $($words:tt)*) => {{
        let _ = ::std::fmt::Write::write_fmt($text, format_args!($($words)*));
    }};
}

pub(crate) mod campaign;
mod campaign_page;
mod page;
mod plot;
mod summary;
mod text;
mod timeline;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use crate::Trouble;
use crate::checker::Verdict;
use crate::history::History;
use crate::run::Storm;

use campaign::Row;
use summary::Summary;

/// What is kept of a run.
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) row: Row,
    pub(crate) folder: PathBuf,
}

/// Writes into a folder of the run's own, below `out`.
pub(crate) fn write(out: &Path, storm: &Storm, history: &History, verdict: &Verdict) -> Result<Written, Trouble> {
    let summary = Summary::of(storm, history, verdict);
    let name = match summary.sabotage {
        Some(bug) => format!("{}-{}-{bug}", summary.shape, summary.seed),
        None => format!("{}-{}", summary.shape, summary.seed),
    };
    let folder = out.join(&name);
    fs::create_dir_all(&folder)?;
    let text = text::Text(&summary).to_string();
    fs::write(folder.join("report.txt"), &text)?;
    fs::write(folder.join("report.json"), serde_json::to_string(&summary)?)?;
    fs::write(folder.join("report.html"), page::of(&summary))?;
    Ok(Written { text, row: Row::of(&summary, name), folder })
}
