//! Axis lists. `[b t *s c]` in code becomes a list of names; in a signature it is matched, in order, with the axes of an
//! argument, which inside the definition go by the names of the signature.

use crate::{
    Elaborator, NamedTensor,
    fault::{Outcome, axes_text, fault},
    frame::Frame,
    value::Value,
};
use pfm_diag::Span;
use pfm_syntax::ast::{Axis, Expr, ExprKind, Name};

/// Names of axes outside and inside a call.
#[derive(Clone, Debug, Default)]
pub(crate) struct AxisMap {
    /// (outside, inside)
    pairs: Vec<(String, String)>,
}

impl AxisMap {
    pub fn inside(&self, outside: &str) -> String {
        let found = self.pairs.iter().find(|(o, _)| o == outside);
        found.map_or(outside, |(_, i)| i).to_string()
    }

    pub fn outside(&self, inside: &str) -> String {
        self.known(inside).unwrap_or(inside).to_string()
    }

    /// Name outside of an axis of the arguments.
    pub fn known(&self, inside: &str) -> Option<&str> {
        self.pairs.iter().find(|(_, i)| i == inside).map(|(o, _)| o.as_str())
    }

    pub fn each(&self, mut see: impl FnMut(&str, &str)) {
        self.pairs.iter().for_each(|(outside, inside)| see(outside, inside));
    }

    fn add(&mut self, outside: &str, inside: &str) {
        if self.known(inside).is_none() {
            self.pairs.push((outside.to_string(), inside.to_string()));
        }
    }
}

/// Spatial axes by their usual names, for tensors whose signature does not say.
pub(crate) fn spatial(t: &NamedTensor) -> Vec<String> {
    t.axes.iter().filter(|a| matches!(a.as_str(), "h" | "w" | "d")).cloned().collect()
}

/// A name and the primes after it.
pub(crate) fn primes(name: &str) -> (&str, &str) {
    name.split_at(name.trim_end_matches('\'').len())
}

/// Refuses a signature in which two `*` or two `..` stand for any number of axes: nothing would say which takes which.
fn several(signature: &[Axis]) -> Outcome<()> {
    let spread = |a: &Axis| if let Axis::Spread(name) = a { Some(name.span) } else { None };
    let rest = |a: &Axis| if let Axis::Rest(span) = a { Some(*span) } else { None };
    let mut spreads = signature.iter().filter_map(spread);
    let mut rests = signature.iter().filter_map(rest);
    for (first, second, what) in [(spreads.next(), spreads.next(), "*"), (rests.next(), rests.next(), "..")] {
        if let (Some(first), Some(second)) = (first, second) {
            let d = fault("E1013", format!("two `{what}` in one signature could take any of the axes"), second, "again here");
            return Err(Box::new(d.also(first, "first here").help("keep one of them, and name the other axes")));
        }
    }
    Ok(())
}

impl<'a> Elaborator<'a> {
    /// The axes that an argument names: `[*s c]`, `[c]`, `c`, or a variable that holds axes.
    pub(crate) fn axes(&mut self, frame: &mut Frame<'a>, e: &Expr) -> Outcome<Vec<String>> {
        match &e.kind {
            ExprKind::Axes(axes) => self.axis_list(frame, axes),
            ExprKind::List(args) => {
                let mut out = vec![];
                for arg in args {
                    out.extend(self.axes(frame, &arg.value)?);
                }
                Ok(out)
            }
            ExprKind::Path(path) if path.segments.len() == 1 => Ok(self.axis_named(frame, &path.segments[0])),
            _ => match self.eval(frame, e)? {
                Value::Axes(axes) => Ok(axes),
                other => {
                    let d = fault("E1006", format!("expected axes, found {}", other.kind()), e.span, other.kind());
                    Err(Box::new(d.help("write them as `[t *s]`")))
                }
            },
        }
    }

    /// One axis.
    pub(crate) fn one_axis(&mut self, frame: &mut Frame<'a>, e: &Expr) -> Outcome<String> {
        let axes = self.axes(frame, e)?;
        match axes.as_slice() {
            [one] => Ok(one.clone()),
            many => Err(fault("E1006", format!("expected one axis, found {}", axes_text(many)), e.span, "one axis is named here")),
        }
    }

    pub(crate) fn axis_list(&mut self, frame: &mut Frame<'a>, axes: &[Axis]) -> Outcome<Vec<String>> {
        let mut out = vec![];
        for axis in axes {
            match axis {
                Axis::Named(name) => out.extend(self.axis_named(frame, name)),
                Axis::Renamed(_, to) => out.extend(self.axis_named(frame, to)),
                Axis::Spread(name) => out.extend(self.spread_named(frame, name)?),
                Axis::Rest(span) => return Err(fault("E1008", "`..` stands in signatures only", *span, "name the axes here")),
                Axis::Size(e) => return Err(fault("E1008", "a size where an axis is named", e.span, "not a name")),
            }
        }
        Ok(out)
    }

