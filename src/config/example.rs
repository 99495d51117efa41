//! The settings' file that `tenfour config example` prints and `tenfour init` writes, made of the table of settings.

use super::settings::{SETTINGS, Setting};

const WIDTH: usize = 110;
const HEAD: &str = "\
The settings of tenfour, each with its meaning and its other names: in the environment and as a flag. What holds when nobody
sets one stands below it as a comment: take the # away to set it.

A flag beats the environment, which beats this file. Times and sizes may have units, such as \"30s\", \"5min\", \"64KiB\" or \"10MB\"; a bare
number is in the unit that the name ends with. Relative paths count from the folder of this file. A secret is better kept in a file of
its own, which the setting with _file behind its name names.

Whether all is right: tenfour config check --config FILE. What is in effect, and why: tenfour config show --config FILE.";

/// The file with every setting: those that are given in effect, all others as comments. Loads as it is.
pub fn example(given: &[(&str, String)]) -> String {
    let mut text = HEAD.split("\n\n").map(|part| commented(&part.replace('\n', " "))).collect::<Vec<_>>().join("#\n");
    for setting in SETTINGS {
        text.push('\n');
        text.push_str(&commented(&format!("{}.", setting.doc)));
        text.push_str(&entry(setting, given.iter().find(|(key, _)| *key == setting.key).map(|(_, value)| value)));
    }
    text
}

fn entry(setting: &Setting, given: Option<&String>) -> String {
    let Setting { key, env, default, example, .. } = *setting;
    let names = format!("{env}, --{}", setting.flag());
    match given {
        Some(value) => format!("# {names}\n{key} = {}\n", toml_of(value)),
        None if default.is_empty() => format!("# {names}. Not set; for example:\n#{key} = {}\n", toml_of(example)),
        None => format!("# {names}. Default:\n#{key} = {}\n", toml_of(default)),
    }
}

/// A number as such, anything else as a text.
fn toml_of(value: &str) -> String {
    value.parse::<i64>().map_or_else(|_| toml::Value::from(value).to_string(), |number| number.to_string())
}

/// In lines that fit an editor.
fn commented(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::from("#"));
    for word in text.split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH && line.len() > 1 {
            lines.push_str(&line);
            lines.push('\n');
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    lines.push_str(&line);
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Config, Flags, Loaded, load_places};
    use super::*;

    fn loaded(text: &str) -> Loaded {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tenfour.toml");
        fs::write(&file, text).unwrap();
        load_places(&Flags { config: Some(file), ..Flags::default() }, [])
            .unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    #[test]
    fn it_names_every_setting_and_loads_as_it_is() {
        let text = example(&[]);
        let loaded = loaded(&text);
        assert_eq!(loaded.warnings, Vec::<String>::new());
        assert_eq!(format!("{:?}", loaded.config), format!("{:?}", Config::default()));
        for setting in SETTINGS {
            assert_eq!(text.matches(&format!("\n#{} = ", setting.key)).count(), 1, "{}", setting.key);
            assert!(text.contains(&format!("# {}, --{}", setting.env, setting.flag())), "{}", setting.key);
        }
        assert!(text.lines().all(|line| line.is_empty() || line.starts_with('#')));
        let long = text.lines().find(|line| line.starts_with("# ") && line.chars().count() > WIDTH);
        assert_eq!(long, None);
    }

    #[test]
    fn each_line_may_be_taken_as_it_stands() {
        let text = example(&[]);
        // What is no file of this machine cannot be read.
        for setting in SETTINGS.iter().filter(|setting| !setting.is_path()) {
            // The address of a webhook is nothing without its secret.
            let needs = (setting.key == "webhook_url").then_some("webhook_secret");
            let taken = [Some(setting.key), needs]
                .into_iter()
                .flatten()
                .fold(text.clone(), |text, key| text.replace(&format!("\n#{key} = "), &format!("\n{key} = ")));
            loaded(&taken);
        }
    }

    #[test]
    fn what_is_given_is_in_effect() {
        let odd = "https://app.example/\"quoted\\";
        let given = [("max_group_members", "7".to_owned()), ("log", "warn".to_owned()), ("jwt_issuer", odd.to_owned())];
        let config = loaded(&example(&given)).config;
        assert_eq!((config.limits.max_group_members, config.log.as_str()), (7, "warn"));
        assert_eq!(config.auth.issuer.as_deref(), Some(odd));
    }
}
