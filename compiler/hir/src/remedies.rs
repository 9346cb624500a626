//! What would work instead: when a definition refuses a number, nearby numbers are tried through the elaborator itself, so the
//! suggestion is right for any definition and no rule is written twice.

use pfm_diag::Diagnostic;
use pfm_elaborate::{Instance, Setting};

use crate::context::Context;
use crate::experiment::Data;
use crate::models::{Placed, Plan, trace};

/// Numbers to each side that are tried, and how many are named.
const REACH: i64 = 32;
const NAMED: usize = 3;

/// A model on one data set, to be tried with changes.
pub(crate) struct Trial<'a> {
    pub context: &'a Context<'a>,
    pub plan: &'a Plan<'a>,
    pub data: &'a Data,
    pub indices: &'a [usize],
}

impl Trial<'_> {
    /// True when this tokeniser runs in the model.
    pub fn runs(&self, tokeniser: &Instance) -> bool {
        trace(self.context, self.plan, tokeniser, self.data, self.indices).is_ok()
    }

    /// Adds the nearest values that work, unless the definition said what to write.
    pub fn suggest(&self, diagnostic: Diagnostic, tokeniser: &Instance) -> Diagnostic {
        if diagnostic.help.is_some() {
            return diagnostic;
        }
        let text = match diagnostic.code {
            "E0401" => self.settings(&diagnostic.message),
            "E0405" => self.grids(tokeniser),
            "E0406" => self.contexts(tokeniser),
            _ => None,
        };
        match text {
            Some(text) => diagnostic.help(text),
            None => diagnostic,
        }
    }

    /// Other values of the processor's settings that the message names.
    fn settings(&self, message: &str) -> Option<String> {
        let processor = self.plan.processor?;
        let named = |name: &str| message.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
        let mut offers = vec![];
        for (name, setting) in &processor.part.instance.settings {
            let Setting::Number(value) = setting else { continue };
            if !named(name) {
                continue;
            }
            let works = |n: i64| {
                let mut changed: Placed = processor.clone();
                let slots = changed.part.instance.settings.iter_mut().filter(|(other, _)| other == name);
                slots.for_each(|(_, slot)| *slot = Setting::Number(n as f64));
                let plan = Plan { processor: Some(&changed), ..*self.plan };
                Trial { plan: &plan, ..*self }.runs(&self.plan.tokeniser.part.instance)
            };
            let found = nearest(*value as i64, works);
            if !found.is_empty() {
                offers.push(format!("`{name} = {}`", found.join("`, `")));
            }
        }
        (!offers.is_empty()).then(|| format!("these work: {}", offers.join("; ")))
    }

    fn grids(&self, tokeniser: &Instance) -> Option<String> {
        let works = |n: i64| {
            let data = Data { grid: vec![n as usize; self.data.grid.len()], ..self.data.clone() };
            Trial { data: &data, ..*self }.runs(tokeniser)
        };
        let sizes = nearest(*self.data.grid.iter().min()? as i64, works);
        Some(match sizes.is_empty() {
            true => "use smaller factors, fewer levels, or a larger grid".to_string(),
            false => format!("sizes that work are {}; or use smaller factors", sizes.join(", ")),
        })
    }

    fn contexts(&self, tokeniser: &Instance) -> Option<String> {
        let works = |n: i64| {
            let data = Data { context: n as usize, ..self.data.clone() };
            Trial { data: &data, ..*self }.runs(tokeniser)
        };
        let frames: Vec<String> = nearest(self.data.context as i64, works).iter().map(|n| format!("{n} frames")).collect();
        (!frames.is_empty()).then(|| format!("write a context of {}", frames.join(" or ")))
    }
}

/// The nearest numbers that work, in rising order.
fn nearest(value: i64, works: impl Fn(i64) -> bool) -> Vec<String> {
    let mut found: Vec<i64> = vec![];
    for step in 1..=REACH {
        for candidate in [value - step, value + step] {
            if candidate > 0 && found.len() < NAMED && works(candidate) {
                found.push(candidate);
            }
        }
    }
    found.sort_unstable();
    found.iter().map(i64::to_string).collect()
}
