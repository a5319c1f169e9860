//! What is in `deploy/`, and the image: played, checked and read as those would who use it.

mod healthcheck;
mod image;
mod kubernetes;
mod mounted_secret;
mod pod;
mod systemd;
mod watching;
