//! What was measured, for people and for programs.

use std::fmt;

use serde::Serialize;

/// Everything that was measured.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Table {
    rows: Vec<Row>,
}

/// One measurement.
#[derive(Debug, Serialize)]
struct Row {
    what: String,
    ours: f64,
    unit: &'static str,
    /// What it is held against, in the same unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_is: Option<&'static str>,
    /// Ours over the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio: Option<f64>,
    /// What the ratio, or the figure where there is no baseline, should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<Goal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reached: Option<bool>,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

impl Goal {
    fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtLeast(least) => value >= least,
            Self::AtMost(most) => value <= most,
        }
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtLeast(least) => write!(f, ">= {least}"),
            Self::AtMost(most) => write!(f, "<= {most}"),
        }
    }
}

impl Table {
    /// A figure beside its baseline; the goal is the ratio's.
    pub(crate) fn against(
        &mut self,
        what: &str,
        ours: f64,
        unit: &'static str,
        baseline: (f64, &'static str),
        goal: Option<Goal>,
    ) {
        let ratio = if baseline.0 > 0.0 { ours / baseline.0 } else { 0.0 };
        self.rows.push(Row {
            what: what.to_owned(),
            ours,
            unit,
            baseline: Some(baseline.0),
            baseline_is: Some(baseline.1),
            ratio: Some(ratio),
            goal,
            reached: goal.map(|goal| goal.is_reached(ratio)),
        });
    }

    /// A figure by itself; the goal is its own.
    pub(crate) fn alone(&mut self, what: &str, ours: f64, unit: &'static str, goal: Option<Goal>) {
        self.rows.push(Row {
            what: what.to_owned(),
            ours,
            unit,
            baseline: None,
            baseline_is: None,
            ratio: None,
            goal,
            reached: goal.map(|goal| goal.is_reached(ours)),
        });
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<56} {:>12} {:>12} {:>8}  {:<8} {:<7} against",
            "what", "ours", "baseline", "ratio", "goal", ""
        )?;
        for row in &self.rows {
            let figure = |value: f64| {
                if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.3}") }
            };
            let baseline = row.baseline.map(figure).unwrap_or_default();
            let ratio = row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
            let goal = row.goal.map(|goal| goal.to_string()).unwrap_or_default();
            let verdict = match row.reached {
                Some(true) => "met",
                Some(false) => "MISSED",
                None => "",
            };
            writeln!(
                f,
                "{:<56} {:>12} {baseline:>12} {ratio:>8}  {goal:<8} {verdict:<7} {}",
                row.what,
                format!("{} {}", figure(row.ours), row.unit),
                row.baseline_is.unwrap_or_default(),
            )?;
        }
        Ok(())
    }
}
