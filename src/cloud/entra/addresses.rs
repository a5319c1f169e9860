//! Where Entra ID and Graph are (`learn.microsoft.com/graph/deployments`).

use url::Url;

use crate::{
    cloud::ConnectorError,
    config::{EntraConfig, NationalCloud},
};

/// The hosts of one of Microsoft's clouds. Tokens of one are worth nothing in another.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    authority: String,
    graph: String,
}

impl Addresses {
    pub(super) fn of(config: &EntraConfig) -> Self {
        let (authority, graph) = match config.cloud {
            NationalCloud::Global => {
                ("https://login.microsoftonline.com", "https://graph.microsoft.com")
            }
            NationalCloud::UsGov => {
                ("https://login.microsoftonline.us", "https://graph.microsoft.us")
            }
            NationalCloud::UsDod => {
                ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us")
            }
            NationalCloud::China => {
                ("https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn")
            }
        };
        let origin = |url: &Option<Url>, usual: &str| match url {
            Some(url) => url.origin().ascii_serialization(),
            None => usual.to_owned(),
        };
        Self {
            authority: origin(&config.authority, authority),
            graph: origin(&config.graph, graph),
        }
    }

    /// Where a tenant's tokens are asked for.
    pub(super) fn token_url(&self, tenant: &str) -> Result<Url, ConnectorError> {
        parse(&format!("{}/{tenant}/oauth2/v2.0/token", self.authority))
    }

    /// What all addresses of Graph begin with.
    pub(super) fn graph_root(&self) -> Result<Url, ConnectorError> {
        parse(&format!("{}/v1.0/", self.graph))
    }

    /// All that the application was granted in this cloud's Graph.
    pub(super) fn scope(&self) -> String {
        format!("{}/.default", self.graph)
    }
}

fn parse(text: &str) -> Result<Url, ConnectorError> {
    Url::parse(text).map_err(|_| ConnectorError::Malformed {
        what: "the configuration".to_owned(),
        problem: format!("{text} is no address"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &str) -> EntraConfig {
        let text = format!("tenant = \"contoso.com\"\nclient_id = \"a\"\n{more}");
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn each_cloud_has_its_own_hosts_and_the_scope_goes_with_them() {
        for (cloud, authority, graph) in [
            ("global", "login.microsoftonline.com", "graph.microsoft.com"),
            ("us_gov", "login.microsoftonline.us", "graph.microsoft.us"),
            ("us_dod", "login.microsoftonline.us", "dod-graph.microsoft.us"),
            ("china", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
        ] {
            let addresses = Addresses::of(&config(&format!("cloud = \"{cloud}\"")));
            let url = addresses.token_url("contoso.com").unwrap();
            assert_eq!(url.as_str(), format!("https://{authority}/contoso.com/oauth2/v2.0/token"));
            let root = addresses.graph_root().unwrap();
            assert_eq!(root.as_str(), format!("https://{graph}/v1.0/"));
            assert_eq!(addresses.scope(), format!("https://{graph}/.default"));
        }
        let addresses = Addresses::of(&config("graph = \"http://localhost:8080\""));
        assert_eq!(addresses.scope(), "http://localhost:8080/.default");
    }
}
