//! Who is who, what exports look like, and what a report has to survive.

use super::*;

/// `username email name id`, with `-` for what is not there.
fn existing(rows: &[&str]) -> Vec<ExistingUser> {
    let user = |row: &&str| {
        let [username, email, name, id] = fields(row);
        let username = username.unwrap_or_default();
        ExistingUser { username, email, display_name: name, id }
    };
    rows.iter().map(user).collect()
}

/// `subject username email name`.
fn said(rows: &[&str]) -> Vec<SaidUser> {
    let user = |row: &&str| {
        let [subject, username, email, display_name] = fields(row);
        let subject = subject.unwrap_or_default();
        SaidUser { issuer: None, subject, username, email, display_name }
    };
    rows.iter().map(user).collect()
}

fn fields(row: &str) -> [Option<String>; 4] {
    let mut words = row.split(' ').map(|word| (word != "-").then(|| word.replace('_', " ")));
    std::array::from_fn(|_| words.next().flatten())
}

/// The class of each, and the username that is proposed.
fn matched(have: &[&str], say: &[&str]) -> Vec<String> {
    let proposals = match_users(&existing(have), said(say));
    let line =
        |p: &Proposal| format!("{} {}", p.class.as_str(), p.username.as_deref().unwrap_or("-"));
    proposals.iter().map(line).collect()
}

#[test]
fn says_who_is_who() {
    let alice = "alice alice@x.com Alice_Smith JIRAUSER1";
    for (have, say, expected) in [
        // Exact: by username or id, and nothing against it.
        (&[alice][..], &["1 Alice ALICE@X.com Alice"][..], &["exact alice"][..]),
        (&["alice - - -"], &["1 alice a@x.com -"], &["exact alice"]),
        (&["alice - Smith,_Alice -"], &["1 alice - alice_SMITH"], &["exact alice"]),
        (&[alice], &["JIRAUSER1 asmith - -"], &["exact alice"]),
        // Probable: one, but something differs, or only the address or less is the same.
        (&[alice], &["1 alice a.smith@x.com -"], &["probable alice"]),
        (&["alice - Alice_Smith -"], &["1 alice - Alina_Smith"], &["probable alice"]),
        (&[alice], &["1 asmith alice@x.com -"], &["probable alice"]),
        (&[alice], &["1 alice@corp.com alice@corp.com -"], &["probable alice"]),
        (&["alice@old.com - - -"], &["1 alice - -"], &["probable alice@old.com"]),
        (&[alice], &["1 u4711 - Smith,_Alice"], &["probable alice"]),
        // Ambiguous: several users, or several people.
        (&["a x@x.com - -", "b X@x.com - -"], &["1 c x@x.com -"], &["ambiguous -"]),
        (&["a - Ann_Lee -", "b - Ann_Lee -"], &["1 c - Ann_Lee"], &["ambiguous -"]),
        (&["a - - 1", "b - - -"], &["1 b - -"], &["ambiguous -"]),
        (
            &["jsmith john@x.com - -", "jane jane@x.com - -"],
            &["1 jsmith jane@x.com -"],
            &["ambiguous -"],
        ),
        (&[alice], &["1 p alice@x.com -", "2 q alice@x.com -"], &["ambiguous -", "ambiguous -"]),
        (&[alice], &["1 alice - -", "2 ALICE - -"], &["ambiguous -", "ambiguous -"]),
        (&[alice], &["1 alice - -", "2 q alice@x.com -"], &["ambiguous -", "ambiguous -"]),
        // A namesake makes an exact match not doubtful.
        (&[alice], &["1 alice - -", "2 q - Alice_Smith"], &["exact alice", "ambiguous -"]),
        (
            &[alice],
            &["2 q alice@x.com -", "1 alice alice@x.com -"],
            &["ambiguous -", "exact alice"],
        ),
        // One name of several directories is one user for the application.
        (&["alice - - -", "ALICE a@x.com - -"], &["1 alice a@x.com -"], &["exact alice"]),
        (&[alice], &["1 bob bob@x.com Bob"], &["none -"]),
        (&["\u{430}lice - - -"], &["1 alice - -"], &["none -"]),
    ] {
        assert_eq!(matched(have, say), expected, "{have:?} {say:?}");
    }
}

