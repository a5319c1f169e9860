use std::time::{Duration, Instant};

use super::*;

fn addresses(count: usize, places: Option<PlaceLimits>) -> Addresses {
    let urls: Vec<Url> =
        (0..count).map(|n| format!("http://10.0.0.{n}:8080").parse().unwrap()).collect();
    let second = Duration::from_secs(1);
    let rules = AddressRules {
        tls: Arc::new(UpstreamTls::new(None).unwrap()),
        pool: PoolLimits { connect_patience: second, max_idle: 1, idle: second },
        places,
        health: HealthRules { failures: 1, window: second, successes: 1, is_checked: true },
    };
    let urls = urls.iter().enumerate().map(|(n, url)| (url, format!("id{n}")));
    Addresses::new(&"jira".into(), urls, rules, &UpstreamMetrics::default()).unwrap()
}

const ANY: Wish = Wish { place: None, is_repeatable: true };

fn wish(place: usize) -> Wish {
    Wish { place: Some(place), ..ANY }
}

impl Addresses {
    fn chosen(&self, wish: Wish) -> Option<usize> {
        self.choose(wish).map(|address| address.index)
    }

    fn take_out(&self, index: usize) {
        self.all[index].health.failed(Instant::now(), "no".to_owned());
    }
}

#[tokio::test]
async fn requests_go_where_the_least_is_to_do_and_in_turn_where_it_is_the_same() {
    let all = addresses(3, None);
    let seats = [all.seat(ANY).await.unwrap(), all.seat(ANY).await.unwrap()];
    let mut taken: Vec<_> = seats.iter().map(|seat| seat.address().index).collect();
    taken.push(all.chosen(ANY).unwrap());
    taken.sort_unstable();
    assert_eq!(taken, [0, 1, 2]);
    drop(seats);
    assert_eq!(all.requests(), 0);
    let turns: Vec<_> = (0..6).map(|_| all.chosen(ANY).unwrap()).collect();
    assert_eq!(turns[..3], turns[3..]);
}

#[tokio::test]
async fn whoever_has_been_somewhere_stays_there_while_it_is_well() {
    let all = addresses(3, None);
    let _busy = all.seat(wish(2)).await.unwrap();
    assert_eq!(all.chosen(wish(2)), Some(2));
    all.take_out(2);
    assert!(all.chosen(wish(2)) != Some(2));
    assert!(all.chosen(wish(99)).is_some(), "made up");
    all.all[1].admit(Admission::Draining);
    assert_eq!(all.chosen(wish(1)), Some(1));
    assert_eq!(all.chosen(ANY), Some(0));
    all.all[1].admit(Admission::Closed);
    assert_eq!(all.chosen(wish(1)), Some(0));
}

#[test]
fn one_that_is_not_well_is_asked_if_no_other_is_and_a_closed_one_never() {
    let all = addresses(2, None);
    all.take_out(0);
    assert_eq!(all.chosen(ANY), Some(1));
    all.all[1].admit(Admission::Draining);
    assert_eq!(all.chosen(ANY), Some(1), "better than one that is out");
    all.take_out(1);
    assert_eq!(all.chosen(ANY), Some(0));
    assert!(all.another(Tried::default()).is_none(), "nothing is sent again to them");
    all.all[0].admit(Admission::Closed);
    assert_eq!(all.chosen(ANY), Some(1));
    all.all[1].admit(Admission::Closed);
    assert_eq!(all.chosen(ANY), None);

    let only = addresses(1, None);
    only.take_out(0);
    assert_eq!(only.chosen(ANY), Some(0));
    only.all[0].admit(Admission::Closed);
    assert_eq!(only.chosen(ANY), None);
}

#[tokio::test]
async fn a_full_one_is_not_chosen_while_another_has_a_place() {
    let patience = Duration::from_millis(1);
    let all = addresses(2, Some(PlaceLimits { places: 1, max_waiting: 0, patience }));
    let first = all.seat(ANY).await.unwrap();
    let second = all.seat(ANY).await.unwrap();
    assert_ne!(first.address().index, second.address().index);
    assert!(matches!(all.seat(ANY).await, Err(UpstreamError::Full(_))));
}

#[test]
fn nothing_is_sent_again_to_an_address_that_has_failed_it() {
    let all = addresses(2, None);
    let mut tried = Tried::default();
    tried.add(0);
    assert_eq!(all.another(tried).unwrap().index, 1);
    tried.add(1);
    assert!(all.another(tried).is_none());
}
