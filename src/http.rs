//! The web's edge: sites, cookies, whose address it is, what a request is for, and the one error that
//! becomes an answer.

mod app_cookies;
mod arrival;
mod client;
mod cookies;
mod error;
mod fold;
mod leftover;
mod navigation;
mod original;
mod origins;
mod pages;
mod parameters;
mod request_check;
mod route;
mod site;

pub use axum::{body::Body, response::Response};

pub use self::{
    app_cookies::AppCookies,
    arrival::Arrival,
    client::{Peer, TrustedProxies},
    cookies::{CookieNames, find_cookie, foreign_cookies, sets_own_cookie},
    error::{Error, WayOn},
    fold::{fold, is_folded},
    leftover::read_away,
    navigation::{
        is_for_a_page, is_navigation, is_own_link, is_own_request, is_same_origin, wants_html,
    },
    original::{AUTHORIZE_PATH, Original, Product, Question},
    origins::Origins,
    pages::{Pages, RefusedBecause, STYLE_PATH, page, see_other, style},
    parameters::Parameters,
    request_check::check_request,
    route::Route,
    site::{FRAGMENT_SCRIPT, Place, RELOAD_SCRIPT, Site, Sites},
};
