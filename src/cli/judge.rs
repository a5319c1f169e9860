//! `gatehouse saml judge`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use chrono::{DateTime, TimeDelta, Utc};

use super::{BAD_CONFIGURATION, complain, say};
use crate::{
    app,
    clock::Clock,
    config::{Config, SamlConfig},
    saml::{
        Assertion, Expectations, IdentityProvider, ResponseError, ServiceProvider, decode_post,
        judge,
    },
};

/// The options of `gatehouse saml judge`.
#[derive(Debug, clap::Args)]
pub(super) struct Judge {
    /// The name of the identity provider in the configuration; not needed if there is one only.
    #[arg(long)]
    idp: Option<String>,

    /// Judges without a configuration: the identity provider's metadata.
    #[arg(long, requires_all = ["idp_entity_id", "sp_entity_id", "acs_url"])]
    metadata: Option<PathBuf>,

    /// With --metadata: the identity provider's entity ID.
    #[arg(long)]
    idp_entity_id: Option<String>,

    /// With --metadata: the entity ID that the gateway has.
    #[arg(long)]
    sp_entity_id: Option<String>,

    /// With --metadata: the address that responses are posted to.
    #[arg(long)]
    acs_url: Option<url::Url>,

    /// The id of the request that the response has to answer. Without it, none is expected.
    #[arg(long)]
    request_id: Option<String>,

    /// When the response is judged, such as 2026-11-24T08:00:00Z. Default: now.
    #[arg(long)]
    at: Option<DateTime<Utc>>,

    /// The responses.
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

/// Who judges: everything that does not change from file to file.
struct Judging {
    idp: IdentityProvider,
    sp: ServiceProvider,
    skew_seconds: u32,
    allow_sha1: bool,
    now: DateTime<Utc>,
}

impl Judge {
    pub(super) fn run(&self, config: &Path) -> ExitCode {
        let judging = match self.judging(config) {
            Ok(judging) => judging,
            Err(problem) => {
                complain(&problem);
                return ExitCode::from(BAD_CONFIGURATION);
            }
        };
        let mut all_accepted = true;
        for file in &self.files {
            all_accepted &= self.judge_file(file, &judging);
        }
        if all_accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn judging(&self, config: &Path) -> Result<Judging, String> {
        let now = self.at.unwrap_or_else(|| Clock::System.now());
        if let (Some(metadata), Some(idp), Some(sp), Some(acs)) =
            (&self.metadata, &self.idp_entity_id, &self.sp_entity_id, &self.acs_url)
        {
            let text = fs::read(metadata)
                .map_err(|error| format!("cannot read {}: {error}", metadata.display()))?;
            let idp = IdentityProvider::from_metadata(&text, idp, now)
                .map_err(|problem| format!("{} {problem}", metadata.display()))?;
            let sp = ServiceProvider::new(sp.clone(), acs.clone());
            return Ok(Judging { idp, sp, skew_seconds: 60, allow_sha1: false, now });
        }
        let loaded = Config::load(config).map_err(|problems| problems.to_string())?;
        let saml = self.choose(&loaded)?;
        Ok(Judging {
            idp: app::identity_provider(saml, now)
                .map_err(|problem| format!("saml {:?}: metadata {problem}", saml.name))?,
            sp: app::service_provider(&loaded).map_err(|error| error.to_string())?,
            skew_seconds: saml.clock_skew_seconds,
            allow_sha1: saml.allow_sha1,
            now,
        })
    }

    fn choose<'a>(&self, config: &'a Config) -> Result<&'a SamlConfig, String> {
        let names = || {
            let names: Vec<_> = config.saml.iter().map(|saml| saml.name.as_str()).collect();
            format!("choose with --idp: {}", names.join(", "))
        };
        match (&self.idp, config.saml.as_slice()) {
            (None, [only]) => Ok(only),
            (None, _) => Err(names()),
            (Some(name), all) => all.iter().find(|saml| saml.name == *name).ok_or_else(names),
        }
    }

    /// Prints the verdict on a file, and says whether it was good.
    fn judge_file(&self, file: &Path, judging: &Judging) -> bool {
        let name = file.display();
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) => {
                say(&format!("{name}: unreadable: {error}"));
                return false;
            }
        };
        match self.verdict(&bytes, judging) {
            Ok(assertion) => {
                say(&format!("{name}: accepted {}", describe(&assertion)));
                true
            }
            Err(refusal) => {
                say(&format!("{name}: refused {}: {refusal}", refusal.code()));
                false
            }
        }
    }

    fn verdict(&self, bytes: &[u8], judging: &Judging) -> Result<Assertion, ResponseError> {
        let expected = Expectations {
            request_id: self.request_id.as_deref(),
            clock_skew: TimeDelta::seconds(judging.skew_seconds.into()),
            allow_sha1: judging.allow_sha1,
        };
        let xml = match std::str::from_utf8(bytes) {
            Ok(text) if looks_like_base64(text) => &decode_post(text)?,
            _ => bytes,
        };
        judge(xml, &judging.idp, &judging.sp, &expected, judging.now)
    }
}

/// XML begins with `<`, which is no letter of base64.
fn looks_like_base64(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c.is_ascii_whitespace() || "+/=".contains(c))
}

/// One line, however hostile the names in it are.
fn describe(assertion: &Assertion) -> String {
    let attributes: Vec<_> = assertion
        .attributes
        .iter()
        .map(|attribute| format!("{:?}={:?}", attribute.name, attribute.values))
        .collect();
    format!("{:?} {}", assertion.name_id.value, attributes.join(" ")).trim_end().to_owned()
}
