//! Organisational units, as Google has them.

use serde::Serialize;

pub const UNITS: u32 = 6;

#[derive(Clone, Debug, Serialize)]
pub struct Unit {
    pub no: u32,
    pub name: String,
    /// `/Engineering/Platform`; the root is `/`.
    pub path: String,
    pub parent: Option<u32>,
}

pub fn generate() -> Vec<Unit> {
    let unit = |no, name: &str, path: &str, parent| Unit {
        no,
        name: name.to_owned(),
        path: path.to_owned(),
        parent,
    };
    vec![
        unit(0, "/", "/", None),
        unit(1, "Engineering", "/Engineering", Some(0)),
        unit(2, "Platform", "/Engineering/Platform", Some(1)),
        unit(3, "Sales & Marketing", "/Sales & Marketing", Some(0)),
        unit(4, "Außendienst", "/Sales & Marketing/Außendienst", Some(3)),
        unit(5, "Contractors", "/Contractors", Some(0)),
    ]
}
