//! The gateway as identity providers see it.

use url::Url;

use super::xml::{self, METADATA, PROTOCOL};

const POST: &str = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";

/// The gateway as a SAML service provider.
#[derive(Clone, Debug)]
pub struct ServiceProvider {
    entity_id: String,
    acs_url: Url,
}

impl ServiceProvider {
    /// A service provider with one assertion consumer service (ACS), for HTTP-POST.
    #[must_use]
    pub fn new(entity_id: String, acs_url: Url) -> Self {
        Self { entity_id, acs_url }
    }

    /// Its name.
    #[must_use]
    pub fn entity_id(&self) -> &str {
        &self.entity_id
    }

    /// Where responses are posted to.
    #[must_use]
    pub fn acs_url(&self) -> &Url {
        &self.acs_url
    }

    /// What identity providers have to know (SAML metadata 2.4.4).
    #[must_use]
    pub fn metadata(&self) -> String {
        let entity_id = xml::escape(&self.entity_id);
        let acs_url = xml::escape(self.acs_url.as_str());
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="{METADATA}" entityID="{entity_id}">
  <md:SPSSODescriptor protocolSupportEnumeration="{PROTOCOL}" AuthnRequestsSigned="false" WantAssertionsSigned="true">
    <md:AssertionConsumerService Binding="{POST}" Location="{acs_url}" index="0" isDefault="true"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>
"#
        )
    }
}
