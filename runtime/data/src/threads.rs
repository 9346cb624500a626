//! Sharing a list of jobs between threads that live as long as the list.

use std::sync::{Mutex, PoisonError};

/// Does every job on up to `threads` threads, each with a state of its own. After a failure no more jobs are begun.
///
/// # Errors
/// Of the jobs that failed, the first in the list; jobs are begun in order, so it is the same for any number of threads.
pub(crate) fn for_each<J: Send, S, E: Send>(
    jobs: Vec<J>,
    threads: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, J) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let threads = threads.min(jobs.len());
    if threads <= 1 {
        let mut state = state();
        return jobs.into_iter().try_for_each(|job| work(&mut state, job));
    }
    let queue = Mutex::new(jobs.into_iter().enumerate());
    let failure: Mutex<Option<(usize, E)>> = Mutex::new(None);
    let run = || {
        let mut state = state();
        loop {
            if lock(&failure).is_some() {
                return;
            }
            let Some((number, job)) = lock(&queue).next() else { return };
            if let Err(error) = work(&mut state, job) {
                let mut failure = lock(&failure);
                if failure.as_ref().is_none_or(|(first, _)| number < *first) {
                    *failure = Some((number, error));
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    let failure = failure.into_inner().unwrap_or_else(PoisonError::into_inner);
    failure.map_or(Ok(()), |(_, error)| Err(error))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::for_each;

    #[test]
    fn every_job_is_done_once_and_the_first_failure_told() {
        for threads in [0, 1, 2, 7] {
            let mut done = vec![0; 100];
            for_each(
                done.iter_mut().enumerate().collect(),
                threads,
                || 0,
                |count: &mut usize, (i, place): (usize, &mut usize)| {
                    *count += 1;
                    *place += i;
                    Ok::<(), ()>(())
                },
            )
            .unwrap();
            assert_eq!(done, (0..100).collect::<Vec<_>>());
            let fail = for_each((0..100).collect(), threads, || (), |(), i| if i % 10 == 7 { Err(i) } else { Ok(()) });
            assert_eq!(fail, Err(7));
        }
    }
}
