//! A measurement as lines for people.

use crate::ceilings::Rates;
use crate::{Bench, Ceilings, GroupClock, Memory, Other};

/// The lines of a result, with at most `top` groups, and what it was compared with.
pub fn lines(bench: &Bench, top: usize, others: &[Other]) -> Vec<String> {
    let mut lines = vec![heading(bench), String::new()];
    lines.extend(times(bench));
    lines.extend(bench.ceilings.iter().flat_map(|c| ceilings(c, bench.threads)));
    lines.extend(memory(&bench.memory));
    if let Some(ceilings) = &bench.ceilings {
        let scale = Scale::of(bench, ceilings);
        lines.extend(classes(bench, &scale));
        lines.extend(groups(bench, &scale, top));
    }
    lines.extend(others.iter().flat_map(|o| other(bench, o)));
    lines
}

fn heading(b: &Bench) -> String {
    let profile = b.profile.as_deref().unwrap_or("paper");
    let threads = if b.threads == 1 { "1 thread".into() } else { format!("{} threads", b.threads) };
    format!(
        "{} ({profile}), stage {}, choice {}, batch {}, {} of {} parameters trained, {threads}, {}",
        b.experiment, b.stage, b.choice, b.batch, b.trainable, b.parameters, b.device
    )
}

fn times(b: &Bench) -> Vec<String> {
    let mut lines = vec![format!("  {:<16} {:>10} {:>10} {:>10} {:>8} {:>9}", "", "median", "min", "mean", "runs", "GFLOP/s")];
    let mut line = |name: &str, t: &crate::Times, flops: f64| {
        let cells = [t.median, t.min, t.mean].map(|s| format!("{:>10}", seconds(s))).join(" ");
        lines.push(format!("  {name:<16} {cells} {:>8} {:>9.1}", t.all.len(), flops / t.median / 1e9));
    };
    line("step", &b.seconds, b.flops);
    line("  CPU time", &b.cpu_seconds, b.flops);
    if let Some(read) = &b.reading {
        line("  read from files", &read.seconds, b.flops);
        line("    CPU time", &read.cpu_seconds, b.flops);
    }
    b.programs.iter().for_each(|p| line(&format!("  {}", p.name), &p.seconds, p.flops));
    if let Some(read) = &b.reading {
        let (wall, cpu) = (100.0 * (read.ratio - 1.0), 100.0 * (read.cpu_ratio - 1.0));
        lines.push(format!("  reading {} windows costs {wall:+.1} % of the step, {cpu:+.1} % of its CPU time", read.windows));
        lines.extend(read.staging.map(|s| {
            format!(
                "  windows travel ahead of their step: {} of page-locked memory, {} on the device",
                mebibytes(s.host),
                mebibytes(s.device)
            )
        }));
    }
    lines.push(match b.planned_seconds {
        Some(planned) => {
            let cpu = planned * b.threads as f64 / b.cpu_seconds.median;
            format!(
                "  planned          {:>10}: {:.2} of the median, {cpu:.2} of the CPU time",
                seconds(planned),
                planned / b.seconds.median
            )
        }
        None if b.device.starts_with("cpu") => {
            "  planned                   -: `pfmc bench --calibrate` measures this machine once, for products in f32".into()
        }
        None => "  planned                   -: calibrations are of processors".into(),
    });
    lines.push(format!("  the optimiser takes {:.1} % of the time of many steps", 100.0 * b.optimiser_share));
    lines
}

fn ceilings(c: &Ceilings, threads: usize) -> Vec<String> {
    let row = |name: &str, rates: &Rates| format!("  {name:<16} {:>10.1} {:>12.1} {:>12.1}", rates.gflops, rates.read, rates.copy);
    let mut lines = vec![String::new(), format!("  {:<16} {:>10} {:>12} {:>12}", "machine", "GFLOP/s", "read GB/s", "copy GB/s")];
    if c.device {
        lines.push(row("  the device", &c.all));
        return lines;
    }
    lines.push(row("  one core", &c.one));
    if threads > 1 {
        lines.push(row(&format!("  {threads} threads"), &c.all));
    }
    lines
}

fn memory(m: &Memory) -> Vec<String> {
    let parts = [
        ("weights", m.weights),
        ("gradients", m.gradients),
        ("optimiser", m.optimiser),
        ("work", m.work),
        ("batch", m.batch),
        ("the process", m.process),
    ];
    let parts: Vec<String> = parts.iter().map(|(name, size)| format!("{name} {}", mebibytes(*size))).collect();
    let mut lines = vec![String::new(), format!("  memory planned   {}: {}", mebibytes(m.planned), parts.join(", "))];
    lines.push(match (m.above, m.before) {
        (Some(above), Some(before)) => format!(
            "  memory used      {} at the peak, above the {} of before: {:.2} of what was planned",
            mebibytes(above),
            mebibytes(before),
            above as f64 / m.planned as f64
        ),
        _ => "  memory used      this system does not say".into(),
    });
    lines
}

