//! `name : param [axes] ~ init if condition`: declares a parameter at the current path and binds the name to its tensor.

use crate::{
    Elaborator, Init, NamedTensor, ParameterDecl, Setting,
    fault::{Fault, Outcome, fault},
    frame::Frame,
    value::Value,
};
use pfm_diag::Span;
use pfm_ir::{Role, TensorType};
use pfm_syntax::ast::{Arg, Axis, Call, Expr, ExprKind, Name};

/// Weights that one parameter may have.
const MOST_WEIGHTS: f64 = 1e12;

impl<'a> Elaborator<'a> {
    pub(crate) fn declare(
        &mut self,
        frame: &mut Frame<'a>,
        name: &Name,
        axes: &[Axis],
        init: &Expr,
        condition: Option<&Expr>,
        span: Span,
    ) -> Outcome<()> {
        if !frame.declares {
            let d = fault("E1016", format!("{} can not have parameters", frame.what), span, "declares one");
            return Err(Box::new(d.help("make it a `block`")));
        }
        if let Some(condition) = condition
            && !self.truth(frame, condition)?
        {
            // Nothing is added where a parameter is left out, so `y + bias` reads the same with and without.
            frame.bind(&name.text, Value::number(0.0));
            return Ok(());
        }
        if !frame.declared.insert(name.text.clone()) {
            let d = fault("E1007", format!("{} declares `{}` twice in one call", frame.what, name.text), span, "declared again");
            return Err(Box::new(d.help("give it another name; in a loop call a block that declares it, `as NAME[i]`")));
        }
        let (names, shape) = self.parameter_axes(frame, axes)?;
        if shape.iter().map(|n| *n as f64).product::<f64>() > MOST_WEIGHTS {
            return Err(fault(
                "E1017",
                format!("a parameter of {shape:?} has more than {MOST_WEIGHTS:e} weights"),
                span,
                "larger than any machine",
            ));
        }
        let decl = ParameterDecl { path: frame.join(&name.text), shape, init: self.init(frame, init)?, span };
        let value = self.parameter(frame, decl, span)?;
        frame.bind(&name.text, Value::Tensor(NamedTensor { value, axes: names }));
        Ok(())
    }

    pub(crate) fn parameter(&mut self, frame: &Frame<'a>, decl: ParameterDecl, span: Span) -> Outcome<pfm_ir::ValueId> {
        let path = decl.path.clone();
        if let Some(first) = self.declared_here.get(&path).filter(|_| frame.implicit) {
            return Err(shared_unawares(&path, span, *first));
        }
        self.declared_here.insert(path.clone(), span);
        if self.options.memo.is_some() {
            self.log.push(decl.clone());
        }
        if let Some(&value) = self.declared.get(&path) {
            let known = self.parameters.iter().find(|p| p.path == path).expect("a declared parameter is listed");
            if known.shape != decl.shape {
                return Err(fault(
                    "E1007",
                    format!("parameter `{path}` has shape {:?} in one call and {:?} in another", known.shape, decl.shape),
                    span,
                    "declared again with another shape",
                ));
            }
            return Ok(value);
        }
        let value = match &mut self.options.parameter {
            Some(source) => source(&mut self.builder, &decl),
            None => self.builder.input(&path, Role::Parameter { trainable: true }, TensorType::f32(&decl.shape)),
        };
        self.declared.insert(path, value);
        self.parameters.push(decl);
        Ok(value)
    }

