//! Targets of requests, ordinary and hostile ones, from a seed.

use std::sync::LazyLock;

/// Numbers that look random and are the same for the same seed (`SplitMix64`).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    pub fn happens(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// What an application's paths are made of.
const WORDS: [&str; 24] = [
    "public",
    "status",
    "admin",
    "secure",
    "closed",
    "rest",
    "s",
    "_",
    "jira",
    "download",
    "plugins",
    "servlet",
    "oauth",
    "Dashboard.jspa",
    "login.action",
    "browse",
    "a",
    "WEB-INF",
    "web.xml",
    "api",
    "batch.css",
    "PROJ-1",
    "1.0",
    "en_US",
];

/// Beginnings that lead somewhere.
const PLACES: [&str; 16] = [
    "/public/",
    "/status",
    "/admin/",
    "/secure/",
    "/secure/admin/",
    "/closed/",
    "/rest/",
    "/s/a/_/",
    "/s/a/b/_/",
    "/jira/",
    "/jira/admin/",
    "/jira/s/a/_/",
    "/plugins/servlet/oauth/",
    "/download/",
    "/S/a/_/",
    "/",
];

/// Segments, and parts of them, that servers do not agree about.
pub const HOSTILE: [&str; 46] = [
    "..",
    ".",
    "..;",
    "..;x=y",
    ".;",
    "%2e%2e",
    "%2E.",
    ".%2e;",
    "%252e%252e",
    "..%3b",
    "..%00",
    "..%2f",
    "..%5c",
    "..\\",
    "%c0%ae%c0%ae",
    "%ef%bc%8e%ef%bc%8e",
    "...",
    "",
    ";",
    ";x=y",
    ";jsessionid=1.node",
    ";/",
    "%3b",
    "%253b",
    "%3f",
    "%253f",
    "%23",
    "%2523",
    "%2f",
    "%252f",
    "%5c",
    "%255c",
    "%00",
    "%20",
    "%09",
    "%0a",
    "%25",
    "%2561",
    "%61",
    "%",
    "%e9",
    "%c3%a9",
    "+",
    "?",
    "/_/",
    "/s/",
];

/// Characters that some applications take as they are.
const RAW: [&str; 12] = ["[", "]", "|", "{", "}", "^", "`", "\"", "<", ">", "\u{e9}", "#"];

/// The targets of the list of what real Tomcats make of them.
pub static KNOWN: LazyLock<Vec<String>> = LazyLock::new(|| {
    let list = include_str!("../data/http/tomcat-truth.txt");
    let quoted = list.lines().filter_map(|line| line.strip_prefix('\'')?.split_once("' "));
    let targets = quoted.map(|(target, _)| target.replace("\\\\", "\\"));
    targets.filter(|target| target.starts_with('/') && !target.contains(' ')).collect()
});

/// A path as browsers ask for it. At most one part of it is forwarded.
pub fn ordinary(dice: &mut Dice) -> String {
    let words: Vec<_> = WORDS.iter().filter(|word| !["s", "_", "jira"].contains(word)).collect();
    let mut target = dice.choose(&PLACES[..14]).trim_end_matches('/').to_owned();
    for _ in 0..dice.below(4) {
        target = format!("{target}/{}", dice.choose(&words));
    }
    if target.is_empty() || dice.happens(15) {
        target.push('/');
    }
    if dice.happens(30) {
        target.push_str(dice.choose(&["?a=b", "?url=/../admin", "?x=%2e%2e%2f;y", "?jql=a|b"]));
    }
    target
}

/// A path that somebody has thought about.
pub fn hostile(dice: &mut Dice) -> Vec<u8> {
    let mut target = if dice.happens(30) { known(dice).to_owned() } else { built(dice) };
    for _ in 0..dice.below(4) {
        mutate(&mut target, dice);
    }
    target.into_bytes()
}

fn known(dice: &mut Dice) -> &'static str {
    &KNOWN[dice.below(KNOWN.len())]
}

fn built(dice: &mut Dice) -> String {
    let mut target = dice.choose(&PLACES).to_owned();
    if dice.happens(20) {
        target.push_str(&disguised(dice.choose(&["admin", "closed", "s", "secure"]), dice));
    }
    for number in 0..=dice.below(5) {
        if number > 0 {
            target.push('/');
        }
        target.push_str(&segment(dice));
    }
    target
}

fn segment(dice: &mut Dice) -> String {
    let word = dice.choose(&WORDS);
    match dice.below(10) {
        0..5 => word.to_owned(),
        5..7 => dice.choose(&HOSTILE).to_owned(),
        7 => format!("{word}{}", dice.choose(&HOSTILE)),
        8 => disguised(word, dice),
        _ => format!("{}{}", dice.choose(&HOSTILE), dice.choose(&HOSTILE)),
    }
}

/// A word with one of its characters written in another way.
pub fn disguised(word: &str, dice: &mut Dice) -> String {
    let at = dice.below(word.len());
    let byte = word.as_bytes()[at];
    let written = match dice.below(6) {
        0 => format!("%{byte:02x}"),
        1 => format!("%25{byte:02X}"),
        2 => format!("%2525{byte:02x}"),
        // Two bytes where one would do.
        3 => format!("%{:02x}%{:02x}", 0xc0 | (byte >> 6), 0x80 | (byte & 0x3f)),
        4 => format!("%ef%bc%{:02x}", byte.wrapping_sub(0x20) | 0x80),
        _ => char::from(byte ^ 0x20).to_string(),
    };
    format!("{}{written}{}", &word[..at], &word[at + 1..])
}

/// Changes something, wherever.
pub fn mutate(target: &mut String, dice: &mut Dice) {
    let at = border(target, dice);
    let end = border(target, dice).max(at);
    match dice.below(8) {
        0 | 1 => target.insert_str(at, dice.choose(&HOSTILE)),
        2 => target.insert_str(at, dice.choose(&RAW)),
        3 => target.insert_str(at, dice.choose(&PLACES)),
        4 if end < target.len() => drop(target.drain(at..end)),
        5 => {
            let again = target[at..end].to_owned();
            target.insert_str(at, &again);
        }
        6 if target.is_char_boundary(at + 1) => {
            let escaped = format!("%{:02x}", target.as_bytes()[at]);
            target.replace_range(at..=at, &escaped);
        }
        _ => {
            let other = known(dice);
            let from = border(other, dice);
            target.replace_range(at.., &other[from..]);
        }
    }
    target.truncate(border_before(target, 4000));
    if !target.starts_with('/') {
        target.insert(0, '/');
    }
}

/// A place between two characters, behind the first slash.
fn border(target: &str, dice: &mut Dice) -> usize {
    border_before(target, 1 + dice.below(target.len()))
}

fn border_before(target: &str, most: usize) -> usize {
    (0..=most.min(target.len())).rev().find(|at| target.is_char_boundary(*at)).unwrap_or(0)
}