/// What a class or a group takes, in numbers.
struct Cost {
    seconds: f64,
    flops: f64,
    bytes: f64,
    places: usize,
}

/// What groups are shown as parts of. CPU time is that of one core, whatever the number of threads.
struct Scale<'a> {
    columns: &'static str,
    /// Seconds.
    step: f64,
    rates: &'a Rates,
}

impl Scale<'_> {
    fn of<'a>(b: &Bench, ceilings: &'a Ceilings) -> Scale<'a> {
        match b.clock {
            Some(GroupClock::Cpu) => {
                Scale { columns: "    CPU ms      %   GFLOP/s      GB/s   floor  places", step: b.cpu_seconds.mean, rates: &ceilings.one }
            }
            _ => Scale { columns: "        ms      %   GFLOP/s      GB/s   floor  places", step: b.seconds.mean, rates: &ceilings.all },
        }
    }
}

/// `floor` is the share of the time that the ceilings explain.
fn cost(c: &Cost, scale: &Scale) -> String {
    let per_second = |n: f64| n / c.seconds.max(1e-12) / 1e9;
    format!(
        "{:>10.3} {:>6.1} {:>9.1} {:>9.1} {:>6.0}% {:>7}",
        c.seconds * 1e3,
        100.0 * c.seconds / scale.step,
        per_second(c.flops),
        per_second(c.bytes),
        100.0 * scale.rates.floor(c.flops, c.bytes) / c.seconds.max(1e-12),
        c.places
    )
}

fn classes(b: &Bench, scale: &Scale) -> Vec<String> {
    let mut lines = vec![String::new(), format!("  {}  class", scale.columns)];
    lines.extend(b.classes.iter().map(|c| {
        let numbers = Cost { seconds: c.seconds, flops: c.flops, bytes: c.bytes, places: c.places };
        format!("  {}  {}", cost(&numbers, scale), c.class)
    }));
    lines
}

fn groups(b: &Bench, scale: &Scale, top: usize) -> Vec<String> {
    let mut lines = vec![String::new(), format!("  {}  group", scale.columns)];
    for g in b.groups.iter().take(top) {
        let numbers = Cost { seconds: g.seconds, flops: g.flops, bytes: g.bytes, places: g.places };
        let program = if g.program == "accumulate" { String::new() } else { format!("{}: ", g.program) };
        lines.push(format!("  {}  {program}{} {}  {}", cost(&numbers, scale), g.class, g.what, g.path));
    }
    let rest = &b.groups[top.min(b.groups.len())..];
    if !rest.is_empty() {
        let sum = |part: fn(&crate::Group) -> f64| rest.iter().map(part).sum();
        let places = rest.iter().map(|g| g.places).sum();
        let numbers = Cost { seconds: sum(|g| g.seconds), flops: sum(|g| g.flops), bytes: sum(|g| g.bytes), places };
        lines.push(format!("  {}  the other {}", cost(&numbers, scale), rest.len()));
    }
    lines
}

fn other(b: &Bench, o: &Other) -> Vec<String> {
    let mut lines = vec![String::new(), format!("  beside {}", o.name)];
    let row = |name: &str, ours: String, theirs: String, ratio: f64| format!("    {name:<8} {ours:>12} {theirs:>12}   {ratio:.3} times");
    lines.push(row("step", seconds(b.seconds.median), seconds(o.median), o.time_ratio));
    if let (Some(cpu), Some(ratio)) = (o.cpu, o.cpu_ratio) {
        lines.push(row("CPU time", seconds(b.cpu_seconds.median), seconds(cpu), ratio));
    }
    if let (Some(ours), Some(theirs), Some(ratio)) = (b.memory.above, o.above, o.memory_ratio) {
        lines.push(row("memory", mebibytes(ours), mebibytes(theirs as usize), ratio));
    }
    lines.extend(o.unlike.iter().map(|u| format!("    not alike: {u}")));
    lines
}

fn seconds(s: f64) -> String {
    if s < 1.0 { format!("{:.2} ms", s * 1e3) } else { format!("{s:.3} s") }
}

fn mebibytes(n: usize) -> String {
    format!("{:.1} MiB", n as f64 / (1 << 20) as f64)
}
