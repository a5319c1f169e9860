//! Who answers a request: the gateway itself, or an application.

use super::{Place, Site, Sites};
use crate::policy::Readings;

/// What the gateway keeps for itself on every site.
const OWN_PREFIX: &str = "/_gatehouse";

/// Who answers a request.
#[derive(Debug)]
pub enum Route<'a> {
    /// The gateway.
    Own,
    /// An application, by its number in the configuration, at its place.
    App(usize, &'a Place),
    /// Nobody has something there.
    Nobody,
    /// Two readings of the path lead to different applications.
    Between,
}

impl Sites {
    /// Who answers a request for a path on a site, however it is read.
    #[must_use]
    pub fn route(&self, site: &Site, readings: &Readings<'_>) -> Route<'_> {
        if readings.iter().any(is_own) {
            return Route::Own;
        }
        let mut places = readings.iter().map(|path| self.find_place(site, path));
        let first = places.next().flatten();
        if places.any(|place| place.map(|(index, _)| index) != first.map(|(index, _)| index)) {
            return Route::Between;
        }
        first.map_or(Route::Nobody, |(index, place)| Route::App(index, place))
    }
}

/// Whether a path is the gateway's own, for anybody who reads it.
fn is_own(path: &str) -> bool {
    let start = path.get(..OWN_PREFIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(OWN_PREFIX))
        && matches!(path.as_bytes().get(OWN_PREFIX.len()), None | Some(b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reading_has_to_lead_to_the_same() {
        let url = |text: &str| text.parse::<url::Url>().unwrap();
        let apps = [("all", url("https://a.example")), ("wiki", url("https://a.example/wiki"))];
        let apps = apps.iter().map(|(name, url)| (*name, url));
        let sites = Sites::new(&url("https://login.example"), apps);
        let site = sites.find("a.example").unwrap();
        for (target, expected) in [
            ("/x", "all"),
            ("/wiki/x", "wiki"),
            ("/wiki/s/x/_/y", "wiki"),
            ("/s/x/_/wiki/y", "between"),
            ("/_gatehouse", "own"),
            ("/s/x/_/_Gatehouse/login", "own"),
            ("/_gatehousex", "all"),
        ] {
            let readings = Readings::of(target).unwrap();
            let found = match sites.route(site, &readings) {
                Route::Own => "own",
                Route::App(_, place) => place.name.as_str(),
                Route::Nobody => "nobody",
                Route::Between => "between",
            };
            assert_eq!(found, expected, "{target}");
        }
    }
}
