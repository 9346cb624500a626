//! Threads that are made once and share the numbered tasks of one job at a time with the thread that asked.
//! Which thread runs a task is left to chance, so tasks must write to disjoint places; then results cannot depend on it.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// How often an idle thread looks for work before it sleeps: some tens of microseconds.
const LOOKS: usize = 4000;
/// Tasks keep packed panels on the stack, so threads get a roomy one.
const STACK: usize = 8 << 20;

/// A fixed set of threads. Dropping it ends them.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
    /// Held by the thread whose job is running, so that jobs of several threads follow one another.
    turn: Mutex<()>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    /// Copy of `State::round` that idle threads watch without the lock.
    round: AtomicU64,
}

struct State {
    round: u64,
    job: Option<JobRef>,
    sleepers: usize,
    stop: bool,
}

struct Job {
    task: *const (dyn Fn(usize) + Sync),
    tasks: usize,
    next: AtomicUsize,
    /// Workers that hold a reference to this job; raised under the lock of `State`.
    inside: AtomicUsize,
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

#[derive(Clone, Copy)]
struct JobRef(*const Job);
// SAFETY: a job lives on the stack of `Pool::run`, which does not return before every worker has left it.
unsafe impl Send for JobRef {}

thread_local! {
    /// True while this thread runs a task; a nested job then runs on the spot.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

impl Pool {
    /// A pool of `threads` threads in all, counting the caller of `run`; 0 is taken as 1.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared {
            state: Mutex::new(State { round: 0, job: None, sleepers: 0, stop: false }),
            wake: Condvar::new(),
            round: AtomicU64::new(0),
        });
        let workers = (1..threads)
            .map(|i| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("pfm-{i}"))
                    .stack_size(STACK)
                    .spawn(move || work(&shared))
                    .expect("the system can start a thread")
            })
            .collect();
        Pool { shared, workers, turn: Mutex::new(()) }
    }

    /// Number of threads that share a job, counting the caller.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `task(0)`, …, `task(tasks - 1)`, each once, in any order and on any thread; returns when all are done.
    /// A panic in a task is passed on after the others have finished. Called from inside a task, it runs all of
    /// them in order on the same thread.
    pub fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        if tasks <= 1 || self.workers.is_empty() || INSIDE.get() {
            (0..tasks).for_each(task);
            return;
        }
        let turn = lock(&self.turn);
        // SAFETY: only the lifetime is erased; `leave` below outlasts every use by the workers.
        let task = unsafe { std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), *const (dyn Fn(usize) + Sync + 'static)>(task) };
        let job = Job { task, tasks, next: AtomicUsize::new(0), inside: AtomicUsize::new(0), panic: Mutex::new(None) };
        self.announce(&job);
        take_tasks(&job);
        self.retract(&job);
        drop(turn);
        if let Some(panic) = lock(&job.panic).take() {
            resume_unwind(panic);
        }
    }

    fn announce(&self, job: &Job) {
        let mut state = lock(&self.shared.state);
        state.round += 1;
        state.job = Some(JobRef(job));
        let sleepers = state.sleepers;
        self.shared.round.store(state.round, Ordering::Release);
        drop(state);
        if sleepers > 0 {
            self.shared.wake.notify_all();
        }
    }

    /// Lets no more workers in and waits for those inside.
    fn retract(&self, job: &Job) {
        lock(&self.shared.state).job = None;
        let mut looks = 0;
        while job.inside.load(Ordering::Acquire) != 0 {
            looks += 1;
            if looks < LOOKS {
                std::hint::spin_loop();
            } else {
                std::thread::yield_now();
            }
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.shared.state);
            state.stop = true;
            state.round += 1;
            self.shared.round.store(state.round, Ordering::Release);
        }
        self.shared.wake.notify_all();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of tasks, so it can only have ended well.
            worker.join().expect("a pool thread ends well");
        }
    }
}

/// The life of a worker: wait for a new round, share its job, repeat.
fn work(shared: &Shared) {
    let mut seen = 0;
    loop {
        let mut looks = 0;
        while shared.round.load(Ordering::Acquire) == seen && looks < LOOKS {
            std::hint::spin_loop();
            looks += 1;
        }
        let mut state = lock(&shared.state);
        while state.round == seen {
            state.sleepers += 1;
            state = shared.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.sleepers -= 1;
        }
        seen = state.round;
        if state.stop {
            return;
        }
        let Some(JobRef(job)) = state.job else {
            continue;
        };
        // SAFETY: the job is announced, and `retract` needs the lock that is held here before it waits.
        let job = unsafe { &*job };
        job.inside.fetch_add(1, Ordering::Relaxed);
        drop(state);
        take_tasks(job);
        job.inside.fetch_sub(1, Ordering::Release);
    }
}

/// Runs tasks of the job until none is left.
fn take_tasks(job: &Job) {
    // SAFETY: the closure is borrowed by `Pool::run`, which is still waiting.
    let task = unsafe { &*job.task };
    INSIDE.set(true);
    loop {
        let index = job.next.fetch_add(1, Ordering::Relaxed);
        if index >= job.tasks {
            break;
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| task(index))) {
            lock(&job.panic).get_or_insert(panic);
        }
    }
    INSIDE.set(false);
}

/// No lock here guards data that a panic could leave half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_each_task_once() {
        for threads in [0, 1, 2, 3, 5] {
            let pool = Pool::new(threads);
            for tasks in [0, 1, 2, 7, 100] {
                let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
                for _ in 0..50 {
                    pool.run(tasks, &|task| {
                        counts[task].fetch_add(1, Ordering::Relaxed);
                    });
                }
                assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 50));
            }
        }
    }

    #[test]
    fn nested_jobs_run_on_the_spot() {
        let pool = Pool::new(3);
        let count = AtomicUsize::new(0);
        pool.run(4, &|_| {
            pool.run(5, &|_| {
                count.fetch_add(1, Ordering::Relaxed);
            });
        });
        assert_eq!(count.into_inner(), 20);
    }

    #[test]
    fn passes_a_panic_on_and_lives_on() {
        let pool = Pool::new(2);
        for _ in 0..20 {
            let result = catch_unwind(AssertUnwindSafe(|| {
                pool.run(8, &|task| {
                    assert!(task != 3, "task three fails");
                });
            }));
            let message = result.unwrap_err();
            assert!(
                message
                    .downcast_ref::<String>()
                    .map_or_else(|| *message.downcast_ref::<&str>().unwrap() == "task three fails", |m| m == "task three fails")
            );
        }
        let count = AtomicUsize::new(0);
        pool.run(8, &|_| {
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(count.into_inner(), 8);
    }

    #[test]
    fn serves_several_threads() {
        let pool = Pool::new(3);
        let count = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        pool.run(6, &|_| {
                            count.fetch_add(1, Ordering::Relaxed);
                        });
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), 1800);
    }
}
