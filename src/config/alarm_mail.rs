//! `[alarm.mail]`.

use std::{net::IpAddr, path::PathBuf};

use serde::Deserialize;
use url::Url;

use super::{Problems, SecretSource};

/// Whom messages are mailed to, and by which server.
#[derive(Clone, Debug, Deserialize)]
pub struct MailConfig {
    /// The addresses.
    pub to: Vec<String>,
    /// Whose it is.
    pub from: String,
    /// The server: `smtp://mail.example.com` (port 587) encrypts by STARTTLS, `smtps://mail.example.com` (port 465) from
    /// the beginning.
    pub server: Url,
    /// Who the gateway is there. Default: nobody; it is known by its address.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<SecretSource>,
    /// `required`, or `none`: mails are sent in clear then. Default: required, but on this machine.
    pub tls: Option<MailTls>,
    /// A file with certificates (PEM) that are trusted there, beside the system's.
    pub ca: Option<PathBuf>,
}

/// Whether mails are encrypted on their way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// Or not sent.
    Required,
    /// They are not.
    None,
}

/// How a server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailEncryption {
    /// From the first byte (RFC 8314).
    Implicit,
    /// After STARTTLS (RFC 3207), or not at all.
    StartTls,
    /// Not encrypted.
    None,
}

impl MailConfig {
    /// The server's name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        self.server.host_str().unwrap_or_default().trim_matches(['[', ']'])
    }

    /// The server's port.
    #[must_use]
    pub fn port(&self) -> u16 {
        let usual = if self.server.scheme() == "smtps" { 465 } else { 587 };
        self.server.port().unwrap_or(usual)
    }

    /// How it is spoken to.
    #[must_use]
    pub fn encryption(&self) -> MailEncryption {
        match (self.server.scheme(), self.tls) {
            ("smtps", _) => MailEncryption::Implicit,
            (_, Some(MailTls::None)) => MailEncryption::None,
            (_, None) if self.is_here() => MailEncryption::None,
            (_, Some(MailTls::Required) | None) => MailEncryption::StartTls,
        }
    }

    fn is_here(&self) -> bool {
        let host = self.host();
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn check(&self, key: &str, problems: &mut Problems) {
        if self.to.is_empty() {
            problems.add(format!("{key}.to"), "name at least one address");
        }
        for (name, address) in self.to.iter().map(|to| ("to", to)).chain([("from", &self.from)]) {
            if !is_address(address) {
                let problem = format!("{address:?} is no address of mail, such as ops@example.com");
                problems.add(format!("{key}.{name}"), problem);
            }
        }
        let server = &self.server;
        let is_bare = server.username().is_empty()
            && server.password().is_none()
            && matches!(server.path(), "" | "/")
            && server.query().is_none();
        if !matches!(server.scheme(), "smtp" | "smtps") || self.host().is_empty() || !is_bare {
            let problem = "must be smtp://host, smtp://host:port or smtps://host, and nothing more";
            problems.add(format!("{key}.server"), problem);
        }
        if self.user.is_some() != self.password.is_some() {
            problems.add(format!("{key}.password"), "goes with user, and user with it");
        }
        if server.scheme() == "smtps" && self.tls == Some(MailTls::None) {
            problems.add(format!("{key}.tls"), "smtps:// is encrypted: say smtp://");
        }
        if self.password.is_some() && self.encryption() == MailEncryption::None && !self.is_here() {
            let problem = "the password would cross the network in clear";
            problems.add(format!("{key}.tls"), problem);
        }
    }
}

/// Something with one `@` that has no room for anything else of a mail's head.
fn is_address(text: &str) -> bool {
    let is_plain = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c))
    };
    text.split_once('@').is_some_and(|(local, domain)| is_plain(local) && is_plain(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_room_for_nothing_else() {
        for good in ["ops@example.com", "a+b@x", "jürgen@example.com"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "ops", "@x", "a@", "a@b@c", "a b@c", "a@b\r\nBcc: c@d", "A <a@b>", "a@b,c@d"]
        {
            assert!(!is_address(bad), "{bad}");
        }
    }

    fn config(text: &str) -> MailConfig {
        toml::from_str(&format!("to = [\"a@b\"]\nfrom = \"c@d\"\n{text}")).unwrap()
    }

    #[test]
    fn mails_are_encrypted_unless_they_stay_here_or_it_is_spelled_out() {
        let cases = [
            (
                "server = \"smtp://mail.example.com\"",
                "mail.example.com",
                587,
                MailEncryption::StartTls,
            ),
            (
                "server = \"smtps://mail.example.com\"",
                "mail.example.com",
                465,
                MailEncryption::Implicit,
            ),
            ("server = \"smtp://127.0.0.1:25\"", "127.0.0.1", 25, MailEncryption::None),
            ("server = \"smtp://[::1]:25\"", "::1", 25, MailEncryption::None),
            (
                "server = \"smtp://localhost\"\ntls = \"required\"",
                "localhost",
                587,
                MailEncryption::StartTls,
            ),
            ("server = \"smtp://10.0.0.1\"\ntls = \"none\"", "10.0.0.1", 587, MailEncryption::None),
        ];
        for (text, host, port, encryption) in cases {
            let config = config(text);
            assert_eq!((config.host(), config.port()), (host, port), "{text}");
            assert_eq!(config.encryption(), encryption, "{text}");
        }
    }

    #[test]
    fn a_password_does_not_cross_the_network_in_clear() {
        let text = "server = \"smtp://10.0.0.1\"\nuser = \"u\"\npassword = { env = \"P\" }\ntls = \"none\"";
        let mut problems = Problems::default();
        config(text).check("mail", &mut problems);
        assert!(problems.to_string().contains("in clear"), "{problems}");
    }
}