    /// An axis variable's axes, else the name itself. Primes make new names: `a'`.
    fn axis_named(&self, frame: &Frame<'a>, name: &Name) -> Vec<String> {
        let (base, marks) = primes(&name.text);
        for (variable, marks) in [(name.text.as_str(), ""), (base, marks)] {
            if let Some(Value::Axes(axes)) = frame.lookup(variable) {
                return axes.iter().map(|a| format!("{a}{marks}")).collect();
            }
        }
        vec![name.text.clone()]
    }

    fn spread_named(&self, frame: &Frame<'a>, name: &Name) -> Outcome<Vec<String>> {
        let (base, _) = primes(&name.text);
        if matches!(frame.lookup(base), Some(Value::Axes(_))) {
            return Ok(self.axis_named(frame, name));
        }
        let d = fault("E1008", format!("`*{}` names no axes here", name.text), name.span, "not in the signature");
        Err(Box::new(d.help(format!("write `*{base}` among the axes of an argument, as in `x: [b t *{base} c]`"))))
    }

    /// Matches a signature with an argument, in order: binds sizes and spreads in the callee's frame and gives the tensor
    /// its names inside.
    pub(crate) fn enter(
        &mut self,
        frame: &mut Frame<'a>,
        map: &mut AxisMap,
        signature: &[Axis],
        tensor: &NamedTensor,
        what: &str,
        span: Span,
    ) -> Outcome<NamedTensor> {
        several(signature)?;
        let fixed = signature.iter().filter(|a| !matches!(a, Axis::Rest(_) | Axis::Spread(_))).count();
        let rest = signature.iter().any(|a| matches!(a, Axis::Rest(_)));
        let spread = signature.iter().find_map(|a| match a {
            Axis::Spread(name) => Some(name),
            _ => None,
        });
        let bound = spread.and_then(|s| match frame.lookup(&s.text) {
            Some(Value::Axes(axes)) => Some(axes.len()),
            _ => None,
        });
        let free = tensor.axes.len().checked_sub(fixed);
        let (in_spread, in_rest) = match (free, spread.is_some(), rest) {
            (Some(free), true, true) => {
                let n = bound.unwrap_or_else(|| spatial(tensor).len());
                (n, free.checked_sub(n))
            }
            (Some(free), true, false) => (free, bound.is_none_or(|n| n == free).then_some(0)),
            (Some(free), false, true) => (0, Some(free)),
            (Some(0), false, false) => (0, Some(0)),
            _ => (0, None),
        };
        let Some(in_rest) = in_rest else {
            let d = fault(
                "E1013",
                format!("{what} takes {}, found {}", signature_text(signature), axes_text(&tensor.axes)),
                span,
                axes_text(&tensor.axes),
            );
            return Err(Box::new(d.help("axes are matched in order")));
        };
        let sizes = self.sizes(tensor);
        let mut inside = vec![];
        for axis in signature {
            let at = inside.len();
            match axis {
                Axis::Named(name) | Axis::Renamed(_, name) => {
                    self.bind_size(frame, &name.text, sizes[at], what, span)?;
                    map.add(&tensor.axes[at], &name.text);
                    inside.push(name.text.clone());
                }
                Axis::Size(e) => {
                    let wanted = self.number(frame, e)?;
                    if wanted != sizes[at] as f64 {
                        return Err(fault(
                            "E0402",
                            format!("{what} has {} entries along `{}`, {wanted} are needed", sizes[at], tensor.axes[at]),
                            span,
                            "of another size",
                        ));
                    }
                    inside.push(tensor.axes[at].clone());
                }
                Axis::Spread(name) => {
                    let axes = tensor.axes[at..at + in_spread].to_vec();
                    axes.iter().for_each(|a| map.add(a, a));
                    frame.bind(&name.text, Value::Axes(axes.clone()));
                    inside.extend(axes);
                }
                Axis::Rest(_) => inside.extend(tensor.axes[at..at + in_rest].iter().cloned()),
            }
        }
        for i in 0..inside.len() {
            let free = |name: &str, inside: &[String]| inside.iter().filter(|a| *a == name).count() == 1;
            if !free(&inside[i], &inside) && map.inside(&tensor.axes[i]) != inside[i] {
                let mut fresh = inside[i].clone();
                while inside.contains(&fresh) {
                    fresh.push('\'');
                }
                map.add(&tensor.axes[i], &fresh);
                inside[i] = fresh;
            }
        }
        Ok(NamedTensor { value: tensor.value, axes: inside })
    }

    fn bind_size(&self, frame: &mut Frame<'a>, name: &str, size: usize, what: &str, span: Span) -> Outcome<()> {
        if let Some(bound) = frame.lookup(name).and_then(Value::as_number)
            && bound != size as f64
        {
            let d = fault(
                "E0402",
                format!("{what} has {size} entries along `{name}`, another argument has {bound}"),
                span,
                format!("{size} here"),
            );
            return Err(Box::new(d.help("arguments agree in the axes that they share")));
        }
        frame.bind(name, Value::number(size as f64));
        Ok(())
    }

