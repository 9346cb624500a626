//! Instructions into bytes: a thin layer over the encoder of iced-x86 that keeps code and its constants in one block, which can lie
//! anywhere in memory. Constants come first, so that their distance is known when code refers to them.

use iced_x86::{Code, Encoder, Instruction, MemoryOperand, Register};

/// Code in the making. Positions are bytes from the start of the block.
pub struct Assembler {
    bytes: Vec<u8>,
    encoder: Encoder,
}

/// A branch whose target is not known yet.
pub struct Forward(usize);

/// An operand of a vector instruction that may lie in memory.
#[derive(Clone, Copy)]
pub enum Source {
    Register(Register),
    Memory(MemoryOperand),
}

impl Assembler {
    /// Begins behind `constants`.
    pub fn new(constants: Vec<u8>) -> Assembler {
        Assembler { bytes: constants, encoder: Encoder::new(64) }
    }

    pub fn here(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub fn put(&mut self, inst: &Instruction) {
        let at = self.here();
        self.encoder.encode(inst, at).unwrap_or_else(|e| panic!("{inst:?} can be encoded: {e}"));
        self.bytes.extend(self.encoder.take_buffer());
    }

    /// Jumps back to a position.
    pub fn jump_back(&mut self, code: Code, to: u64) {
        self.put(&made(Instruction::with_branch(code, to)));
    }

    /// Jumps to where `land` will be called.
    pub fn jump_forward(&mut self, code: Code) -> Forward {
        self.put(&made(Instruction::with_branch(code, self.here() + 0x10000)));
        Forward(self.bytes.len())
    }

    pub fn land(&mut self, from: Forward) {
        let distance = (self.bytes.len() - from.0) as u32;
        self.bytes[from.0 - 4..from.0].copy_from_slice(&distance.to_le_bytes());
    }

    pub fn op0(&mut self, code: Code) {
        self.put(&Instruction::with(code));
    }

    pub fn push(&mut self, register: Register) {
        self.put(&made(Instruction::with1(Code::Push_r64, register)));
    }

    pub fn pop(&mut self, register: Register) {
        self.put(&made(Instruction::with1(Code::Pop_r64, register)));
    }

    pub fn load(&mut self, register: Register, from: MemoryOperand) {
        self.put(&made(Instruction::with2(Code::Mov_r64_rm64, register, from)));
    }

    pub fn store(&mut self, to: MemoryOperand, register: Register) {
        self.put(&made(Instruction::with2(Code::Mov_rm64_r64, to, register)));
    }

    pub fn move_register(&mut self, to: Register, from: Register) {
        self.put(&made(Instruction::with2(Code::Mov_r64_rm64, to, from)));
    }

    pub fn set(&mut self, register: Register, value: i64) {
        self.put(&made(Instruction::with2(Code::Mov_r64_imm64, register, value)));
    }

    pub fn add_register(&mut self, to: Register, from: Register) {
        self.put(&made(Instruction::with2(Code::Add_r64_rm64, to, from)));
    }

    /// `register += value`; the value has at most 32 bits.
    pub fn add(&mut self, register: Register, value: i32) {
        self.put(&made(Instruction::with2(Code::Add_rm64_imm32, register, value)));
    }

    pub fn add_to_memory(&mut self, to: MemoryOperand, value: i32) {
        self.put(&made(Instruction::with2(Code::Add_rm64_imm32, to, value)));
    }

    pub fn multiply(&mut self, register: Register, value: i32) {
        self.put(&made(Instruction::with3(Code::Imul_r64_rm64_imm32, register, register, value)));
    }

    pub fn compare_with_memory(&mut self, register: Register, with: MemoryOperand) {
        self.put(&made(Instruction::with2(Code::Cmp_r64_rm64, register, with)));
    }

    /// `to = op(x, y)` on vectors.
    pub fn vector3(&mut self, code: Code, to: Register, x: Register, y: Source) {
        self.put(&made(match y {
            Source::Register(y) => Instruction::with3(code, to, x, y),
            Source::Memory(y) => Instruction::with3(code, to, x, y),
        }));
    }

    /// As `vector3`, lane by lane where the mask is set, else what `masked` says.
    pub fn vector3_masked(&mut self, code: Code, mask: Register, to: Register, x: Register, y: Source) {
        let mut inst = made(match y {
            Source::Register(y) => Instruction::with3(code, to, x, y),
            Source::Memory(y) => Instruction::with3(code, to, x, y),
        });
        inst.set_op_mask(mask);
        self.put(&inst);
    }

    /// `to = op(x, y, immediate)`.
    pub fn vector3_with(&mut self, code: Code, to: Register, x: Register, y: Source, immediate: u32) {
        self.put(&made(match y {
            Source::Register(y) => Instruction::with4(code, to, x, y, immediate),
            Source::Memory(y) => Instruction::with4(code, to, x, y, immediate),
        }));
    }

    /// `to = op(x)`.
    pub fn vector2(&mut self, code: Code, to: Register, x: Source) {
        self.put(&made(match x {
            Source::Register(x) => Instruction::with2(code, to, x),
            Source::Memory(x) => Instruction::with2(code, to, x),
        }));
    }

    /// `to = op(x)` where the mask is set, zero elsewhere.
    pub fn vector2_zeroed(&mut self, code: Code, mask: Option<Register>, to: Register, x: Source) {
        let mut inst = made(match x {
            Source::Register(x) => Instruction::with2(code, to, x),
            Source::Memory(x) => Instruction::with2(code, to, x),
        });
        if let Some(mask) = mask {
            inst.set_op_mask(mask);
            inst.set_zeroing_masking(true);
        }
        self.put(&inst);
    }

    /// `to = op(x, immediate)`.
    pub fn vector2_with(&mut self, code: Code, to: Register, x: Source, immediate: u32) {
        self.put(&made(match x {
            Source::Register(x) => Instruction::with3(code, to, x, immediate),
            Source::Memory(x) => Instruction::with3(code, to, x, immediate),
        }));
    }

    /// Writes a vector to memory, where the mask is set.
    pub fn vector_store(&mut self, code: Code, mask: Option<Register>, to: MemoryOperand, x: Register) {
        let mut inst = made(Instruction::with2(code, to, x));
        if let Some(mask) = mask {
            inst.set_op_mask(mask);
        }
        self.put(&inst);
    }

    pub fn raw(&mut self, inst: Result<Instruction, iced_x86::IcedError>) {
        self.put(&made(inst));
    }
}

fn made(inst: Result<Instruction, iced_x86::IcedError>) -> Instruction {
    inst.unwrap_or_else(|e| panic!("operands fit their instruction: {e}"))
}

/// `[base + bytes]`.
pub fn at(base: Register, bytes: i64) -> MemoryOperand {
    MemoryOperand::with_base_displ(base, bytes)
}

/// One word for all lanes.
pub fn spread(mut operand: MemoryOperand) -> MemoryOperand {
    operand.is_broadcast = true;
    operand
}
