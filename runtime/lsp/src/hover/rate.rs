//! The learning rate of a stage over its run, in words and as a small plot of text.

use super::{View, grouped};
use pfm_hir::{Place, Stage};
use pfm_lower::Context;

const WIDTH: u64 = 60;
const HEIGHT: usize = 6;
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

impl View<'_> {
    /// For the settings of a stage that make its rate: `optimiser`, its `lr`, `schedule` and its arguments.
    pub(super) fn rate(&self, place: &Place) -> Option<String> {
        let mut path = place.path.split('.');
        let (stage, setting, last) = (path.next()?, path.next()?, path.next());
        let wanted = match setting {
            "optimiser" => last.is_none_or(|l| l == "lr"),
            "schedule" => true,
            _ => false,
        };
        if !wanted {
            return None;
        }
        let read = if self.now.experiment().is_some() { self.now } else { self.good? };
        let experiment = read.experiment()?;
        let stage = experiment.stages.iter().find(|s| s.name == stage)?;
        plot(&Context { experiment, library: &read.checked.library }, stage)
    }
}

fn plot(context: &Context, stage: &Stage) -> Option<String> {
    let last = stage.run.checked_sub(1)?;
    let columns = WIDTH.min(stage.run);
    let step = |column: u64| if columns < 2 { 0 } else { (last as u128 * column as u128 / (columns as u128 - 1)) as u64 };
    let rates: Vec<f64> = (0..columns).map(|c| pfm_lower::rate(context, stage, step(c)).ok()).collect::<Option<_>>()?;
    let (peak, at) = rates.iter().enumerate().fold((f64::MIN, 0), |(peak, at), (i, r)| if *r > peak { (*r, i) } else { (peak, at) });
    let (first, end) = (rates.first()?, rates.last()?);
    if rates.iter().all(|r| r == first) {
        return Some(format!("the rate is {first:e} for all {} steps", grouped(stage.run as usize)));
    }
    let words = format!(
        "the rate begins at {}, is highest near step {} with {}, and ends after {} steps at {}",
        short(*first),
        grouped(step(at as u64) as usize),
        short(peak),
        grouped(stage.run as usize),
        short(*end)
    );
    Some(format!("{words}\n\n```text\n{}\n```", drawn(&rates, peak)))
}

fn drawn(rates: &[f64], peak: f64) -> String {
    let levels: Vec<usize> =
        rates.iter().map(|r| (r / peak * (HEIGHT * 8) as f64).round().clamp(0.0, (HEIGHT * 8) as f64) as usize).collect();
    let row = |height: usize| -> String { levels.iter().map(|l| EIGHTHS[l.saturating_sub(height * 8).min(8)]).collect::<String>() };
    (0..HEIGHT).rev().map(|h| row(h).trim_end().to_string()).collect::<Vec<_>>().join("\n")
}

/// Three digits, as one would write a rate.
fn short(rate: f64) -> String {
    let text = format!("{rate:.2e}");
    match text.split_once('e') {
        Some((digits, power)) if digits.contains('.') => format!("{}e{power}", digits.trim_end_matches('0').trim_end_matches('.')),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_rises_with_the_rate() {
        assert_eq!(drawn(&[0.0, 0.5, 1.0], 1.0), "  █\n  █\n  █\n ██\n ██\n ██");
        assert_eq!(short(5e-5), "5e-5");
        assert_eq!(short(1.234e-5), "1.23e-5");
        assert_eq!(short(0.0), "0e0");
    }
}
