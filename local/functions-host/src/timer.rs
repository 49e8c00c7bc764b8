//! Functions with a timer trigger at work: what they are sent, and when.
//!
//! Learn, "Timer trigger for Azure Functions": a schedule is an NCRONTAB expression of six fields, seconds first; a
//! timer runs on one instance only, however many there are; one that fails is not run again before its next time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::flag::is_set;
use crate::invocation;
use crate::partition::Shared;
use crate::progress::count;
use crate::schedule::Timer;

impl Timer {
    /// Posts each time that is due, until the host stops.
    pub(crate) async fn run(
        self,
        shared: Arc<Shared>,
        every: Option<Duration>,
        mut stop: watch::Receiver<bool>,
    ) {
        let mut last = Timestamp::now();
        loop {
            let now = Timestamp::now();
            let Some(due) = self.schedule.next(now) else { return };
            let wait =
                every.unwrap_or_else(|| Duration::try_from(due.duration_since(now)).unwrap_or_default());
            tokio::select! {
                () = sleep(wait) => {}
                _ = is_set(&mut stop) => return,
            }
            let counters = &shared.counters;
            count(&counters.ticks, 1);
            if let Err(error) = self.post(&shared, last).await {
                count(&counters.failed_ticks, 1);
                tracing::warn!(function = self.name, error, "a timer's invocation failed");
            }
            last = Timestamp::now();
        }
    }

    async fn post(&self, shared: &Shared, last: Timestamp) -> Result<(), String> {
        let instance = shared.instances.first().ok_or("all handlers are gone")?;
        let mut ready = instance.ready.clone();
        if !is_set(&mut ready).await {
            return Err("the handler is gone".to_owned());
        }
        let body = Bytes::from(self.payload(last, Timestamp::now()).to_string());
        let invocation = invocation::invoke(instance.port, &self.name, body);
        let Some(most) = shared.timeout else { return invocation.await.map_err(|error| error.to_string()) };
        match timeout(most, invocation).await {
            Ok(ended) => ended.map_err(|error| error.to_string()),
            Err(_) => {
                instance.restart.notify_one();
                Err("it took longer than functionTimeout".to_owned())
            }
        }
    }

    /// Host source, `TimerInfo`: an object, and so handed over as an object.
    fn payload(&self, last: Timestamp, now: Timestamp) -> Value {
        let next = self.schedule.next(now).unwrap_or(now);
        let timer = json!({
            "Schedule": { "AdjustForDST": true },
            "ScheduleStatus":
                { "Last": last.to_string(), "Next": next.to_string(), "LastUpdated": last.to_string() },
            "IsPastDue": false,
        });
        let guid = Uuid::new_v4().to_string();
        json!({
            "Data": Map::from_iter([(self.binding.clone(), timer)]),
            "Metadata": { "sys": { "MethodName": self.name, "UtcNow": now.to_string(), "RandGuid": guid } },
        })
    }
}
