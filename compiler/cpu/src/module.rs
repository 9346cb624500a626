//! One module of generated functions. Groups with the same code share a function: the nest's text is the key.

use crate::emit::{Constants, Vectors, emit_loop, emit_reduce};
use cranelift_codegen::Context;
use cranelift_codegen::ir::{AbiParam, InstBuilder, types};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Linkage, Module, default_libcall_names};
use pfm_diag::Diagnostic;
use pfm_kernels::Isa;
use pfm_plan::nest::Nest;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// (table of buffer addresses, first index, end) of the outermost axis.
pub type Function = unsafe extern "C" fn(*const *mut u8, i64, i64);

pub struct Code {
    /// Behind a lock only so that programs can be shared: nobody looks at it after the code is finished.
    module: Mutex<Option<JITModule>>,
    contexts: (Context, FunctionBuilderContext),
    fma: bool,
    /// Generated code reads it, so it lives as long as the module.
    constants: Constants,
    by_text: BTreeMap<String, Id>,
    /// Nests in wide vectors, where the instruction set has them.
    #[cfg(all(target_arch = "x86_64", unix))]
    wide: Wide,
}

#[cfg(all(target_arch = "x86_64", unix))]
fn has_bf16() -> bool {
    std::is_x86_feature_detected!("avx512bf16")
}

/// Which generated function.
#[derive(Clone, Copy, Debug)]
pub enum Id {
    Cranelift(FuncId),
    #[cfg(all(target_arch = "x86_64", unix))]
    Wide(usize),
}

#[cfg(all(target_arch = "x86_64", unix))]
struct Wide {
    enabled: bool,
    functions: Vec<crate::wide::Function>,
    code: Option<crate::wide::Executable>,
}

fn refuse(message: impl std::fmt::Display) -> Box<Diagnostic> {
    Box::new(Diagnostic::new("E0802", format!("this processor cannot run generated code: {message}")))
}

/// The processor as Cranelift is to see it: no more than the instruction set has, so that a program made for a lesser processor
/// is the same one on a better.
fn target(isa: Isa) -> Result<OwnedTargetIsa, Box<Diagnostic>> {
    let mut flags = settings::builder();
    for (name, value) in [("opt_level", "speed"), ("is_pic", "false"), ("enable_verifier", "false")] {
        flags.set(name, value).map_err(refuse)?;
    }
    let known: &[&str] = match isa {
        Isa::Avx2 => &["has_sse3", "has_ssse3", "has_sse41", "has_sse42", "has_popcnt", "has_avx", "has_avx2", "has_fma"],
        Isa::Portable if cfg!(target_arch = "x86_64") => &["has_sse3", "has_ssse3", "has_sse41"],
        _ => &[],
    };
    let mut builder = cranelift_native::builder_with_options(known.is_empty()).map_err(refuse)?;
    for flag in known {
        builder.enable(flag).map_err(refuse)?;
    }
    builder.finish(settings::Flags::new(flags)).map_err(refuse)
}

impl Code {
    pub fn new(isa: Isa) -> Result<Code, Box<Diagnostic>> {
        #[cfg(target_arch = "x86_64")]
        if !std::is_x86_feature_detected!("sse4.1") {
            return Err(refuse("it has no SSE4.1"));
        }
        if !isa.is_available() {
            return Err(refuse(format!("it has no {}", isa.name())));
        }
        #[cfg(all(target_arch = "x86_64", unix))]
        let wide = Wide { enabled: isa.vectors() == Isa::Avx512, functions: vec![], code: None };
        let isa = target(isa)?;
        let flag = |name: &str| isa.isa_flags().iter().find(|f| f.name == name).and_then(|f| f.as_bool());
        // Other architectures that Cranelift knows have fused multiply-add as a matter of course.
        let fma = flag("has_fma").unwrap_or(true);
        let module = JITModule::new(JITBuilder::with_isa(isa, default_libcall_names()));
        let contexts = (module.make_context(), FunctionBuilderContext::new());
        Ok(Code {
            module: Mutex::new(Some(module)),
            contexts,
            fma,
            constants: Constants::default(),
            by_text: BTreeMap::new(),
            #[cfg(all(target_arch = "x86_64", unix))]
            wide,
        })
    }

    /// Whether wide loops round to bfloat16 by the processor's own instruction, which takes subnormal numbers for zero: part of what a
    /// program is.
    pub fn rounds(&self) -> bool {
        #[cfg(all(target_arch = "x86_64", unix))]
        return self.wide.enabled && has_bf16();
        #[cfg(not(all(target_arch = "x86_64", unix)))]
        false
    }

