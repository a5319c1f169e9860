//! What logins may change, where, and what administrators act on: with a running gateway or without.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    applications::{Shared, applications, requests, sites},
    chains::chains,
    check::sealer,
    connectors::connectors_at_hand,
    parts::passwords,
    start::StartError,
    upstreams::NODES,
};
use crate::{
    admin::{Admin, Connectors, Requests, UpkeepRules},
    alarms::Receivers,
    clock::Clock,
    config::{Config, ConnectorConfig, Problems},
    directory::{DirectoryId, Issuer},
    lifecycle::Background,
    passwords::Passwords,
    provisioning::{ManagedGroups, Policy, Targets, kerberos_issuer, saml_issuer},
    store::{Store, StoreError},
    sync::connector_issuer,
    telemetry::{Metrics, Tracer},
};

/// Directories by their names.
pub(super) type Directories = BTreeMap<String, DirectoryId>;

/// What administrators act on, on a store that nobody serves.
pub(crate) async fn open_admin(
    config: &Config,
    store: &Store,
    clock: &Clock,
) -> Result<Admin, StartError> {
    let directories = ensure_directories(config, store, clock).await?;
    let sites = Arc::new(sites(config));
    let shared = Shared {
        issuer: sites.login().origin().into(),
        // Nothing is passed on, so nothing has to be signed.
        keyring: None,
        nodes: sealer(config, &mut Problems::default()).map(|sealer| sealer.tagger(NODES)),
        clock: clock.clone(),
        metrics: Metrics::default(),
        tracer: Tracer::default(),
        background: Background::default(),
        edition: 0,
    };
    let apps = applications(config, &directories, &shared)?;
    let requests = requests(config, &sites, &apps);
    let passwords = passwords(config, store, clock, &shared.metrics)?;
    let connectors = connectors_at_hand(config, &directories, clock);
    Ok(admin(config, store, clock, &directories, requests, passwords, connectors))
}

pub(super) fn admin(
    config: &Config,
    store: &Store,
    clock: &Clock,
    directories: &Directories,
    requests: Requests,
    passwords: Passwords,
    connectors: Connectors,
) -> Admin {
    let policy = policy(config);
    let issuers = policy.domains.iter().map(|(issuer, _)| issuer.0.clone()).collect();
    let upkeep = UpkeepRules::new(&config.provisioning, issuers);
    let targets = targets(config, directories);
    // A running gateway has one; at the command line, only who wants to make a key needs it.
    let sealer = sealer(config, &mut Problems::default()).map(Arc::new);
    Admin {
        store: store.clone(),
        clock: clock.clone(),
        targets,
        policy,
        upkeep,
        sealer,
        passwords,
        requests: Arc::new(requests),
        // Nobody can be signed in where no gateway runs.
        chains: chains(config, directories, None),
        connectors,
        receivers: Receivers::new(&config.alarms, &config.server.login_url),
    }
}

/// Every issuer of the configuration, with the directory that it names.
fn named_by_issuers(config: &Config) -> impl Iterator<Item = (Issuer, Option<&String>)> {
    let by_saml = config.saml.iter().map(|saml| (saml_issuer(&saml.name), saml.directory.as_ref()));
    let realms = config.kerberos.iter().flat_map(|kerberos| &kerberos.realm);
    let by_ticket = realms.map(|realm| (kerberos_issuer(&realm.name), realm.directory.as_ref()));
    by_saml.chain(by_ticket)
}

/// Every directory that the configuration names.
pub(super) async fn ensure_directories(
    config: &Config,
    store: &Store,
    clock: &Clock,
) -> Result<Directories, StoreError> {
    let of_apps = config.apps.iter().flat_map(|app| &app.directories);
    let of_issuers = named_by_issuers(config).filter_map(|(_, name)| name);
    let of_crowd = config.apps.iter().flat_map(|app| &app.crowd);
    let of_crowd = of_crowd.flat_map(|crowd| crowd.directories.iter().flatten());
    let mut directories = BTreeMap::new();
    for name in config.connectors.iter().map(ConnectorConfig::directory) {
        let directory = store.ensure_connector_directory(name, clock.now()).await?;
        directories.insert(name.to_owned(), directory);
    }
    for name in of_apps.chain(of_crowd).chain(of_issuers).chain([&config.provisioning.directory]) {
        if !directories.contains_key(name) {
            directories.insert(name.clone(), store.ensure_directory(name, clock.now()).await?);
        }
    }
    Ok(directories)
}

/// Which directory whose logins make accounts in.
pub(super) fn targets(config: &Config, directories: &Directories) -> Targets {
    let named = named_by_issuers(config);
    Targets {
        default: directories[&config.provisioning.directory],
        by_issuer: named
            .filter_map(|(issuer, name)| name.map(|name| (issuer, directories[name])))
            .collect(),
    }
}

/// What a login may change.
pub(super) fn policy(config: &Config) -> Policy {
    let provisioning = &config.provisioning;
    let realms = || config.kerberos.iter().flat_map(|kerberos| &kerberos.realm);
    let by_saml = config.saml.iter().map(|saml| (saml_issuer(&saml.name), saml.domains.clone()));
    let by_ticket = realms()
        .map(|realm| (kerberos_issuer(&realm.name), realm.domain.iter().cloned().collect()));
    // Those of a connector that shares an issuer with logins are that one's.
    let own = config.connectors.iter().filter(|connector| connector.saml.is_none());
    let by_connector =
        own.map(|connector| (connector_issuer(connector), connector.domains.clone()));
    let saml_groups =
        config.saml.iter().map(|saml| (saml_issuer(&saml.name), saml.default_groups.clone()));
    let realm_groups =
        realms().map(|realm| (kerberos_issuer(&realm.name), realm.default_groups.clone()));
    Policy {
        create_users: provisioning.create_users,
        create_only_with_groups: provisioning.create_only_with_groups,
        required: provisioning.required.clone(),
        max_active_users: provisioning.max_active_users,
        link_existing: provisioning.link_existing,
        default_groups: saml_groups.chain(realm_groups).collect(),
        update_users: provisioning.update_users,
        reactivate_users: provisioning.reactivate_users,
        create_groups: provisioning.create_groups,
        max_new_groups: provisioning.max_new_groups,
        without_group_claim: provisioning.without_group_claim,
        managed_groups: ManagedGroups::new(
            &provisioning.managed_groups,
            &provisioning.protected_groups,
        ),
        domains: by_saml.chain(by_ticket).chain(by_connector).collect(),
    }
}
