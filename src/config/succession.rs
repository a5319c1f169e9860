//! A configuration that takes another one's place while the gateway runs.

use toml::{Table, Value};

use super::Config;

/// What is read at start only: addresses and what is opened there, the store, the keys.
const AT_START: [&str; 18] = [
    "server.listen",
    "server.proxy_protocol_listen",
    "server.internal_listen",
    "server.internal_encrypted_elsewhere",
    "server.http2",
    "server.max_connections",
    "server.max_connections_per_client",
    "server.keep_alive_seconds",
    "server.shutdown_grace_seconds",
    "store",
    "secrets",
    "admin",
    "telemetry.log_format",
    "telemetry.otlp",
    "session.idle_timeout_seconds",
    "session.absolute_timeout_seconds",
    "session.outage_timeout_seconds",
    "session.max_saved_post_bytes",
];

/// Whether TLS is spoken at all is known before the first connection; with which certificates is not.
const TLS: [&str; 3] = ["server.tls", "server.certificate", "server.internal_tls"];

/// Tables of which single keys can change.
const BY_KEY: [&str; 3] = ["server", "telemetry", "session"];

/// What is different about a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// What can take effect now.
    pub(crate) now: Vec<String>,
    /// What takes effect at the next start.
    pub(crate) at_start: Vec<String>,
}

impl Config {
    /// This configuration in the place of the `running` one: with what that was started with where it cannot be changed
    /// any more, and what is different. Whether the two are good together is not looked at ([`Config::check_again`]).
    #[must_use]
    pub fn succeed(mut self, running: &Self) -> (Self, Differences) {
        let mut differences = Differences::default();
        let tls_stays = self.server.speaks_tls() == running.server.speaks_tls();
        let internal_stays =
            self.server.internal_tls.is_some() == running.server.internal_tls.is_some();
        for key in keys(&self.document, &running.document) {
            if find(&self.document, &key) == find(&running.document, &key) {
                continue;
            }
            let is_tls = TLS.contains(&&*key);
            let may_stay = if key == "server.internal_tls" { internal_stays } else { tls_stays };
            if AT_START.contains(&&*key) || is_tls && !may_stay {
                put(&mut self.document, &key, find(&running.document, &key).cloned());
                differences.at_start.push(key);
            } else {
                differences.now.push(key);
            }
        }
        if !differences.at_start.is_empty() {
            self.keep_from(running, tls_stays, internal_stays);
        }
        (self, differences)
    }

    /// Takes over what stays as it was. It is what [`AT_START`] names.
    fn keep_from(&mut self, running: &Self, tls_stays: bool, internal_stays: bool) {
        let (server, old) = (&mut self.server, &running.server);
        server.listen.clone_from(&old.listen);
        server.proxy_protocol_listen.clone_from(&old.proxy_protocol_listen);
        server.internal_listen = old.internal_listen;
        server.internal_encrypted_elsewhere = old.internal_encrypted_elsewhere;
        server.http2 = old.http2;
        server.max_connections = old.max_connections;
        server.max_connections_per_client = old.max_connections_per_client;
        server.keep_alive_seconds = old.keep_alive_seconds;
        server.shutdown_grace_seconds = old.shutdown_grace_seconds;
        if !tls_stays {
            server.tls.clone_from(&old.tls);
            server.certificate.clone_from(&old.certificate);
        }
        if !internal_stays {
            server.internal_tls.clone_from(&old.internal_tls);
        }
        self.store = running.store.clone();
        self.secrets = running.secrets.clone();
        self.admin = running.admin.clone();
        self.telemetry.log_format = running.telemetry.log_format;
        self.telemetry.otlp.clone_from(&running.telemetry.otlp);
        self.session = running.session.clone();
    }
}

/// Everything that one of two documents says, by its key.
fn keys(new: &Table, old: &Table) -> Vec<String> {
    let mut keys = Vec::new();
    for (name, value) in new.iter().chain(old) {
        match value {
            Value::Table(table) if BY_KEY.contains(&&**name) => {
                keys.extend(table.keys().map(|key| format!("{name}.{key}")));
            }
            _ => keys.push(name.clone()),
        }
    }
    keys.sort_unstable();
    keys.dedup();
    keys
}

