use super::*;

fn request(limit: &'static str) -> Request {
    let url = "https://cloud.example.com/users".parse().unwrap();
    Request::get(url, "users").limited_as(limit)
}

const PATIENCE: Duration = Duration::from_mins(10);

/// How long it takes to be let in.
async fn waits(governor: &Governor, request: &Request) -> Duration {
    let begun = Instant::now();
    let place = governor.enter(request, false, LONGEST_PAUSE).await.unwrap();
    place.good();
    begun.elapsed()
}

fn window(limit: u32, remaining: u32, seconds: u64) -> Quota {
    let window = Window { limit, remaining, ends_in: Duration::from_secs(seconds) };
    Quota { window: Some(window), ..Quota::default() }
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_everybodys_and_is_waited_for_exactly() {
    let governor = Governor::new(None, 1.0);
    governor.pause(Duration::from_secs(30));
    governor.pause(Duration::from_secs(10));
    for limit in ["users", "groups"] {
        let urgent = request(limit).urgent();
        let refused = governor.enter(&urgent, true, Duration::from_secs(3)).await.unwrap_err();
        assert_eq!(refused, Refused::Throttled(Duration::from_secs(30)), "nobody waits so long");
    }
    assert_eq!(waits(&governor, &request("users")).await.as_secs(), 30);
    assert_eq!(waits(&governor, &request("groups")).await.as_secs(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_others_share_of_a_limit_is_left_to_them() {
    let governor = Governor::new(None, 0.5);
    governor.learn("users", &window(600, 301, 40));
    assert_eq!(waits(&governor, &request("users")).await.as_secs(), 0);
    governor.learn("users", &window(600, 300, 40));
    assert_eq!(waits(&governor, &request("groups")).await.as_secs(), 0, "another limit");
    let urgent = request("users").urgent();
    assert_eq!(waits(&governor, &urgent).await.as_secs(), 0, "somebody waits");
    assert_eq!(waits(&governor, &request("users")).await.as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_left_of_a_limit_nobody_asks() {
    let governor = Governor::new(None, 0.5);
    governor.learn("users", &window(600, 0, 40));
    let urgent = request("users").urgent();
    assert_eq!(waits(&governor, &urgent).await.as_secs(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_makes_no_sense_is_no_pause_for_ever() {
    let pace = Pace { units: 8_000, per: Duration::from_secs(10) };
    for used in [1e18, 1e300, f64::INFINITY, f64::NAN, -1e300] {
        let governor = Governor::new(Some(pace), 0.5);
        governor.learn("", &Quota { used: Some(used), ..Quota::default() });
        assert!(waits(&governor, &request("")).await.as_secs() <= 3_600, "{used}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_use_beyond_the_share_is_waited_for() {
    let pace = Pace { units: 8_000, per: Duration::from_secs(10) };
    let governor = Governor::new(Some(pace), 0.5);
    governor.learn("", &Quota { used: Some(0.9), ..Quota::default() });
    assert_eq!(waits(&governor, &request("").urgent()).await.as_secs(), 0, "somebody waits");
    assert_eq!(waits(&governor, &request("")).await.as_secs(), 4);
    governor.learn("", &Quota { cost: Some(801), ..Quota::default() });
    let waited = waits(&governor, &request("")).await;
    assert!(waited > Duration::from_millis(900), "a dear request delays the next one: {waited:?}");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_ask_at_the_same_time_and_half_as_many_when_told_so() {
    let governor = Governor::new(None, 1.0);
    let request = request("");
    let mut inside = Vec::new();
    for _ in 0..MOST_AT_ONCE {
        inside.push(governor.enter(&request, true, PATIENCE).await.unwrap());
    }
    let refused = governor.enter(&request, true, Duration::from_secs(5)).await.unwrap_err();
    assert_eq!(refused, Refused::Throttled(Duration::from_secs(5)));
    let login = self::request("").urgent();
    assert!(governor.enter(&login, true, PATIENCE).await.is_ok(), "a login does not wait");
    governor.halve();
    inside.truncate(4);
    assert!(governor.enter(&request, true, Duration::from_secs(5)).await.is_err());
    inside.truncate(3);
    assert!(governor.enter(&request, true, Duration::from_secs(5)).await.is_ok());
    for _ in 0..GOOD_ANSWERS {
        waits(&governor, &request).await;
    }
    inside.push(governor.enter(&request, true, PATIENCE).await.unwrap());
    assert!(governor.enter(&request, true, PATIENCE).await.is_ok(), "one more is tried again");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_down_is_left_alone_and_then_tried_by_one() {
    let governor = Governor::new(None, 1.0);
    let request = request("");
    let mut down = false;
    while !down {
        down = governor.enter(&request, false, PATIENCE).await.unwrap().failed();
    }
    let refused = governor.enter(&request, true, PATIENCE).await.unwrap_err();
    assert!(matches!(refused, Refused::Down(_)), "who comes now fails at once");
    let begun = Instant::now();
    let trying = governor.enter(&request, false, PATIENCE).await.unwrap();
    assert_eq!(begun.elapsed().as_secs(), 30, "who has come before waits");
    assert!(governor.enter(&request, true, PATIENCE).await.is_err(), "one tries");
    drop(trying);
    governor.enter(&request, true, PATIENCE).await.unwrap().good();
    assert!(governor.enter(&request, true, PATIENCE).await.is_ok());
}
