//! Line charts as SVG that takes its ink from the page, so that it reads on light and dark ground alike.

use crate::html::escape;
use plotters::coord::Shift;
use plotters::coord::combinators::LogCoord;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

pub(crate) struct Line {
    pub name: String,
    pub points: Vec<(f64, f64)>,
    pub dashed: bool,
    /// Lines of one colour belong together; None: the next colour.
    pub colour: Option<usize>,
}

pub(crate) struct Chart<'a> {
    pub title: &'a str,
    pub across: &'a str,
    pub up: &'a str,
    pub logarithmic: bool,
    /// Both axes logarithmic, for spectra.
    pub logarithmic_across: bool,
    pub lines: Vec<Line>,
}

const SIZE: (u32, u32) = (560, 340);
/// Distinct for colour-blind readers, and light enough for dark ground.
const COLOURS: [RGBColor; 7] = [
    RGBColor(58, 134, 208),
    RGBColor(222, 122, 46),
    RGBColor(38, 160, 112),
    RGBColor(190, 92, 170),
    RGBColor(176, 144, 32),
    RGBColor(120, 108, 204),
    RGBColor(120, 130, 140),
];
/// Stands for the page's text colour and is replaced by it.
const INK: RGBColor = RGBColor(1, 2, 3);

/// A logarithmic axis over less than this has too few ticks to read values off; it is drawn linear.
const FEWEST: f64 = 20.0;

/// The chart as `<svg>` text and the key to its lines below; None if no line has a point that can be drawn.
pub(crate) fn draw(chart: &Chart) -> Option<String> {
    let drawable =
        |(x, y): &(f64, f64)| x.is_finite() && y.is_finite() && (!chart.logarithmic || *y > 0.0) && (!chart.logarithmic_across || *x > 0.0);
    let lines: Vec<Line> = chart
        .lines
        .iter()
        .map(|l| Line { name: l.name.clone(), points: l.points.iter().filter(|p| drawable(p)).copied().collect(), ..*l })
        .filter(|l| !l.points.is_empty())
        .collect();
    let (across, up) = (range(&lines, |p| p.0)?, range(&lines, |p| p.1)?);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let across = if chart.logarithmic_across { across } else { widen(across, 0.0) };
        // Drawing into memory cannot fail.
        let drawn = match (chart.logarithmic_across, chart.logarithmic && up.1 > FEWEST * up.0) {
            (true, _) => lines_on(&area, chart, &lines, (across.0..across.1).log_scale(), logarithmic(up)),
            (false, true) => lines_on(&area, chart, &lines, across.0..across.1, logarithmic(up)),
            (false, false) => {
                let up = widen(up, 0.05);
                lines_on(&area, chart, &lines, across.0..across.1, up.0..up.1)
            }
        };
        drawn.and_then(|()| area.present().map_err(|e| e.to_string())).expect("a chart in memory");
    }
    // Sizes come from the style sheet.
    let svg = svg.replace("#010203", "currentColor");
    let svg = svg.replacen(&format!("width=\"{}\" height=\"{}\" ", SIZE.0, SIZE.1), "", 1);
    Some(format!("{svg}{}", key(&lines)))
}

/// Which line is which, beside a stroke of its colour; below the chart, where no line runs through it.
fn key(lines: &[Line]) -> String {
    let entry = |(place, line): (usize, &Line)| {
        let RGBColor(r, g, b) = colour(line, place);
        let style = if line.dashed { "dashed" } else { "solid" };
        format!("<span><i style=\"border-top: 2px {style} rgb({r} {g} {b})\"></i>{}</span>", escape(&line.name))
    };
    match lines.len() {
        1 => String::new(),
        _ => format!("<div class=\"key\">{}</div>", lines.iter().enumerate().map(entry).collect::<String>()),
    }
}

fn colour(line: &Line, place: usize) -> RGBColor {
    COLOURS[line.colour.unwrap_or(place) % COLOURS.len()]
}

fn logarithmic(range: (f64, f64)) -> LogCoord<f64> {
    (range.0 / 1.15..range.1 * 1.15).log_scale().into()
}

fn lines_on<X, Y>(area: &DrawingArea<SVGBackend, Shift>, chart: &Chart, lines: &[Line], across: X, up: Y) -> Result<(), String>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let ink = |size: i32| ("sans-serif", size).into_font().color(&INK);
    let mut context = ChartBuilder::on(area)
        .caption(chart.title, ink(16))
        .margin(8)
        .x_label_area_size(36)
        .y_label_area_size(58)
        .build_cartesian_2d(across, up)
        .map_err(|e| e.to_string())?;
    context
        .configure_mesh()
        .axis_style(INK.mix(0.6))
        .bold_line_style(INK.mix(0.12))
        .light_line_style(INK.mix(0.0))
        .label_style(ink(12))
        .x_desc(chart.across)
        .y_desc(chart.up)
        // Steps, horizons, wavenumbers and grid points are whole numbers.
        .x_label_formatter(&|v| if v.fract() != 0.0 { String::new() } else { tick(*v) })
        .y_label_formatter(&|v| tick(*v))
        .draw()
        .map_err(|e| e.to_string())?;
    for (place, line) in lines.iter().enumerate() {
        let style = colour(line, place).stroke_width(2);
        let points = line.points.iter().copied();
        let drawn = match line.dashed {
            true => context.draw_series(DashedLineSeries::new(points, 6, 4, style)).map(|_| ()),
            false => {
                let dots = if line.points.len() <= 40 { 2 } else { 0 };
                context.draw_series(LineSeries::new(points, style).point_size(dots)).map(|_| ())
            }
        };
        drawn.map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn range(lines: &[Line], of: impl Fn(&(f64, f64)) -> f64) -> Option<(f64, f64)> {
    let values = || lines.iter().flat_map(|l| &l.points).map(&of);
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    (low <= high).then_some((low, high))
}

/// Room around the values; a single value gets a range of its own size.
fn widen((low, high): (f64, f64), share: f64) -> (f64, f64) {
    let room = if high > low { share * (high - low) } else { 0.5 * high.abs().max(1e-9) };
    (low - room, high + room)
}

fn tick(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-3..1e5).contains(&size) {
        return format!("{value:.0e}");
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, f64)>, logarithmic: bool) -> Option<String> {
        let line = Line { name: "a < b".into(), points, dashed: false, colour: None };
        draw(&Chart { title: "t", across: "x", up: "y", logarithmic, logarithmic_across: false, lines: vec![line] })
    }

    #[test]
    fn draws_with_the_page_ink() {
        let svg = chart(vec![(0.0, 1.0), (1.0, 2.0)], false).expect("drawn");
        assert!(svg.starts_with("<svg") && svg.contains("currentColor") && !svg.contains("#010203"), "{svg}");
    }

    #[test]
    fn leaves_out_what_cannot_be_drawn() {
        assert!(chart(vec![], false).is_none());
        assert!(chart(vec![(1.0, f64::NAN)], false).is_none());
        assert!(chart(vec![(1.0, -1.0)], true).is_none());
        assert!(chart(vec![(1.0, 1.0)], true).is_some());
        assert!(chart(vec![(1.0, 0.0)], false).is_some());
    }

    #[test]
    fn ticks_are_short() {
        assert_eq!((tick(0.25).as_str(), tick(100.0).as_str(), tick(1e-6).as_str(), tick(0.0).as_str()), ("0.25", "100", "1e-6", "0"));
    }
}