    /// Whether vectors have fused multiply-add: part of what a program is.
    pub fn fma(&self) -> bool {
        self.fma
    }

    /// The function that runs a nest, made now or earlier.
    pub fn function(&mut self, nest: &Nest) -> Id {
        let text = format!("{nest:?}");
        if let Some(id) = self.by_text.get(&text) {
            return *id;
        }
        let id = self.wide_function(nest).unwrap_or_else(|| Id::Cranelift(self.cranelift_function(nest, &text)));
        self.by_text.insert(text, id);
        id
    }

    #[cfg(all(target_arch = "x86_64", unix))]
    fn wide_function(&mut self, nest: &Nest) -> Option<Id> {
        if !self.wide.enabled || nest.fold.is_some() {
            return None;
        }
        self.wide.functions.push(crate::wide::emit(nest, has_bf16())?);
        Some(Id::Wide(self.wide.functions.len() - 1))
    }

    #[cfg(not(all(target_arch = "x86_64", unix)))]
    fn wide_function(&mut self, _: &Nest) -> Option<Id> {
        None
    }

    fn cranelift_function(&mut self, nest: &Nest, text: &str) -> FuncId {
        let module = living(&mut self.module);
        let (context, builder_context) = &mut self.contexts;
        let mut signature = module.make_signature();
        let pointer = module.target_config().pointer_type();
        signature.params.extend([pointer, types::I64, types::I64].map(AbiParam::new));
        let name = format!("nest{}", self.by_text.len());
        let id = module.declare_function(&name, Linkage::Local, &signature).expect("names are distinct");
        context.func.signature = signature;
        let mut v = Vectors { b: FunctionBuilder::new(&mut context.func, builder_context), fma: self.fma, constants: &mut self.constants };
        let entry = v.b.create_block();
        v.b.append_block_params_for_function_params(entry);
        v.b.switch_to_block(entry);
        v.b.seal_block(entry);
        let [table, begin, end] = *v.b.block_params(entry) else { panic!("there are three parameters") };
        if nest.fold.is_some() {
            emit_reduce(&mut v, nest, table, (begin, end));
        } else {
            emit_loop(&mut v, nest, table, (begin, end));
        }
        v.b.ins().return_(&[]);
        v.b.finalize(module.target_config());
        module.define_function(id, context).unwrap_or_else(|e| panic!("generated code compiles: {e:?}\n{text}"));
        module.clear_context(context);
        id
    }

    /// Makes all functions callable.
    pub fn finish(&mut self) -> Result<(), Box<Diagnostic>> {
        let module = living(&mut self.module);
        module.finalize_definitions().expect("generated code needs nothing from outside");
        #[cfg(all(target_arch = "x86_64", unix))]
        {
            let functions = std::mem::take(&mut self.wide.functions);
            self.wide.code = Some(crate::wide::Executable::new(&functions).map_err(refuse)?);
        }
        Ok(())
    }

    /// A finished function. It may be called as long as `self` lives.
    pub fn address(&self, id: Id) -> Function {
        let id = match id {
            Id::Cranelift(id) => id,
            #[cfg(all(target_arch = "x86_64", unix))]
            Id::Wide(n) => {
                let code = self.wide.code.as_ref().expect("the code is finished");
                // SAFETY: the code was written for this signature and is finished.
                return unsafe { std::mem::transmute::<*const u8, Function>(code.address(n)) };
            }
        };
        let module = self.module.lock().unwrap_or_else(PoisonError::into_inner);
        let module = module.as_ref().expect("the module lives until it is dropped");
        // SAFETY: the function was declared with this signature and is finished.
        unsafe { std::mem::transmute::<*const u8, Function>(module.get_finalized_function(id)) }
    }

    pub fn functions(&self) -> usize {
        self.by_text.len()
    }
}

fn living(module: &mut Mutex<Option<JITModule>>) -> &mut JITModule {
    let module = module.get_mut().unwrap_or_else(PoisonError::into_inner);
    module.as_mut().expect("the module lives until it is dropped")
}

impl Drop for Code {
    fn drop(&mut self) {
        let module = self.module.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(module) = module {
            // SAFETY: functions are only called through a program, which owns this and is being dropped.
            unsafe { module.free_memory() };
        }
    }
}
