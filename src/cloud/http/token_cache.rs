//! Access tokens, asked for once and used until they are old.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{sync::Mutex, time::Instant};

use crate::cloud::ConnectorError;

/// A token is renewed so long before its end, or after nine tenths of its life.
const EARLY: Duration = Duration::from_mins(5);

/// However long a token is said to live, it is not counted on for longer.
const LONGEST_LIFE: Duration = Duration::from_hours(24);

/// The token of a connector. Who needs one while it is asked for waits for the same one.
#[derive(Debug, Default)]
pub(in crate::cloud) struct TokenCache {
    current: Mutex<Option<Token>>,
    /// The number of the last token that was not taken.
    refused: AtomicU64,
}

/// A token that a cloud has given.
pub(in crate::cloud) struct NewToken {
    pub secret: SecretString,
    pub lifetime: Duration,
}

/// A token that can be used.
#[derive(Clone, Debug)]
pub(in crate::cloud) struct Token {
    pub secret: SecretString,
    /// Each has its own, from 1.
    pub number: u64,
    renew: Instant,
    ends: Instant,
}

impl TokenCache {
    /// The token, or a new one. One that can only not be renewed is used until its end.
    pub(in crate::cloud) async fn token(
        &self,
        fetch: impl Future<Output = Result<NewToken, ConnectorError>>,
    ) -> Result<Token, ConnectorError> {
        let mut current = self.current.lock().await;
        let refused = self.refused.load(Ordering::Relaxed);
        let usable = current.clone().filter(|token| token.number > refused);
        let now = Instant::now();
        if let Some(token) = usable.clone().filter(|token| now < token.renew) {
            return Ok(token);
        }
        match (fetch.await, usable) {
            (Ok(new), _) => {
                let number = current.as_ref().map_or(0, |token| token.number) + 1;
                let token = Token::new(new, number, Instant::now());
                *current = Some(token.clone());
                Ok(token)
            }
            (Err(error), Some(token)) if error.is_passing() && now < token.ends => {
                tracing::warn!(%error, "a token could not be renewed early");
                Ok(token)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// The token with this number is not taken any more.
    pub(in crate::cloud) fn refuse(&self, number: u64) {
        self.refused.fetch_max(number, Ordering::Relaxed);
    }
}

impl Token {
    fn new(new: NewToken, number: u64, now: Instant) -> Self {
        let lifetime = new.lifetime.min(LONGEST_LIFE);
        let early = EARLY.min(lifetime / 10);
        let (renew, ends) = (now + lifetime.saturating_sub(early), now + lifetime);
        Self { secret: new.secret, number, renew, ends }
    }

    /// The value of `Authorization`.
    pub(in crate::cloud) fn header(&self, scheme: &str) -> Result<HeaderValue, ConnectorError> {
        let text = format!("{scheme} {}", self.secret.expose_secret());
        let mut value = HeaderValue::try_from(text).map_err(|_| ConnectorError::Malformed {
            what: "a token".to_owned(),
            problem: "the token cannot be sent in a header".to_owned(),
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn new(secret: &str) -> NewToken {
        NewToken { secret: secret.into(), lifetime: Duration::from_hours(1) }
    }

    fn gone() -> ConnectorError {
        ConnectorError::Unreachable { host: "login".to_owned(), reason: "reset".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_waits_for_the_same_token() {
        let (cache, fetched) = (Arc::new(TokenCache::default()), Arc::new(AtomicU64::new(0)));
        let all = (0..20).map(|_| {
            let (cache, fetched) = (Arc::clone(&cache), Arc::clone(&fetched));
            tokio::spawn(async move {
                let fetch = async {
                    fetched.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(new("one"))
                };
                cache.token(fetch).await.unwrap().number
            })
        });
        for number in futures_util::future::join_all(all).await {
            assert_eq!(number.unwrap(), 1);
        }
        assert_eq!(fetched.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_renewed_early_and_used_to_its_end_if_that_fails() {
        let cache = TokenCache::default();
        let ask = async |answer| cache.token(async { answer }).await;
        assert_eq!(ask(Ok(new("one"))).await.unwrap().number, 1);
        tokio::time::advance(Duration::from_mins(54)).await;
        assert_eq!(ask(Ok(new("two"))).await.unwrap().number, 1);
        tokio::time::advance(Duration::from_mins(2)).await;
        assert_eq!(ask(Err(gone())).await.unwrap().number, 1);
        tokio::time::advance(Duration::from_mins(5)).await;
        assert_eq!(ask(Err(gone())).await.unwrap_err(), gone());
        assert_eq!(ask(Ok(new("two"))).await.unwrap().number, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_that_is_said_to_live_for_ever_is_renewed_every_day() {
        let cache = TokenCache::default();
        let ask = async || {
            let lifetime = Duration::from_secs(u64::MAX);
            let fetch = async { Ok(NewToken { secret: "one".into(), lifetime }) };
            cache.token(fetch).await.unwrap().number
        };
        assert_eq!(ask().await, 1);
        tokio::time::advance(Duration::from_hours(23)).await;
        assert_eq!(ask().await, 1);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(ask().await, 2);
    }

    #[tokio::test]
    async fn a_token_that_is_not_taken_is_not_used_again_and_a_newer_one_is() {
        let cache = TokenCache::default();
        let one = cache.token(async { Ok(new("one")) }).await.unwrap();
        cache.refuse(one.number);
        let two = cache.token(async { Ok(new("two")) }).await.unwrap();
        assert_eq!(two.number, 2);
        cache.refuse(one.number);
        assert_eq!(cache.token(async { Err(gone()) }).await.unwrap().number, 2);
        assert!(!format!("{cache:?}").contains("two"));
        assert!(two.header("Bearer").unwrap().is_sensitive());
    }
}
