//! Whether a response is for this gateway, from that identity provider, and holds now.

use chrono::{DateTime, TimeDelta, Utc};
use roxmltree::Node;

use super::{
    ResponseError,
    assertion::read_time,
    xml::{self, ASSERTION, PROTOCOL},
};

const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// An answer to a login is as old as the way from the identity provider is long.
const MAX_AGE: TimeDelta = TimeDelta::minutes(5);

/// What both halves are checked against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) acs: &'a str,
    pub(super) request_id: Option<&'a str>,
    pub(super) skew: TimeDelta,
    pub(super) now: DateTime<Utc>,
}

impl Context<'_> {
    /// The checks of the `Response` (SAML core 3.2.2, profiles 4.1.4.3).
    pub(super) fn check_response(
        &self,
        response: Node<'_, '_>,
        signed: bool,
    ) -> Result<(), ResponseError> {
        check_version(response)?;
        check_status(response)?;
        match response.attribute("Destination") {
            Some(destination) if destination == self.acs => {}
            Some(other) => return Err(ResponseError::Destination(other.to_owned())),
            // SAML bindings 3.5.5.2: a signed message says where it is for.
            None if signed => return Err(ResponseError::Missing("Destination")),
            None => {}
        }
        self.check_in_response_to(response)?;
        if let Some(issuer) = xml::child(response, ASSERTION, "Issuer") {
            self.check_issuer(issuer)?;
        }
        self.check_issue_instant(response)
    }

    /// The checks of the `Assertion` (SAML core 2.3.3 and 2.5, profiles 4.1.4.2), and until when it
    /// could be presented again.
    pub(super) fn check_assertion(
        &self,
        assertion: Node<'_, '_>,
    ) -> Result<DateTime<Utc>, ResponseError> {
        check_version(assertion)?;
        let issuer = xml::child(assertion, ASSERTION, "Issuer");
        self.check_issuer(issuer.ok_or(ResponseError::Missing("Issuer"))?)?;
        self.check_issue_instant(assertion)?;
        let until = self.check_subject(assertion)?;
        self.check_conditions(assertion)?;
        self.check_authn_statement(assertion)?;
        Ok(until + self.skew)
    }

    fn check_issuer(&self, issuer: Node<'_, '_>) -> Result<(), ResponseError> {
        let name = xml::text(issuer);
        if name == self.issuer { Ok(()) } else { Err(ResponseError::Issuer(name)) }
    }

    fn check_in_response_to(&self, node: Node<'_, '_>) -> Result<(), ResponseError> {
        let answers = node.attribute("InResponseTo");
        if answers == self.request_id {
            Ok(())
        } else {
            Err(ResponseError::InResponseTo(answers.map(str::to_owned)))
        }
    }

    fn check_issue_instant(&self, node: Node<'_, '_>) -> Result<(), ResponseError> {
        let issued =
            read_time(node, "IssueInstant")?.ok_or(ResponseError::Missing("IssueInstant"))?;
        self.check_begun("IssueInstant", issued)?;
        self.check_not_over("IssueInstant", issued + MAX_AGE)
    }

    fn check_subject(&self, assertion: Node<'_, '_>) -> Result<DateTime<Utc>, ResponseError> {
        let subject =
            xml::child(assertion, ASSERTION, "Subject").ok_or(ResponseError::Missing("Subject"))?;
        let confirmations: Vec<_> =
            xml::children(subject, ASSERTION, "SubjectConfirmation").collect();
        let bearer = confirmations.iter().filter(|c| c.attribute("Method") == Some(BEARER));
        let methods = || {
            let methods = confirmations.iter().filter_map(|c| c.attribute("Method"));
            ResponseError::NotBearer(methods.map(str::to_owned).collect())
        };
        // One that holds is enough; of several that do not, the last says why.
        let mut outcome = Err(methods());
        for confirmation in bearer {
            outcome = self.check_bearer(*confirmation);
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    fn check_bearer(&self, confirmation: Node<'_, '_>) -> Result<DateTime<Utc>, ResponseError> {
        let data = xml::child(confirmation, ASSERTION, "SubjectConfirmationData")
            .ok_or(ResponseError::Missing("SubjectConfirmationData"))?;
        match data.attribute("Recipient") {
            Some(recipient) if recipient == self.acs => {}
            Some(other) => return Err(ResponseError::Recipient(other.to_owned())),
            None => return Err(ResponseError::Missing("Recipient")),
        }
        self.check_in_response_to(data)?;
        if let Some(not_before) = read_time(data, "NotBefore")? {
            self.check_begun("NotBefore of SubjectConfirmationData", not_before)?;
        }
        let until = read_time(data, "NotOnOrAfter")?
            .ok_or(ResponseError::Missing("NotOnOrAfter of SubjectConfirmationData"))?;
        self.check_not_over("NotOnOrAfter of SubjectConfirmationData", until)?;
        Ok(until)
    }

    fn check_conditions(&self, assertion: Node<'_, '_>) -> Result<(), ResponseError> {
        let conditions = xml::child(assertion, ASSERTION, "Conditions")
            .ok_or(ResponseError::Missing("Conditions"))?;
        if let Some(not_before) = read_time(conditions, "NotBefore")? {
            self.check_begun("NotBefore of Conditions", not_before)?;
        }
        if let Some(until) = read_time(conditions, "NotOnOrAfter")? {
            self.check_not_over("NotOnOrAfter of Conditions", until)?;
        }
        let mut restricted = false;
        for condition in conditions.children().filter(Node::is_element) {
            match (condition.tag_name().namespace(), condition.tag_name().name()) {
                (Some(ASSERTION), "AudienceRestriction") => {
                    self.check_audience(condition)?;
                    restricted = true;
                }
                // Every assertion is for one use here, and none is passed on.
                (Some(ASSERTION), "OneTimeUse" | "ProxyRestriction") => {}
                (_, name) => return Err(ResponseError::Condition(name.to_owned())),
            }
        }
        if restricted { Ok(()) } else { Err(ResponseError::Missing("AudienceRestriction")) }
    }

    /// Each restriction has to name the gateway (SAML core 2.5.1.4).
    fn check_audience(&self, restriction: Node<'_, '_>) -> Result<(), ResponseError> {
        let audiences: Vec<_> =
            xml::children(restriction, ASSERTION, "Audience").map(xml::text).collect();
        if audiences.iter().any(|audience| audience == self.audience) {
            Ok(())
        } else {
            Err(ResponseError::Audience(audiences))
        }
    }

    fn check_authn_statement(&self, assertion: Node<'_, '_>) -> Result<(), ResponseError> {
        let statement = xml::child(assertion, ASSERTION, "AuthnStatement")
            .ok_or(ResponseError::Missing("AuthnStatement"))?;
        let instant =
            read_time(statement, "AuthnInstant")?.ok_or(ResponseError::Missing("AuthnInstant"))?;
        self.check_begun("AuthnInstant", instant)?;
        match read_time(statement, "SessionNotOnOrAfter")? {
            Some(end) => self.check_not_over("SessionNotOnOrAfter", end),
            None => Ok(()),
        }
    }

    fn check_begun(&self, what: &'static str, time: DateTime<Utc>) -> Result<(), ResponseError> {
        if self.now + self.skew < time { Err(ResponseError::TooEarly(what, time)) } else { Ok(()) }
    }

    fn check_not_over(&self, what: &'static str, time: DateTime<Utc>) -> Result<(), ResponseError> {
        if self.now - self.skew >= time { Err(ResponseError::TooLate(what, time)) } else { Ok(()) }
    }
}

fn check_version(node: Node<'_, '_>) -> Result<(), ResponseError> {
    match node.attribute("Version") {
        Some("2.0") => Ok(()),
        other => Err(ResponseError::Version(other.map(str::to_owned))),
    }
}

fn check_status(response: Node<'_, '_>) -> Result<(), ResponseError> {
    let status =
        xml::child(response, PROTOCOL, "Status").ok_or(ResponseError::Missing("Status"))?;
    let code =
        xml::child(status, PROTOCOL, "StatusCode").ok_or(ResponseError::Missing("StatusCode"))?;
    let value = |node: Node<'_, '_>| node.attribute("Value").unwrap_or_default().to_owned();
    if value(code) == SUCCESS {
        return Ok(());
    }
    // The second one says more (SAML core 3.2.2.2).
    let detail = xml::child(code, PROTOCOL, "StatusCode").map(value);
    Err(ResponseError::Status(detail.unwrap_or_else(|| value(code))))
}
