//! Names of one definition: its parameters, axes, members and what its code binds.

use std::collections::BTreeSet;

use pfm_elaborate::Library;
use pfm_syntax::ast::{Arg, Axis, Body, Call, Code, CodeStatement, Definition, DefinitionKind, Expr, ExprKind, Name, Path, TypeExpr};

use super::{Symbol, Symbols, definition_symbol};

pub(super) fn walk(definition: &Definition, library: &Library, symbols: &mut Symbols) {
    let mut walk = Walk { kind: definition.kind, library, symbols, scopes: vec![] };
    walk.definition(definition, definition.name.text.clone());
}

/// Names of a definition or member.
#[derive(Default)]
struct Scope {
    path: String,
    parameters: BTreeSet<String>,
    axes: BTreeSet<String>,
    locals: BTreeSet<String>,
    members: BTreeSet<String>,
}

struct Walk<'a> {
    kind: DefinitionKind,
    library: &'a Library,
    symbols: &'a mut Symbols,
    /// Outermost first.
    scopes: Vec<Scope>,
}

impl Walk<'_> {
    fn definition(&mut self, definition: &Definition, path: String) {
        let mut scope = Scope { path: path.clone(), ..Scope::default() };
        scope.parameters.extend(definition.params.iter().map(|p| p.name.text.clone()));
        if let Body::Members { slots, definitions } = &definition.body {
            scope.members.extend(definitions.iter().map(|d| d.name.text.clone()));
            scope.locals.extend(slots.iter().map(|s| s.name.text.clone()));
        }
        self.scopes.push(scope);
        for parameter in &definition.params {
            let symbol = Symbol::Parameter { kind: self.kind, of: path.clone(), name: parameter.name.text.clone() };
            self.symbols.add(parameter.name.span, symbol, true);
            if let Some(ty) = &parameter.ty {
                self.ty(ty);
            }
            if let Some(default) = &parameter.default {
                self.expr(default);
            }
        }
        if let Some(returns) = &definition.returns {
            self.ty(returns);
        }
        match &definition.body {
            Body::Expr(expr) => self.expr(expr),
            Body::Code(code) => self.code(code),
            Body::Members { slots, definitions } => {
                for slot in slots {
                    self.bind(&slot.name);
                    self.expr(&slot.init);
                    slot.index.iter().for_each(|n| self.bind(n));
                    slot.condition.iter().for_each(|c| self.expr(c));
                }
                for member in definitions {
                    let inner = format!("{path}.{}", member.name.text);
                    self.symbols.add(member.name.span, Symbol::Member { kind: self.kind, path: inner.clone() }, true);
                    self.definition(member, inner);
                }
            }
            Body::Settings(_) => {}
        }
        self.scopes.pop();
    }

    fn innermost(&mut self) -> &mut Scope {
        self.scopes.last_mut().expect("a definition is being walked")
    }

    /// Axes of a signature: the first time a name stands there, it is declared.
    fn ty(&mut self, ty: &TypeExpr) {
        match ty {
            TypeExpr::Tensor(axes, _) => axes.iter().for_each(|a| self.axis(a, true)),
            TypeExpr::Named(_) => {}
            TypeExpr::List(inner, _) => self.ty(inner),
            TypeExpr::Tuple(items, _) => items.iter().for_each(|t| self.ty(t)),
        }
    }

    fn axis(&mut self, axis: &Axis, signature: bool) {
        match axis {
            Axis::Named(name) | Axis::Spread(name) | Axis::Renamed(name, _) => {
                let known = self.resolve(&name.text).is_some();
                if !known && signature {
                    self.innermost().axes.insert(name.text.clone());
                }
                if let Some(symbol) = self.resolve(&name.text) {
                    self.symbols.add(name.span, symbol, !known);
                }
            }
            Axis::Rest(_) => {}
            Axis::Size(expr) => self.expr(expr),
        }
    }

    fn bind(&mut self, name: &Name) {
        let scope = self.innermost();
        let of = scope.path.clone();
        let known = scope.parameters.contains(&name.text) || scope.axes.contains(&name.text);
        let declares = !known && scope.locals.insert(name.text.clone());
        let first = declares || !self.declared(&name.text);
        let kind = self.kind;
        let symbol = match self.resolve(&name.text) {
            Some(symbol) if known => symbol,
            _ => Symbol::Local { kind, of, name: name.text.clone() },
        };
        self.symbols.add(name.span, symbol, first && !known);
    }

    /// A slot is in scope before its line is walked.
    fn declared(&self, name: &str) -> bool {
        let Some(scope) = self.scopes.last() else { return false };
        let symbol = Symbol::Local { kind: self.kind, of: scope.path.clone(), name: name.to_string() };
        self.symbols.occurrences.iter().any(|o| o.declares && o.symbol == symbol)
    }

    fn resolve(&self, name: &str) -> Option<Symbol> {
        let (kind, name) = (self.kind, name.to_string());
        for scope in self.scopes.iter().rev() {
            let of = scope.path.clone();
            if scope.locals.contains(&name) {
                return Some(Symbol::Local { kind, of, name });
            }
            if scope.parameters.contains(&name) {
                return Some(Symbol::Parameter { kind, of, name });
            }
            if scope.axes.contains(&name) {
                return Some(Symbol::Axis { kind, of, name });
            }
            if scope.members.contains(&name) {
                return Some(Symbol::Member { kind, path: format!("{of}.{name}") });
            }
        }
        None
    }

    /// What code may call or name besides its own names.
    fn global(&self, name: &str) -> Option<Symbol> {
        use DefinitionKind::{Block, Fn, Loss, Metric, Schedule, Vocabulary};
        let kinds = [Block, Fn, Loss, Metric, Schedule, Vocabulary];
        let definition = kinds.iter().find_map(|k| self.library.definition(*k, name)).map(definition_symbol);
        definition.or_else(|| pfm_elaborate::builtins().find(|b| b.name == name).map(|b| Symbol::Builtin(b.name)))
    }

    fn name(&mut self, path: &Path) {
        let Some(first) = path.segments.first() else { return };
        if let Some(symbol) = self.resolve(&first.text).or_else(|| self.global(&first.text)) {
            self.symbols.add(first.span, symbol, false);
        }
    }

    fn code(&mut self, code: &Code) {
        for statement in &code.statements {
            match statement {
                CodeStatement::Let { names, value, .. } => {
                    self.expr(value);
                    names.iter().for_each(|n| self.bind(n));
                }
                CodeStatement::Param { name, axes, init, condition, .. } => {
                    axes.iter().for_each(|a| self.axis(a, false));
                    self.expr(init);
                    condition.iter().for_each(|c| self.expr(c));
                    self.bind(name);
                }
                CodeStatement::For { variables, over, body, .. } => {
                    self.expr(over);
                    variables.iter().for_each(|v| self.bind(v));
                    self.code(body);
                }
                CodeStatement::Require { condition, .. } => self.expr(condition),
            }
        }
        if let Some(result) = &code.result {
            self.expr(result);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Number { .. } | ExprKind::Text(_) | ExprKind::Bool(_) => {}
            ExprKind::Path(path) => self.name(path),
            ExprKind::List(args) => args.iter().for_each(|a| self.expr(&a.value)),
            ExprKind::Tuple(items) => items.iter().for_each(|e| self.expr(e)),
            ExprKind::Choice { options, eval } => options.iter().chain(eval.as_deref()).for_each(|e| self.expr(e)),
            ExprKind::Range(a, b) | ExprKind::Binary { left: a, right: b, .. } => {
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Call(call) => self.call(call),
            ExprKind::Index { base, args } => {
                self.expr(base);
                args.iter().for_each(|a| self.expr(&a.value));
            }
            ExprKind::Field(inner, _) | ExprKind::Not(inner) | ExprKind::Negative(inner) => self.expr(inner),
            ExprKind::Pipe { input, call } => {
                self.expr(input);
                self.call(call);
            }
            ExprKind::If { condition, then, otherwise } => {
                self.expr(condition);
                self.code(then);
                self.code(otherwise);
            }
            ExprKind::Axes(axes) => axes.iter().for_each(|a| self.axis(a, false)),
        }
    }

    fn call(&mut self, call: &Call) {
        self.name(&call.callee);
        let callee = call.callee.segments.first().and_then(|n| self.resolve(&n.text).or_else(|| self.global(&n.text)));
        for arg in &call.args {
            self.argument(callee.as_ref(), arg);
            self.expr(&arg.value);
        }
        for (_, index) in call.name.iter().flat_map(|n| &n.segments) {
            index.iter().for_each(|e| self.expr(e));
        }
    }

    fn argument(&mut self, callee: Option<&Symbol>, arg: &Arg) {
        let Some(name) = &arg.name else { return };
        let symbol = match callee {
            Some(Symbol::Definition { kind, name: of }) => Symbol::Parameter { kind: *kind, of: of.clone(), name: name.text.clone() },
            Some(Symbol::Member { kind, path }) => Symbol::Parameter { kind: *kind, of: path.clone(), name: name.text.clone() },
            _ => return,
        };
        self.symbols.add(name.span, symbol, false);
    }
}
