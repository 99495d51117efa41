//! The secret of a daemon's own: when there has to be one, where it is, and who may make it.

use super::database::Kind;
use super::load::Reader;
use super::{AuthSettings, Config, HmacKey, Loaded, Secret, kept};

const NO_SECRET: &str =
    "no secret here: use the settings of the daemon (--config FILE, TENFOUR_JWT_SECRET or TENFOUR_JWT_SECRET_FILE)";

/// Settings that say which tokens are let in.
const KEYS: [&str; 6] =
    ["jwt_keys", "jwt_keys_file", "jwt_secret", "jwt_secret_file", "jwt_public_key_file", "jwks_url"];

/// Nothing else says which tokens are let in.
fn is_wanted(auth: &AuthSettings) -> bool {
    auth.keys.is_empty() && auth.public_key.is_none() && auth.jwks.is_none()
}

/// Several daemons may share a server: none of them can make up the key.
pub(super) fn key_of_a_server(reader: &mut Reader, config: &Config) {
    // A key that was given and is wrong has been told already.
    let tried = KEYS.iter().any(|key| reader.gathered.given.contains_key(key));
    if is_wanted(&config.auth) && !tried && Kind::of(config.database.url.expose()) == Some(Kind::Server) {
        reader.problem(
            "jwt_secret",
            "must be set where the database is a server, so that all nodes agree: 32 bytes or more, as \
             TENFOUR_JWT_SECRET (`openssl rand -hex 32` makes one), or jwt_public_key_file or jwks_url instead",
        );
    }
}

/// The one that a daemon with these settings has made for itself.
pub(super) fn kept(reader: &mut Reader, config: &mut Config) {
    if !is_wanted(&config.auth) {
        return;
    }
    let path = match Kind::of(config.database.url.expose()) {
        Some(Kind::File(database)) => kept::path_beside(&database),
        _ => return reader.gathered.problems.push(NO_SECRET.to_owned()),
    };
    if !path.exists() {
        return reader.gathered.problems.push(NO_SECRET.to_owned());
    }
    take(reader, config, kept::read(&path));
}

/// Where nothing says which tokens are let in, the daemon makes one.
pub(super) fn made(reader: &mut Reader, config: &mut Config) {
    if !is_wanted(&config.auth) || !has_folder(reader, config) {
        return;
    }
    let made = if let Some(Kind::File(path)) = Kind::of(config.database.url.expose()) {
        kept::beside(&path)
    } else {
        // It dies with the process, as the database does.
        kept::random().map(|text| (Secret::new(text), None)).map_err(|error| error.to_string())
    };
    take(reader, config, made);
}

/// What would keep it from being made, or from being taken where it is there. Makes nothing.
pub(super) fn could_be_made(reader: &mut Reader, config: &mut Config) {
    if !is_wanted(&config.auth) || !has_folder(reader, config) {
        return;
    }
    if let Some(Kind::File(database)) = Kind::of(config.database.url.expose()) {
        let path = kept::path_beside(&database);
        if path.exists() {
            take(reader, config, kept::read(&path));
        }
    }
}

/// After the secret of a daemon that runs, whose database is kept in `config`: it may be read anew where it is in a file, and
/// is known to the process alone where it is not.
pub(super) fn again(reader: &mut Reader, config: &mut Config, running: &Loaded) {
    let in_a_file = matches!(Kind::of(config.database.url.expose()), Some(Kind::File(_)));
    let had_its_own = !KEYS.iter().any(|key| running.given.contains_key(key));
    if is_wanted(&config.auth) && had_its_own && !in_a_file {
        config.auth.keys.clone_from(&running.config.auth.keys);
    } else {
        made(reader, config);
    }
}

fn has_folder(reader: &mut Reader, config: &Config) -> bool {
    let Some(Kind::File(path)) = Kind::of(config.database.url.expose()) else { return true };
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) else {
        return true;
    };
    let text = format!("the folder {} does not exist: create it, or name another file", folder.display());
    reader.problem("database_url", &text);
    false
}

fn take(reader: &mut Reader, config: &mut Config, found: Result<(Secret, Option<String>), String>) {
    match found {
        Ok((secret, warning)) => {
            config.auth.keys.push(HmacKey { kid: None, secret });
            reader.gathered.warnings.extend(warning);
        }
        Err(error) => reader.problem("jwt_secret", &error),
    }
}
