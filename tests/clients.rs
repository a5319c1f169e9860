//! What people and programs use with Atlassian's applications, through the gateway.

mod git;
mod scripts;
mod streams;
