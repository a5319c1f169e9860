//! What somebody has to set in a request who passes it on instead of us (forward-auth).

use http::{HeaderMap, HeaderName, HeaderValue, header, request::Parts};

use super::{
    Forwarding, Upstream, UpstreamError,
    request_head::{Headers as _, RequestHead, target},
};

impl Upstream {
    /// Who it is, and the cookies that the application may have, Crowd's among them: as the application would get all of
    /// it from us. Every header that tells identities anywhere is there, empty if it says nothing: so nothing of a
    /// client's is left in its place, whichever of them somebody copies.
    pub fn told(
        &self,
        asked: &Parts,
        forwarding: &Forwarding<'_>,
    ) -> Result<HeaderMap, UpstreamError> {
        let headers = self.headers(&asked.headers, forwarding);
        let mut head = RequestHead::begin(&asked.method, target(&asked.uri));
        for (name, value) in &headers {
            head.put(name, value);
        }
        self.check_size(head.end().len(), asked, forwarding)?;
        let says = |name: &HeaderName| {
            let nothing = || HeaderValue::from_static("");
            (name.clone(), headers.get(name).cloned().unwrap_or_else(nothing))
        };
        Ok(self.managed.identities().chain([&header::COOKIE]).map(says).collect())
    }

    /// A client's header that some servers take for one that only the gateway sets. Whoever passes the request on instead
    /// of us replaces the headers that it is told, and would leave this one in beside them.
    #[must_use]
    pub fn find_look_alike<'a>(&self, headers: &'a HeaderMap) -> Option<&'a HeaderName> {
        headers.keys().find(|name| self.managed.is_look_alike(name))
    }
}
