//! A worker: looks at what the pool gives it, with a model of its own.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, PoisonError},
    time::Instant,
};

use super::{
    queue::{Inspected, Look, Sight},
    state::{Job, Shared, Terms},
};
use crate::{
    camera::Frame,
    inspection::{Inspector, Model},
    items::Decisive,
};

/// One worker of a pool; runs on a thread of its own.
pub struct Worker {
    shared: Arc<Shared>,
    number: usize,
    waker: Arc<Condvar>,
    /// This worker's own of each model.
    inspectors: Vec<(Arc<Model>, Inspector)>,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let waker = Arc::<Condvar>::default();
        let number = shared.lock().hire(Arc::clone(&waker));
        Self { shared, number, waker, inspectors: Vec::new() }
    }

    /// Works until the pool is closed and no look waits.
    pub fn work(mut self) {
        while let Some(Job { look, terms, receipt }) = self.next_job() {
            let (start, item) = (Instant::now(), look.item);
            let seen = self.look(look, &terms);
            self.shared.lock().bring_back(&receipt, Inspected { item, seen }, start.elapsed());
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.shared.lock();
        loop {
            if let Some(job) = state.take(self.number) {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state.rests(self.number);
            state = self.waker.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One bad frame must not end the process, whatever it does to the code that looks at it.
    fn look(&mut self, look: Look, terms: &Terms) -> Result<Sight, String> {
        let name = look.frame.name.clone();
        let seen = catch_unwind(AssertUnwindSafe(|| inspect(look, self.inspector(&terms.model)?, terms)));
        let seen = seen.unwrap_or_else(|_| {
            // Nobody knows in what state it is.
            self.inspectors.retain(|(model, _)| !Arc::ptr_eq(model, &terms.model));
            Err("its inspection ended by a bug; please report what the log says".to_owned())
        });
        seen.map_err(|reason| match name {
            Some(name) => format!("{name}: {reason}"),
            None => reason,
        })
    }

    fn inspector(&mut self, model: &Arc<Model>) -> Result<&mut Inspector, String> {
        let index = match self.inspectors.iter().position(|(it, _)| Arc::ptr_eq(it, model)) {
            Some(index) => index,
            None => {
                self.inspectors.push((Arc::clone(model), model.inspector()?));
                self.inspectors.len() - 1
            }
        };
        Ok(&mut self.inspectors[index].1)
    }
}

fn inspect(look: Look, inspector: &mut Inspector, terms: &Terms) -> Result<Sight, String> {
    let Look { region, frame, .. } = look;
    let inspection =
        inspector.look(&frame.picture, region, terms.floor).map_err(|error| error.to_string())?;
    let Frame { taken, name, picture, .. } = frame;
    let frame = Decisive { taken, inspected: Instant::now(), name, picture, region: inspection.region };
    Ok(Sight { findings: inspection.findings, frame, size: inspection.picture })
}
