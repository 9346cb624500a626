//! A reading process as its owner sees it: started from this executable, asked over pipes, given a few seconds for each answer.

use std::fmt;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use super::ARGUMENT;
use super::protocol::{Outcome, Request, decode, receive, send};

/// How long an answer may take. The process is then ended, all within five seconds.
pub(super) const PATIENCE: Duration = Duration::from_millis(4500);

/// A process that answers one request at a time. Dropping it ends it.
#[derive(Debug)]
pub(super) struct Process {
    child: Child,
    requests: ChildStdin,
    answers: Receiver<Vec<u8>>,
}

/// Why there is no answer.
pub(super) enum Lost {
    /// The process ended, in this way.
    Ended(String),
    Late,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(how) => write!(f, "the HDF5 file is damaged: the library did not survive reading it ({how})"),
            Self::Late => write!(f, "the HDF5 file is damaged, or its disk does not answer: reading it took more than {PATIENCE:?}"),
        }
    }
}

impl Process {
    pub fn start() -> io::Result<Self> {
        let mut child = Command::new(executable()?)
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // An interrupt from the keyboard is for the program: it goes on reading until it has saved its work.
            .process_group(0)
            .spawn()?;
        let requests = child.stdin.take().expect("standard input is a pipe");
        let mut output = child.stdout.take().expect("standard output is a pipe");
        let (send, answers) = mpsc::channel();
        // A pipe has no time limit, a channel has.
        std::thread::spawn(move || {
            while let Ok(Some(bytes)) = receive(&mut output) {
                if send.send(bytes).is_err() {
                    break;
                }
            }
        });
        Ok(Self { child, requests, answers })
    }

    /// Asks and waits. After an error the process is of no more use.
    pub fn ask(&mut self, request: &Request) -> Result<Outcome, Lost> {
        if send(&mut self.requests, request).is_err() {
            return Err(self.ended());
        }
        match self.answers.recv_timeout(PATIENCE) {
            Ok(bytes) => decode(&bytes).map_err(|cause| Lost::Ended(format!("its answer makes no sense: {cause}"))),
            Err(RecvTimeoutError::Timeout) => Err(Lost::Late),
            Err(RecvTimeoutError::Disconnected) => Err(self.ended()),
        }
    }

    fn ended(&mut self) -> Lost {
        let _ = self.child.kill();
        Lost::Ended(match self.child.wait() {
            Ok(status) => match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit code {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => status.to_string(),
            },
            Err(cause) => cause.to_string(),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// This program, even if its file has been replaced since it was started.
fn executable() -> io::Result<PathBuf> {
    let own = PathBuf::from("/proc/self/exe");
    if own.exists() { Ok(own) } else { std::env::current_exe() }
}
