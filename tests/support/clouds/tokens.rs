//! Access tokens that were issued.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::TimeDelta;

use super::time::Moment;

#[derive(Clone, Debug)]
pub struct Issued {
    pub scopes: Vec<String>,
    pub expires: Moment,
    /// The thumbprint of the key that a `DPoP` token is bound to.
    pub bound: Option<String>,
}

impl Issued {
    pub fn allows(&self, any_of: &[&str]) -> bool {
        self.scopes.iter().any(|scope| any_of.contains(&scope.as_str()))
    }
}

/// What is known of a presented token.
pub enum Presented {
    Good(Issued),
    Expired,
    Unknown,
}

#[derive(Default)]
pub struct Tokens {
    issued: Mutex<HashMap<String, Issued>>,
}

impl Tokens {
    pub fn issue(&self, issued: Issued) -> String {
        let token = random();
        self.issued.lock().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), issued);
        token
    }

    pub fn find(&self, token: &str, now: Moment) -> Presented {
        let issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        match issued.get(token) {
            Some(issued) if issued.expires > now => Presented::Good(issued.clone()),
            Some(_) => Presented::Expired,
            None => Presented::Unknown,
        }
    }

    /// The token is too old from now on.
    pub fn expire(&self, token: &str, now: Moment) {
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(issued) = issued.get_mut(token) {
            issued.expires = now - TimeDelta::seconds(1);
        }
    }
}

/// What nobody guesses.
pub fn random() -> String {
    let mut bytes = [0; 32];
    let _ = openssl::rand::rand_bytes(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}
