//! The document as a play: sections by heading, and in each the blocks and stage directions that are acted out.
//!
//! A fenced block says behind its language who does what:
//!
//! | fence | means |
//! | --- | --- |
//! | `json NAME sends` | one frame that NAME's socket sends |
//! | `text NAME sends` | the same, which need not be JSON |
//! | `json NAME gets` | one frame that NAME's socket gets |
//! | `text NAME is closed` | the close code and reason that NAME's socket gets |
//! | `http NAME connects` | the upgrade request that opens NAME's socket |
//! | `http NAME calls` | a request with NAME's token; `nobody` has none, `host` one of scope `admin` |
//! | `http answer` | what comes back |
//!
//! Stage directions are comments that no reader sees: `<!-- NAME connects -->`, `<!-- NAME disconnects -->`,
//! `<!-- NAME connects for N s -->` (a token that ends then), `<!-- N times -->` (the next frame sent, each time with a
//! `clientId` of its own; only the last answer counts), `<!-- an admin announces: TEXT -->` and `<!-- the daemon stops -->`.

/// A heading and what happens below it.
#[derive(Debug)]
pub struct Section {
    pub title: String,
    pub steps: Vec<Step>,
}

#[derive(Debug)]
pub struct Step {
    pub line: usize,
    pub what: What,
}

#[derive(Debug, PartialEq, Eq)]
pub enum What {
    Sends { who: String, text: String },
    Says { who: String, text: String },
    Gets { who: String, text: String },
    Closed { who: String, text: String },
    Upgrades { who: String, text: String },
    Calls { who: String, text: String },
    Answer { text: String },
    Connects { who: String, seconds: Option<u64> },
    Disconnects { who: String },
    Times(usize),
    Announces { text: String },
    Stops,
}

impl What {
    /// Whose socket it is about.
    pub fn who(&self) -> Option<&str> {
        match self {
            Self::Sends { who, .. }
            | Self::Says { who, .. }
            | Self::Gets { who, .. }
            | Self::Closed { who, .. }
            | Self::Upgrades { who, .. }
            | Self::Connects { who, .. }
            | Self::Disconnects { who } => Some(who),
            Self::Calls { .. } | Self::Answer { .. } | Self::Times(_) | Self::Announces { .. } | Self::Stops => None,
        }
    }

    /// Whether it is a block, and no stage direction.
    pub fn is_example(&self) -> bool {
        !matches!(
            self,
            Self::Connects { .. } | Self::Disconnects { .. } | Self::Times(_) | Self::Announces { .. } | Self::Stops
        )
    }

    pub fn opens(&self) -> bool {
        matches!(self, Self::Upgrades { .. } | Self::Connects { .. })
    }
}

/// Fails on a block that looks like an example and is none.
pub fn parse(document: &str) -> Vec<Section> {
    let mut sections = vec![Section { title: String::new(), steps: Vec::new() }];
    let mut lines = document.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let what = if let Some(fence) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            block(fence, body.join("\n")).unwrap_or_else(|()| panic!("line {}: what is ```{fence}?", number + 1))
        } else if let Some(direction) = line.strip_prefix("<!-- ").and_then(|rest| rest.strip_suffix(" -->")) {
            Some(stage(direction).unwrap_or_else(|| panic!("line {}: what is <!-- {direction} -->?", number + 1)))
        } else {
            if let Some(title) = line.strip_prefix("## ").or_else(|| line.strip_prefix("### ")) {
                sections.push(Section { title: title.to_owned(), steps: Vec::new() });
            }
            None
        };
        if let (Some(what), Some(section)) = (what, sections.last_mut()) {
            section.steps.push(Step { line: number + 1, what });
        }
    }
    sections
}

/// None for what is no example, an error for what should be one.
fn block(fence: &str, text: String) -> Result<Option<What>, ()> {
    let words: Vec<&str> = fence.split(' ').collect();
    Ok(Some(match words.as_slice() {
        ["json", who, "sends"] => What::Sends { who: (*who).to_owned(), text },
        ["text", who, "sends"] => What::Says { who: (*who).to_owned(), text },
        ["json", who, "gets"] => What::Gets { who: (*who).to_owned(), text },
        ["text", who, "is", "closed"] => What::Closed { who: (*who).to_owned(), text },
        ["http", who, "connects"] => What::Upgrades { who: (*who).to_owned(), text },
        ["http", "answer"] => What::Answer { text },
        ["http", who, "calls"] => What::Calls { who: (*who).to_owned(), text },
        ["json" | "http" | "text", ..] => return Err(()),
        _ => return Ok(None),
    }))
}

fn stage(direction: &str) -> Option<What> {
    if let Some(text) = direction.strip_prefix("an admin announces: ") {
        return Some(What::Announces { text: text.to_owned() });
    }
    let words: Vec<&str> = direction.split(' ').collect();
    Some(match words.as_slice() {
        ["the", "daemon", "stops"] => What::Stops,
        [who, "connects"] => What::Connects { who: (*who).to_owned(), seconds: None },
        [who, "connects", "for", seconds, "s"] => {
            What::Connects { who: (*who).to_owned(), seconds: Some(seconds.parse().ok()?) }
        }
        [who, "disconnects"] => What::Disconnects { who: (*who).to_owned() },
        [count, "times"] => What::Times(count.parse().ok()?),
        _ => return None,
    })
}

#[test]
fn a_document_becomes_sections_with_steps() {
    let sections =
        parse("# Title\n## One\n<!-- ann connects -->\n```json ann gets\n{}\n```\n```sh\nls\n```\n### Two\ntext\n");
    let titles: Vec<_> = sections.iter().map(|section| section.title.as_str()).collect();
    assert_eq!(titles, ["", "One", "Two"]);
    let steps: Vec<_> = sections[1].steps.iter().map(|step| (step.line, &step.what)).collect();
    let who = || "ann".to_owned();
    assert_eq!(
        steps,
        [(3, &What::Connects { who: who(), seconds: None }), (4, &What::Gets { who: who(), text: "{}".to_owned() })]
    );
}
