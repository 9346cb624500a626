//! Every family of kernels against the meaning of its operation, on the CPU: the generated text runs on fibers instead of a
//! device (`tests/shim`), under several schedules. What only a device shows is left to it.

mod attend;
mod barriers;
mod conv;
mod loops;
mod shim;
mod simple;
mod support;