    /// Names and sizes of a parameter's axes. A name is a number in scope; `*k` is a list of numbers, whose axes are `k.0`, `k.1`.
    fn parameter_axes(&mut self, frame: &mut Frame<'a>, axes: &[Axis]) -> Outcome<(Vec<String>, Vec<usize>)> {
        let mut names: Vec<String> = vec![];
        let mut shape = vec![];
        for (i, axis) in axes.iter().enumerate() {
            match axis {
                Axis::Named(name) | Axis::Renamed(name, _) => {
                    let to = if let Axis::Renamed(_, to) = axis { to } else { name };
                    let size = frame.lookup(&name.text).and_then(Value::as_number);
                    let size = size.ok_or_else(|| not_a_size(&format!("`{}`", name.text), name.span))?;
                    shape.push(whole(size, name.span)?);
                    names.push(to.text.clone());
                }
                Axis::Size(e) => {
                    let size = self.number(frame, e)?;
                    shape.push(whole(size, e.span)?);
                    names.push(format!("#{i}"));
                }
                Axis::Spread(name) => {
                    let sizes = frame.lookup(&name.text).and_then(Value::items);
                    let sizes = sizes.ok_or_else(|| not_a_size(&format!("`*{}`", name.text), name.span))?;
                    for (j, size) in sizes.iter().enumerate() {
                        let size = size.as_number().ok_or_else(|| not_a_size(&format!("`*{}`", name.text), name.span))?;
                        shape.push(whole(size, name.span)?);
                        names.push(format!("{}.{j}", name.text));
                    }
                }
                Axis::Rest(span) => return Err(not_a_size("`..`", *span)),
            }
        }
        for (i, name) in names.iter().enumerate() {
            if names[..i].contains(name) {
                let span = match &axes[i.min(axes.len() - 1)] {
                    Axis::Named(n) | Axis::Renamed(_, n) | Axis::Spread(n) => n.span,
                    Axis::Size(e) => e.span,
                    Axis::Rest(s) => *s,
                };
                let d = fault("E1008", format!("a parameter has two axes `{name}`"), span, "named again");
                return Err(Box::new(d.help(format!("rename one: `{name} as out`"))));
            }
        }
        Ok((names, shape))
    }

    /// The distribution after `~`.
    pub(crate) fn init(&mut self, frame: &mut Frame<'a>, e: &Expr) -> Outcome<Init> {
        let (name, args): (String, &[Arg]) = match &e.kind {
            ExprKind::Path(path) => (path.text(), &[]),
            ExprKind::Call(Call { callee, args, .. }) => (callee.text(), args),
            _ => return Err(unknown_init(e.span)),
        };
        match (name.as_str(), args) {
            ("zeros", []) => Ok(Init::Zeros),
            ("ones", []) => Ok(Init::Ones),
            ("constant", [v]) => Ok(Init::Constant(self.number(frame, &v.value)?)),
            ("uniform", [a]) => Ok(Init::Uniform(self.number(frame, &a.value)?)),
            ("normal", [std]) => Ok(Init::Normal(self.number(frame, &std.value)?)),
            ("repeated", [inner, times]) => {
                let count = self.number(frame, &times.value)?;
                let inner = Box::new(self.init(frame, &inner.value)?);
                Ok(Init::Repeated { inner, times: whole(count, times.value.span)? })
            }
            _ => Err(unknown_init(e.span)),
        }
    }
}

fn whole(size: f64, span: Span) -> Outcome<usize> {
    if size.fract() == 0.0 && (1.0..1e9).contains(&size) {
        return Ok(size as usize);
    }
    if size >= 1e9 {
        return Err(fault("E1017", format!("a size of {size:e} is too large"), span, "used as a size"));
    }
    Err(fault("E1017", format!("a size is a whole number of at least 1, found {}", Setting::Number(size)), span, "used as a size"))
}

fn not_a_size(what: &str, span: Span) -> Fault {
    let d = fault("E1017", format!("{what} is not a size in scope"), span, "no number is bound to it");
    Box::new(d.help("name an axis of the signature, a number, or write a size in parentheses: `[out (2 * c)]`"))
}

fn unknown_init(span: Span) -> Fault {
    let d = fault("E1018", "unknown initialisation", span, "not a distribution");
    Box::new(d.help("write `zeros`, `ones`, `constant(v)`, `uniform(a)` on (-a, a), `normal(std)` or `repeated(init, times)`"))
}

fn shared_unawares(path: &str, span: Span, first: Span) -> Fault {
    let d = fault("E1007", format!("two calls declare `{path}`"), span, "declared by a second call");
    let d = if first == span { d } else { Box::new(d.also(first, "declared first here")) };
    Box::new(d.help("tell the calls apart with `as NAME`, or `as NAME[i]` in a loop; calls with the same `as` share their parameters"))
}
