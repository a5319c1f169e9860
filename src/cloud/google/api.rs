//! How Google's Directory API is asked.

use std::time::Duration;

use futures_util::future::BoxFuture;

use super::{account::Account, refusal::Refusal};
use crate::cloud::{
    ConnectorError,
    http::{Credential, Dialect, Exchange, Pace, Request, Verdict},
};

/// What a project may ask for one administrator: `developers.google.com/workspace/admin/directory/v1/limits`.
const PACE: Pace = Pace { units: 2_400, per: Duration::from_mins(1) };

/// Asks as a service account.
#[derive(Debug)]
pub(super) struct Api {
    pub account: Account,
}

impl Dialect for Api {
    fn credential<'a>(
        &'a self,
        request: &'a Request,
    ) -> BoxFuture<'a, Result<Credential, ConnectorError>> {
        Box::pin(self.account.credential(request))
    }

    fn judge(&self, exchange: &Exchange<'_>) -> Verdict {
        if exchange.answer.status == 401 && exchange.renewals < 2 {
            self.account.refuse(exchange.credential.token);
            return Verdict::Renew;
        }
        let refusal = Refusal::of(exchange.answer);
        refusal.judge(exchange.answer, exchange.request, self.account.delegation())
    }

    fn pace(&self) -> Option<Pace> {
        Some(PACE)
    }
}
