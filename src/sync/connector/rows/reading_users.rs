//! Reads users of the mirror, a page ahead.

use tokio::sync::mpsc;

use super::Rows;
use crate::store::{ConnectorId, MirrorUser, Store, StoreError};

/// Users that are read at once, of all and of some.
const PAGE: i64 = 2000;
const SOME: usize = 500;

/// Gives the users whom rows are made of, in the order of their numbers.
pub(in crate::sync::connector) fn read_users(
    store: &Store,
    connector: ConnectorId,
    rows: &Rows,
) -> mpsc::Receiver<Result<Vec<MirrorUser>, StoreError>> {
    let (sender, pages) = mpsc::channel(2);
    let (store, rows) = (store.clone(), rows.clone());
    tokio::spawn(async move {
        match rows {
            Rows::Everything => read_all(&store, connector, &sender).await,
            Rows::Only(numbers, _) => {
                let numbers: Vec<_> = numbers.iter().collect();
                for some in numbers.chunks(SOME) {
                    let page = store.find_mirror_users_by_number(connector, some).await;
                    if sender.send(page).await.is_err() {
                        return;
                    }
                }
            }
        }
    });
    pages
}

async fn read_all(
    store: &Store,
    connector: ConnectorId,
    to: &mpsc::Sender<Result<Vec<MirrorUser>, StoreError>>,
) {
    let mut after = 0;
    loop {
        let page = store.list_mirror_users(connector, after, PAGE).await;
        let last = page.as_ref().ok().and_then(|page| page.last()).map(|user| user.number);
        if to.send(page).await.is_err() {
            return;
        }
        match last {
            Some(last) => after = last,
            None => return,
        }
    }
}
