//! Where a login leads back to.

use std::sync::Arc;

use gatehouse::{
    http::{Place, Site},
    login::return_target,
    policy::Readings,
};
use http::HeaderValue;
use url::Url;

/// Whatever somebody wanted, a browser ends at the application's host, at a path that can be decided upon.
pub fn return_targets(data: &[u8]) {
    let Ok(wanted) = str::from_utf8(data) else { return };
    let site = Arc::new(Site::of(&"https://tools.example.com/wiki".parse().unwrap()));
    let place = Place { name: "wiki".to_owned(), site, prefix: "/wiki".to_owned() };
    let target = return_target(&place, wanted);
    assert!(target == wanted || target == "/wiki/", "{wanted:?} became {target:?}");

    let location = format!("{}{target}", place.site.origin());
    assert!(HeaderValue::from_str(&location).is_ok(), "{location:?}");
    let url = Url::parse(&location).unwrap();
    assert_eq!(url.origin().ascii_serialization(), place.site.origin(), "{location:?}");
    assert!(url.fragment().is_none() && url.username().is_empty());

    // The browser asks for what was decided upon, however it writes it.
    let asked = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let (asked, decided) = (Readings::of(asked).unwrap(), Readings::of(&target).unwrap());
    assert!(asked.iter().eq(decided.iter()), "{asked:?} {decided:?}");
}
