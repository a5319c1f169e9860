//! Mails: plain text, by a server of the house.

use std::time::{Duration, SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{
        Mailbox,
        header::{ContentType, HeaderName, HeaderValue},
    },
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use secrecy::{ExposeSecret as _, SecretString};

use super::{NotifyError, error::reason, plain};
use crate::config::{MailConfig, MailEncryption};

/// A server that looks names up before it answers takes its time.
const TIMEOUT: Duration = Duration::from_secs(30);

/// All of it: the connection, TLS, and each answer.
const LONGEST: Duration = Duration::from_secs(90);

/// Nobody answers a machine (RFC 3834).
const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");

const ALARM: HeaderName = HeaderName::new_from_ascii_str("X-Gatehouse-Alarm");

/// A mail.
#[derive(Clone, Copy, Debug)]
pub struct Letter<'a> {
    /// What it can be known by if it comes twice.
    pub id: &'a str,
    /// When it is sent.
    pub at: DateTime<Utc>,
    /// The gateway's host: it is in the mail's id, and what the server is greeted with.
    pub host: &'a str,
    /// What it is about, for programs.
    pub alarm: &'a str,
    /// What it is about.
    pub subject: &'a str,
    /// What it says.
    pub text: &'a str,
}

/// Sends a mail to everybody whom the configuration names. The password is read each time.
pub async fn send_mail(config: &MailConfig, letter: Letter<'_>) -> Result<(), NotifyError> {
    let message = message(config, letter)?;
    let password = config.password.as_ref().map(crate::config::SecretSource::read).transpose();
    let password = password.map_err(|error| setting("mail.password", &error))?;
    let transport = transport(config, letter.host, password.as_ref())?;
    let host = config.host().to_owned();
    match tokio::time::timeout(LONGEST, transport.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            let reason = without(reason(&error), config.user.as_deref(), password.as_ref());
            let refuses = error.is_permanent() || error.is_transient() || error.is_client();
            Err(if refuses {
                NotifyError::Refused { host, reason }
            } else {
                NotifyError::Unreachable { host, reason }
            })
        }
        Err(_) => {
            Err(NotifyError::Unreachable { host, reason: "it is silent for too long".to_owned() })
        }
    }
}

fn setting(key: &'static str, problem: &dyn std::fmt::Display) -> NotifyError {
    NotifyError::Setting { key, problem: problem.to_string() }
}

fn message(config: &MailConfig, letter: Letter<'_>) -> Result<Message, NotifyError> {
    let mailbox = |key: &'static str, address: &str| {
        let address = address.parse::<Address>().map_err(|error| setting(key, &error))?;
        Ok::<_, NotifyError>(Mailbox::new(None, address))
    };
    let subject = plain(letter.subject);
    let mut message = Message::builder()
        .from(mailbox("mail.from", &config.from)?)
        .date(SystemTime::from(letter.at))
        .message_id(Some(format!("<{}@{}>", letter.id, letter.host)))
        .subject(subject)
        .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()))
        .raw_header(HeaderValue::new(ALARM, plain(letter.alarm)))
        .header(ContentType::TEXT_PLAIN);
    for to in &config.to {
        message = message.to(mailbox("mail.to", to)?);
    }
    let lines: Vec<_> = letter.text.lines().map(plain).collect();
    message.body(lines.join("\r\n") + "\r\n").map_err(|error| setting("mail", &error))
}

fn transport(
    config: &MailConfig,
    greeting: &str,
    password: Option<&SecretString>,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, NotifyError> {
    let tls = match config.encryption() {
        MailEncryption::None => Tls::None,
        MailEncryption::StartTls => Tls::Required(trust(config)?),
        MailEncryption::Implicit => Tls::Wrapper(trust(config)?),
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(config.host())
        .port(config.port())
        .tls(tls)
        .hello_name(ClientId::Domain(greeting.to_owned()))
        .timeout(Some(TIMEOUT));
    if let (Some(user), Some(password)) = (&config.user, password) {
        let password = password.expose_secret().to_owned();
        transport = transport.credentials(Credentials::new(user.clone(), password));
    }
    Ok(transport.build())
}

fn trust(config: &MailConfig) -> Result<TlsParameters, NotifyError> {
    let mut tls = TlsParameters::builder(config.host().to_owned());
    if let Some(ca) = &config.ca {
        let shown = ca.display();
        let problem = |error: &dyn std::fmt::Display| {
            setting("mail.ca", &format_args!("cannot use {shown}: {error}"))
        };
        let pem = std::fs::read(ca).map_err(|error| problem(&error))?;
        tls =
            tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| problem(&error))?);
    }
    tls.build_rustls().map_err(|error| setting("mail.server", &reason(&error)))
}

/// A server's words without what it was given to know who asks: some say everything again that they do not like.
fn without(words: String, user: Option<&str>, password: Option<&SecretString>) -> String {
    let (Some(user), Some(password)) = (user, password) else { return words };
    let password = password.expose_secret();
    let at_once = BASE64.encode(format!("\0{user}\0{password}"));
    let forms = [password.to_owned(), BASE64.encode(password), at_once];
    let forms = forms.iter().filter(|form| !form.is_empty());
    forms.fold(words, |words, form| words.replace(form, "(a secret)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_again_of_a_password_is_left_out() {
        let password = SecretString::from("hunter2!");
        let said = format!(
            "535 no such {} {} hunter2!",
            BASE64.encode("\0me\0hunter2!"),
            BASE64.encode("hunter2!")
        );
        let shown = without(said, Some("me"), Some(&password));
        assert_eq!(shown, "535 no such (a secret) (a secret) (a secret)");
    }

    #[test]
    fn nothing_that_is_said_becomes_a_field_of_the_head() {
        let config: MailConfig = toml::from_str(
            "to = [\"a@example.com\"]\nfrom = \"b@example.com\"\nserver = \"smtp://localhost\"",
        )
        .unwrap();
        let letter = Letter {
            id: "1",
            at: DateTime::UNIX_EPOCH,
            host: "login.example.com",
            alarm: "connector:x\r\nBcc: c@example.com",
            subject: "x\r\nBcc: d@example.com\r\n\r\nbody",
            text: "one\r\n.\r\ntwo",
        };
        let mail = String::from_utf8(message(&config, letter).unwrap().formatted()).unwrap();
        let (head, body) = mail.split_once("\r\n\r\n").unwrap();
        assert!(head.lines().all(|line| !line.starts_with("Bcc")), "{head}");
        assert!(head.contains("Message-ID: <1@login.example.com>"), "{head}");
        assert_eq!(body, "one\r\n.\r\ntwo\r\n");
    }
}
