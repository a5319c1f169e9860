//! Which address of an application somebody has been at: in a cookie of the gateway's, by a word that only the gateway
//! understands. Sessions of Atlassian's applications live on one node.

use http::{HeaderMap, HeaderValue, header};

use super::{Addresses, address::Address};
use crate::http::{Place, find_cookie};

impl Addresses {
    /// The address that a request says it has been at. A word that the gateway has not made says nothing.
    pub(super) fn find_affinity(&self, headers: &HeaderMap, place: &Place) -> Option<usize> {
        if !self.are_several() {
            return None;
        }
        let word = find_cookie(headers, &place.site.cookies().node(&place.name))?;
        self.all().iter().position(|address| !word.is_empty() && address.id == word)
    }
}

/// Has a browser come back to an address, unless others may be given the answer too.
pub(super) fn remember(address: &Address, place: &Place, headers: &mut HeaderMap) {
    let is_shared = headers.get_all(header::CACHE_CONTROL).iter().any(is_public);
    if !is_shared {
        let cookies = place.site.cookies();
        headers.append(header::SET_COOKIE, cookies.set(&cookies.node(&place.name), &address.id));
    }
}

/// Whether caches may keep an answer for everybody (RFC 9111 section 5.2.2).
fn is_public(cache_control: &HeaderValue) -> bool {
    let directives = cache_control.as_bytes().split(|byte| *byte == b',');
    directives.map(<[u8]>::trim_ascii).any(|directive| {
        let name = directive.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"public") || name.eq_ignore_ascii_case(b"s-maxage")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_for_everybody_is_one_that_says_so() {
        for (value, shared) in [
            ("public, max-age=31536000", true),
            ("max-age=1,PUBLIC", true),
            ("s-maxage=60", true),
            ("private, max-age=60", false),
            ("no-store", false),
            ("publicity", false),
        ] {
            assert_eq!(is_public(&HeaderValue::from_static(value)), shared, "{value}");
        }
    }
}
