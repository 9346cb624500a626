//! A contact sheet: what a data set looks like over time, one strip of pictures a field, on one page that needs nothing else.

use crate::chart::{Chart, Line, draw};
use crate::html::{escape, figures, section, table};
use crate::page::document;
use crate::picture;
use pfm_train::number;

/// What a contact sheet shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Sheet {
    pub title: String,
    /// Names and values, in a table at the top.
    pub facts: Vec<(String, String)>,
    pub strips: Vec<Strip>,
}

/// One field over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Strip {
    /// The heading that neighbouring strips share, such as a file's name.
    pub group: String,
    pub field: String,
    /// Per picture its time and its rows from the top, each `width` values; a single row is drawn as a line.
    pub frames: Vec<(f64, Vec<f32>)>,
    pub width: usize,
}

/// One page of all sheets. Each strip has one colour scale, from its least to its largest value.
pub fn contact_sheet(sheets: &[Sheet]) -> String {
    let titles: Vec<&str> = sheets.iter().map(|sheet| sheet.title.as_str()).collect();
    document(&escape(&titles.join(", ")), &sheets.iter().map(one).collect::<String>())
}

fn one(sheet: &Sheet) -> String {
    let rows: Vec<Vec<String>> = sheet.facts.iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect();
    let groups = sheet.strips.chunk_by(|a, b| a.group == b.group);
    let strips: String = groups.map(|strips| section(&strips[0].group, &strips.iter().map(strip).collect::<String>())).collect();
    format!("<h1>{}</h1>\n{}{strips}", escape(&sheet.title), table(&["".into(), "".into()], &rows))
}

fn strip(strip: &Strip) -> String {
    let finite = || strip.frames.iter().flat_map(|(_, values)| values).copied().filter(|value| value.is_finite());
    let (low, high) = (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
    let scale = if low <= high { format!("{} to {}", number(f64::from(low)), number(f64::from(high))) } else { "no finite value".into() };
    let heading = format!("<h3>{} ({scale})</h3>\n", escape(&strip.field));
    if strip.frames.iter().all(|(_, values)| values.len() == strip.width) {
        return heading + &lines(strip);
    }
    let image = |(time, values): &(f64, Vec<f32>)| {
        let (uri, time) = (picture::values(values, strip.width, low, high), number(*time));
        let field = escape(&strip.field);
        format!("<figure><img src=\"{uri}\" alt=\"{field} at t = {time}\"><figcaption>t = {time}</figcaption></figure>\n")
    };
    format!("{heading}<div class=\"strip\">\n{}</div>\n", strip.frames.iter().map(image).collect::<String>())
}

fn lines(strip: &Strip) -> String {
    let line = |(time, values): &(f64, Vec<f32>)| Line {
        name: format!("t = {}", number(*time)),
        points: values.iter().enumerate().map(|(i, v)| (i as f64, f64::from(*v))).collect(),
        dashed: false,
        colour: None,
    };
    let lines = strip.frames.iter().map(line).collect();
    let chart = Chart { title: &strip.field, across: "grid point", up: "value", logarithmic: false, logarithmic_across: false, lines };
    figures(&draw(&chart).into_iter().collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::{Sheet, Strip, contact_sheet};

    #[test]
    fn a_sheet_has_a_strip_a_field_under_its_file() {
        let strip = |group: &str, field: &str, rows: usize| Strip {
            group: group.into(),
            field: field.into(),
            frames: vec![(0.0, vec![1.0; 4 * rows]), (0.5, vec![2.0; 4 * rows])],
            width: 4,
        };
        let strips = vec![strip("a<b", "density", 3), strip("a<b", "pressure", 3), strip("c", "height", 1)];
        let page = contact_sheet(&[Sheet { title: "set".into(), facts: vec![("grid".into(), "4 x 3".into())], strips }]);
        assert_eq!((page.matches("<section>").count(), page.matches("<img").count(), page.matches("<svg").count()), (2, 4, 1));
        assert!(page.contains("<h2>a&lt;b</h2>") && page.contains("density (1 to 2)") && page.contains("t = 0.5"));
        assert!(page.contains("<td>4 x 3</td>"));
    }
}
