//! Metadata from where identity providers publish it.

use std::time::Duration;

use url::Url;

/// The address is that of a server somewhere; nobody at a browser waits for it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Why metadata could not be fetched.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No answer, or not a good one.
    #[error("cannot fetch {0}: {1:#}")]
    Http(Url, reqwest::Error),
    /// More than any federation publishes.
    #[error("{0} has more than {1} bytes")]
    TooLarge(Url, usize),
}

/// What is at a URL. Redirects are not followed: the configuration says who may vouch for people.
pub async fn fetch_metadata(url: &Url) -> Result<Vec<u8>, FetchError> {
    let failed = |error| FetchError::Http(url.clone(), error);
    let client = reqwest::Client::builder()
        .timeout(TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(failed)?;
    let answer = client.get(url.clone()).send().await.and_then(reqwest::Response::error_for_status);
    let mut answer = answer.map_err(failed)?;
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        text.extend_from_slice(&chunk);
        if text.len() > super::metadata::MAX_BYTES {
            return Err(FetchError::TooLarge(url.clone(), super::metadata::MAX_BYTES));
        }
    }
    Ok(text)
}
