//! Who made somebody a member of a group.

use std::{fmt, str::FromStr};

use super::Issuer;

/// Who made somebody a member. A source takes away only what it gave.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// An administrator.
    Manual,
    /// A login through this issuer.
    Jit(Issuer),
    /// A run of this connector.
    Connector(String),
    /// This SCIM client.
    Scim(String),
    /// The first visit to this app.
    Default(String),
    /// An import by this name.
    Import(String),
    /// This application, which knows the gateway as a Crowd server.
    Crowd(String),
}

/// A text that names no source.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the source of a membership")]
pub struct UnknownSource(String);

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manual => f.write_str("manual"),
            Self::Jit(issuer) => write!(f, "jit:{issuer}"),
            Self::Connector(name) => write!(f, "connector:{name}"),
            Self::Scim(name) => write!(f, "scim:{name}"),
            Self::Default(app) => write!(f, "default:{app}"),
            Self::Import(name) => write!(f, "import:{name}"),
            Self::Crowd(application) => write!(f, "crowd:{application}"),
        }
    }
}

impl FromStr for Source {
    type Err = UnknownSource;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "manual" => Ok(Self::Manual),
            Some(("jit", issuer)) => Ok(Self::Jit(Issuer(issuer.to_owned()))),
            Some(("connector", name)) => Ok(Self::Connector(name.to_owned())),
            Some(("scim", name)) => Ok(Self::Scim(name.to_owned())),
            Some(("default", app)) => Ok(Self::Default(app.to_owned())),
            Some(("import", name)) => Ok(Self::Import(name.to_owned())),
            Some(("crowd", application)) => Ok(Self::Crowd(application.to_owned())),
            _ => Err(UnknownSource(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_as_it_is_written() {
        let issuer = Issuer("saml:corp".to_owned());
        let (app, crowd) = (Source::Default("jira".to_owned()), Source::Crowd("jira".to_owned()));
        for source in [Source::Manual, Source::Jit(issuer), app, crowd] {
            assert_eq!(source.to_string().parse(), Ok(source));
        }
        assert!("jit".parse::<Source>().is_err());
    }
}
