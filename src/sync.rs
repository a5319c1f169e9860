//! Bringing a directory in line with a list of people, however long: read, sorted, compared, planned, sealed
//! and applied, in bounded memory. An import tells people apart by their names, a roster by external ids.

mod aligning;
mod applying;
mod comparing;
mod connector;
mod export;
mod formats;
mod import;
mod intake;
mod job;
mod last_list;
mod listed_row;
mod lookup;
mod plan_writer;
mod progress;
mod removing;
mod roster;
mod sorter;
mod undoing;

pub use self::{
    aligning::align,
    applying::{Applied, apply_plan, go_on, left_plans},
    connector::{
        Connector, Gauge, Looked, Nameless, Patience, Run, RunError, RunPhase, RunProgress,
        RunReport, RunRequest, Subscriber, UserCounts, connector_issuer, sync_user,
    },
    export::{ExportError, export},
    formats::{Format, RowError},
    import::{ImportError, ImportReport, ImportRequest, import},
    lookup::{Found, Lookup, LookupError},
    plan_writer::PlanError,
    progress::{Event, Events, Phase, Progress},
    removing::{RemovalReport, RemovalRequest, remove_gone_groups, remove_missing},
    roster::{
        Conflict, Extent, Roster, RosterError, RosterGroup, RosterReport, RosterRequest,
        RosterUser, RosterWriter, Why,
    },
    undoing::undo_plan,
};
