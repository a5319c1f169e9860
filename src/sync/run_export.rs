//! A run as a list that programs and spreadsheets read: what is in the way, what could not be read, and each change.

use std::{collections::BTreeMap, str::FromStr};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::{
    RunReport,
    export::ExportError,
    formats::csv_line,
    plan_changes::{PlanChange, PlanChanges},
};
use crate::{
    provisioning::for_spreadsheets,
    store::{PlanId, Store},
};

/// How the list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunFormat {
    /// With a header, for spreadsheets.
    Csv,
    /// One array.
    Json,
    /// An object a line.
    Ndjson,
}

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum RunRecord {
    /// Somebody or a group that cannot be as the cloud has it.
    Conflict {
        /// The cloud's id.
        external_id: String,
        /// The name that was wanted, if there was one.
        name: String,
        /// What is in the way.
        why: String,
    },
    /// What could not be read, and stays as it was.
    Warning {
        /// What and why.
        why: String,
    },
    /// A change.
    Change(Box<PlanChange>),
    /// What is changed is not known any more.
    Forgotten {
        /// Why.
        why: String,
    },
}

const HEADER: [&str; 11] = [
    "record",
    "user",
    "group",
    "external_id",
    "change",
    "before",
    "after",
    "reason",
    "state",
    "why",
    "text",
];

impl FromStr for RunFormat {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "ndjson" => Ok(Self::Ndjson),
            other => Err(format!("{other:?} is no format: say csv, json or ndjson")),
        }
    }
}

/// Sends the list of a run piece by piece, with so many changes at most.
pub async fn export_run(
    store: &Store,
    report: &RunReport,
    format: RunFormat,
    limit: usize,
    to: &mpsc::Sender<std::io::Result<String>>,
) -> Result<(), ExportError> {
    let mut writing = Writing { format, to, is_first: true };
    writing.begin().await?;
    writing.write(in_the_way(report)).await?;
    let plan = report.directory.as_ref().and_then(|directory| directory.list.plan);
    if let Some(plan) = plan {
        if let Some(stored) = store.find_plan(PlanId(plan)).await? {
            let mut changes = PlanChanges::of(store, &stored).await?;
            writing.write_changes(&mut changes, limit).await?;
        } else {
            let why = format!("plan {plan} is not kept any more: see store.keep_changes_days");
            writing.write(vec![RunRecord::Forgotten { why }]).await?;
        }
    }
    writing.end().await
}

fn in_the_way(report: &RunReport) -> Vec<RunRecord> {
    let nameless = report.nameless.iter().map(|one| {
        let (external_id, name) = (one.external_id.clone(), one.name.clone());
        RunRecord::Conflict { external_id, name, why: one.why.clone() }
    });
    let conflicts = report.directory.iter().flat_map(|directory| &directory.conflicts);
    let conflicts = conflicts.map(|one| {
        let (external_id, name) = (one.external_id.clone(), one.name.clone());
        RunRecord::Conflict { external_id, name, why: one.why.to_string() }
    });
    let warnings = report.warnings.iter().map(|why| RunRecord::Warning { why: why.clone() });
    nameless.chain(conflicts).chain(warnings).collect()
}

struct Writing<'a> {
    format: RunFormat,
    to: &'a mpsc::Sender<std::io::Result<String>>,
    is_first: bool,
}

impl Writing<'_> {
    async fn send(&self, text: String) -> Result<(), ExportError> {
        self.to.send(Ok(text)).await.map_err(|_| ExportError::NobodyReads)
    }

    async fn begin(&self) -> Result<(), ExportError> {
        match self.format {
            // The mark tells spreadsheets that it is UTF-8.
            RunFormat::Csv => self.send(format!("\u{feff}{}\r\n", csv_line(&HEADER))).await,
            RunFormat::Json => self.send("[".to_owned()).await,
            RunFormat::Ndjson => Ok(()),
        }
    }

    async fn write_changes(
        &mut self,
        changes: &mut PlanChanges<'_>,
        limit: usize,
    ) -> Result<(), ExportError> {
        let mut left = limit;
        while left > 0
            && let Some(mut some) = changes.next().await?
        {
            some.truncate(left);
            left -= some.len();
            let records = some.into_iter().map(|it| RunRecord::Change(Box::new(it)));
            self.write(records.collect()).await?;
        }
        Ok(())
    }

    async fn write(&mut self, records: Vec<RunRecord>) -> Result<(), ExportError> {
        let mut text = String::new();
        for record in records {
            match self.format {
                RunFormat::Csv => text += &(csv_line(&cells(&record)) + "\r\n"),
                RunFormat::Json => {
                    text += if self.is_first { "\n" } else { ",\n" };
                    text += &serde_json::to_string(&record).unwrap_or_default();
                }
                RunFormat::Ndjson => {
                    text += &(serde_json::to_string(&record).unwrap_or_default() + "\n");
                }
            }
            self.is_first = false;
        }
        if text.is_empty() { Ok(()) } else { self.send(text).await }
    }

    async fn end(&self) -> Result<(), ExportError> {
        match self.format {
            RunFormat::Json => self.send("\n]\n".to_owned()).await,
            RunFormat::Csv | RunFormat::Ndjson => Ok(()),
        }
    }
}

fn cells(record: &RunRecord) -> [String; 11] {
    let cells = match record {
        RunRecord::Conflict { external_id, name, why } => {
            let mut cells = of_record("conflict", why);
            (cells[1], cells[3]) = (name.clone(), external_id.clone());
            cells
        }
        RunRecord::Warning { why } => of_record("warning", why),
        RunRecord::Forgotten { why } => of_record("forgotten", why),
        RunRecord::Change(change) => of_change(change),
    };
    cells.map(|cell| for_spreadsheets(&cell))
}

fn of_record(record: &str, why: &str) -> [String; 11] {
    let mut cells: [String; 11] = std::array::from_fn(|_| String::new());
    (cells[0], cells[9]) = (record.to_owned(), why.to_owned());
    cells
}

fn of_change(change: &PlanChange) -> [String; 11] {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        "change".to_owned(),
        text(&change.user),
        text(&change.group),
        text(&change.external_id),
        change.change.clone(),
        in_one_cell(&change.before),
        in_one_cell(&change.after),
        change.reason.map(|reason| reason.as_str().to_owned()).unwrap_or_default(),
        change.state.as_str().to_owned(),
        String::new(),
        change.text.clone(),
    ]
}

fn in_one_cell(fields: &BTreeMap<String, String>) -> String {
    let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
    fields.collect::<Vec<_>>().join("; ")
}
