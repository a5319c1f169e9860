//! Steps, for people and for scripts.

use std::fmt::Write as _;

use serde::Serialize;

use super::facts::Facts;

/// How wide a line for people is.
const WIDTH: usize = 100;

/// What has to be done, in order.
#[derive(Debug, Serialize)]
pub(super) struct Guide {
    app: String,
    kind: &'static str,
    version: Option<String>,
    url: String,
    crowd_url: String,
    pub(super) steps: Vec<Step>,
}

/// One thing to do.
#[derive(Debug, Default, Serialize)]
pub(super) struct Step {
    title: String,
    text: Vec<String>,
    settings: Vec<Setting>,
    files: Vec<File>,
}

/// A field of a form.
#[derive(Debug, Serialize)]
struct Setting {
    name: String,
    value: String,
}

/// A file, or a piece of one.
#[derive(Debug, Serialize)]
struct File {
    path: String,
    /// What is done with the content: `write`, `add`, or `replace` and what.
    change: String,
    content: String,
}

impl Step {
    pub(super) fn new(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    pub(super) fn says(mut self, text: impl Into<String>) -> Self {
        self.text.push(text.into());
        self
    }

    pub(super) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.push(Setting { name: name.to_owned(), value: value.into() });
        self
    }

    pub(super) fn file(
        mut self,
        path: &str,
        change: impl Into<String>,
        content: impl Into<String>,
    ) -> Self {
        let content = content.into();
        self.files.push(File { path: path.to_owned(), change: change.into(), content });
        self
    }

    fn write(&self, number: usize, text: &mut String) {
        let _ = writeln!(text, "\n{number}. {}", self.title);
        for paragraph in &self.text {
            let _ = writeln!(text, "{}", wrapped(paragraph));
        }
        let width = self.settings.iter().map(|setting| setting.name.len()).max().unwrap_or(0);
        for Setting { name, value } in &self.settings {
            let _ = writeln!(text, "   {name:<width$}  {value}");
        }
        for File { path, change, content } in &self.files {
            let _ = writeln!(text, "\n   {path} ({change}):");
            for line in content.lines() {
                let _ = writeln!(text, "{}", format!("      {line}").trim_end());
            }
        }
    }
}

impl Guide {
    pub(super) fn new(facts: &Facts, steps: Vec<Step>) -> Self {
        Self {
            app: facts.name.clone(),
            kind: facts.kind.as_str(),
            version: facts.version.map(|version| version.to_string()),
            url: facts.url.to_string(),
            crowd_url: facts.crowd_url.clone(),
            steps,
        }
    }

    pub(super) fn text(&self) -> String {
        let version = self.version.as_ref().map(|version| format!(" {version}"));
        let mut text = format!(
            "{} ({}{}) at {}\n",
            self.app,
            self.kind,
            version.unwrap_or_default(),
            self.url
        );
        for (index, step) in self.steps.iter().enumerate() {
            step.write(index + 1, &mut text);
        }
        text
    }
}

/// Broken at blanks, and indented.
fn wrapped(paragraph: &str) -> String {
    let mut lines = vec!["  ".to_owned()];
    for word in paragraph.split(' ') {
        if let Some(line) = lines.last_mut()
            && line.chars().count() + 1 + word.chars().count() <= WIDTH
        {
            line.push(' ');
            line.push_str(word);
            continue;
        }
        lines.push(format!("   {word}"));
    }
    lines.join("\n")
}
