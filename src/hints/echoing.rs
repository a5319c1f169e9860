//! Answers a cloud that only wants to know whether somebody is there.

use http::{HeaderValue, Method, StatusCode, header::CONTENT_TYPE, request::Parts};

use super::ear::Ear;
use crate::{
    cloud::{Echo, HintFormat},
    hints::Ears,
    http::{Body, Error, Parameters, Response},
};

/// So many clouds are answered at the same time: they ask once for each thing that the gateway asks of them.
pub(super) const ECHOES: usize = 4;

impl Ears {
    /// The answer to a question of that kind; nothing if it is none.
    pub(super) async fn echo(&self, ear: &Ear, parts: &Parts) -> Result<Option<Response>, Error> {
        let parameters = Parameters::of(&parts.uri)?;
        let token = parameters.find("validationToken").filter(|_| parts.method == Method::POST);
        let Some(Echo { media_type, body }) = ear.format.echo(token, &parts.headers) else {
            return Ok(None);
        };
        if ear.format == HintFormat::Entra && !self.is_asked_for(ear).await? {
            self.count(ear, "unasked");
            let sentence = "Nobody here has asked for messages just now.";
            return Err(Error::new(StatusCode::UNAUTHORIZED, "hint-unasked", sentence));
        }
        self.count(ear, "echoed");
        let mut answer = Response::new(Body::from(body));
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        Ok(Some(answer))
    }

    /// Whether the connector, at whichever gateway, asks the cloud for something at this moment. Graph believes whoever is
    /// answered that the address is theirs: a stranger must not have it send their notifications here.
    async fn is_asked_for(&self, ear: &Ear) -> Result<bool, Error> {
        let _place = self.echoes.try_acquire().map_err(|_| self.no_room(ear))?;
        let asked = self.store.is_asking_cloud(ear.connector, self.clock.now());
        asked.await.map_err(Error::unavailable)
    }
}
