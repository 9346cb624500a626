//! Values for people: numbers, closed settings, FLOPs and bytes.

use pfm_elaborate::{Instance, Setting};

/// `5131151` as `5,131,151`.
pub fn grouped(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(d);
    }
    text
}

pub fn flops(n: f64) -> String {
    let (value, unit) = scaled(n, 1e3, &["FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"]);
    format!("{value:.1} {unit}")
}

pub fn bytes(n: usize) -> String {
    let (value, unit) = scaled(n as f64, 1024.0, &["B", "KiB", "MiB", "GiB", "TiB"]);
    format!("{value:.1} {unit}")
}

fn scaled<'a>(mut n: f64, base: f64, units: &[&'a str]) -> (f64, &'a str) {
    let mut at = 0;
    while n >= base && at + 1 < units.len() {
        n /= base;
        at += 1;
    }
    (n, units[at])
}

/// A number as a file would say it: `168_000`, `5e-5`, `0.5`.
pub(crate) fn number(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return grouped(value.abs() as usize).replace(',', "_").replacen("", if value < 0.0 { "-" } else { "" }, 1);
    }
    if value.abs() < 1e-3 { format!("{value:e}") } else { value.to_string() }
}

/// A closed setting as a file would say it.
pub(crate) fn setting(value: &Setting) -> String {
    let list = |items: &[Setting]| items.iter().map(setting).collect::<Vec<_>>().join(", ");
    match value {
        Setting::Number(v) => number(*v),
        Setting::List(items) => format!("[{}]", list(items)),
        Setting::Tuple(items) => format!("({})", list(items)),
        Setting::Range(a, b) => format!("{} .. {}", number(*a), number(*b)),
        Setting::Choice { options, eval, .. } => format!("{{{}}} eval {}", list(options), setting(&options[*eval])),
        Setting::Record(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name} = {}", setting(value))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
        Setting::Vocabulary(names) => format!("vocabulary({} names, {})", names.len(), hash(&names.join(" "), 8)),
        other => other.to_string(),
    }
}

/// The settings of an instance under a path: `optimiser.lr`, `tok.level.2.channels`.
pub(crate) fn instance(path: &str, instance: &Instance, out: &mut super::Settings) {
    out.insert(path.to_string(), instance.definition.clone());
    arguments(&format!("{path}."), instance, out);
}

/// Its arguments alone, under a prefix.
pub(crate) fn arguments(prefix: &str, instance: &Instance, out: &mut super::Settings) {
    for (name, value) in &instance.settings {
        let records = match value {
            Setting::List(items) if !items.is_empty() && items.iter().all(|i| matches!(i, Setting::Record(_))) => items.as_slice(),
            _ => &[],
        };
        if records.is_empty() {
            out.insert(format!("{prefix}{name}"), setting(value));
        }
        for (index, record) in records.iter().enumerate() {
            let Setting::Record(fields) = record else { continue };
            for (field, value) in fields {
                out.insert(format!("{prefix}{}.{}.{field}", name.trim_end_matches('s'), index + 1), setting(value));
            }
        }
    }
}

/// The first hex digits of a text's hash.
pub(crate) fn hash(text: &str, digits: usize) -> String {
    blake3::hash(text.as_bytes()).to_hex()[..digits].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_written() {
        let all = [5e-5, 168_000.0, 0.5, -3.0, 0.0, 1e-10].map(number);
        assert_eq!(all, ["5e-5", "168_000", "0.5", "-3", "0", "1e-10"]);
        assert_eq!((grouped(5_131_151), bytes(1536), flops(2e9)), ("5,131,151".into(), "1.5 KiB".into(), "2.0 GFLOP".into()));
    }
}
