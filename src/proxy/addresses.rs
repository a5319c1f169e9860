//! All addresses of an application, and which of them a request goes to.

use std::{
    cmp::Reverse,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use url::Url;

use super::{
    Target, TargetError, UpstreamError, UpstreamTls,
    address::{Address, Admission, Seat},
    health::{Health, HealthRules, Standing},
    places::{PlaceLimits, Places},
    pool::{Pool, PoolLimits},
    retries::Retries,
};
use crate::telemetry::UpstreamMetrics;

/// What an application's addresses are made of.
#[derive(Debug)]
pub struct AddressRules {
    /// Whom the gateway trusts there.
    pub tls: Arc<UpstreamTls>,
    /// Its connections.
    pub pool: PoolLimits,
    /// How many requests are at each at a time, if there is a limit.
    pub places: Option<PlaceLimits>,
    /// When an address is taken out, and in again.
    pub health: HealthRules,
}

/// All addresses of an application.
#[derive(Debug)]
pub struct Addresses {
    app: Arc<str>,
    all: Box<[Arc<Address>]>,
    pub(super) tls: Arc<UpstreamTls>,
    pub(super) retries: Retries,
    /// Of several that are as good as each other, everyone has its turn.
    turn: AtomicUsize,
}

/// Addresses that a request was sent to in vain.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tried(u32);

/// What a request would like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish {
    /// The address where its sender has been before.
    pub(super) place: Option<usize>,
    /// Whether it can be sent again if this address fails, and so may try one that has failed before.
    pub(super) is_repeatable: bool,
}

impl Addresses {
    /// From the addresses as the configuration has them, each with what browsers know it by.
    pub fn new<'a>(
        app: &Arc<str>,
        urls: impl Iterator<Item = (&'a Url, String)>,
        rules: AddressRules,
        metrics: &UpstreamMetrics,
    ) -> Result<Self, TargetError> {
        let address = |(index, (url, id))| {
            let target = Target::new(url, &rules.tls)?;
            let (pool, health) = (Pool::new(target, rules.pool), Health::new(rules.health));
            let places = rules.places.map(Places::new);
            Ok(Arc::new(Address::new((index, id), pool, health, places, (app, metrics))))
        };
        let all = urls.enumerate().map(address).collect::<Result<_, TargetError>>()?;
        let retries = Retries::new(app.clone(), metrics.clone());
        Ok(Self { app: app.clone(), all, tls: rules.tls, retries, turn: AtomicUsize::new(0) })
    }

    pub(super) fn app(&self) -> &Arc<str> {
        &self.app
    }

    pub(super) fn all(&self) -> &[Arc<Address>] {
        &self.all
    }

    /// Whether there is something to choose from.
    pub(super) fn are_several(&self) -> bool {
        self.all.len() > 1
    }

    /// So many requests are at all of them together.
    pub(super) fn requests(&self) -> usize {
        self.all.iter().map(|address| address.requests()).sum()
    }

    /// A seat at the address that is best for a request.
    pub(super) async fn seat(&self, wish: Wish) -> Result<Seat, UpstreamError> {
        self.choose(wish).ok_or_else(|| UpstreamError::Closed(self.app.clone()))?.seat().await
    }

    /// Where a request is best sent to that others have failed, if there is an address that is well.
    pub(super) fn another(&self, tried: Tried) -> Option<&Arc<Address>> {
        self.best(tried).filter(|address| address.rank().is_some_and(Rank::is_good))
    }

    fn choose(&self, wish: Wish) -> Option<&Arc<Address>> {
        if let [only] = &*self.all {
            return (only.admission() != Admission::Closed).then_some(only);
        }
        let best = || self.best(Tried::default());
        self.wanted(wish).or_else(|| self.on_trial(wish)).or_else(best)
    }

    /// Where its sender has been before, if that goes on.
    fn wanted(&self, wish: Wish) -> Option<&Arc<Address>> {
        let address = self.all.get(wish.place?)?;
        let is_good = address.rank().is_some_and(Rank::is_good);
        let goes_on = is_good
            || address.admission() != Admission::Closed && wish.is_repeatable && address.may_try();
        goes_on.then_some(address)
    }

    /// One that has failed, and may be well again. Whoever has a place elsewhere does not leave it for that.
    fn on_trial(&self, wish: Wish) -> Option<&Arc<Address>> {
        let mut failed = self.all.iter().filter(|address| address.admission() == Admission::Open);
        failed.find(|address| wish.is_repeatable && address.may_try())
    }

    /// The best rank first, then the one with a free place and the least to do.
    fn best(&self, tried: Tried) -> Option<&Arc<Address>> {
        let (count, first) = (self.all.len(), self.turn.fetch_add(1, Ordering::Relaxed));
        let in_turn = (0..count).map(|step| &self.all[first.wrapping_add(step) % count]);
        let candidates = in_turn.filter(|address| !tried.has(address.index));
        let ranked = candidates.filter_map(|address| Some((address.rank()?, address)));
        let best = ranked
            .min_by_key(|(rank, address)| (Reverse(*rank), address.is_full(), address.requests()));
        best.map(|(_, address)| address)
    }
}

/// How good an address is, the worst first. If none is well, one that is not is asked nevertheless: what says so may be
/// wrong about all of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    DrainingAndOut,
    Out,
    Draining,
    Good,
}

impl Rank {
    fn is_good(self) -> bool {
        self >= Self::Draining
    }
}

impl Address {
    fn rank(&self) -> Option<Rank> {
        let is_in = self.health.standing() == Standing::In;
        match (self.admission(), is_in) {
            (Admission::Open, true) => Some(Rank::Good),
            (Admission::Draining, true) => Some(Rank::Draining),
            (Admission::Open, false) => Some(Rank::Out),
            (Admission::Draining, false) => Some(Rank::DrainingAndOut),
            (Admission::Closed, _) => None,
        }
    }
}

impl Tried {
    pub(super) fn add(&mut self, index: usize) {
        self.0 |= 1 << index;
    }

    fn has(self, index: usize) -> bool {
        self.0 & (1 << index) != 0
    }
}

#[cfg(test)]
mod tests;