#[test]
fn says_why() {
    let have = existing(&["a x@x.com - -", "b x@x.com - -", "c - - -"]);
    let why = |say| match_users(&have, said(&[say])).remove(0).why;
    assert_eq!(why("1 z x@x.com -"), "same email: a, b");
    assert_eq!(why("1 c - -"), "same username");
    let both = match_users(&have, said(&["1 c - -", "2 C - -"]));
    assert_eq!(both[0].why, r#"same username: c, which "2" may be too"#);
}

#[test]
fn a_hundred_thousand_who_look_alike_are_matched_at_once() {
    let user = |n: usize| ExistingUser {
        username: format!("user{n}"),
        email: Some("noreply@x.com".to_owned()),
        display_name: Some("Test User".to_owned()),
        id: Some("same".to_owned()),
    };
    let have: Vec<_> = (0..50_000).map(user).collect();
    let say = |n: usize| SaidUser {
        subject: if n.is_multiple_of(2) { "same".to_owned() } else { n.to_string() },
        email: Some("noreply@x.com".to_owned()),
        display_name: Some("Test User".to_owned()),
        ..SaidUser::default()
    };
    let counts = Counts::of(&match_users(&have, (0..50_000).map(say).collect()));
    assert_eq!(counts, Counts { ambiguous: 50_000, ..Counts::default() });
}

fn names(users: &[ExistingUser]) -> Vec<String> {
    let or = |value: &Option<String>| value.clone().unwrap_or("-".to_owned());
    let line = |u: &ExistingUser| {
        format!("{} {} {} {}", u.username, or(&u.email), or(&u.display_name), or(&u.id))
    };
    users.iter().map(line).collect()
}

#[test]
fn reads_what_applications_export() {
    for (text, expected) in [
        ("username,email,display_name\nalice,a@x.com,Alice\n", &["alice a@x.com Alice -"][..]),
        (
            "\u{feff}Name;Email Address;Full name\r\nalice;;\"Smith; A\"\r\n;;\r\n",
            &["alice - Smith; A -"],
        ),
        ("key\temailAddress\nalice\ta@x.com\n", &["alice a@x.com - -"]),
        ("key,name\nJIRAUSER1,alice\n", &["alice - - JIRAUSER1"]),
        ("username,name,id\nalice,Alice,7\n", &["alice - Alice 7"]),
        (
            r#"[{"self":"x","key":"JIRAUSER1","name":"alice","emailAddress":"a@x.com",
                "displayName":"Alice","active":true,"avatarUrls":{"16x16":"y"}}]
               [{"key":"JIRAUSER2","name":"bob","emailAddress":null,"displayName":"B\u00f6b"}]"#,
            &["alice a@x.com Alice JIRAUSER1", "bob - Böb JIRAUSER2"],
        ),
        (
            r#"{"results":[{"type":"known","username":"alice","userKey":"ff80","displayName":"Alice"}],
                "start":0,"limit":1,"size":1,"_links":{"base":"http://wiki"}}
               {"results":[{"user":{"username":"bob","userKey":"ff81","displayName":"Bob"},"title":"Bob"}]}"#,
            &["alice - Alice ff80", "bob - Bob ff81"],
        ),
        (
            r#"{"values":[{"name":"alice","id":101,"slug":"alice"}],"isLastPage":true}"#,
            &["alice - - 101"],
        ),
        (r#"{"name":"alice"}"#, &["alice - - -"]),
    ] {
        let read = read_existing("users", text.as_bytes());
        assert_eq!(
            names(&read.unwrap_or_else(|error| panic!("{text}: {error}"))),
            expected,
            "{text}"
        );
    }
}

#[test]
fn says_where_an_export_is_wrong_and_what_to_do() {
    for (text, expected) in [
        (&b"username,email\nalice,a\xff\n"[..], "users:2:8: this is not UTF-8: save the file"),
        (b"username\n", "users: there is nobody in it: export"),
        (
            b"",
            "users:1: the header has no column for the username: call one of them username, name or key",
        ),
        (b"email,display_name\na,b\n", "users:1: the header has no column for the username"),
        (b"username,User Name\na,b\n", "users:1: the header has the column \"User Name\" twice"),
        (b"username,email\nalice,a\nbob\n", "users:3: the row has 1 values, and the header 2"),
        (b"username,email\n\n,a\n", "users:3: there is no username: add it"),
        (b"username,email\r\nalice,a\r\n\r\n,a\r\n", "users:4: there is no username: add it"),
        (b"username,email\r\nalice,a\r\nbob\r\n", "users:3: the row has 1 values"),
        (b"username,email\nalice,\"a\nbob,b\n", "users:2: \"email\" has control characters"),
        (b"[{\"name\":\"a\"},\n  {\"name\":}]", "users:2:11: expected value"),
        (b"[{\"name\":\"a\"},\n  7]", "users:2:3: here should be a user"),
        (b"[{\"name\":\"a\"},\n  {\"email\":\"x\"}]", "users:2: there is no username: add it"),
        (b"{\"results\":[]}", "users: there is nobody in it"),
    ] {
        let text_of = String::from_utf8_lossy(text);
        let error = read_existing("users", text).map(|read| names(&read)).expect_err(&text_of);
        assert!(error.to_string().starts_with(expected), "{text_of}: {error}");
    }
}