fn find<'a>(document: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((table, key)) => document.get(table)?.as_table()?.get(key),
        None => document.get(key),
    }
}

fn put(document: &mut Table, key: &str, value: Option<Value>) {
    let (table, key) = match key.split_once('.') {
        Some((name, key)) => {
            let table = document.entry(name).or_insert_with(|| Value::Table(Table::new()));
            (table.as_table_mut(), key)
        }
        None => (Some(document), key),
    };
    let Some(table) = table else { return };
    match value {
        Some(value) => table.insert(key.to_owned(), value),
        None => table.remove(key),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../../deploy/gatehouse.example.toml");

    fn succeed(changes: &[(&str, &str)]) -> (Config, Differences) {
        let mut text = EXAMPLE.to_owned();
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replacen(from, to, 1);
        }
        Config::parse(&text).unwrap().succeed(&Config::parse(EXAMPLE).unwrap())
    }

    #[test]
    fn what_stays_the_same_is_no_difference() {
        assert_eq!(succeed(&[]).1, Differences::default());
        assert_eq!(
            succeed(&[("# The applications", "# All applications")]).1,
            Differences::default()
        );
    }

    #[test]
    fn what_can_change_does_and_the_rest_is_named_again_and_again() {
        let (config, differences) = succeed(&[
            ("0.0.0.0:443", "0.0.0.0:8443"),
            ("log_level = \"info\"", "log_level = \"warn\""),
            ("10.0.0.10:8080", "10.0.0.12:8080"),
            ("/etc/gatehouse/tls/fullchain.pem", "/etc/gatehouse/tls/new.pem"),
            ("gatehouse.db", "other.db"),
            ("idle_timeout_seconds = 28800", "idle_timeout_seconds = 3600"),
        ]);
        assert_eq!(differences.now, ["app", "server.tls", "telemetry.log_level"]);
        let waits = ["server.listen", "session.idle_timeout_seconds", "store"];
        assert_eq!(differences.at_start, waits);
        assert_eq!(config.server.listen[0].port(), 443);
        assert_eq!(config.telemetry.log_level, "warn");
        assert!(config.store.url.ends_with("/gatehouse.db"));
        assert_eq!(config.session.idle_timeout_seconds, 28800);

        // What waits for the next start still does at the next reload, and is no change when it is taken back.
        let same = Config::parse(&EXAMPLE.replace("0.0.0.0:443", "0.0.0.0:8443")).unwrap();
        assert_eq!(same.succeed(&config).1.at_start, ["server.listen"]);
        let back = Config::parse(EXAMPLE).unwrap().succeed(&config).1;
        assert_eq!((back.at_start.len(), back.now.len()), (0, 3));
    }

    #[test]
    fn what_would_be_good_only_with_what_waits_for_a_restart_is_found() {
        let running = EXAMPLE.replace("127.0.0.1:9090", "0.0.0.0:9090");
        let encrypted = running.replacen("# internal_tls = {", "internal_tls = {", 1);
        let asked = format!("{encrypted}\n[forward_auth]\npeers = [\"10.0.0.1/32\"]\n");
        let running = Config::parse(&running).unwrap();
        let (config, differences) = Config::parse(&asked).unwrap().succeed(&running);
        assert_eq!(differences.at_start, ["server.internal_tls"]);
        let problems = config.check_again().unwrap_err().to_string();
        assert!(problems.contains("server.internal_tls: needed where peers ask"), "{problems}");
        let (config, _) = Config::parse(&encrypted).unwrap().succeed(&running);
        assert!(config.check_again().is_ok());
    }

    #[test]
    fn tls_neither_begins_nor_ends_while_the_gateway_runs() {
        let (config, differences) = succeed(&[
            ("trusted_proxies = []", "trusted_proxies = [\"10.0.0.1/32\"]"),
            ("[server.tls]\n", ""),
            ("certificate = \"/etc/gatehouse/tls/fullchain.pem\"\n", ""),
            ("key = \"/etc/gatehouse/tls/privkey.pem\"\n", ""),
        ]);
        assert_eq!(differences.at_start, ["server.tls"]);
        assert_eq!(differences.now, ["server.trusted_proxies"]);
        assert!(config.server.tls.is_some());
    }
}
