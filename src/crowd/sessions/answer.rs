//! A session, as applications read it.

use http::{HeaderValue, StatusCode, header};

use crate::{
    crowd::{
        asking::Asking,
        entities::{Links, Shown, write_user, write_user_name},
        format::Format,
        query::Query,
        writer::Writer,
    },
    http::{Body, Response},
    session::{Holder, LiveToken},
};

/// How much of a session is wanted.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    user: bool,
    shown: Shown,
}

impl Wanted {
    /// As an address says.
    pub(super) fn of(query: &Query) -> Self {
        Self { user: query.expands("user"), shown: Shown::of(query) }
    }

    /// What the answer is kept under: everything that makes it another one.
    fn name(self, asking: &Asking) -> String {
        let format = match asking.reply {
            Format::Xml => 'x',
            Format::Json => 'j',
        };
        let flag = |flag| if flag { '+' } else { '-' };
        let (user, attributes) = (flag(self.user), flag(self.shown.attributes));
        format!("{format}{user}{attributes}{}", asking.base.url())
    }
}

/// A session; what was written before is not written twice.
pub(super) fn answer(
    asking: &Asking,
    token: &str,
    live: &LiveToken,
    holder: &Holder,
    wanted: Wanted,
    status: StatusCode,
) -> Response {
    let written = holder.answer(&wanted.name(asking), || {
        let mut writer = Writer::new(asking.reply);
        write_session(&mut writer, &Links::of(asking), token, live, holder, wanted);
        writer.take()
    });
    let mut response = Response::new(Body::from(written));
    *response.status_mut() = status;
    let content_type: HeaderValue = asking.reply.content_type();
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Token and user come first, in this order: some readers take what comes as it comes.
fn write_session(
    writer: &mut Writer,
    links: &Links,
    token: &str,
    live: &LiveToken,
    holder: &Holder,
    wanted: Wanted,
) {
    writer.begin_document("session");
    writer.attribute("expand", "user");
    writer.text("token", token);
    writer.begin("user");
    if wanted.user {
        write_user(writer, links, &holder.seen, wanted.shown);
    } else {
        write_user_name(writer, links, &holder.seen.user.profile.username);
    }
    writer.end("user");
    links.write(writer, "/session/", token, "self");
    writer.time("created-date", live.begun_at);
    writer.time("expiry-date", live.expires_at);
    writer.end("session");
}