#[test]
fn reads_what_is_said_by_one_issuer() {
    let read = |text: &str, issuer| read_said("said", text.as_bytes(), issuer);
    let two = "issuer,subject,username\nsaml:a,1,alice\nsaml:b,1,bob\nsaml:a,1,alice\n";
    let error = read(two, None).unwrap_err().to_string();
    assert_eq!(error, "said: several issuers speak here: choose one with --issuer: saml:a, saml:b");
    let only = read(two, Some("saml:b")).unwrap();
    assert_eq!((only.len(), only[0].username.as_deref()), (1, Some("bob")));
    assert!(matches!(read(two, Some("saml:c")), Err(AdoptionError::Nobody(_))));
    let twice = read("subject,username\n1,alice\n1,bob\n", None).unwrap_err().to_string();
    assert_eq!(
        twice,
        "said:3: the subject \"1\" is that of line 2 too, and they differ: remove one"
    );
    let error = read("username\nalice\n", None).unwrap_err().to_string();
    assert!(error.starts_with("said:1: the header has no column for the subject"), "{error}");
    let error = read(r#"[{"name":"alice"}]"#, None).unwrap_err().to_string();
    assert!(error.starts_with("said:1: there is no subject"), "{error}");
}

#[test]
fn a_report_that_nobody_has_changed_gives_what_it_proposes() {
    let have = existing(&["=cmd() - - =1", "'quoted - - -", "''= - - -", "plain - - -"]);
    let say = said(&["=1 - - -", "@2 'quoted - -", "-3 ''= - -", "+4,5\" plain - -", "6 new - -"]);
    let report = write_report(&match_users(&have, say)).unwrap();
    let text = String::from_utf8(report.clone()).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    assert_eq!(header, "\u{feff}subject,said_username,said_email,said_name,match,username,why");
    let spread = |line: &str| line.starts_with(['=', '+', '-', '@']) || line.contains(",=");
    assert!(!lines.any(spread), "{text}");
    let rows = read_report("report", &report).unwrap();
    let rows: Vec<_> = rows.iter().map(|r| (r.line, &*r.subject, &*r.username)).collect();
    assert_eq!(
        rows,
        [(2, "=1", "=cmd()"), (3, "@2", "'quoted"), (4, "-3", "''="), (5, "+4,5\"", "plain"),]
    );
}

#[test]
fn what_a_person_types_into_a_report_is_taken_as_it_is() {
    let text =
        "why;username;match;subject;mine\n;'t Hooft;ambiguous;1;x\n;=2;none;+3;\n;;none;4;\n";
    let rows = read_report("report", text.as_bytes()).unwrap();
    let rows: Vec<_> = rows.iter().map(|r| (&*r.subject, &*r.username)).collect();
    assert_eq!(rows, [("1", "'t Hooft"), ("+3", "=2")]);
}

#[test]
fn names_every_row_that_cannot_be_applied() {
    for (rows, expected) in [
        ("1,exact,alice\n2,exact,ALICE\n", "line 3: the username \"ALICE\" is given in line 2 too"),
        ("1,exact,alice\n1,exact,bob\n", "line 3: the subject \"1\" is in line 2 too"),
        ("1,exact,alice\n1,none,\n", "line 3: the subject \"1\" is in line 2 too"),
        (
            "1,exakt,alice\n",
            "line 2: \"exakt\" is no match: it is exact, probable, ambiguous or none",
        ),
        ("1,exact,al\u{1}ice\n", "line 2: \"al\\u{1}ice\" cannot be a username"),
        ("1,exact,alice \n", "line 2: \"alice \" cannot be a username"),
        ("\u{1},exact,alice\n", "line 2: the subject \"\\u{1}\" has control characters"),
        ("\u{1},none,\n", "line 2: the subject \"\\u{1}\" has control characters"),
        (",exact,alice\n", "line 2: there is no subject"),
        ("\"1,05E+20\",exact,alice\n", "line 2: the subject \"1,05E+20\" has been rounded"),
    ] {
        let text = format!("subject,match,username\n{rows}");
        let error = read_report("report", text.as_bytes()).expect_err(rows).to_string();
        assert_eq!(error.lines().count(), 2, "{error}");
        assert!(error.contains(&format!("\n  {expected}")), "{rows}: {error}");
    }
    let many: Vec<_> = (0..30).map(|n| format!("{n},what,\n")).collect();
    let text = format!("subject,match,username\n{}", many.concat());
    let error = read_report("report", text.as_bytes()).unwrap_err().to_string();
    assert!(error.ends_with("\n  and 10 more"), "{error}");
    let error = read_report("report", b"subject,username\n1,alice\n").unwrap_err().to_string();
    assert_eq!(error, "report:1: the header has no column for the match: call one of them match");
}

#[test]
fn an_alias_is_taken_from_nobody_whom_the_report_does_not_name() {
    let current = [("1", "alice"), ("2", "bob")].map(|(s, u)| (s.to_owned(), u.to_owned()));
    let row = |line, subject: &str, username: &str| AliasRow {
        line,
        subject: subject.to_owned(),
        username: username.to_owned(),
    };
    let refused = plan_aliases(&current, vec![row(2, "3", "Alice")]).unwrap_err().to_string();
    assert!(refused.contains("line 2: the username \"Alice\" is the alias of \"1\""), "{refused}");
    let swap = vec![row(2, "1", "bob"), row(3, "2", "alice"), row(4, "3", "carol")];
    let plan = plan_aliases(&current, swap.clone()).unwrap();
    assert_eq!((plan.added.len(), plan.changed.len(), plan.unchanged), (1, 2, 0));
    let same = plan_aliases(&current, vec![row(2, "1", "alice")]).unwrap();
    assert_eq!(same, AliasPlan { unchanged: 1, ..AliasPlan::default() });
}