    /// Checks a result against its declared axes and gives it its names outside. Axes that the signature does not know take
    /// the names of those of the first argument that are gone, in order: a change of channels stays `c`.
    pub(crate) fn leave(
        &mut self,
        frame: &mut Frame<'a>,
        map: &AxisMap,
        entered: &[Axis],
        declared: Option<&[Axis]>,
        tensor: &NamedTensor,
        span: Span,
    ) -> Outcome<NamedTensor> {
        let axes = match declared {
            None => tensor.axes.iter().map(|a| map.outside(a)).collect(),
            Some(declared) => self.result_axes(frame, map, entered, declared, tensor, span)?,
        };
        for (i, a) in axes.iter().enumerate() {
            if axes[..i].contains(a) {
                let d = fault("E1009", format!("the result has two axes `{a}`: {}", axes_text(&axes)), span, "given by this");
                return Err(Box::new(d.help("rename one (`rename(x, [a as b])`)")));
            }
        }
        Ok(NamedTensor { value: tensor.value, axes })
    }

    fn result_axes(
        &mut self,
        frame: &mut Frame<'a>,
        map: &AxisMap,
        entered: &[Axis],
        declared: &[Axis],
        tensor: &NamedTensor,
        span: Span,
    ) -> Outcome<Vec<String>> {
        let wrong = |found: &NamedTensor| {
            fault(
                "E1009",
                format!("{} promises {}, its code gives {}", frame.what, signature_text(declared), axes_text(&found.axes)),
                span,
                format!("{} here", axes_text(&found.axes)),
            )
        };
        let slots = self.slots(frame, declared);
        let rest = declared.iter().any(|a| matches!(a, Axis::Rest(_)));
        let Some(in_rest) = tensor.axes.len().checked_sub(slots.len()).filter(|n| rest || *n == 0) else {
            return Err(wrong(tensor));
        };
        let gone: Vec<String> = {
            let names = self.slots(frame, entered).into_iter().flatten();
            names.filter(|n| !slots.contains(&Some(n.clone()))).collect()
        };
        let is_new = |n: &Option<String>| n.as_ref().is_none_or(|n| map.known(n).is_none());
        let new = slots.iter().filter(|n| is_new(n)).count();
        let mut replaced = if gone.len() == new { gone } else { vec![] }.into_iter();
        let split = declared.iter().position(|a| matches!(a, Axis::Rest(_))).map(|at| self.slots(frame, &declared[..at]).len());
        let sizes = self.sizes(tensor);
        let mut out = vec![];
        let mut slots = slots.into_iter();
        while out.len() < tensor.axes.len() {
            let at = out.len();
            if split.is_some_and(|s| (s..s + in_rest).contains(&at)) {
                out.push(map.outside(&tensor.axes[at]));
                continue;
            }
            let slot = slots.next().expect("one slot for every axis");
            if let Some(name) = &slot {
                if let Some(size) = frame.lookup(name).and_then(Value::as_number).filter(|v| *v != sizes[at] as f64) {
                    let mut d = *wrong(tensor);
                    d = d.note(format!("`{name}` is {size}, the result has {} there", sizes[at]));
                    return Err(Box::new(d));
                }
                if tensor.axes[at] != *name && tensor.position(name).is_some() {
                    return Err(wrong(tensor));
                }
            }
            let inside = slot.clone().unwrap_or_else(|| tensor.axes[at].clone());
            let outside = if is_new(&slot) { replaced.next().map(|g| map.outside(&g)) } else { None };
            out.push(outside.unwrap_or_else(|| map.outside(&inside)));
        }
        Ok(out)
    }

    /// One entry for each axis of a list, `..` left out: its name, or None for a size.
    fn slots(&self, frame: &Frame<'a>, axes: &[Axis]) -> Vec<Option<String>> {
        let mut out = vec![];
        for axis in axes {
            match axis {
                Axis::Named(n) | Axis::Renamed(_, n) => out.push(Some(n.text.clone())),
                Axis::Spread(n) => out.extend(self.axis_named(frame, n).into_iter().map(Some)),
                Axis::Size(_) => out.push(None),
                Axis::Rest(_) => {}
            }
        }
        out
    }
}

/// A signature as it is written.
pub(crate) fn signature_text(axes: &[Axis]) -> String {
    let words: Vec<String> = axes
        .iter()
        .map(|a| match a {
            Axis::Named(n) => n.text.clone(),
            Axis::Spread(n) => format!("*{}", n.text),
            Axis::Rest(_) => "..".to_string(),
            Axis::Renamed(a, b) => format!("{} as {}", a.text, b.text),
            Axis::Size(_) => "(…)".to_string(),
        })
        .collect();
    format!("[{}]", words.join(" "))
}
