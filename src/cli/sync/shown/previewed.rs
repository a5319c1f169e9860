//! A preview as people read it.

use crate::{
    cli::say,
    sync::{
        ChangesPreview, FilterPreview, GroupsPreview, MOST_EXAMPLES, NamesPreview, Preview,
        UsersPreview,
    },
};

/// What filters and a mapping would make of the mirror.
pub(in crate::cli::sync) fn print_preview(seen: &Preview) {
    let at = seen.mirror.read_at.map(|at| at.format(", read %Y-%m-%d %H:%M:%SZ").to_string());
    say(&format!("from what is known of the cloud{}; nothing is changed", at.unwrap_or_default()));
    if seen.mirror.is_other_cloud {
        say(
            "warning: another cloud, or another part of it, is to be read: only a run can tell what is there",
        );
    }
    print_users(&seen.users);
    print_groups(&seen.groups);
    print_names(&seen.names);
    print_changes(&seen.changes);
    if let Some(problem) = &seen.problem {
        say(&format!("warning: {problem}"));
    }
    if seen.is_new {
        say(
            "the next run is a dry run, for nothing has come true under these filters and names yet",
        );
    }
}

fn print_users(users: &UsersPreview) {
    let counts = &users.counts;
    say("\nwho comes:");
    for filter in &users.filters {
        print_filter(filter);
    }
    say(&format!(
        "  all together: {} come, {} out of scope, {} disabled, {} not there{}",
        counts.come,
        counts.out_of_scope,
        counts.disabled,
        counts.missing,
        if counts.unsaid > 0 { format!(", {} unsaid", counts.unsaid) } else { String::new() }
    ));
    print_some("come", &users.come);
    print_some("out of scope", &users.out_of_scope);
}

fn print_filter(filter: &FilterPreview) {
    let FilterPreview { filter, keeps, drops, kept, dropped } = filter;
    say(&format!("  {filter}: keeps {keeps}, drops {drops}"));
    print_some("  keeps", kept);
    print_some("  drops", dropped);
}

fn print_some(what: &str, names: &[String]) {
    if !names.is_empty() {
        say(&format!("    {what}: {}", names.join(", ")));
    }
}

fn print_groups(groups: &GroupsPreview) {
    say("\nwhich groups are shown:");
    for filter in &groups.filters {
        print_filter(filter);
    }
    let GroupsPreview { known, shown, without_members, .. } = groups;
    say(&format!(
        "  all together: {shown} of {known}; {without_members} more have nobody who comes"
    ));
    print_some("hidden", &groups.hidden);
    for group in groups.groups.iter().take(MOST_EXAMPLES) {
        let said = if group.said == group.name {
            String::new()
        } else {
            format!(" (in the cloud {})", group.said)
        };
        say(&format!("    {:>7} members  {}{said}", group.members, group.name));
    }
    for one in groups.conflicts.iter().take(MOST_EXAMPLES) {
        say(&format!("  conflict: {} {:?}: {}", one.external_id, one.name, one.why));
    }
}

fn print_names(names: &NamesPreview) {
    say("\nnames:");
    for user in &names.first {
        say(&format!("  {} ({})", user.username, user.external_id));
        for part in &user.parts {
            say(&format!("    {:<14}{}  from {}", part.claim, part.value, part.source));
        }
    }
    if names.fallbacks > 0 {
        let pairs = names.fallen_back.iter().map(|[not, but]| format!("{but} instead of {not}"));
        let pairs = pairs.collect::<Vec<_>>().join(", ");
        say(&format!("  {} get another name than the first: {pairs}", names.fallbacks));
    }
    if names.without > 0 {
        say(&format!("  {} get none:", names.without));
    }
    for one in &names.conflicts {
        say(&format!("  conflict: {} {:?}: {}", one.external_id, one.name, one.why));
    }
}

fn print_changes(changes: &ChangesPreview) {
    let pairs = |pairs: &[[String; 2]]| {
        let pairs = pairs.iter().map(|[old, new]| format!("{old} → {new}"));
        pairs.collect::<Vec<_>>().join(", ")
    };
    say(&format!(
        "\nagainst the directory: {} new accounts, {} back again",
        changes.new, changes.back
    ));
    if changes.renamed > 0 {
        let names = pairs(&changes.renames);
        say(&format!("warning: {} accounts would be renamed: {names}", changes.renamed));
    }
    if changes.put_out_of_scope > 0 {
        let (count, names) = (changes.put_out_of_scope, changes.out_of_scope.join(", "));
        say(&format!("warning: {count} accounts would be put out of scope by filters: {names}"));
    }
    if changes.groups_renamed > 0 {
        let names = pairs(&changes.group_renames);
        say(&format!("warning: {} groups would be renamed: {names}", changes.groups_renamed));
    }
}
