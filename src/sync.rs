//! Bringing a directory in line with a list of people, however long: read, sorted, compared, planned, sealed
//! and applied, in bounded memory. An import tells people apart by their names, a roster by external ids.

mod aligning;
mod applying;
mod comparing;
mod connector;
mod export;
mod formats;
mod guarding;
mod import;
mod intake;
mod job;
mod last_list;
mod listed_row;
mod lookup;
mod plan_changes;
mod plan_writer;
mod progress;
mod removing;
mod roster;
mod run_export;
mod sorter;
mod undoing;

pub use self::{
    aligning::align,
    applying::{Applied, apply_plan, go_on, left_plans},
    connector::{
        ChangesPreview, Connector, ConnectorConfigError, FilterPreview, Gauge, GroupPreview,
        GroupsPreview, Looked, MirrorPreview, Nameless, NamesPreview, PartPreview, Patience,
        Preview, PreviewError, Rules, Run, RunError, RunPhase, RunProgress, RunReport, RunRequest,
        Subscriber, UserCounts, UserPreview, UserRequest, UsersPreview, connector_issuer, preview,
        sync_user,
    },
    export::{ExportError, export},
    formats::{Format, RowError},
    guarding::Guarding,
    import::{ImportError, ImportReport, ImportRequest, import},
    lookup::{Found, Lookup, LookupError},
    plan_changes::{ChangeState, PlanChange, PlanChanges},
    plan_writer::PlanError,
    progress::{Event, Events, Phase, Progress},
    removing::{RemovalReport, RemovalRequest, remove_gone},
    roster::{
        Conflict, Deactivated, Extent, MOST_EXAMPLES, Roster, RosterError, RosterGroup,
        RosterReport, RosterRequest, RosterUser, RosterWriter, Why,
    },
    run_export::{RunFormat, RunRecord, export_run},
    undoing::undo_plan,
};
