//! What a compiled function takes of a multiprocessor, as the assembler's log says it.

/// Per thread, but for shared memory, which is a block's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub registers: usize,
    /// Bytes of shared memory that the text declares; what a launch adds is not in it.
    pub shared: usize,
    /// Bytes of local memory: arrays that are not in registers, and what is spilled.
    pub stack: usize,
    /// Bytes that are stored and loaded for want of registers.
    pub spilled: usize,
}

impl Usage {
    /// Of a log that `--ptxas-options=-v` made: the most registers, shared memory and stack of its functions, and all that they spill.
    pub fn read(log: &str) -> Usage {
        let of = |what: &'static str| log.split(['\n', ',']).filter_map(move |part| counted(part, what));
        Usage {
            registers: of("registers").max().unwrap_or(0),
            shared: of("bytes smem").max().unwrap_or(0),
            stack: of("bytes stack frame").max().unwrap_or(0),
            spilled: of("bytes spill stores").chain(of("bytes spill loads")).sum(),
        }
    }
}

/// The number before the last words of a part, as in `Used 32 registers`.
fn counted(part: &str, what: &str) -> Option<usize> {
    part.trim().strip_suffix(what)?.split_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "ptxas info    : 0 bytes gmem, 32 bytes cmem[4]
ptxas info    : Compiling entry function 'f' for 'sm_90a'
ptxas info    : Function properties for f
ptxas         .     16 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 168 registers, used 1 barriers, 16 bytes cumulative stack size, 2048 bytes smem, 544 bytes cmem[0]
";

    #[test]
    fn reads_what_the_assembler_says() {
        assert_eq!(Usage::read(LOG), Usage { registers: 168, shared: 2048, stack: 16, spilled: 16 });
    }

    #[test]
    fn without_a_word_of_it_there_is_none() {
        assert_eq!(Usage::read("ptxas info : nothing to see"), Usage::default());
    }
}
