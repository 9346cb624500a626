//! Pieces of HTML text. Words from outside, such as names of cells, pass through `escape`; the pieces here do that themselves.

/// Text that shows as it is.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A table with a heading row; the first column holds names, the others numbers or words.
pub(crate) fn table(head: &[String], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, row: &[String]| -> String { row.iter().map(|c| format!("<{tag}>{}</{tag}>", escape(c))).collect() };
    let body: String = rows.iter().map(|r| format!("<tr>{}</tr>\n", cells("td", r))).collect();
    format!("<div class=\"wide\"><table>\n<thead><tr>{}</tr></thead>\n<tbody>\n{body}</tbody></table></div>\n", cells("th", head))
}

/// A section with a title; nothing if it has no content.
pub(crate) fn section(title: &str, content: &str) -> String {
    match content.is_empty() {
        true => String::new(),
        false => format!("<section>\n<h2>{}</h2>\n{content}</section>\n", escape(title)),
    }
}

/// Charts or pictures side by side, as many as fit; nothing if there are none.
pub(crate) fn figures(all: &[String]) -> String {
    match all.is_empty() {
        true => String::new(),
        false => format!("<div class=\"figures\">\n{}</div>\n", all.iter().map(|f| format!("<figure>{f}</figure>\n")).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_cannot_become_markup() {
        assert_eq!(escape("a<b & \"c\">"), "a&lt;b &amp; &quot;c&quot;&gt;");
        assert!(table(&["<i>".into()], &[]).contains("&lt;i&gt;"));
        assert_eq!(section("empty", ""), "");
    }
}
