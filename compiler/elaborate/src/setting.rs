//! Closed values known while compiling: what an experiment may write on the right of `=`, after names and units are
//! resolved. They are compared, printed canonically (the print is part of a stage's identity) and handed to definitions.

use std::fmt;

/// A closed value.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// In base units: steps, frames, samples, bytes; a percentage is a fraction.
    Number(f64),
    Bool(bool),
    Text(String),
    /// A word of a closed set, such as `space_time`, or the name of another thing.
    Name(String),
    List(Vec<Setting>),
    Tuple(Vec<Setting>),
    /// `a .. b`.
    Range(f64, f64),
    /// `{2, 4} eval 2`: sampled in training, `eval` (an index) in evaluation. `picked` is the option of one variant.
    Choice {
        options: Vec<Setting>,
        eval: usize,
        picked: Option<usize>,
    },
    /// Named fields, such as one `level`.
    Record(Vec<(String, Setting)>),
    /// Field names in the order of the adaptive heads' rows.
    Vocabulary(Vec<String>),
    None,
}

impl Setting {
    pub fn number(&self) -> Option<f64> {
        match self.closed() {
            Setting::Number(v) => Some(*v),
            _ => None,
        }
    }

    /// The option that code sees: the picked one, or the one for evaluation.
    pub fn closed(&self) -> &Setting {
        match self {
            Setting::Choice { options, eval, picked } => &options[picked.unwrap_or(*eval)],
            other => other,
        }
    }

    pub fn field(&self, name: &str) -> Option<&Setting> {
        match self {
            Setting::Record(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    /// What it is, for messages: `a number`, `a list`.
    pub fn kind(&self) -> &'static str {
        match self {
            Setting::Number(_) => "a number",
            Setting::Bool(_) => "true or false",
            Setting::Text(_) => "a text",
            Setting::Name(_) => "a name",
            Setting::List(_) => "a list",
            Setting::Tuple(_) => "a tuple",
            Setting::Range(..) => "a range",
            Setting::Choice { .. } => "a choice",
            Setting::Record(_) => "a block of settings",
            Setting::Vocabulary(_) => "a vocabulary",
            Setting::None => "none",
        }
    }

    /// Visits every choice, in order, with its path.
    fn visit_choices<'a>(&'a self, path: &str, out: &mut Vec<(String, &'a Setting)>) {
        match self {
            Setting::Choice { .. } => out.push((path.to_string(), self)),
            Setting::List(items) | Setting::Tuple(items) => {
                for (i, item) in items.iter().enumerate() {
                    item.visit_choices(&format!("{path}[{i}]"), out);
                }
            }
            Setting::Record(fields) => {
                for (name, value) in fields {
                    value.visit_choices(&format!("{path}.{name}"), out);
                }
            }
            _ => {}
        }
    }

    fn pick(&mut self, picks: &mut impl Iterator<Item = usize>) {
        match self {
            Setting::Choice { options, picked, .. } => {
                let pick = picks.next().expect("one pick per choice");
                assert!(pick < options.len(), "a pick is an index of an option");
                *picked = Some(pick);
            }
            Setting::List(items) | Setting::Tuple(items) => {
                items.iter_mut().for_each(|i| i.pick(picks));
            }
            Setting::Record(fields) => fields.iter_mut().for_each(|(_, v)| v.pick(picks)),
            _ => {}
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, items: &[Setting]) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
    }
    Ok(())
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Setting::Number(v) => write!(f, "{v}"),
            Setting::Bool(v) => write!(f, "{v}"),
            Setting::Text(v) => write!(f, "{v:?}"),
            Setting::Name(v) => f.write_str(v),
            Setting::List(items) => {
                f.write_str("[")?;
                join(f, items)?;
                f.write_str("]")
            }
            Setting::Tuple(items) => {
                f.write_str("(")?;
                join(f, items)?;
                f.write_str(")")
            }
            Setting::Range(a, b) => write!(f, "{a} .. {b}"),
            Setting::Choice { options, eval, picked } => {
                f.write_str("{")?;
                join(f, options)?;
                write!(f, "}} eval {}", options[*eval])?;
                match picked {
                    Some(p) => write!(f, " picked {}", options[*p]),
                    None => Ok(()),
                }
            }
            Setting::Record(fields) => {
                f.write_str("{")?;
                for (i, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name} = {value}", if i > 0 { ", " } else { " " })?;
                }
                f.write_str(" }")
            }
            Setting::Vocabulary(names) => write!(f, "vocabulary[{}]", names.join(", ")),
            Setting::None => f.write_str("none"),
        }
    }
}

/// A definition with all its settings, choices still open or picked.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    pub kind: pfm_syntax::ast::DefinitionKind,
    pub definition: String,
    /// Every parameter of the definition, in its order.
    pub settings: Vec<(String, Setting)>,
}

impl Instance {
    pub fn setting(&self, name: &str) -> Option<&Setting> {
        self.settings.iter().find(|(n, _)| n == name).map(|(_, v)| v)
    }

    /// The choices in order, each with its path such as `levels[1].time` (lists count from 0).
    pub fn choices(&self) -> Vec<(String, &Setting)> {
        let mut out = vec![];
        for (name, value) in &self.settings {
            value.visit_choices(name, &mut out);
        }
        out
    }

    /// Closes the choices: one option index for each, in the order of `choices`. The sets stay visible to
    /// `largest` and `options` inside the definition.
    pub fn picked(&self, picks: &[usize]) -> Instance {
        let mut instance = self.clone();
        let mut rest = picks.iter().copied();
        for (_, value) in &mut instance.settings {
            value.pick(&mut rest);
        }
        assert!(rest.next().is_none(), "one pick per choice");
        instance
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.definition)?;
        for (i, (name, value)) in self.settings.iter().enumerate() {
            write!(f, "{}{name}: {value}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str(")")
    }
}
