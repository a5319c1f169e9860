//! Who is told when something needs somebody, from the configuration.

use std::{sync::Arc, time::Duration};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{background::report, parts::Parts};
use crate::{
    admin::Admin,
    alarms::{Expiring, Receivers, Watch, deliver_due},
    config::{AlarmConfig, AlarmKind, Config, Problems, SecretSource, WebhookUrl},
    login::Login,
};

/// How often it is looked what begins and what ends.
const LOOK: Duration = Duration::from_secs(10);

/// How often it is looked what is owed to somebody.
const DELIVER: Duration = Duration::from_secs(5);

/// Looks what begins and what ends, and tells everybody, until the gateway stops.
pub(super) fn watch_alarms(parts: &Parts, admin: &Admin, login: &Arc<Login>) {
    let (own, login) = (parts.certificates.clone(), login.clone());
    let expiring = move || own.expiring().into_iter().chain(idp_certificates(&login)).collect();
    let connectors = admin.connectors.all().cloned().collect();
    let store = (parts.store.clone(), parts.clock.clone());
    let metrics = parts.metrics.connectors.clone();
    let receivers = admin.receivers.clone();
    let watch = Arc::new(Watch::new(store, receivers.clone(), connectors, expiring, metrics));
    give_back(parts, watch.clone());
    parts.background.every("look for alarms", LOOK, move || {
        let watch = watch.clone();
        async move {
            report("look for alarms", watch.look().await);
        }
    });
    deliver(parts, &receivers);
}

/// When the gateway stops, another one need not wait until it is believed.
fn give_back<E>(parts: &Parts, watch: Arc<Watch<E>>)
where
    E: Fn() -> Vec<Expiring> + Send + Sync + 'static,
{
    let stopping = parts.background.stopping();
    parts.background.spawn("let another gateway look for alarms", async move {
        stopping.cancelled().await;
        report("let another gateway look for alarms", watch.stop().await);
    });
}

/// Each receiver has a loop of its own: nobody waits for one who does not answer.
fn deliver(parts: &Parts, receivers: &Receivers) {
    for receiver in receivers.iter() {
        let (receiver, receivers) = (receiver.clone(), receivers.clone());
        let (store, clock) = (parts.store.clone(), parts.clock.clone());
        let (metrics, stopping) = (parts.metrics.connectors.clone(), parts.background.stopping());
        parts.background.every("tell somebody of alarms", DELIVER, move || {
            let (receiver, receivers) = (receiver.clone(), receivers.clone());
            let (store, clock) = (store.clone(), clock.clone());
            let (metrics, stopping) = (metrics.clone(), stopping.clone());
            async move {
                let delivering = deliver_due((&store, &clock), &receivers, &receiver, &metrics);
                // What is left here is delivered when a gateway starts, perhaps once more.
                if let Some(delivered) = stopping.run_until_cancelled(delivering).await {
                    report("tell somebody of alarms", delivered);
                }
            }
        });
    }
}

/// Of several the last counts: a new one is announced while the old one is still good.
fn idp_certificates(login: &Login) -> Vec<Expiring> {
    let found = login.providers.iter().filter_map(|provider| {
        let name = &provider.name;
        Some(Expiring {
            subject: format!("idp:{name}"),
            kind: AlarmKind::CertificateExpires,
            connector: None,
            what: format!("the certificate that the identity provider {name:?} signs with"),
            at: provider.identity_provider()?.certificates_expire_at()?,
            todo: "Ask whoever runs it for its new metadata; if that is in a file, replace the file, and run `gatehouse \
                   reload`."
                .to_owned(),
        })
    });
    found.collect()
}

/// Whether what receivers are told with can be read.
pub(super) fn check_alarms(config: &Config, problems: &mut Problems) {
    for (index, alarm) in config.alarms.iter().enumerate() {
        for (key, source) in secrets(alarm) {
            problems.check(format!("alarm[{index}].{key}"), source.read());
        }
        if let Some(webhook) = &alarm.webhook {
            problems.check(format!("alarm[{index}].webhook.url"), webhook.url.read());
        }
        let files = [
            ("webhook.ca", alarm.webhook.as_ref().and_then(|it| it.ca.as_ref())),
            ("mail.ca", alarm.mail.as_ref().and_then(|it| it.ca.as_ref())),
        ];
        for (key, path) in files.into_iter().filter_map(|(key, path)| Some((key, path?))) {
            let certificate = CertificateDer::from_pem_file(path);
            let problem = |_| format!("{} has no certificate (PEM)", path.display());
            problems.check(format!("alarm[{index}].{key}"), certificate.map_err(problem));
        }
    }
}

fn secrets(alarm: &AlarmConfig) -> impl Iterator<Item = (&'static str, &SecretSource)> {
    let webhook = alarm.webhook.as_ref();
    let url = webhook.and_then(|webhook| match &webhook.url {
        WebhookUrl::Secret(source) => Some(("webhook.url", source)),
        WebhookUrl::Plain(_) => None,
    });
    let secret = webhook.and_then(|webhook| Some(("webhook.secret", webhook.secret.as_ref()?)));
    let mail = alarm.mail.as_ref();
    let password = mail.and_then(|mail| Some(("mail.password", mail.password.as_ref()?)));
    url.into_iter().chain(secret).chain(password)
}
